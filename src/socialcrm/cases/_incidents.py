"""One cause behind many cases: noticed by a word that many customers use at once, linked, answered once each.

A flood is counted in customers, not in posts: one person who writes forty times is no outage. A word counts as sudden where it
is used by many times as many customers as in as long a time before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection

from attrs import frozen
from sqlalchemy import select

from socialcrm.errors import NotFound, StateError
from socialcrm.store import Tx, tables

__all__ = ["Flood", "find_incident", "link", "linked", "notice", "open_incident", "owed", "settle", "told"]

_WORD = re.compile(r"[^\W\d_]{4,}")
_T, _L, _U = tables.incidents, tables.incident_cases, tables.incident_updates


@frozen(kw_only=True)
class Flood:
    """Many similar cases in a short time.

    Args:
        word: What they have in common.
        cases: Their numbers.
        customers: How many customers.
        before: How many customers used the word in as long a time before.
    """

    word: str
    cases: tuple[int, ...]
    customers: int
    before: int


def notice(tx: Tx, *, now: int, span: int, least: int, times: float) -> list[Flood]:
    """Return what many customers have suddenly begun to write about, the greatest flood first.

    Args:
        tx: Any transaction.
        now: Our time, in microseconds UTC.
        span: How long a short time is, in microseconds.
        least: How many customers at least.
        times: How many times as many as before.
    """
    talk, cases = tables.interactions, tables.cases
    statement = (
        select(cases.c.id, cases.c.customer, cases.c.opened, talk.c.text, talk.c.subject)
        .join(talk, (talk.c.ws == cases.c.ws) & (talk.c.id == cases.c.first))
        .where(cases.c.ws == tx.ws, cases.c.opened > now - 2 * span, cases.c.opened <= now, cases.c.merged.is_(None))
        .order_by(cases.c.id)
    )
    fresh: dict[str, dict[int, int]] = defaultdict(dict)
    before: dict[str, set[int]] = defaultdict(set)
    for row in tx.rows(statement):
        for word in set(_WORD.findall(f"{row.subject} {row.text}".lower())):
            if row.opened > now - span:
                fresh[word].setdefault(row.customer, row.id)
            else:
                before[word].add(row.customer)
    floods = [
        Flood(word=word, cases=tuple(sorted(by.values())), customers=len(by), before=len(before[word]))
        for word, by in fresh.items()
        if len(by) >= least and len(by) >= times * max(len(before[word]), 1)
    ]
    kept: list[Flood] = []
    for flood in sorted(floods, key=lambda one: (-one.customers, one.before, one.word)):
        # another word of the same cases says nothing new
        if not any(len(set(flood.cases) & set(one.cases)) * 2 > len(flood.cases) for one in kept):
            kept.append(flood)
    return kept


def open_incident(tx: Tx, name: str, *, at: int, by: str) -> int:
    """Open an incident; returns its number.

    Raises:
        StateError: One of that name is open.
    """
    if tx.row(select(_T.c.id).where(_T.c.ws == tx.ws, _T.c.name == name, _T.c.resolved.is_(None))) is not None:
        raise StateError(f"an incident named {name!r} is open already; link cases to it")
    key = tx.allocate(_T)
    tx.insert(_T, [(tx.ws, key, name, at, None, by, "")])
    return key


def find_incident(tx: Tx, name: str) -> int:
    """Return the number of the open incident of a name.

    Raises:
        NotFound: None is open.
    """
    key = tx.value(select(_T.c.id).where(_T.c.ws == tx.ws, _T.c.name == name, _T.c.resolved.is_(None)))
    if key is None:
        raise NotFound(f"no incident named {name!r} is open")
    return int(key)


def link(tx: Tx, incident: int, cases: Collection[int], *, at: int) -> None:
    """Link cases to an incident; those that are linked stay so."""
    tx.insert_new(_L, [(tx.ws, incident, case, at) for case in sorted(cases)])


def linked(tx: Tx, incident: int) -> list[int]:
    """Return the numbers of an incident's cases, merged ones by the case that took them in."""
    cases = tables.cases
    statement = (
        select(cases.c.id, cases.c.merged)
        .join(_L, (_L.c.ws == cases.c.ws) & (_L.c.case_id == cases.c.id))
        .where(_L.c.ws == tx.ws, _L.c.incident == incident)
        .order_by(cases.c.id)
    )
    return sorted({row.merged if row.merged is not None else row.id for row in tx.rows(statement)})


def owed(tx: Tx, incident: int, number: int) -> list[tuple[int, int]]:
    """Return customer and case for each linked customer who has not got an update: once each, by their latest open case."""
    had = {row.customer for row in tx.rows(select(_U.c.customer).where(
        _U.c.ws == tx.ws, _U.c.incident == incident, _U.c.number == number
    ))}  # fmt: skip
    cases = tables.cases
    statement = select(cases.c.id, cases.c.customer).where(
        cases.c.ws == tx.ws, tx.sets.among(cases.c.id, "keys"), cases.c.state != "closed"
    )
    latest = {
        row.customer: row.id for row in tx.rows(statement.order_by(cases.c.touched, cases.c.id), keys=linked(tx, incident))
    }
    return sorted((customer, case) for customer, case in latest.items() if customer not in had)


def told(tx: Tx, incident: int, number: int, customer: int) -> bool:
    """Take note that an update is about to go to a customer; ``False`` where it did already."""
    had = tx.row(
        select(_U.c.customer).where(
            _U.c.ws == tx.ws, _U.c.incident == incident, _U.c.number == number, _U.c.customer == customer
        )
    )
    if had is None:
        tx.insert(_U, [(tx.ws, incident, number, customer, None, "")])
    return had is None


def settle(tx: Tx, incident: int, *, at: int) -> None:
    """Close an incident."""
    tx.update(_T, ("resolved",), [(at, incident)])
