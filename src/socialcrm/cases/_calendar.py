"""Working time: windows of the week in a time zone, without holidays, as a clock that stands still outside them.

Everything is microseconds UTC. A window is cut out of the local day and only then turned into UTC, so on the day on which
summer time begins a window from 01:00 to 04:00 is two hours long. Adding a span to a time and measuring the span between two
times are the same look-up in one table of windows, so ``between(a, add(a, span)) == span`` holds exactly.
"""

from __future__ import annotations

import bisect
import importlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from attrs import Factory, field, frozen

from socialcrm.errors import PlaybookError
from socialcrm.types import from_micros, micros

__all__ = ["DAYS", "Hours", "Window", "read_window"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Window = tuple[int, int]
"""From and until, in minutes of the local day; until may be 1440 (midnight)."""


def read_window(text: str) -> Window:
    """Return a window written as ``09:00-13:00``.

    Raises:
        PlaybookError: It is not one, or ends before it begins.
    """
    try:
        begin, end = ((int(part[:2]), int(part[3:])) for part in (text[:5], text[6:]) if part[2] == ":")
        window = (begin[0] * 60 + begin[1], end[0] * 60 + end[1])
    except (ValueError, IndexError):
        raise PlaybookError(f"{text!r} is not a window of time; write '09:00-13:00'") from None
    if text[5:6] != "-" or not 0 <= window[0] < window[1] <= 1440 or begin[1] > 59 or end[1] > 59:
        raise PlaybookError(
            f"{text!r} is not a window within one day; write '09:00-13:00', a night shift as '22:00-24:00' and '00:00-06:00'"
        )
    return window


@frozen(kw_only=True)
class Hours:
    """When we work.

    Args:
        zone: The time zone's IANA name (``Europe/Rome``).
        week: For each day (``monday`` …) its windows; days that are missing are free.
        holidays: Free days: dates, or places as the library ``holidays`` calls them (``IT``, ``DE-BY``; extra ``hours``).
    """

    zone: str = "UTC"
    week: Mapping[str, tuple[Window, ...]] = Factory(dict)
    holidays: tuple[str, ...] = ()
    _table: dict[str, _Table] = field(init=False, factory=dict, eq=False, repr=False)
    _free: dict[int, frozenset[date]] = field(init=False, factory=dict, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise PlaybookError(f"there is no time zone {self.zone!r}; write an IANA name such as 'Europe/Rome'") from None
        unknown = self.week.keys() - set(DAYS)
        if unknown:
            raise PlaybookError(f"hours: {sorted(unknown)[0]!r} is no day; the days are {', '.join(DAYS)}")
        if not any(self.week.values()):
            raise PlaybookError("hours without a window would stop every clock for ever; give at least one")
        for day, windows in self.week.items():
            for before, after in zip(sorted(windows), sorted(windows)[1:], strict=False):
                if after[0] < before[1]:
                    raise PlaybookError(f"hours: two windows of {day} overlap; join them")
        self._holidays(2026)

    def add(self, start: int, span: int) -> int:
        """Return when a span of working time that begins at ``start`` is over."""
        table = self._covering(start, start)
        while (target := table.worked(start) + span) > table.total:
            table = self._covering(start, table.until + _YEAR)
        return table.reached(target)

    def between(self, start: int, end: int) -> int:
        """Return the working time between two times; negative where the end comes first."""
        table = self._covering(min(start, end), max(start, end))
        return table.worked(end) - table.worked(start)

    def open_at(self, at: int) -> bool:
        """Tell whether we work at a time."""
        table = self._covering(at, at)
        place = bisect.bisect_right(table.ends, at)
        return place < len(table.starts) and table.starts[place] <= at

    def _covering(self, first: int, last: int) -> _Table:
        table = self._table.get("now")
        if table is not None and table.since <= first and last < table.until:
            return table
        low, high = from_micros(first).year - 1, from_micros(last).year + 1
        if table is not None:
            low, high = min(low, table.years[0]), max(high, table.years[1])
        table = _Table.of((low, high), self._windows(low, high))
        self._table["now"] = table
        return table

    def _windows(self, low: int, high: int) -> Iterable[tuple[int, int]]:
        zone = ZoneInfo(self.zone)
        day, last = date(low, 1, 1), date(high, 12, 31)
        while day <= last:
            windows = self.week.get(DAYS[day.weekday()], ())
            if windows and day not in self._holidays(day.year):
                for begin, end in sorted(windows):
                    start, stop = _instant(day, begin, zone), _instant(day, end, zone)
                    if stop > start:
                        yield start, stop
            day += timedelta(days=1)

    def _holidays(self, year: int) -> frozenset[date]:
        if year not in self._free:
            self._free[year] = frozenset(day for entry in self.holidays for day in _free_days(entry, year))
        return self._free[year]


def _instant(day: date, minute: int, zone: ZoneInfo) -> int:
    if minute == 1440:
        day, minute = day + timedelta(days=1), 0
    return micros(datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC))


def _free_days(entry: str, year: int) -> Iterable[date]:
    if entry[:4].isdigit():
        try:
            day = date.fromisoformat(entry)
        except ValueError:
            raise PlaybookError(f"holidays: {entry!r} is no date; write '2026-12-25', or a place such as 'IT'") from None
        return [day] if day.year == year else []
    try:
        library = importlib.import_module("holidays")
    except ImportError:
        raise PlaybookError(
            f"holidays: {entry!r} needs the library 'holidays'; install socialcrm[calendars], or list the dates"
        ) from None
    place, _, part = entry.partition("-")
    try:
        return list(library.country_holidays(place, subdiv=part or None, years=year))
    except NotImplementedError:
        raise PlaybookError(f"holidays: the library 'holidays' knows no place {entry!r}; list the dates instead") from None


_YEAR = 366 * 86_400_000_000


@frozen
class _Table:
    """Every window of some years: when it starts, when it ends, and how much was worked until its end."""

    years: tuple[int, int]
    since: int
    until: int
    starts: list[int]
    ends: list[int]
    sums: list[int]
    total: int

    @classmethod
    def of(cls, years: tuple[int, int], windows: Iterable[tuple[int, int]]) -> _Table:
        starts, ends, sums, total = [], [], [], 0
        for start, end in windows:
            total += end - start
            starts.append(start)
            ends.append(end)
            sums.append(total)
        since, until = (micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (years[0], years[1] + 1))
        # a day's margin on both sides: the local year begins up to 14 hours away from that of UTC
        return cls(years, since + 86_400_000_000, until - 86_400_000_000, starts, ends, sums, total)

    def worked(self, at: int) -> int:
        """Return the working time from the table's beginning until a time."""
        place = bisect.bisect_right(self.ends, at)
        before = self.sums[place - 1] if place else 0
        if place < len(self.starts) and self.starts[place] < at:
            return before + at - self.starts[place]
        return before

    def reached(self, target: int) -> int:
        """Return the first time at which so much was worked."""
        place = bisect.bisect_left(self.sums, target)
        before = self.sums[place - 1] if place else 0
        return self.starts[place] + target - before
