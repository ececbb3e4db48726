"""Correction in mid-course: publish, preview, migrate, go back; and technology, process and strategy in any order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select
from town import START, answer, history, say, town, words

from socialcrm.cases import DEFAULT, differences, read_playbook
from socialcrm.crm import CRM
from socialcrm.errors import NotFound, PlaybookError, SettingsError, StateError
from socialcrm.store import tables

STRICT = read_playbook("""
name = "strict"
[respond_within]
normal = "1h"
[[target]]
severity = "normal"
resolution = "10h"
[[rule]]
name = "outage"
when = "'outage' in words"
queue = "net"
""")


def _cases(crm: CRM) -> list[Any]:
    with crm.store.read() as tx:
        return list(tx.rows(select(tables.cases).where(tables.cases.c.ws == tx.ws).order_by(tables.cases.c.id)))


def test_publishing_leaves_open_cases_where_they_are() -> None:
    """A case keeps the playbook under which it began; the next customer's begins under the new one."""
    crm, clock = town()
    say(crm, words("ada", 0))
    clock.minutes = 10
    crm.playbooks.publish(STRICT, by="ana")
    say(crm, words("ada", 20), words("bo", 30))
    assert [case.playbook for case in _cases(crm)] == [DEFAULT.version, STRICT.version]


def test_preview_changes_nothing_and_says_what_migrating_will() -> None:
    """What the preview tells is what `migrate` does, and until then nothing has changed."""
    crm, clock = town()
    say(crm, words("ada", 0), words("bo", 5, "outage"))
    clock.minutes = 10
    before = _cases(crm)
    told = crm.playbooks.preview(STRICT)
    assert _cases(crm) == before
    assert [one.due[1] for one in told] == [START + timedelta(minutes=60), START + timedelta(minutes=65)]
    crm.playbooks.publish(STRICT, by="ana")
    assert crm.playbooks.migrate(by="ana") == 2
    assert [case.due_at for case in crm.inbox()] == [one.due[1] for one in told]
    assert crm.playbooks.migrate(by="ana") == 0


def test_migrating_keeps_what_has_elapsed_and_leaves_closed_cases_alone() -> None:
    """A customer waits since when they waited; the past is not rewritten."""
    crm, clock = town()
    say(crm, words("ada", 0), words("bo", 5))
    crm.cases.close("c2", by="ana")
    clock.minutes = 50
    crm.playbooks.publish(STRICT, by="ana")
    crm.playbooks.migrate(by="ana")
    assert crm.case("c1").waiting_since == START
    assert crm.case("c1").due_at == START + timedelta(hours=1)
    assert crm.cases.detail("c2").playbook == DEFAULT.version


def test_going_back_is_publishing_what_was_before() -> None:
    """After a rollback and a migration every figure is as it was, and the history of publications tells both."""
    crm, _ = town()
    say(crm, words("ada", 0))
    was = crm.case("c1").due_at
    crm.playbooks.publish(STRICT, by="ana")
    crm.playbooks.migrate(by="ana")
    assert crm.playbooks.rollback(by="ana").version == DEFAULT.version
    crm.playbooks.migrate(by="ana")
    assert crm.case("c1").due_at == was
    assert [one.version for one in crm.playbooks.history()] == [DEFAULT.version, STRICT.version, DEFAULT.version]
    assert crm.playbooks.replay().differing == []


def test_a_missed_target_stays_missed() -> None:
    """A more generous playbook does not undo a breach."""
    crm, clock = town(STRICT)
    say(crm, words("ada", 0))
    clock.minutes = 90
    assert crm.tick() == 1
    crm.playbooks.publish(DEFAULT, by="ana")
    crm.playbooks.migrate(by="ana")
    assert crm.cases.detail("c1").late_answer
    assert sum(event.kind == "breached" for event in crm.events("c1")) == 1


def test_late_arrivals_are_decided_by_the_playbook_of_their_time() -> None:
    """What happened before a publication and arrives after it is handled as if it had arrived in time."""
    late, early = town(), town()
    for crm, clock in (late, early):
        say(crm, words("zoe", -5))
        if crm is early[0]:
            say(crm, words("ada", 0, "outage"))
        clock.minutes = 10
        crm.playbooks.publish(STRICT, by="ana")
        say(crm, words("bo", 20, "outage"))
        if crm is late[0]:
            say(crm, words("ada", 0, "outage"))
    queues = [{case.customer_name: (case.queue, case.due_at) for case in crm.inbox()} for crm, _ in (late, early)]
    assert queues[0] == queues[1]
    assert queues[0]["ada"][0] == "inbox"


def test_the_first_playbook_of_an_empty_workspace_is_in_force_from_the_beginning() -> None:
    """Archives loaded after it are handled by it."""
    crm, _ = town()
    crm.playbooks.publish(STRICT, by="ana")
    say(crm, words("ada", -50_000, "outage"))
    assert crm.case("c1").queue == "net"


def test_technology_process_and_strategy_in_any_order() -> None:
    """In whichever order they are added, folding the same history under the playbook in force tells the same."""
    bodies, told = history(80), []
    for order in permutations(("technology", "process", "strategy")):
        crm, clock = town()
        clock.minutes = 1
        for step in order:
            if step == "technology":
                say(crm, *bodies)
            elif step == "process":
                crm.playbooks.publish(STRICT, by="ana")
            else:
                crm.playbooks.aim("quick", "first", share=0.9, by="ana")
        report = crm.playbooks.backtest(crm.playbooks.current)
        told.append((report.version, report.after, [(goal.name, goal.cases, goal.target) for goal in crm.playbooks.goals()]))
    assert all(one == told[0] for one in told)


def test_goals_alone_report_that_there_is_no_data_yet() -> None:
    """A goal needs neither a channel nor a playbook to be set."""
    crm, _ = town()
    crm.playbooks.aim("quick", "first", share=0.9, by="ana")
    (goal,) = crm.playbooks.goals()
    assert (goal.share, goal.kept, str(goal)) == (None, None, "quick: no data yet (aims at 90%)")


def test_a_goal_outlives_playbooks_and_reports_for_each() -> None:
    """A missed target counts for the playbook under which the case began."""
    crm, clock = town()
    crm.playbooks.aim("quick", "first", share=0.9, by="ana")
    say(crm, words("ada", 0))
    clock.minutes = 1
    crm.playbooks.publish(STRICT, by="ana")
    say(crm, words("bo", 10))
    clock.minutes = 100
    crm.tick()
    (goal,) = crm.playbooks.goals()
    assert goal.versions == {DEFAULT.version: (1, 1.0), STRICT.version: (1, 0.0)}
    assert goal.share == 0.5
    assert not goal.kept


def test_a_backtest_tells_what_would_be_otherwise_and_what_nobody_can_know() -> None:
    """Differences name the case, before and after; what history cannot tell is counted apart, and nothing is written."""
    crm, clock = town()
    say(crm, words("ada", 0, "outage"), words("bo", 5), words("cy", 9, "hello", kind="reaction"))
    clock.minutes = 200
    with crm.store.read() as tx:
        before = tx.connection.exec_driver_sql("SELECT count(*) FROM events").scalar()
    report = crm.playbooks.backtest(
        read_playbook(
            """
            ignored_kinds = []
            [[rule]]
            name = "outage"
            when = "'outage' in words"
            queue = "net"
            """
        )
    )
    assert [(one.case, one.what, one.before, one.after) for one in report.differences] == [
        (1, "queue", "inbox", "net"),
        (None, "opened", "", "inbox, normal"),
    ]
    assert report.not_estimable["when a case that history does not have would have been answered"] == 1
    with crm.store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM events").scalar() == before


def test_what_cannot_be_published_is_told() -> None:
    """The same playbook twice, a version that never was, a file that is no playbook, nobody's name."""
    crm, _ = town()
    crm.playbooks.publish(STRICT, by="ana")
    with pytest.raises(StateError, match="in force already"):
        crm.playbooks.publish(STRICT, by="ana")
    with pytest.raises(NotFound, match="never-was"):
        crm.playbooks.publish("never-was", by="ana")
    with pytest.raises(PlaybookError, match="can't be read"):
        crm.playbooks.publish("none.toml", by="ana")
    with pytest.raises(SettingsError, match="author"):
        crm.playbooks.publish(DEFAULT, by="")


def test_the_log_rebuilt_case_by_case_finds_a_row_that_was_changed() -> None:
    """Somebody who changes the table behind the log's back is found out."""
    crm, _ = town()
    say(crm, *history(30))
    with crm.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE cases SET queue = 'elsewhere' WHERE id = 3")
    with crm.store.read() as tx:
        assert differences(tx) == [3]


def test_a_goal_counts_what_late_news_corrected_as_corrected() -> None:
    """An answer that was heard of late was in time all the same: the target counts as kept, in the log's own words."""
    crm, clock = town()
    crm.playbooks.aim("quick", "first", share=0.9, by="ana")
    asked = words("ada", 0)
    say(crm, asked)
    clock.minutes = 9 * 60
    crm.tick()
    assert [goal.share for goal in crm.playbooks.goals()] == [0.0]
    say(crm, answer(asked, 30))
    assert [goal.share for goal in crm.playbooks.goals()] == [1.0]
    assert crm.events("c1")[-1].kind == "corrected"
