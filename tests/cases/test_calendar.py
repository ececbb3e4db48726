"""Working time: exact, in every zone, over the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.cases import Hours
from socialcrm.types import from_micros, micros

ROME = ZoneInfo("Europe/Rome")
HOUR = 3_600_000_000
OFFICE = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), ((9 * 60, 13 * 60), (14 * 60, 18 * 60)))
NIGHT = {"saturday": ((22 * 60, 1440),), "sunday": ((0, 6 * 60),)}


def _at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return micros(datetime(year, month, day, hour, minute, tzinfo=ROME).astimezone(UTC))


@settings(max_examples=200, deadline=None)
@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),
    span=st.integers(1, 400 * HOUR),
    zone=st.sampled_from(("UTC", "Europe/Rome", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia")),
    week=st.sampled_from((OFFICE, NIGHT)),
)
def test_what_is_added_is_what_is_measured(
    start: datetime, span: int, zone: str, week: dict[str, tuple[tuple[int, int], ...]]
) -> None:
    """``between(a, add(a, span)) == span``, to the microsecond."""
    hours, begin = Hours(zone=zone, week=week), micros(start.replace(tzinfo=UTC))
    assert hours.between(begin, hours.add(begin, span)) == span


def test_a_window_is_cut_out_of_the_local_day() -> None:
    """On the night on which summer time begins, 01:00 to 04:00 are two hours; when it ends, four."""
    hours = Hours(zone="Europe/Rome", week={"sunday": ((60, 240),)})
    assert hours.between(_at(2026, 3, 29), _at(2026, 3, 30)) == 2 * HOUR
    assert hours.between(_at(2026, 10, 25), _at(2026, 10, 26)) == 4 * HOUR


def test_a_lunch_break_and_a_weekend_do_not_count() -> None:
    """Two hours from Friday 12:30 end at 15:30; five end on Monday at 10:30."""
    hours = Hours(zone="Europe/Rome", week=OFFICE)
    friday = _at(2026, 3, 6, 12, 30)
    assert hours.add(friday, 2 * HOUR) == _at(2026, 3, 6, 15, 30)
    assert hours.add(friday, 6 * HOUR) == _at(2026, 3, 9, 10, 30)


def test_holidays_do_not_count() -> None:
    """A date of one's own and those of a place are free."""
    hours = Hours(zone="Europe/Rome", week=OFFICE, holidays=("IT", "2026-12-24"))
    assert hours.between(_at(2026, 12, 24), _at(2026, 12, 27)) == 0
    assert not hours.open_at(_at(2026, 12, 24, 10))
    assert hours.open_at(_at(2026, 12, 23, 10))


@pytest.mark.parametrize("years", [0, 3, 12])
def test_the_table_grows_with_what_is_asked(years: int) -> None:
    """Far years give the same as near ones, in any order of asking."""
    hours = Hours(zone="Europe/Rome", week=OFFICE)
    far = _at(2026 + years, 6, 1, 9)
    hours.add(_at(2026, 1, 7, 9), HOUR)
    fresh = Hours(zone="Europe/Rome", week=OFFICE)
    assert from_micros(hours.add(far, 30 * HOUR)) - from_micros(fresh.add(far, 30 * HOUR)) == timedelta()
