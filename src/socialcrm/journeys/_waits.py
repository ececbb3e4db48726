"""Who waited for whom.

Within a case, a customer's wait begins with a contact while none is unanswered, and ends with our next answer; ours begins
with that answer and ends with the customer's next contact. Reactions, visits, unknown kinds, spam, what was taken back and
what a program sent (RFC 3834) are neither contact nor answer. A case that ends ends the wait that was open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import define, frozen
from sqlalchemy import func, select

from socialcrm.store import Tx, tables
from socialcrm.types import from_micros

__all__ = ["BY_PEOPLE", "SILENT_KINDS", "Fact", "Span", "Wait", "Waiting", "facts", "shown", "spans"]

SILENT_KINDS = ("reaction", "visit", "other")
"""Kinds that neither ask nor answer."""

_I, _C = tables.interactions, tables.cases

BY_PEOPLE = _I.c.extra.not_like('%"automatic": true%') & (func.coalesce(_I.c.seen, 1) != 0)
"""Leaves out what a program sent; connectors say so in ``extra``, and the store writes that as JSON."""


class Waiting(StrEnum):
    """Who waits: the customer for us, or we for the customer."""

    CUSTOMER = "customer"
    US = "us"


@frozen(kw_only=True)
class Wait:
    """A time in which one side waited for the other.

    Args:
        who: Who waited.
        case: In which case.
        channel: Where the wait began.
        since: Its begin.
        until: Its end; ``None`` while it lasts.
        answered: Whether the other side's word ended it, rather than the end of the case.
        span: How long; up to now while it lasts.
    """

    who: Waiting
    case: str
    channel: str
    since: datetime
    until: datetime | None
    answered: bool
    span: timedelta


@define
class Fact:
    """A contact or an answer, as the fold needs it; times in microseconds UTC, ``ended`` when its case did."""

    case: int
    at: int
    inbound: bool
    channel: int
    ended: int | None


@define
class Span:
    """A wait, with keys and microseconds UTC."""

    who: Waiting
    case: int
    channel: int
    since: int
    until: int | None = None
    answered: bool = False


def facts(tx: Tx, customer: int | None = None) -> Iterator[Fact]:
    """Yield contacts and answers, case by case, each case's in the order of time: one statement, streamed.

    Args:
        tx: Any transaction.
        customer: Only this customer's.
    """
    ended = func.coalesce(_C.c.resolved, _C.c.closed)
    statement = (
        select(_I.c.case_id, _I.c.at, _I.c.direction, _I.c.channel, ended.label("ended"))
        .join(_C, (_C.c.ws == _I.c.ws) & (_C.c.id == _I.c.case_id))
        .where(
            _I.c.ws == tx.ws,
            _I.c.kind.not_in(SILENT_KINDS),
            _I.c.moderation.not_in(("spam", "removed")),
            BY_PEOPLE,
            (_I.c.direction == "outbound") | _I.c.deleted.is_(None),
        )
        .order_by(_I.c.case_id, _I.c.at, _I.c.id)
    )
    if customer is not None:
        statement = statement.where(_I.c.customer == customer)
    for row in tx.run(statement.execution_options(yield_per=5000)):
        yield Fact(row.case_id, row.at, row.direction == "inbound", row.channel, row.ended)


def spans(told: Iterable[Fact]) -> Iterator[Span]:
    """Fold contacts and answers into waits.

    Args:
        told: Case by case, each case's in the order of time.
    """
    held: Span | None = None
    last: Fact | None = None
    for fact in told:
        if last is not None and fact.case != last.case:
            yield from _ended(held, last)
            held = None
        last = fact
        waiting = Waiting.CUSTOMER if fact.inbound else Waiting.US
        if held is not None and held.who is waiting:
            continue
        if held is not None:
            held.until, held.answered = fact.at, True
            yield held
        held = Span(waiting, fact.case, fact.channel, fact.at)
    if last is not None:
        yield from _ended(held, last)


def _ended(held: Span | None, last: Fact) -> Iterator[Span]:
    if held is None:
        return
    if last.ended is not None:
        held.until = max(last.ended, held.since)
    yield held


def shown(span: Span, case_ref: str, channel: str, now: int) -> Wait:
    """Return a wait as users see it."""
    end = span.until if span.until is not None else max(now, span.since)
    return Wait(
        who=span.who,
        case=case_ref,
        channel=channel,
        since=from_micros(span.since),
        until=from_micros(span.until) if span.until is not None else None,
        answered=span.answered,
        span=timedelta(microseconds=end - span.since),
    )
