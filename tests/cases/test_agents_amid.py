"""Agents act while news comes late, twice and in any order: the log stays whole, replayable, and the whole truth."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_whole_corridor import PLAYBOOKS, state
from town import START, Clock, history, say, town

from socialcrm.cases import differences
from socialcrm.crm import CRM
from socialcrm.errors import FixError
from socialcrm.types import Case, Severity

AMID = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def act(crm: CRM, clock: Clock, draw: random.Random) -> None:
    """Let an agent do one thing to one case that they see; what the process refuses changes nothing."""
    cases = crm.inbox()
    if not cases:
        return
    case = draw.choice(cases)
    by = draw.choice(("ana", "bo"))
    team = crm.cases
    later = START + timedelta(minutes=clock.minutes + draw.choice((5, 600)))
    deeds: list[Callable[[], object]] = [
        lambda: team.resolve(case, by=by, reason="solved"),
        lambda: team.close(case, by=by),
        lambda: team.pend(case, by=by, reason="asked back"),
        lambda: team.snooze(case, later, by=by),
        lambda: team.assign(case, draw.choice(("ana", "bo", "")), by=by),
        lambda: team.tag(case, ["seen"], by=by),
        lambda: team.grade(case, draw.choice(list(Severity)), by=by),
        lambda: team.move(case, draw.choice(("net", "money")), by=by),
        lambda: team.claim(case, by=by, minutes=15),
        lambda: team.note(case, "looked at it", by=by),
        lambda: team.split(case, [draw.choice(crm.interactions(case=case)).ref], by=by),
        lambda: team.merge(case, _other(cases, case), by=by),
        lambda: team.follow_up(case, by=by, reason="more to do"),
    ]
    try:
        draw.choice(deeds)()
    except FixError:
        return


def _other(cases: list[Case], case: Case) -> Case:
    return next((one for one in cases if one.customer == case.customer and one.ref != case.ref), case)


@AMID
@given(seed=st.integers(0, 10_000), which=st.sampled_from(sorted(PLAYBOOKS)), calm=st.booleans())
def test_the_log_stays_whole_whatever_agents_do_amid_late_news(seed: int, which: str, calm: bool) -> None:
    """The log folded from empty is the table, every event comes out the same again, and hearing all again changes nothing."""
    draw = random.Random(seed)
    crm, clock = town(PLAYBOOKS[which])
    bodies = list(history(40, seed=seed, people=3))
    if not calm:
        draw.shuffle(bodies)
    while bodies:
        size = draw.randint(1, 9)
        say(crm, *bodies[:size], size=draw.randint(1, 5))
        del bodies[:size]
        clock.minutes += draw.choice((1, 30, 700))
        for _ in range(draw.randint(0, 3)):
            act(crm, clock, draw)
        if draw.random() < 0.3:
            crm.tick()
    with crm.store.read() as tx:
        assert differences(tx) == []
    told = crm.playbooks.replay()
    assert told.differing == []
    before = state(crm)
    say(crm, *draw.sample(list(history(40, seed=seed, people=3)), 40), size=draw.randint(1, 9))
    assert state(crm) == before
    crm.close()
