"""Everything that is held about a customer, as plain data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import attrs
from sqlalchemy import or_, select

from socialcrm.ingest import unpack
from socialcrm.privacy._theirs import Theirs, find_theirs
from socialcrm.store import CaseRow, Tx, records, ref, tables
from socialcrm.types import Revision, from_micros

__all__ = ["export"]


def export(tx: Tx, customer: int) -> dict[str, Any]:
    """Return everything that is held about a customer, as values that ``json.dumps`` takes.

    Args:
        tx: Any transaction.
        customer: The customer's key.

    Returns:
        ``customer`` with identities and handles; ``interactions`` with earlier wordings, and with the element as the platform
        sent it (bytes as base64) under ``raw``; ``cases``, ``events``, ``replies``, ``notes``; and ``links``: why
        identities were taken for one person.

    Raises:
        NotFound: There is no such customer.
    """
    theirs = find_theirs(tx, customer)
    keys, people = theirs.keys, theirs.people
    told = records.interactions(tx, tx.sets.among(tables.interactions.c.id, "keys"), keys=keys)
    earlier, raws = _revisions(tx, keys), _raws(tx, theirs)
    interactions = []
    for one in told:
        line = _plain(attrs.evolve(one, revisions=earlier.get(one.ref, ())))
        interactions.append({**line, "raw": raws.get(one.ref)})
    table = tables.cases
    rows = [
        CaseRow.of(row)
        for row in tx.rows(select(table).where(table.c.ws == tx.ws, tx.sets.among(table.c.id, "ids")), ids=theirs.cases)
    ]
    events = records.events(tx, tx.sets.among(tables.events.c.case_id, "ids"), ids=theirs.cases)
    return {
        "customer": _plain(records.customers(tx, [customer])[customer]),
        "interactions": interactions,
        "cases": [_plain(one) for one in records.cases(tx, rows, lambda _: "")],
        "events": [_plain(one) for one in events],
        "replies": [_plain(one) for one in records.replies(tx, tables.outbox.c.id.in_(_letters(tx, theirs)))],
        "notes": _notes(tx, theirs),
        "links": _links(tx, people),
    }


def _letters(tx: Tx, theirs: Theirs) -> list[int]:
    table = tables.outbox
    mine = or_(tx.sets.among(table.c.case_id, "cases"), tx.sets.among(table.c.identity, "people"))
    statement = select(table.c.id).where(table.c.ws == tx.ws, mine)
    return [row.id for row in tx.rows(statement, cases=theirs.cases, people=theirs.people)]


def _revisions(tx: Tx, keys: set[int]) -> dict[str, tuple[Revision, ...]]:
    table = tables.revisions
    found: dict[str, tuple[Revision, ...]] = {}
    statement = select(table).where(table.c.ws == tx.ws, tx.sets.among(table.c.interaction, "keys")).order_by(table.c.at)
    for row in tx.rows(statement, keys=keys):
        name = ref("interaction", row.interaction)
        found[name] = (*found.get(name, ()), Revision(at=from_micros(row.at), text=row.text))
    return found


def _raws(tx: Tx, theirs: Theirs) -> dict[str, Any]:
    wanted: dict[int, list[tuple[int, str]]] = {}
    for row in theirs.interactions:
        if row.journal is not None:
            wanted.setdefault(row.journal, []).append((row.pos, ref("interaction", row.id)))
    table = tables.journal
    statement = select(table.c.id, table.c.blob).where(table.c.ws == tx.ws, tx.sets.among(table.c.id, "keys"))
    found: dict[str, Any] = {}
    for row in tx.rows(statement, keys=wanted):
        elements = unpack(row.blob)
        for pos, name in wanted[row.id]:
            found[name] = _plain(elements[pos].body)
    return found


def _notes(tx: Tx, theirs: Theirs) -> list[dict[str, Any]]:
    table = tables.notes
    statement = select(table).where(table.c.ws == tx.ws, tx.sets.among(table.c.case_id, "ids")).order_by(table.c.id)
    return [
        {"case": ref("case", row.case_id), "at": _plain(from_micros(row.at)), "author": row.author, "text": row.text}
        for row in tx.rows(statement, ids=theirs.cases)
    ]


def _links(tx: Tx, people: list[int]) -> list[dict[str, Any]]:
    table = tables.assertions
    mine = or_(tx.sets.among(table.c.a, "people"), tx.sets.among(table.c.b, "people"))
    statement = select(table).where(table.c.ws == tx.ws, mine).order_by(table.c.id)
    return [
        {
            "a": ref("identity", row.a),
            "b": ref("identity", row.b),
            "same": bool(row.same),
            "evidence": row.evidence,
            "actor": row.actor,
            "at": _plain(from_micros(row.at)),
            "retracted": _plain(from_micros(row.retracted)) if row.retracted is not None else None,
        }
        for row in tx.rows(statement, people=people)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if attrs.has(type(value)):
        return {field.name: _plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    return [_plain(one) for one in value]
