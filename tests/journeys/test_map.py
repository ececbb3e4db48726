"""The map, the coverage map and the event log."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

from _town import MONDAY, Town
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.journeys import LOG_COLUMNS
from socialcrm.journeys import Path as Way
from socialcrm.journeys._map import rank


def test_the_map_counts_volumes_and_times_waits(town: Town) -> None:
    """Volumes both ways, customers, cases that began there, who waits, and the waits that an answer ended."""
    first = town.says("ada", at=0)
    town.we("Yes.", at=20, parent=first)
    second = town.says("bea", at=0)
    town.we("No.", at=60, parent=second)
    town.says("cleo", at=5)
    town.says("ada", at=100, channel="forum", visibility="public")
    mail, forum = town.crm.map().channels
    assert (mail.channel, mail.inbound, mail.outbound, mail.customers, mail.cases, mail.waiting) == ("mail", 3, 2, 3, 3, 1)
    assert (mail.median_wait, mail.p90_wait) == (timedelta(minutes=20), timedelta(minutes=60))
    assert (forum.cases, forum.waiting, forum.median_wait) == (0, 1, None)


def test_paths_count_moves_and_customers(town: Town) -> None:
    """Two customers who went on by mail, one of them twice, are three moves of two customers."""
    for at, who, channel in (
        (0, "ada", "forum"),
        (1, "ada", "mail"),
        (2, "ada", "forum"),
        (3, "ada", "mail"),
        (4, "bea", "forum"),
        (5, "bea", "mail"),
    ):
        town.says(who, at=at, channel=channel, visibility="public" if channel == "forum" else "private")
    assert town.crm.map().paths == (
        Way(origin="forum", target="mail", private=True, moves=3, customers=2),
        Way(origin="mail", target="forum", private=False, moves=1, customers=1),
    )


def test_the_timeline_adds_up_to_the_volumes(town: Town) -> None:
    """Nothing is lost between stretches, whatever their step; a year is drawn in days."""
    for day in range(0, 360, 9):
        town.says("ada", at=day * 1440)
    drawn = town.crm.map()
    assert drawn.step == timedelta(days=1)
    assert sum(one.inbound for one in drawn.timeline) == drawn.channels[0].inbound == 40


def test_an_empty_workspace_has_an_empty_map(town: Town) -> None:
    """Without data there is a map, with nothing on it."""
    drawn = town.crm.map()
    assert (drawn.channels, drawn.paths, drawn.timeline) == ((), (), ())


def test_workspaces_see_nothing_of_each_other(tmp_path: Path) -> None:
    """Two clients in one database have two maps."""
    one = Town(f"sqlite:///{tmp_path}/both.db", workspace="one")
    two = Town(f"sqlite:///{tmp_path}/both.db", workspace="two")
    one.says("ada", at=0)
    assert two.crm.map().channels == ()
    assert [row.interactions for row in two.crm.coverage().channels] == [0, 0]
    assert list(two.crm.event_log()) == []
    assert two.crm.measures.report()["customers_waiting"] is None
    one.crm.close()
    two.crm.close()


def test_coverage_tells_what_is_not_seen_and_not_answered(town: Town) -> None:
    """Silence, unanswered cases, holes, quarantine and what is in no case stand by channel, also by one never seen."""
    town.says("ada", at=0)
    town.says("bea", at=30, moderation="spam")
    town.deliver("mail", Raw("broken", {}), Raw("hole", {"id": "h", "at": 120, "text": "the server was down"}))
    forum, mail = town.crm.coverage().channels
    assert (forum.last_seen, forum.quiet_for, forum.unanswered, forum.waiting_since) == (None, None, 0, None)
    assert (mail.interactions, mail.unanswered, mail.waiting_since) == (2, 1, MONDAY)
    assert mail.quiet_for == timedelta(days=1, minutes=-30)
    assert (mail.in_no_case, mail.quarantined) == (1, 1)
    assert [(hole.reason, hole.at - hole.since) for hole in mail.holes] == [("the server was down", timedelta(hours=1))]


def test_the_event_log_is_a_table_for_process_mining(town: Town, tmp_path: Path) -> None:
    """Contacts, answers and acts of agents stand in the order of time, case by case, without a word of what was said."""
    first = town.says("ada", "a secret", at=0)
    town.we("a riddle", at=7, parent=first)
    town.now = MONDAY + timedelta(minutes=9)
    town.crm.cases.resolve(town.case("Ada"), by="ana")
    assert town.crm.write_event_log(tmp_path / "log.csv") == 3
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [(row["concept:name"], row["org:resource"]) for row in rows] == [
        ("customer: message", "u1"),
        ("we: message", "us"),
        ("resolved", "ana"),
    ]
    assert rows[1]["time:timestamp"] == "2026-03-02T08:07:00+00:00"
    assert "secret" not in str(rows)
    assert rows == list(town.crm.event_log())


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_wait_that_somebody_had(waits: list[int], share: float) -> None:
    """The nearest rank is one of the values, and at least that share of them does not exceed it."""
    told = rank(sorted(waits), share)
    assert told is not None
    value = round(told / timedelta(microseconds=1))
    assert value in waits
    assert sum(one <= value for one in waits) >= share * len(waits) - 1e-9 * len(waits)
