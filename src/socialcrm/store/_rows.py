"""Rows of the two busiest tables as records.

They are slotted and not frozen, and built by position: on the path of every interaction that is what a record may cost
(`bench/ingest.py`). They never leave the library; what users see are the frozen records of `socialcrm.types`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
from attrs import define

__all__ = ["CaseRow", "EventRow", "InteractionRow", "case_values", "event_values", "interaction_values"]


@define(eq=False)
class InteractionRow:
    """One row of ``interactions``, fields in the order of its columns."""

    ws: int
    id: int
    channel: int
    pid: str
    scope: str
    conversation: int
    parent: str | None
    author: int
    party: int | None
    customer: int | None
    case_id: int | None
    kind: str
    direction: str
    visibility: str
    moderation: str
    at: int
    received: int
    edited: int | None
    deleted: int | None
    seen: int | None
    text: str
    subject: str
    url: str
    language: str
    extra: str
    journal: int | None
    pos: int


@define(eq=True)
class CaseRow:
    """One row of ``cases``, fields in the order of its columns. Treated as a value: `evolve` returns a new one."""

    ws: int
    id: int
    customer: int
    state: str
    severity: str
    queue: str
    assignee: str
    contacts: int
    opened: int
    waiting: int | None
    due: int | None
    need: int | None
    answered: int | None
    last_in: int | None
    last_out: int | None
    resolved: int | None
    closed: int | None
    snoozed: int | None
    first: int | None
    last: int | None
    touched: int
    tags: str
    playbook: str
    version: int
    merged: int | None
    channel: str
    entitlement: str
    flags: int
    alarm: int | None
    resolve_by: int | None
    running: int | None
    spent: int
    more: str

    @classmethod
    def of(cls, row: Iterable[Any]) -> CaseRow:
        """Return the record of a row read from the database, every column in the table's order."""
        return cls(*row)


@define(eq=True)
class EventRow:
    """One row of ``events``, fields in the order of its columns; ``seq`` is 0 until it is written."""

    ws: int
    seq: int
    case_id: int
    kind: str
    at: int
    actor: str
    interaction: int | None
    playbook: str
    rule: str
    due: int | None
    need: int | None
    data: str

    @classmethod
    def of(cls, row: Iterable[Any]) -> EventRow:
        """Return the record of a row read from the database, every column in the table's order."""
        return cls(*row)


def _values_of(cls: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what returns a record's fields, in order; `operator.attrgetter` takes twice as long for so many."""
    names = ", ".join(f"row.{one.name}" for one in attrs.fields(cls))
    values: Callable[[Any], tuple[Any, ...]] = eval(f"lambda row: ({names})")  # noqa: S307 - made of the class's own names
    values.__doc__ = f"Return the columns of {cls.__name__} in the table's order."
    return values


interaction_values = _values_of(InteractionRow)
case_values = _values_of(CaseRow)
event_values = _values_of(EventRow)
