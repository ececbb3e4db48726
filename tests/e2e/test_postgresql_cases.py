"""The process on a real PostgreSQL: the same cases, the same log, the same answers as on SQLite. All people are invented."""

from __future__ import annotations

import random
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import socialcrm
from socialcrm.cases import differences
from socialcrm.crm import CRM
from socialcrm.store import tables

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

from test_agents_amid import act
from test_whole_corridor import PLAYBOOKS
from town import Clock, history, say, town

pytestmark = pytest.mark.server("postgresql")
_numbers = count()


@pytest.fixture
def url(cluster: Any) -> str:
    """A database with our schema."""
    address: str = cluster.database(f"cases{next(_numbers)}")
    socialcrm.migrate(address)
    return address


def play(crm: CRM, clock: Clock, seed: int) -> None:
    """Let customers write, late and twice, agents act on what they see, and time pass."""
    draw = random.Random(seed)
    bodies = list(history(60, seed=seed, people=4))
    bodies += draw.sample(bodies, 10)
    draw.shuffle(bodies)
    while bodies:
        size = draw.randint(1, 9)
        say(crm, *bodies[:size], size=draw.randint(1, 5))
        del bodies[:size]
        clock.minutes += draw.choice((1, 30, 700))
        for _ in range(draw.randint(0, 2)):
            act(crm, clock, draw)
        if draw.random() < 0.3:
            crm.tick()
    clock.minutes = 90_000
    crm.tick()


def held(crm: CRM) -> dict[str, list[tuple[Any, ...]]]:
    """Return the whole log and every case, column by column."""
    with crm.store.read() as tx:
        log = tx.rows(select(tables.events).where(tables.events.c.ws == tx.ws).order_by(tables.events.c.seq))
        cases = tx.rows(select(tables.cases).where(tables.cases.c.ws == tx.ws).order_by(tables.cases.c.id))
        assert differences(tx) == []
    return {"events": [tuple(row)[1:] for row in log], "cases": [tuple(row)[1:] for row in cases]}


@pytest.mark.parametrize("which", sorted(PLAYBOOKS))
def test_both_databases_tell_the_same_story(url: str, which: str) -> None:
    """Every event and every case is equal, byte for byte; replay and backtest find nothing; a change of course is the same."""
    told = []
    for where in ("sqlite:///:memory:", url):
        crm, clock = town(PLAYBOOKS[which], where)
        with crm:
            play(crm, clock, seed=5)
            assert crm.playbooks.replay().differing == []
            assert not crm.playbooks.backtest(PLAYBOOKS[which]).differences
            crm.playbooks.aim("quick", "first", share=0.9, by="ana")
            crm.playbooks.publish(PLAYBOOKS["rich"], by="ana")
            preview = [(one.case, one.playbook, one.sooner) for one in crm.playbooks.preview(PLAYBOOKS["rich"])]
            goals = [(goal.cases, goal.share, dict(goal.versions)) for goal in crm.playbooks.goals()]
            told.append((held(crm), preview, goals, [(case.ref, case.why) for case in crm.inbox()]))
    assert told[0] == told[1]
