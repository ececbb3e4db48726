"""Every measure, with its definition. The definition is part of the interface: change one, and it is another measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import timedelta

from attrs import define, field, frozen

from socialcrm.measures._facts import CaseFact, Turn

__all__ = ["MEASURES", "Measure", "Slice", "Value", "rank"]

Value = int | float | timedelta | None
"""``None`` means that there is no data yet, which is something else than zero."""


@define
class Slice:
    """What a period (or a part of it) holds.

    Args:
        answered: Turns that our answer ended in the period.
        waiting: Turns that last at its end.
        opened: Cases whose first contact was in it.
        resolved: Cases resolved in it, and not reopened since.
        backlog: Cases that had begun and not ended at its end.
    """

    answered: list[Turn] = field(factory=list)
    waiting: list[Turn] = field(factory=list)
    opened: list[CaseFact] = field(factory=list)
    resolved: list[CaseFact] = field(factory=list)
    backlog: list[CaseFact] = field(factory=list)


@frozen(kw_only=True)
class Measure:
    """Something that can be counted or timed.

    Args:
        name: Its name.
        definition: What it counts, so that two people count the same.
        unit: ``customers``, ``cases``, ``contacts`` or ``time``.
        function: Computes it; ``None`` where there is no data yet.
    """

    name: str
    definition: str
    unit: str
    function: Callable[[Slice], Value]


def customers_helped(part: Slice) -> Value:
    """Different customers who got an answer of ours in the period. An automatic reply is no answer."""
    return len({turn.case.customer for turn in part.answered})


def customers_waiting(part: Slice) -> Value:
    """Different customers who had written and had no answer at the end of the period, in a case that went on."""
    return len({turn.case.customer for turn in part.waiting})


def first_response_median(part: Slice) -> Value:
    """From a case's first contact to our first answer, of the answers given in the period: the middle one."""
    return rank((turn.until - turn.since for turn in part.answered if turn.first and turn.until is not None), 0.5)


def first_response_p90(part: Slice) -> Value:
    """From a case's first contact to our first answer, of the answers given in the period: nine of ten were not slower."""
    return rank((turn.until - turn.since for turn in part.answered if turn.first and turn.until is not None), 0.9)


def next_response_median(part: Slice) -> Value:
    """From the first contact after an answer of ours to our next answer in the case, given in the period: the middle one."""
    return rank((turn.until - turn.since for turn in part.answered if not turn.first and turn.until is not None), 0.5)


def next_response_p90(part: Slice) -> Value:
    """From the first contact after an answer of ours to our next answer, given in the period: nine of ten were not slower."""
    return rank((turn.until - turn.since for turn in part.answered if not turn.first and turn.until is not None), 0.9)


def resolution_median(part: Slice) -> Value:
    """From a case's first contact to its resolution, of the cases resolved in the period and not reopened: the middle one."""
    return rank((case.resolved - case.opened for case in part.resolved if case.resolved is not None), 0.5)


def resolution_p90(part: Slice) -> Value:
    """From a case's first contact to its resolution, of the cases resolved in the period: nine of ten were not slower."""
    return rank((case.resolved - case.opened for case in part.resolved if case.resolved is not None), 0.9)


def contacts_per_resolution(part: Slice) -> Value:
    """How often customers had to write for a solution: contacts in the cases resolved in the period, per case."""
    if not part.resolved:
        return None
    return sum(case.contacts for case in part.resolved) / len(part.resolved)


def cases_opened(part: Slice) -> Value:
    """Cases whose first contact was in the period. A case merged into another is not counted again."""
    return len(part.opened)


def cases_resolved(part: Slice) -> Value:
    """Cases that an agent resolved in the period and that were not reopened since. Closing alone is no solution."""
    return len(part.resolved)


def backlog(part: Slice) -> Value:
    """Cases that had begun and were neither resolved nor closed at the end of the period, as known today."""
    return len(part.backlog)


def rank(waits: Iterable[int], share: float) -> timedelta | None:
    """Return the nearest-rank percentile: the value of a rank, so a wait that somebody really had.

    Args:
        waits: Microseconds.
        share: Between 0 and 1.
    """
    ordered = sorted(waits)
    if not ordered:
        return None
    return timedelta(microseconds=ordered[max(math.ceil(share * len(ordered)) - 1, 0)])


def _measure(function: Callable[[Slice], Value], unit: str) -> Measure:
    return Measure(name=function.__name__, definition=(function.__doc__ or "").strip(), unit=unit, function=function)


MEASURES: dict[str, Measure] = {
    one.name: one
    for one in (
        _measure(customers_helped, "customers"),
        _measure(customers_waiting, "customers"),
        _measure(first_response_median, "time"),
        _measure(first_response_p90, "time"),
        _measure(next_response_median, "time"),
        _measure(next_response_p90, "time"),
        _measure(resolution_median, "time"),
        _measure(resolution_p90, "time"),
        _measure(contacts_per_resolution, "contacts"),
        _measure(cases_opened, "cases"),
        _measure(cases_resolved, "cases"),
        _measure(backlog, "cases"),
    )
}
"""Every measure by its name, in the order of a report."""
