"""Customers as the components of what was asserted.

Every identity began as a customer of its own (``origin``). A `same` assertion joins two identities, a `different` one keeps
them apart; the customer of a component is the lowest origin in it. So joining is one assertion, separating retracts one, and
joining then separating restores exactly what was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Row, and_, or_, select, update

from socialcrm.store import Tx, tables

__all__ = ["active", "connect", "join", "retract", "separate"]


def join(tx: Tx, pairs: Iterable[tuple[int, int, str]], *, now: int, actor: str = "") -> dict[int, int]:
    """Assert that each pair of identities is one person.

    Args:
        tx: A writing transaction.
        pairs: Two identities' keys and the evidence in words.
        now: Our time, in microseconds UTC.
        actor: Who says so; empty for evidence that the library found.

    Returns:
        Every customer touched, with whom they belong to now.
    """
    return _assert(tx, list(pairs), same=True, now=now, actor=actor)


def separate(tx: Tx, a: int, b: int, reason: str, *, now: int, actor: str) -> dict[int, int]:
    """Assert that two identities are different people; what joins them no longer counts.

    Returns:
        Every customer touched, with whom they belong to now.
    """
    return _assert(tx, [(a, b, reason)], same=False, now=now, actor=actor)


def retract(tx: Tx, assertion: int, *, now: int) -> dict[int, int]:
    """Take an assertion back.

    Returns:
        Every customer touched, with whom they belong to now.
    """
    row = tx.row(
        select(tables.assertions).where(
            tables.assertions.c.ws == tx.ws, tables.assertions.c.id == assertion, tables.assertions.c.retracted.is_(None)
        )
    )
    if row is None:
        return {}
    tx.update(tables.assertions, ("retracted",), [(now, assertion)])
    return connect(tx, _customers(tx, {row.a, row.b}))


def active(tx: Tx, identities: Collection[int]) -> list[Row[Any]]:
    """Return the assertions in force that touch any of these identities, oldest first."""
    statement = (
        select(tables.assertions)
        .where(
            tables.assertions.c.ws == tx.ws,
            tables.assertions.c.retracted.is_(None),
            or_(tx.sets.among(tables.assertions.c.a, "ids"), tx.sets.among(tables.assertions.c.b, "ids")),
        )
        .order_by(tables.assertions.c.id)
    )
    return list(tx.rows(statement, ids=identities))


def _assert(tx: Tx, pairs: list[tuple[int, int, str]], *, same: bool, now: int, actor: str) -> dict[int, int]:
    ends = {end for a, b, _ in pairs for end in (a, b)}
    held = {(row.same, *sorted((row.a, row.b)), row.evidence) for row in active(tx, ends)}
    rows = []
    for a, b, evidence in pairs:
        low, high = sorted((a, b))
        if low != high and (same, low, high, evidence) not in held:
            rows.append((tx.ws, tx.allocate(tables.assertions), same, low, high, evidence, actor, now, None))
    if not rows:
        return {}
    tx.insert(tables.assertions, rows)
    return connect(tx, _customers(tx, ends))


def _customers(tx: Tx, identities: Collection[int]) -> set[int]:
    statement = select(tables.identities.c.customer).where(
        tables.identities.c.ws == tx.ws, tx.sets.among(tables.identities.c.id, "ids")
    )
    return {row.customer for row in tx.rows(statement, ids=identities)}


def connect(tx: Tx, customers: Collection[int]) -> dict[int, int]:
    """Draw the components of these customers' identities again and move what changed hands.

    Returns:
        Every customer touched, with whom they belong to now.
    """
    statement = (
        select(tables.identities.c.id, tables.identities.c.origin, tables.identities.c.customer)
        .where(tables.identities.c.ws == tx.ws, tx.sets.among(tables.identities.c.customer, "ids"))
        .order_by(tables.identities.c.id)
    )
    rows = list(tx.rows(statement, ids=customers))
    roots = _components([row.id for row in rows], active(tx, [row.id for row in rows]))
    lowest: dict[int, int] = {}
    for row in rows:
        root = roots[row.id]
        lowest[root] = min(row.origin, lowest.get(root, row.origin))
    moved = [(lowest[roots[row.id]], row.id) for row in rows if row.customer != lowest[roots[row.id]]]
    if not moved:
        return {}
    owner = {row.origin: lowest[roots[row.id]] for row in rows}
    tx.update(tables.identities, ("customer",), moved)
    _move_interactions(tx, moved, {row.customer for row in rows})
    tx.update(tables.customers, ("merged",), [(None if new == old else new, old) for old, new in owner.items()])
    return owner


def _components(identities: list[int], assertions: list[Row[Any]]) -> dict[int, int]:
    members = {identity: {identity} for identity in identities}
    apart = [(row.a, row.b) for row in assertions if not row.same]
    for row in assertions:
        if not row.same or row.a not in members or row.b not in members or members[row.a] is members[row.b]:
            continue
        merged = members[row.a] | members[row.b]
        if any(a in merged and b in merged for a, b in apart):
            continue
        for identity in merged:
            members[identity] = merged
    return {identity: min(group) for identity, group in members.items()}


def _move_interactions(tx: Tx, moved: list[tuple[int, int]], old: set[int]) -> None:
    groups: dict[int, list[int]] = {}
    for customer, identity in moved:
        groups.setdefault(customer, []).append(identity)
    for customer, identities in groups.items():
        statement = (
            update(tables.interactions)
            .where(
                and_(
                    tables.interactions.c.ws == tx.ws,
                    tx.sets.among(tables.interactions.c.customer, "old"),
                    tx.sets.among(tables.interactions.c.party, "parties"),
                )
            )
            .values(customer=customer)
        )
        tx.run(statement, old=old, parties=identities)
