"""Measures over a period, as a whole and in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import Factory, field, frozen

from socialcrm.errors import SettingsError
from socialcrm.measures._facts import CaseFact, Turn, collect
from socialcrm.measures._measures import MEASURES, Measure, Slice, Value
from socialcrm.store import Tx
from socialcrm.types import from_micros, micros, utc
from socialcrm.types._show import Shows, framed

__all__ = ["NO_DATA", "PARTS", "Report", "Row", "report"]

NO_DATA = "no data yet"
"""What stands where a measure has nothing to go by; a wait of zero would be a claim."""

PARTS = ("channel", "severity", "queue", "day")
"""What a report can be divided by."""

_DAY = 86_400_000_000


@frozen(kw_only=True)
class Row:
    """One line of a report.

    Args:
        part: Which part: a channel's name, a severity, a queue, a day (ISO 8601, UTC); empty for the whole.
        values: By the measure's name; ``None`` where there is no data yet.
    """

    part: str
    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        return self.values[name]


@frozen(kw_only=True)
class Report(Shows):
    """Measures over a period.

    Args:
        since: Its begin; ``None`` for the beginning of everything.
        until: Its end, which is not part of it.
        by: What it is divided by; empty for nothing.
        measures: What stands in the columns, with the definitions.
        total: The whole period. It is not the sum of its parts: a customer who wrote on two channels is one customer.
        rows: The parts.
        extra: What plugins measure, for the whole.
    """

    since: datetime | None
    until: datetime
    by: str
    measures: tuple[Measure, ...]
    total: Row
    rows: tuple[Row, ...] = ()
    extra: Mapping[str, Any] = field(default=Factory(dict))

    def __getitem__(self, name: str) -> Value:
        return self.total[name]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the parts (or the whole, where there are none) as a data frame, a column for each measure."""
        return framed(self, backend)

    def __str__(self) -> str:
        lines = [self.total, *self.rows] if self.rows else [self.total]
        width = max(len(measure.name) for measure in self.measures)
        heads = "  ".join(f"{row.part or 'all':>14}" for row in lines)
        table = [f"{'':<{width}}  {heads}"]
        for measure in self.measures:
            cells = "  ".join(f"{spoken(row[measure.name]):>14}" for row in lines)
            table.append(f"{measure.name:<{width}}  {cells}")
        return "\n".join(table)


def spoken(value: Value) -> str:
    """Return a value in words for people."""
    if value is None:
        return NO_DATA
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds()) // 60
        if minutes < 60:
            return f"{minutes} min"
        return (
            f"{minutes // 60} h {minutes % 60:02} min" if minutes < 48 * 60 else f"{minutes // 1440} d {minutes // 60 % 24} h"
        )
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def report(
    tx: Tx,
    now: int,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Report:
    """Measure a period.

    Args:
        tx: Any transaction.
        now: Our time, in microseconds UTC.
        since: Begin of the period, aware; ``None`` for everything.
        until: Its end, aware, not part of it; now by default, and at most now.
        by: ``channel``, ``severity``, ``queue``, ``day`` (UTC), or ``None``.
        extra: What plugins measured.

    Raises:
        SettingsError: It can't be divided by that, or ends before it begins.
    """
    if by is not None and by not in PARTS:
        raise SettingsError(f"a report can't be divided by {by!r}; choose one of {', '.join(PARTS)}")
    begin = micros(utc(since)) if since is not None else None
    end = min(micros(utc(until)), now) if until is not None else now
    if begin is not None and begin >= end:
        raise SettingsError(f"the period begins at {since} and ends at {from_micros(end)}; give a begin before its end")
    cases, turns = collect(tx, begin)
    if by == "day":
        parts = _days(cases, turns, begin, end)
    elif by is not None:
        parts = _parts(cases, turns, begin, end, by)
    else:
        parts = {}
    whole = _cut(cases, turns, begin, end, lambda _: "").get("", Slice())
    return Report(
        since=since,
        until=from_micros(end),
        by=by or "",
        measures=tuple(MEASURES.values()),
        total=_row("", whole, known=bool(cases)),
        rows=tuple(_row(part, parts[part]) for part in sorted(parts)),
        extra=dict(extra or {}),
    )


def _row(part: str, held: Slice, *, known: bool = True) -> Row:
    """Measure a slice; where there never was a case, even a count of zero would be a claim."""
    return Row(part=part, values={name: measure.function(held) if known else None for name, measure in MEASURES.items()})


def _parts(cases: list[CaseFact], turns: list[Turn], begin: int | None, end: int, by: str) -> dict[str, Slice]:
    def key(fact: CaseFact | Turn) -> str:
        owner = fact if by == "channel" or isinstance(fact, CaseFact) else fact.case
        return str(getattr(owner, by))

    return _cut(cases, turns, begin, end, key)


def _cut(
    cases: Iterable[CaseFact],
    turns: Iterable[Turn],
    begin: int | None,
    end: int,
    key: Callable[[CaseFact | Turn], str],
) -> dict[str, Slice]:
    """Put each fact into the slice that it belongs to. Periods hold their begin, not their end."""
    low = begin if begin is not None else -(1 << 62)
    slices: dict[str, Slice] = {}
    for turn in turns:
        if turn.since >= end:
            continue
        if turn.until is None or turn.until >= end:
            slices.setdefault(key(turn), Slice()).waiting.append(turn)
        elif turn.answered and turn.until >= low:
            slices.setdefault(key(turn), Slice()).answered.append(turn)
    for case in cases:
        if case.opened >= end:
            continue
        held = slices.setdefault(key(case), Slice())
        if case.opened >= low:
            held.opened.append(case)
        if case.resolved is not None and low <= case.resolved < end:
            held.resolved.append(case)
        if case.ended is None or case.ended >= end:
            held.backlog.append(case)
    return slices


def _days(cases: list[CaseFact], turns: list[Turn], begin: int | None, end: int) -> dict[str, Slice]:
    """Cut a period into days of UTC; what lasts over midnight stands in every day at whose end it lasted."""
    low = begin if begin is not None else min((case.opened for case in cases), default=end)
    days = {day: Slice() for day in range(low // _DAY, (end - 1) // _DAY + 1)}

    def lasted(since: int, until: int | None) -> Iterable[int]:
        last = max(days, default=-1) if until is None or until >= end else until // _DAY - 1
        return (day for day in range(max(since // _DAY, min(days, default=0)), last + 1) if day in days)

    for turn in turns:
        if turn.since >= end:
            continue
        for day in lasted(turn.since, turn.until):
            days[day].waiting.append(turn)
        if turn.answered and turn.until is not None and low <= turn.until < end:
            days[turn.until // _DAY].answered.append(turn)
    for case in cases:
        if case.opened >= end:
            continue
        for day in lasted(case.opened, case.ended):
            days[day].backlog.append(case)
        if case.opened >= low:
            days[case.opened // _DAY].opened.append(case)
        if case.resolved is not None and low <= case.resolved < end:
            days[case.resolved // _DAY].resolved.append(case)
    return {f"{from_micros(day * _DAY):%Y-%m-%d}": held for day, held in days.items()}
