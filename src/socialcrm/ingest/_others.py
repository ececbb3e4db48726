"""Items that are no interactions: censuses, holes, our own accounts, delivery reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from attrs import frozen
from sqlalchemy import select

from socialcrm.ingest._changes import Changes
from socialcrm.ingest._stored import Stored
from socialcrm.ingest._threads import Node, node_of
from socialcrm.store import Tx, tables
from socialcrm.types import Census, Delivery, Hole, micros

__all__ = ["Told", "count_off", "link_reply", "record_deliveries", "record_holes"]

_DOUBT_FROM = 5
_FAILED = "failed"
_I = tables.interactions
_STEPS = {"sent": 0, _FAILED: 1, "delivered": 2, "read": 3}


@frozen(kw_only=True)
class Told:
    """What the platform says now of a message that is part of a reply of ours.

    Args:
        reply: The reply's key.
        id: The platform's id of the message.
        reason: Why it could not be delivered; ``None`` if it could after all.
    """

    reply: int
    id: str
    reason: str | None


def count_off(tx: Tx, channel: int, censuses: Iterable[Census], changes: Changes, now: int) -> list[Hole]:
    """Take back what a census lacks.

    A census that would take more than half of what we hold in its range (and at least five interactions) is not believed: a
    lost permission looks like that. It becomes a hole, and the next one is asked again.

    Returns:
        The doubts.
    """
    doubts = []
    table = tables.interactions
    for census in censuses:
        statement = select(table.c.id, table.c.pid, table.c.customer).where(
            table.c.ws == tx.ws,
            table.c.channel == channel,
            table.c.scope == census.scope,
            table.c.deleted.is_(None),
            table.c.at >= micros(census.since),
        )
        if census.until is not None:
            statement = statement.where(table.c.at <= micros(census.until))
        if census.conversation:
            talks = tables.conversations
            statement = statement.join(talks, (talks.c.ws == table.c.ws) & (talks.c.id == table.c.conversation)).where(
                talks.c.key == census.conversation
            )
        held = tx.rows(statement)
        missing = [row for row in held if row.pid not in census.ids]
        if len(missing) >= _DOUBT_FROM and len(missing) * 2 > len(held):
            reason = f"{len(missing)} of {len(held)} interactions were missing at once; not taken for deletions"
            name = f"census:{census.id}"
            doubts.append(Hole(id=name, scope=census.scope, since=census.since, at=census.since, reason=reason))
            continue
        changes.take({row.id: now for row in missing})
        changes.again.update({row.customer: row.customer for row in missing if row.customer is not None})
    return doubts


def record_holes(tx: Tx, channel: int, stream: str, holes: Iterable[Hole]) -> None:
    """Keep what could not be seen; the same hole told twice is one."""
    told = {(one.id, micros(one.since), micros(one.at)): one for one in holes}
    if not told:
        return
    known = select(tables.holes).where(tables.holes.c.ws == tx.ws, tables.holes.c.channel == channel)
    for row in tx.rows(known):
        told.pop((row.pid, row.since, row.until), None)
    rows = [
        (tx.ws, tx.allocate(tables.holes), channel, stream, pid, since, until, hole.reason)
        for (pid, since, until), hole in told.items()
    ]
    tx.insert(tables.holes, rows)


def record_deliveries(tx: Tx, channel: int, deliveries: Iterable[Delivery], known: Mapping[Node, Stored]) -> list[Told]:
    """Keep what the platform says of messages of ours, the latest by its time; what comes too early waits.

    Returns:
        What it means for the replies that they are part of: failures, and failures that are none any more.
    """
    newest: dict[int, Delivery] = {}
    early = []
    for one in deliveries:
        held = known.get(node_of(one.scope, one.id))
        if held is None:
            early.append((tx.ws, channel, one.id, one.scope, "delivery", _version(one), json.dumps(_said(one))))
        elif held.id not in newest or _version(one) >= _version(newest[held.id]):
            newest[held.id] = one
    tx.insert_new(tables.pending, early)
    if not newest:
        return []
    statement = select(_I.c.id, _I.c.extra).where(_I.c.ws == tx.ws, tx.sets.among(_I.c.id, "ids"))
    updates, told = [], []
    for row in tx.rows(statement, ids=newest.keys()):
        one, extra = newest[row.id], json.loads(row.extra) if row.extra else {}
        said = extra.get("delivery", {})
        if said and said["at"] >= _version(one):
            continue
        extra["delivery"] = _said(one)
        updates.append((json.dumps(extra), row.id))
        if "reply" in extra and _FAILED in (one.status, said.get("status")):
            told.append(Told(reply=int(extra["reply"]), id=one.id, reason=one.reason if one.status == _FAILED else None))
    tx.update(_I, ("extra",), updates)
    return told


def link_reply(tx: Tx, channel: int, scope: str, ids: Iterable[str], reply: int) -> dict[str, str]:
    """Note of messages which reply they are, whoever stored them: its receipt, or a fetch that was faster.

    Returns:
        Those that the platform said it could not deliver before this was known, by id, with the reasons.
    """
    statement = select(_I.c.id, _I.c.pid, _I.c.extra).where(
        _I.c.ws == tx.ws,
        _I.c.channel == channel,
        _I.c.scope == scope,
        _I.c.deleted.is_(None),
        tx.sets.among(_I.c.pid, "ids"),
    )
    updates, failed = [], {}
    for row in tx.rows(statement, ids=set(ids)):
        extra = json.loads(row.extra) if row.extra else {}
        said = extra.get("delivery", {})
        if said.get("status") == _FAILED:
            failed[row.pid] = said["reason"]
        if extra.get("reply") != reply:
            updates.append((json.dumps({**extra, "reply": reply}), row.id))
    tx.update(_I, ("extra",), updates)
    return failed


def _version(one: Delivery) -> int:
    """Order reports: many platforms tell whole seconds, and of one second the later step counts."""
    return micros(one.at) + _STEPS.get(one.status, 0)


def _said(one: Delivery) -> dict[str, str | int]:
    return {"status": one.status, "at": _version(one), "reason": one.reason}
