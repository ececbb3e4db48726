"""What we know about customers that rules may ask: tags and contract, each since when.

A decision sees what was known at the time of the fact, whenever it is folded, so that learning something about a customer
later does not change what was decided before. Kept by identity: it follows joins and separations.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection
from operator import itemgetter

from attrs import define, field
from sqlalchemy import bindparam, select

from socialcrm.store import Tx, tables

__all__ = ["NOTHING", "Profiles", "describe_customer"]

_ANY = select(tables.profiles.c.at).where(tables.profiles.c.ws == bindparam("ws")).limit(1)

Known = tuple[frozenset[str], str]
NOTHING: Known = (frozenset(), "")


@define
class Profiles:
    """What is known about some customers, by customer and time."""

    _steps: dict[int, list[tuple[int, Known]]] = field(factory=dict)

    @classmethod
    def load(cls, tx: Tx, customers: Collection[int] | None) -> Profiles:
        """Read what is known about these customers (``None`` for all): one small query where nothing is known about anybody."""
        table, people = tables.profiles, tables.identities
        profiles = cls()
        if customers == set() or tx.value(_ANY) is None:
            return profiles
        statement = (
            select(people.c.customer, table.c.identity, table.c.at, table.c.tags, table.c.entitlement)
            .join(people, (people.c.ws == table.c.ws) & (people.c.id == table.c.identity))
            .where(table.c.ws == tx.ws)
            .order_by(table.c.at, table.c.identity)
        )
        wanted = {}
        if customers is not None:
            statement = statement.where(tx.sets.among(people.c.customer, "customers"))
            wanted = {"customers": set(customers)}
        for row in tx.rows(statement, **wanted):
            steps = profiles._steps.setdefault(row.customer, [])
            steps.append((row.at, (frozenset(row.tags.split(",")) if row.tags else frozenset(), row.entitlement)))
        return profiles

    def at(self, customer: int | None, time: int) -> Known:
        """Return tags and contract of a customer as known at a time."""
        steps = self._steps.get(customer) if customer is not None and self._steps else None
        if not steps:
            return NOTHING
        place = bisect.bisect_right(steps, time, key=itemgetter(0))
        return steps[place - 1][1] if place else NOTHING


def describe_customer(tx: Tx, identity: int, *, at: int, tags: Collection[str], entitlement: str, actor: str) -> None:
    """Say what is known about a customer from a time on."""
    told = ",".join(sorted(tags))
    tx.insert_new(tables.profiles, [(tx.ws, identity, at, told, entitlement, actor)])
    tx.update(
        tables.profiles, ("tags", "entitlement", "actor"), [(told, entitlement, actor, identity, at)], key=("identity", "at")
    )
