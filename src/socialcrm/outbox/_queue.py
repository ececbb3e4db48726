"""The outbox: every reply is a row before anything is sent, and a row after everything that can happen to it.

Invariant: between ``intend`` and its outcome a row says that a step which can't be repeated may have happened. Such a row is
never sent again until it is known that it did not arrive. States: ``queued → sending → sent | failed | unknown →
reconciled``; a ``sending`` row whose worker is gone is taken up again, by its intent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import define
from sqlalchemy import Row, and_, or_, select, update

from socialcrm.errors import NotFound, StateError
from socialcrm.outbox._parts import order, receipts
from socialcrm.store import Lease, Tx, held, tables

__all__ = ["Letter", "cancel", "claim", "failed", "find", "intend", "keep", "postpone", "queue", "retry"]

_TABLE = tables.outbox
_DUE = ("queued", "sending", "unknown")


@define(kw_only=True)
class Letter:
    """A row of the outbox that this process is delivering."""

    id: int
    case_id: int
    channel: int
    conversation: int
    interaction: int
    identity: int
    message: dict[str, Any]
    cursor: dict[str, str]
    ids: tuple[str, ...]
    intent: str
    state: str
    attempts: int
    seen: int
    author: str

    @classmethod
    def of(cls, row: Row[Any]) -> Letter:
        """Return the record of a row of ``outbox``."""
        message = json.loads(row.message)
        return cls(
            id=row.id,
            case_id=row.case_id,
            channel=row.channel,
            conversation=row.conversation,
            interaction=row.interaction,
            identity=row.identity,
            message=message,
            cursor=json.loads(row.cursor or "{}"),
            ids=receipts(json.loads(row.ids or "[]"), message.get("lost", {})),
            intent=row.intent,
            state=row.state,
            attempts=row.attempts,
            seen=row.seen,
            author=row.author,
        )


def queue(tx: Tx, row: Mapping[str, Any]) -> int:
    """Store a reply, ready to be delivered.

    Args:
        tx: A writing transaction.
        row: Every column but the workspace, the key and what delivery fills in.

    Returns:
        Its key.
    """
    key = tx.allocate(_TABLE)
    defaults = {
        "ws": tx.ws,
        "id": key,
        "state": "queued",
        "cursor": "",
        "intent": "",
        "ids": "",
        "error": "",
        "attempts": 0,
        "next": None,
        "sent": None,
        "lease": "",
        "leased": None,
    }
    full = {**defaults, **row}
    tx.insert(_TABLE, [tuple(full[column.name] for column in _TABLE.columns)])
    return key


def claim(
    tx: Tx, lease: Lease, now: int, *, channel: int | None = None, only: int | None = None, fresh: bool = False
) -> Letter | None:
    """Take the next reply that is due, so that nobody else takes it.

    Args:
        tx: A writing transaction.
        lease: Under whose name.
        now: Our time, in microseconds UTC.
        channel: Only of this channel.
        only: Only this reply.
        fresh: Only what is certainly not on its way yet, not in part either.

    Returns:
        The reply, or ``None`` when nothing is due.
    """
    due = and_(_TABLE.c.ws == tx.ws, _TABLE.c.state.in_(_DUE))
    if only is None:
        due = and_(due, or_(_TABLE.c.next.is_(None), _TABLE.c.next <= now))
    if channel is not None:
        due = and_(due, _TABLE.c.channel == channel)
    if only is not None:
        due = and_(due, _TABLE.c.id == only)
    statement = select(_TABLE).where(due).order_by(_TABLE.c.created, _TABLE.c.id).limit(200)
    if tx.dialect == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    blocked: set[int] = set()
    for row in tx.rows(statement):
        busy = row.state == "sending" and held(row.lease, row.leased, now)
        unsure = fresh and (row.state != "queued" or row.intent or json.loads(row.cursor or "{}"))
        if busy or unsure or row.conversation in blocked:
            blocked.add(row.conversation)
            continue
        tx.update(_TABLE, ("state", "lease", "leased", "attempts"), [("sending", lease.name, now, row.attempts + 1, row.id)])
        return Letter.of(row)
    return None


def intend(tx: Tx, key: int, what: str) -> None:
    """Store that a step which can't be repeated comes next."""
    tx.update(_TABLE, ("intent",), [(what, key)])


def keep(tx: Tx, letter: Letter, patch: Mapping[str, str | None]) -> None:
    """Store the progress of a send of several steps; what was intended before it has happened."""
    letter.cursor = {key: value for key, value in {**letter.cursor, **patch}.items() if value is not None}
    letter.intent = ""
    tx.update(_TABLE, ("cursor", "intent"), [(json.dumps(letter.cursor), "", letter.id)])


def failed(tx: Tx, key: int, error: str) -> None:
    """Store that a delivery was refused, with why; what has left of it stays known."""
    tx.update(_TABLE, ("state", "error", "next", "lease", "intent"), [("failed", error, None, "", "", key)])


def postpone(tx: Tx, key: int, state: str, until: int, error: str) -> None:
    """Store that delivery is tried again later (``queued``), or asked for again later (``unknown``)."""
    tx.update(_TABLE, ("state", "next", "error", "lease"), [(state, until, error, "", key)])


def find(tx: Tx, key: int) -> Row[Any]:
    """Return a row of the outbox.

    Raises:
        NotFound: There is none.
    """
    row = tx.row(select(_TABLE).where(_TABLE.c.ws == tx.ws, _TABLE.c.id == key))
    if row is None:
        raise NotFound(f"there is no reply o{key}")
    return row


def retry(tx: Tx, key: int, *, uid: str, now: int) -> None:
    """Queue a failed reply once more: what stands of it stays, what does not is sent.

    Args:
        tx: A writing transaction.
        key: The reply.
        uid: The message's id from now on, if the platform could not deliver what it had taken under the old one.
        now: Our time, in microseconds UTC.

    Raises:
        NotFound: There is none.
        StateError: It has not failed; an unclear one is settled, never sent again blindly.
    """
    row = find(tx, key)
    if row.state != "failed":
        raise StateError(f"reply o{key} is {row.state}; only a failed one can be queued again")
    message, cursor = order(row, uid, now)
    values = ("queued", None, "", 0, json.dumps(message), json.dumps(cursor))
    tx.update(_TABLE, ("state", "next", "error", "attempts", "message", "cursor"), [(*values, key)])


def cancel(tx: Tx, key: int) -> None:
    """Take a reply back that has not left yet.

    Raises:
        NotFound: There is none.
        StateError: It has left, or may have.
    """
    row = find(tx, key)
    gone = update(_TABLE).where(_TABLE.c.ws == tx.ws, _TABLE.c.id == key, _TABLE.c.state == "queued", _TABLE.c.intent == "")
    if tx.run(gone.values(state="failed", error="cancelled before it was sent")).rowcount != 1:
        may = "it is over" if row.state == "failed" else "it may have left already"
        raise StateError(f"reply o{key} is {row.state}; {may}, so there is nothing to cancel")
