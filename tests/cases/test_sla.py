"""The worked examples of ``docs/process/sla.md``, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from town import START, Clock, answer, say, town, words

from socialcrm.cases import Escalation, Hours, Playbook, Target, read_playbook
from socialcrm.crm import CRM
from socialcrm.types import Severity

ROME = ZoneInfo("Europe/Rome")
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = Playbook(
    hours=Hours(zone="Europe/Rome", week=dict.fromkeys(WEEK, ((540, 780), (840, 1080)))),
    targets=(Target(first=timedelta(hours=2), next=timedelta(hours=1), resolution=timedelta(hours=8)),),
)


def _minute(day: int, hour: int, minute: int = 0) -> int:
    """Minutes since START of a time of March 2026 in Rome; the 6th is a Friday, the 9th a Monday."""
    return int((datetime(2026, 3, day, hour, minute, tzinfo=ROME).astimezone(UTC) - START).total_seconds() // 60)


def _due(crm: CRM) -> datetime:
    due = crm.inbox()[0].due_at
    assert due is not None
    return due.astimezone(ROME)


@pytest.mark.parametrize(
    ("written", "due"),
    [((6, 12, 30), (6, 15, 30)), ((6, 17, 0), (9, 10, 0)), ((7, 11, 0), (9, 11, 0))],
)
def test_a_first_answer_is_due_in_working_time(written: tuple[int, int, int], due: tuple[int, int, int]) -> None:
    """Examples 1 to 3: over the break, over the weekend, from within the weekend."""
    crm, _ = town(OFFICE)
    say(crm, words("ada", _minute(*written)))
    assert _due(crm) == datetime(2026, 3, *due, tzinfo=ROME)


def test_the_next_answer_has_its_own_target() -> None:
    """Example 4."""
    crm, _ = town(OFFICE)
    first = words("ada", _minute(9, 9))
    say(crm, first, answer(first, _minute(9, 10)), words("ada", _minute(9, 10, 30)))
    assert _due(crm) == datetime(2026, 3, 9, 11, 30, tzinfo=ROME)


def test_the_clock_of_the_solution_stands_still_while_we_wait() -> None:
    """Example 5."""
    crm, _ = town(OFFICE)
    first = words("ada", _minute(9, 9))
    say(crm, first, answer(first, _minute(9, 10)))
    assert crm.cases.detail("c1").resolve_by is None
    say(crm, words("ada", _minute(10, 9)))
    told = crm.cases.detail("c1").resolve_by
    assert told is not None
    assert told.astimezone(ROME) == datetime(2026, 3, 10, 17, tzinfo=ROME)


def test_an_answer_at_the_last_moment_is_in_time_and_one_after_it_is_not() -> None:
    """The very moment counts as kept."""
    for late, missed in ((0, False), (1, True)):
        crm, _ = town(Playbook())
        first = words("ada", 0)
        say(crm, first, answer(first, 480 + late))
        assert any(event.kind == "breached" for event in crm.events("c1")) == missed


def test_writing_again_does_not_restart_the_clock() -> None:
    """Who writes three times waits since the first time, and counts as due sooner."""
    crm, _ = town(Playbook())
    say(crm, words("ada", 0), words("ada", 60), words("ada", 120), words("bo", 1))
    ada, bo = crm.inbox()
    assert (ada.customer_name, ada.waiting_since, ada.due_at) == ("ada", START, START + timedelta(hours=8))
    assert bo.contacts == 1


def test_a_missed_target_has_its_own_moment_and_escalates_once() -> None:
    """However late somebody looks, and however often."""
    crm, clock = town(Playbook(escalation=Escalation(queue="lead", severity=Severity.HIGH, tags=("late",))))
    say(crm, words("ada", 0))
    clock.minutes = 5000
    assert crm.tick() == 1
    assert crm.tick() == 0
    case, (event,) = crm.case("c1"), [one for one in crm.events("c1") if one.kind == "breached"]
    assert event.at == START + timedelta(hours=8)
    assert (case.queue, case.severity, case.tags) == ("lead", Severity.HIGH, ("late",))
    say(crm, answer(words("ada", 0), 5001), words("ada", 5002))
    clock.minutes = 9000
    crm.tick()
    assert [one.data.get("escalated", False) for one in crm.events("c1") if one.kind == "breached"] == [True, False]


def test_targets_differ_by_severity_queue_and_channel() -> None:
    """The first one that fits and sets a figure decides it."""
    playbook = read_playbook(
        """
        [[target]]
        severity = "high"
        queue = "net"
        first = "10m"
        [[target]]
        channel = "square"
        first = "20m"
        next = "5m"
        [[rule]]
        name = "outage"
        when = "'outage' in words"
        queue = "net"
        [[rule]]
        name = "hurry"
        when = "'now' in words"
        severity = "high"
        """
    )
    crm, _ = town(playbook)
    say(crm, words("ada", 0, "outage now"), words("bo", 0, "outage"), words("cy", 0, "now"))
    due = {case.customer_name: case.due_at for case in crm.inbox()}
    assert due == {name: START + timedelta(minutes=span) for name, span in (("ada", 10), ("bo", 20), ("cy", 20))}


def test_every_decision_names_version_and_rule() -> None:
    """The audit trail says which playbook decided, and which of its rules took part."""
    playbook = read_playbook('[[rule]]\nname = "bills"\nwhen = "\'bill\' in words"\nqueue = "billing"')
    crm, _ = town(playbook)
    say(crm, words("ada", 0, "my bill"), words("ada", 5, "hello?"))
    assert [(event.playbook, event.rule) for event in crm.events("c1")] == [(playbook.version, "bills"), (playbook.version, "")]
    assert isinstance(Clock(), Clock)


@pytest.mark.parametrize("kind", ["other", "reaction"])
def test_a_whisper_or_a_like_of_ours_is_no_answer(kind: str) -> None:
    """What colleagues say to each other, and a like, leave the customer waiting."""
    crm, _ = town()
    asked = words("ada", 0)
    say(crm, asked, {**answer(asked, 5), "kind": kind})
    (case,) = crm.inbox()
    assert case.waiting_since == START
