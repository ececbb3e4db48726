"""The laws of the process, over whole corridors and a playbook that uses everything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from town import Clock, history, say, town, words

from socialcrm.cases import DEFAULT, Playbook, differences, read_playbook
from socialcrm.crm import CRM
from socialcrm.store import tables

RICH = read_playbook("""
name = "rich"
zone = "Europe/Rome"
[hours]
monday = ["09:00-13:00", "14:00-18:00"]
tuesday = ["09:00-18:00"]
thursday = ["00:00-24:00"]
[respond_within]
normal = "2h"
urgent = "20m"
[entitlements]
gold = "1h"
[macros]
got = "Thank you."
[escalation]
queue = "lead"
severity = "high"
tags = ["late"]
[[target]]
queue = "net"
first = "1h"
next = "30m"
resolution = "9h"
[[rule]]
name = "outage"
when = "'outage' in words and not ('invoice' in words)"
severity = "urgent"
queue = "net"
tags = ["outage"]
acknowledge = "got"
[[rule]]
name = "noise"
when = "kind == 'post' and text.starts_with('bill')"
ignore = true
[[rule]]
name = "again"
when = "contacts > 2"
escalate = true
""")
BESIDE = read_playbook("""
name = "beside"
[[rule]]
name = "its own"
when = "'invoice' in words"
open = true
queue = "money"
[[rule]]
name = "chat"
when = "kind == 'message' and 'help' in words"
join = true
""")
PLAYBOOKS = {"default": DEFAULT, "rich": RICH, "beside": BESIDE}
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def state(crm: CRM) -> list[tuple[Any, ...]]:
    """Return the cases, free of our own numbers: by the platform's ids, with everything that was decided."""
    with crm.store.read() as tx:
        talk = tables.interactions
        rows = tx.rows(select(talk.c.id, talk.c.pid, talk.c.case_id).where(talk.c.ws == tx.ws))
        cases = tx.rows(select(tables.cases).where(tables.cases.c.ws == tx.ws))
        assert differences(tx) == []
    names = {row.id: row.pid for row in rows}
    members: dict[int, list[str]] = {}
    for row in rows:
        members.setdefault(row.case_id, []).append(row.pid)
    return sorted(
        (sorted(members[row.id]), repr((*row[3:18], names.get(row.first), names.get(row.last), *row[20:23], *row[25:])))
        for row in cases
        if row.id in members
    )


@SLOW
@given(seed=st.integers(0, 10_000), which=st.sampled_from(sorted(PLAYBOOKS)), data=st.data())
def test_order_repetition_and_ticks_change_nothing(seed: int, which: str, data: st.DataObject) -> None:
    """Shuffled and repeated delivery with ticks in between ends in the same cases, targets and escalations."""
    bodies = history(40, seed=seed, people=4)
    (ordered, early), (shuffled, late) = town(PLAYBOOKS[which]), town(PLAYBOOKS[which])
    say(ordered, *bodies, size=data.draw(st.integers(1, 9)))
    order = data.draw(st.permutations([*bodies, *data.draw(st.lists(st.sampled_from(bodies), max_size=4))]))
    say(shuffled, *order, size=data.draw(st.integers(1, 9)))
    for crm, clock in ((ordered, early), (shuffled, late)):
        clock.minutes = 90_000
        crm.tick()
        assert crm.tick() == 0
    assert state(shuffled) == state(ordered)
    for crm in (ordered, shuffled):
        crm.close()


@SLOW
@given(seed=st.integers(0, 10_000), which=st.sampled_from(sorted(PLAYBOOKS)))
def test_a_tick_in_between_changes_nothing(seed: int, which: str) -> None:
    """A scheduler that looks often and one that looks once leave the same cases."""
    bodies = history(40, seed=seed, people=4)
    (often, clock), (once, other) = town(PLAYBOOKS[which]), town(PLAYBOOKS[which])
    for body in bodies:
        say(often, body)
        clock.minutes = body["at"]
        often.tick()
    say(once, *bodies)
    for crm, its in ((often, clock), (once, other)):
        its.minutes = 90_000
        crm.tick()
    told = [_without_version(state(crm)) for crm in (often, once)]
    assert told[0] == told[1]


def _without_version(cases: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return cases


@SLOW
@given(seed=st.integers(0, 10_000), which=st.sampled_from(sorted(PLAYBOOKS)), size=st.integers(1, 9))
def test_replay_comes_out_the_same(seed: int, which: str, size: int) -> None:
    """Every event is decided again byte for byte."""
    crm, clock = town(PLAYBOOKS[which])
    bodies = list(history(40, seed=seed, people=4))
    bodies[5:15] = reversed(bodies[5:15])
    say(crm, *bodies, size=size)
    clock.minutes = 90_000
    crm.tick()
    told = crm.playbooks.replay()
    assert told.differing == []
    assert told.same + told.given == told.events


def test_what_came_late_is_told_in_the_log_though_the_case_stands_as_before() -> None:
    """Messages that came after their answer change no state; the missed target that they mean is in the log all the same."""
    crm, clock = town()
    bodies = list(history(40, seed=29, people=4))
    bodies[5:15] = reversed(bodies[5:15])
    say(crm, *bodies, size=3)
    clock.minutes = 90_000
    crm.tick()
    assert not crm.playbooks.backtest(PLAYBOOKS["default"]).differences


@SLOW
@given(seed=st.integers(0, 10_000), which=st.sampled_from(sorted(PLAYBOOKS)), data=st.data())
def test_a_backtest_of_the_playbook_in_force_finds_nothing(seed: int, which: str, data: st.DataObject) -> None:
    """The playbook in force differs from itself in nothing, whatever came late or twice, and however often somebody looked."""
    crm, clock = town(PLAYBOOKS[which])
    bodies = data.draw(st.permutations(history(40, seed=seed, people=4)))
    half = data.draw(st.integers(0, 40))
    say(crm, *bodies[:half], size=data.draw(st.integers(1, 9)))
    clock.minutes = data.draw(st.integers(0, 20_000))
    crm.tick()
    say(crm, *bodies[half:], size=data.draw(st.integers(1, 9)))
    clock.minutes = 90_000
    crm.tick()
    report = crm.playbooks.backtest(PLAYBOOKS[which])
    assert not report.differences
    assert report.before == report.after
    crm.close()


@pytest.mark.parametrize("which", sorted(PLAYBOOKS))
def test_influence_changes_no_byte(which: str) -> None:
    """Followers, likes, verification and avatars permuted over a history leave events, order, targets and asks as they are."""
    bodies = history(150)
    fame = [{"followers": 10**6, "likes": 5000, "verified": True}, {"followers": 3}, {}]
    seen = []
    for shift in range(3):
        crm, clock = town(PLAYBOOKS[which])
        say(
            crm,
            *(
                {**body, "extra": fame[(place + shift) % 3], "avatar": f"https://example.com/{(place * 7 + shift) % 5}.png"}
                for place, body in enumerate(bodies)
            ),
        )
        clock.minutes = 20_000
        crm.tick()
        with crm.store.read() as tx:
            events = tx.connection.exec_driver_sql("SELECT * FROM events ORDER BY seq").fetchall()
        seen.append((repr(events), [(case.ref, case.why, case.queue, case.assignee) for case in crm.inbox(limit=500)]))
    assert seen[0] == seen[1] == seen[2]


def test_two_workspaces_of_one_database_do_not_meet() -> None:
    """The same events under different playbooks end differently, and neither sees the other."""
    (one, _), (other, _) = town(RICH), town(BESIDE)
    for crm in (one, other):
        say(crm, words("ada", 0, "outage and invoice"))
    assert one.inbox()[0].queue == "inbox"
    assert other.inbox()[0].queue == "money"


def test_the_clock_of_a_town_is_its_own() -> None:
    """Tests set the time; nothing here reads a wall clock."""
    assert (Clock(60)() - Clock(0)()).total_seconds() == 3600


def test_a_playbook_is_a_process_that_never_changed() -> None:
    """Asked for any time or version, it answers itself."""
    assert Playbook().at(0).behind("x") == Playbook()
