"""One customer's way to us, across channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import select

from socialcrm.errors import NotFound
from socialcrm.journeys._waits import SILENT_KINDS, Wait, facts, shown, spans
from socialcrm.store import CaseRow, Tx, records, ref, tables
from socialcrm.types import Case, Customer, Direction, Interaction, Visibility
from socialcrm.types._show import Shows, framed

__all__ = ["Change", "Journey", "changes", "journey"]


@frozen(kw_only=True)
class Change:
    """The customer went on in another place: another channel, or from public to private.

    Args:
        at: When.
        origin: The channel that they came from.
        target: The channel where they went on.
        before: Who could read them there.
        after: Who can read them here.
        case: The case that they were on.
    """

    at: datetime
    origin: str
    target: str
    before: Visibility
    after: Visibility
    case: str


@frozen(kw_only=True)
class Journey(Shows):
    """What happened between a customer and us, in the order in which it happened.

    Args:
        customer: Who.
        interactions: Everything that is their matter, across channels.
        cases: Their cases, the first first.
        changes: Where they went on in another place.
        waits: Who waited for whom, and how long.
    """

    customer: Customer
    interactions: tuple[Interaction, ...] = ()
    cases: tuple[Case, ...] = ()
    changes: tuple[Change, ...] = ()
    waits: tuple[Wait, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels, in the order of first contact."""
        return tuple(dict.fromkeys(one.channel for one in self.interactions))

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the interactions as a data frame; ``notebook.to_frame(journey.waits)`` gives the waits."""
        return framed(self, backend)

    def __str__(self) -> str:
        told = f"{self.customer}: {len(self.interactions)} interactions on {', '.join(self.channels) or 'no channel'}"
        return f"{told}, {len(self.cases)} cases, {len(self.changes)} changes of place"


def journey(tx: Tx, customer: int, now: int, why: Callable[[CaseRow], str] = lambda _: "") -> Journey:
    """Return a customer's journey, in nine statements whatever its length.

    Args:
        tx: Any transaction.
        customer: The customer's key.
        now: Our time, in microseconds UTC; for waits that last.
        why: Explains a case's place in the inbox.

    Raises:
        NotFound: There is no such customer.
    """
    people = records.customers(tx, [customer])
    if customer not in people:
        raise NotFound(f"there is no customer u{customer}; one who was merged is found by crm.customer('u{customer}')")
    table = tables.cases
    mine = select(table).where(table.c.ws == tx.ws, table.c.customer == customer, table.c.merged.is_(None))
    rows = [CaseRow.of(row) for row in tx.rows(mine.order_by(table.c.opened, table.c.id))]
    told = tuple(records.interactions(tx, tables.interactions.c.customer == customer))
    channels = tables.channels
    names = {row.id: row.name for row in tx.rows(select(channels.c.id, channels.c.name).where(channels.c.ws == tx.ws))}
    waits = sorted(spans(facts(tx, customer)), key=lambda span: (span.since, span.case))
    return Journey(
        customer=people[customer],
        interactions=told,
        cases=tuple(records.cases(tx, rows, why)),
        changes=tuple(changes(told)),
        waits=tuple(shown(span, ref("case", span.case), names[span.channel], now) for span in waits),
    )


def changes(interactions: Iterable[Interaction]) -> Iterable[Change]:
    """Yield where the customer went on in another place.

    Args:
        interactions: In the order of time.
    """
    before: Interaction | None = None
    for one in interactions:
        if one.direction is not Direction.INBOUND or one.kind.value in SILENT_KINDS or one.extra.get("automatic"):
            continue
        if before is not None and _place(before) != _place(one):
            yield Change(
                at=one.at,
                origin=before.channel,
                target=one.channel,
                before=before.visibility,
                after=one.visibility,
                case=one.case,
            )
        before = one


def _place(one: Interaction) -> tuple[str, bool]:
    return (one.channel, one.visibility is Visibility.PRIVATE)
