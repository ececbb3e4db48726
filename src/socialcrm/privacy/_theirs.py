"""What belongs to a customer: their identities, and every interaction that they wrote or that was their matter."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from sqlalchemy import Row, or_, select

from socialcrm.errors import NotFound
from socialcrm.store import Tx, tables

__all__ = ["Theirs", "find_theirs"]

_I, _P, _H, _C = tables.interactions, tables.identities, tables.handles, tables.cases

Node = tuple[int, str, str]
"""A platform's id: channel, scope, id."""


@define
class Theirs:
    """The rows of one customer, in a fixed number of statements.

    Args:
        customer: Their key.
        identities: Their identities.
        handles: How else they can be recognised.
        interactions: What they wrote, and what was their matter.
        cases: Their cases' keys, those merged into others too.
    """

    customer: int
    identities: list[Row[Any]] = field(factory=list)
    handles: list[Row[Any]] = field(factory=list)
    interactions: list[Row[Any]] = field(factory=list)
    cases: list[int] = field(factory=list)

    @property
    def people(self) -> list[int]:
        """The keys of their identities."""
        return [row.id for row in self.identities]

    @property
    def keys(self) -> set[int]:
        """The keys of their interactions."""
        return {row.id for row in self.interactions}

    @property
    def nodes(self) -> set[Node]:
        """The platforms' ids of their interactions."""
        return {(row.channel, row.scope, row.pid) for row in self.interactions}

    @property
    def channels(self) -> set[int]:
        """The channels on which they were met."""
        return {row.channel for row in self.interactions}

    @property
    def needles(self) -> tuple[str, ...]:
        """Words that give them away in what can't be parsed: accounts, addresses, pages, ids; nothing short."""
        words = {row.account for row in self.identities} | {row.handle.lstrip("@") for row in self.identities}
        words |= {row.url for row in self.identities} | {row.value for row in self.handles}
        words |= {row.pid for row in self.interactions}
        return tuple(sorted(word.casefold() for word in words if len(word) >= 6))


def find_theirs(tx: Tx, customer: int) -> Theirs:
    """Find everything that belongs to a customer.

    Raises:
        NotFound: There is no such customer.
    """
    found = Theirs(customer)
    found.identities = list(tx.rows(select(_P).where(_P.c.ws == tx.ws, _P.c.customer == customer).order_by(_P.c.id)))
    if not found.identities:
        raise NotFound(f"there is no customer u{customer}; one who was merged is found by crm.customer('u{customer}')")
    people = found.people
    found.handles = list(tx.rows(select(_H).where(_H.c.ws == tx.ws, tx.sets.among(_H.c.identity, "ids")), ids=people))
    mine = select(_I).where(_I.c.ws == tx.ws, or_(_I.c.customer == customer, tx.sets.among(_I.c.author, "ids")))
    found.interactions = list(tx.rows(mine.order_by(_I.c.at, _I.c.id), ids=people))
    cases = select(_C.c.id).where(_C.c.ws == tx.ws, tx.sets.among(_C.c.customer, "owners")).order_by(_C.c.id)
    owners = {customer, *(row.origin for row in found.identities)}
    found.cases = [row.id for row in tx.rows(cases, owners=owners)]
    return found
