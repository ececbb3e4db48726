"""Each measure, with its number worked by hand beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from _town import MONDAY, Town
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialcrm.errors import SettingsError
from socialcrm.measures import MEASURES, NO_DATA

MINUTE = timedelta(minutes=1)


@pytest.fixture
def week(town: Town) -> Town:
    """Monday: ada asks at 0 (answered at 20) and 50 (answered at 60); bea asks at 0 and 5 (answered at 100); cleo asks at 30,
    dora on the forum at 40 (an automatic reply at 41). At 200 ada's case is resolved, at 300 bea's. On Tuesday cleo asks again.
    """
    first = town.says("ada", at=0)
    town.we("a", at=20, parent=first)
    second = town.says("ada", at=50)
    town.we("b", at=60, parent=second)
    other = town.says("bea", at=0)
    town.says("bea", at=5)
    town.we("c", at=100, parent=other)
    town.says("cleo", at=30)
    third = town.says("dora", at=40, channel="forum", visibility="public")
    town.we("We have got your message.", at=41, parent=third, channel="forum", visibility="public", automatic=True)
    for minutes, name in ((200, "Ada"), (300, "Bea")):
        town.now = MONDAY + minutes * MINUTE
        town.crm.cases.resolve(town.case(name), by="ana")
    town.says("cleo", at=1500)
    town.now = MONDAY + timedelta(days=2)
    return town


WORKED = {
    "customers_helped": 2,  # ada and bea; dora's automatic reply is no help
    "customers_waiting": 2,  # cleo since Monday, dora since Monday
    "first_response_median": 20 * MINUTE,  # of 20 (ada) and 100 (bea): the first of two ranks
    "first_response_p90": 100 * MINUTE,  # the second of two ranks
    "next_response_median": 10 * MINUTE,  # ada: asked at 50, answered at 60
    "next_response_p90": 10 * MINUTE,
    "resolution_median": 200 * MINUTE,  # of 200 (ada) and 300 (bea)
    "resolution_p90": 300 * MINUTE,
    "contacts_per_resolution": 2.0,  # ada wrote twice, bea wrote twice: 4 contacts in 2 cases
    "cases_opened": 4,
    "cases_resolved": 2,
    "backlog": 2,  # cleo's and dora's
}


@pytest.mark.parametrize("name", MEASURES)
def test_the_number_is_the_one_worked_by_hand(week: Town, name: str) -> None:
    """A measure gives what its definition says, counted by hand."""
    assert week.crm.measures.report()[name] == WORKED[name]


def test_parts_by_channel(week: Town) -> None:
    """A report by channel counts answers where the customer had asked, and cases where they began."""
    rows = {row.part: row for row in week.crm.measures.report(by="channel")}
    assert {part: (row["customers_helped"], row["cases_opened"], row["backlog"]) for part, row in rows.items()} == {
        "forum": (0, 1, 1),
        "mail": (2, 3, 1),
    }
    assert rows["forum"]["first_response_median"] is None


def test_parts_by_day(week: Town) -> None:
    """What happened stands at its day, what lasts at the end of every day that it lasted."""
    rows = {row.part: row for row in week.crm.measures.report(by="day")}
    assert list(rows) == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert [rows[day]["cases_opened"] for day in rows] == [4, 0, 0]
    assert [rows[day]["customers_waiting"] for day in rows] == [2, 2, 2]
    assert [rows[day]["cases_resolved"] for day in rows] == [2, 0, 0]


def test_a_period_holds_its_begin_and_not_its_end(week: Town) -> None:
    """An answer at minute 20 is in the period that begins there, not in the one that ends there."""
    at = MONDAY + 20 * MINUTE
    assert week.crm.measures.report(until=at)["customers_helped"] == 0
    assert week.crm.measures.report(since=at, until=at + MINUTE)["customers_helped"] == 1


def test_waiting_and_backlog_are_those_at_the_end_of_the_period(week: Town) -> None:
    """At minute 45 four customers had begun a case, and ada had her answer."""
    early = week.crm.measures.report(until=MONDAY + 45 * MINUTE)
    assert (early["customers_waiting"], early["backlog"], early["cases_resolved"]) == (3, 4, 0)


def test_grading_moves_a_case_to_another_part(week: Town) -> None:
    """Parts by severity follow what the case is now."""
    week.crm.cases.grade(week.case("Cleo"), "urgent", by="ana")
    rows = {row.part: row["customers_waiting"] for row in week.crm.measures.report(by="severity")}
    assert rows == {"normal": 1, "urgent": 1}


def test_where_there_never_was_a_case_there_is_no_number(town: Town) -> None:
    """A report over nothing says so, for counts as for waits."""
    report = town.crm.measures.report()
    assert {report[name] for name in MEASURES} == {None}
    assert str(report).count(NO_DATA) == len(MEASURES)


def test_reactions_spam_and_what_was_taken_back_do_not_count(town: Town) -> None:
    """A customer who only liked something does not wait, and spam is nobody's."""
    first = town.says("ada", at=0)
    town.we("Yes.", at=5, parent=first)
    town.says("ada", at=9, kind="reaction")
    town.says("bea", at=9, moderation="spam")
    assert town.crm.measures.report()["customers_waiting"] == 0


def test_every_measure_is_defined_in_words(town: Town) -> None:
    """The registry holds a sentence for each measure, and none counts posts, reach or followers."""
    told = town.crm.measures.definitions
    assert list(told) == list(MEASURES)
    assert all(len(text) > 40 and text.endswith(".") for text in told.values())
    assert {measure.unit for measure in MEASURES.values()} == {"customers", "cases", "contacts", "time"}


@pytest.mark.parametrize("wrong", [{"by": "followers"}, {"since": datetime(2027, 1, 1, tzinfo=UTC)}])
def test_what_makes_no_sense_is_refused(week: Town, wrong: dict[str, object]) -> None:
    """An unknown part and a period that ends before it begins are errors that say what to do."""
    with pytest.raises(SettingsError):
        week.crm.measures.report(**wrong)  # type: ignore[arg-type]  # that is the point


STEP = st.tuples(st.sampled_from(["ada", "bea", "us"]), st.sampled_from(["mail", "forum"]), st.integers(1, 900))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, max_size=14))
def test_the_report_and_the_map_agree(history: list[tuple[str, str, int]]) -> None:
    """Both know the same waits: all answered ones by channel have the same ranks, and as many customers wait."""
    town = Town()
    at, last = 0, dict.fromkeys(("mail", "forum"), "")
    for who, channel, later in history:
        at += later
        if who == "us" and not last[channel]:
            continue
        told = town.says(who, at=at, channel=channel, parent=last[channel] if who == "us" else None)
        last[channel] = told if who != "us" else last[channel]
    town.now = MONDAY + timedelta(minutes=at + 1)
    journeys = [town.crm.journey(one) for one in {i.customer for i in town.crm.interactions() if i.customer}]
    answered = [wait.span for one in journeys for wait in one.waits if wait.who == "customer" and wait.answered]
    waiting = {one.customer.ref for one in journeys for wait in one.waits if wait.who == "customer" and wait.until is None}
    report = town.crm.measures.report()
    if journeys:
        assert report["customers_waiting"] == len(waiting)
        helped = {one.customer.ref for one in journeys if any(w.who == "customer" and w.answered for w in one.waits)}
        assert report["customers_helped"] == len(helped)
    slowest = max(answered, default=None)
    parts = [one["first_response_p90"] for one in [report.total]] + [report["next_response_p90"]]
    assert slowest is None or max(one for one in parts if isinstance(one, timedelta)) <= slowest
    town.crm.close()
