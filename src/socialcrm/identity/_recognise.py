"""From the authors of a batch to identities and customers, in a bounded number of statements.

An identity is keyed by the platform's stable account id. What it is called may change with time; the newest profile, by the
platform's time, is kept. Verified handles that two identities share become an assertion that they are one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from attrs import define, field
from sqlalchemy import Select, bindparam, select

from socialcrm.identity._assertions import join
from socialcrm.store import Sets, Tx, tables
from socialcrm.types import Identity

__all__ = ["Known", "People", "recognise"]

_COLUMNS = ("id", "account", "customer", "seen", "name", "handle", "url", "avatar")


@define
class Known:
    """A recognised author: the keys of the identity and of the customer behind it."""

    identity: int
    customer: int


@define
class People:
    """Who the authors of a batch are.

    Args:
        by_account: By the platform's account id.
        again: Customers whose history has to be folded again, each with whom they belong to now.
        fresh: Customers of whom nothing was known.
    """

    by_account: dict[str, Known] = field(factory=dict)
    fresh: set[int] = field(factory=set)
    again: dict[int, int] = field(factory=dict)


def recognise(tx: Tx, platform: str, profiles: Mapping[str, tuple[Identity, int]], now: int) -> People:
    """Find or create the identities of a batch's authors, and link those that are certainly one person.

    Args:
        tx: A writing transaction.
        platform: The platform's name.
        profiles: By account id: the newest profile in the batch and its time in microseconds UTC.
        now: Our time, in microseconds UTC.
    """
    people = People()
    if not profiles:
        return people
    changed: list[tuple[Any, ...]] = []
    with_handles: dict[int, Identity] = {}
    row: Any
    for row in tx.rows(_held(tx.sets), platform=platform, accounts=profiles.keys()):
        key, account, customer, seen, name, handle, url, avatar = row
        profile, at = profiles[account]
        people.by_account[account] = Known(key, customer)
        if profile.handles:
            with_handles[key] = profile
        if at >= seen:
            after = (profile.name or name, profile.handle or handle, profile.url or url, profile.avatar or avatar)
            if after != (name, handle, url, avatar):
                changed.append((*after, at, key))
    fresh = [account for account in profiles if account not in people.by_account]
    _create(tx, platform, [(account, *profiles[account]) for account in fresh], people, with_handles)
    tx.update(tables.identities, ("name", "handle", "url", "avatar", "seen"), changed)
    if with_handles:
        _learn(tx, with_handles, people, now)
    return people


@cache
def _held(sets: Sets) -> Select[Any]:
    table = tables.identities
    return select(*(table.c[name] for name in _COLUMNS)).where(
        table.c.ws == bindparam("ws"), table.c.platform == bindparam("platform"), sets.among(table.c.account, "accounts")
    )


def _create(
    tx: Tx,
    platform: str,
    fresh: list[tuple[str, Identity, int]],
    people: People,
    with_handles: dict[int, Identity],
) -> None:
    if not fresh:
        return
    identity = tx.allocate(tables.identities, len(fresh))
    customer = tx.allocate(tables.customers, len(fresh))
    identities, customers = [], []
    for account, profile, at in fresh:
        identities.append((tx.ws, identity, platform, account, *_shown(profile), at, customer, customer))
        customers.append((tx.ws, customer, "", None, None))
        people.by_account[account] = Known(identity, customer)
        people.fresh.add(customer)
        if profile.handles:
            with_handles[identity] = profile
        identity += 1
        customer += 1
    tx.insert(tables.identities, identities)
    tx.insert(tables.customers, customers)


def _shown(profile: Identity) -> tuple[str, str, str, str]:
    return (profile.name, profile.handle, profile.url, profile.avatar)


def _learn(tx: Tx, with_handles: Mapping[int, Identity], people: People, now: int) -> None:
    """Remember handles, and assert `same` where a verified one is shared."""
    told = {
        (identity, handle.kind.value, handle.value): handle.verified
        for identity, profile in with_handles.items()
        for handle in profile.handles
    }
    known = select(tables.handles).where(tables.handles.c.ws == tx.ws, tx.sets.among(tables.handles.c.identity, "ids"))
    for row in tx.rows(known, ids=with_handles.keys()):
        key = (row.identity, row.kind, row.value)
        if key in told and (row.verified or not told[key]):
            del told[key]
    if not told:
        return
    upgraded = [key for key, verified in told.items() if verified]
    tx.insert_new(tables.handles, [(tx.ws, *key, verified) for key, verified in told.items()])
    tx.update(tables.handles, ("verified",), [(True, *key) for key in upgraded], key=("identity", "kind", "value"))
    shared = _shared(tx, upgraded)
    if shared:
        again = join(tx, shared, now=now)
        people.again.update(again)
        for known_one in people.by_account.values():
            known_one.customer = again.get(known_one.customer, known_one.customer)


def _shared(tx: Tx, verified: Iterable[tuple[int, str, str]]) -> list[tuple[int, int, str]]:
    """Return pairs of identities with a verified handle in common, and the evidence in words."""
    wanted = {(kind, value): identity for identity, kind, value in verified}
    if not wanted:
        return []
    statement = (
        select(tables.handles)
        .where(
            tables.handles.c.ws == tx.ws,
            tx.sets.among(tables.handles.c.value, "values"),
            tx.sets.among(tables.handles.c.kind, "kinds"),
            tables.handles.c.verified.is_(True),
        )
        .order_by(tables.handles.c.identity)
    )
    first: dict[tuple[str, str], int] = {}
    pairs = []
    rows = tx.rows(statement, values={value for _, value in wanted}, kinds={kind for kind, _ in wanted})
    for row in rows:
        key = (row.kind, row.value)
        if key not in wanted:
            continue
        if key in first:
            pairs.append((first[key], row.identity, f"the same verified {row.kind}: {row.value}"))
        else:
            first[key] = row.identity
    return pairs
