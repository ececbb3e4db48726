"""Erases a customer. One transaction: either all of them is gone, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from sqlalchemy import delete, func, or_, select

from socialcrm import cases
from socialcrm.cases import Playbook
from socialcrm.errors import ConflictError
from socialcrm.privacy._journal import Parse, erase
from socialcrm.privacy._marks import Marker, make_marker
from socialcrm.privacy._theirs import Theirs, find_theirs
from socialcrm.store import EventRow, Store, Tx, reindex, tables

__all__ = ["Forgotten", "empty_log", "forget"]

_I, _P, _O, _T = tables.interactions, tables.identities, tables.outbox, tables.conversations


@frozen(kw_only=True)
class Forgotten:
    """What was erased.

    Args:
        customer: The key that is left, without anything behind it.
        identities: How many identities.
        interactions: How many interactions lost their words.
        elements: How many elements left the journal.
        replies: How many replies lost theirs, or were dropped before they left.
        events: What happened to the cases that were open: they were closed.
        failed: Plugins that could not erase their part, and why; ask them again.
    """

    customer: int
    identities: int
    interactions: int
    elements: int
    replies: int
    events: list[EventRow] = field(factory=list, repr=False)
    failed: Mapping[str, str] = field(factory=dict)


def forget(tx: Tx, customer: int, *, now: int, by: str, playbook: Playbook, parsers: Mapping[int, Parse]) -> Forgotten:
    """Erase a customer: names, addresses, words, drafts, earlier wordings and the elements as the platforms sent them.

    Args:
        tx: A writing transaction.
        customer: The customer's key.
        now: Our time, in microseconds UTC.
        by: Who decided it; stands in the audit trail.
        playbook: The process in force, for closing their cases.
        parsers: By channel: its connector's ``parse``, to recognise their elements in the journal.

    Raises:
        NotFound: There is no such customer.
        ConflictError: A reply to them is being delivered at this moment.
    """
    theirs = find_theirs(tx, customer)
    _overwrite(tx, "ON")
    replies = _forget_replies(tx, theirs)
    mark = make_marker(tx)
    elements = erase(tx, theirs, parsers, now)
    _forget_threads(tx, theirs, mark)
    _forget_words(tx, theirs, mark)
    _forget_people(tx, theirs, mark, now)
    _forget_remarks(tx, theirs)
    events = _close(tx, theirs, playbook, now, by)
    _overwrite(tx, "OFF")
    return Forgotten(
        customer=customer,
        identities=len(theirs.identities),
        interactions=len(theirs.interactions),
        elements=elements,
        replies=replies,
        events=events,
    )


def _overwrite(tx: Tx, switch: str) -> None:
    """Have SQLite overwrite what it deletes; it would only mark the space as free."""
    if tx.dialect == "sqlite":
        if switch == "OFF":
            tx.connection.exec_driver_sql("INSERT INTO search(search) VALUES ('optimize')")
        tx.connection.exec_driver_sql(f"PRAGMA secure_delete={switch}")


def empty_log(store: Store) -> None:
    """Empty SQLite's write-ahead log, which still holds the pages as they were; call it after the commit.

    Another connection that is reading keeps a part of it; the next checkpoint takes that.
    """
    if store.dialect == "sqlite":
        connection = store.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


def _forget_replies(tx: Tx, theirs: Theirs) -> int:
    mine = or_(tx.sets.among(_O.c.case_id, "cases"), tx.sets.among(_O.c.identity, "people"))
    rows = tx.rows(select(_O.c.id, _O.c.state).where(_O.c.ws == tx.ws, mine), cases=theirs.cases, people=theirs.people)
    busy = [row.id for row in rows if row.state == "sending"]
    if busy:
        raise ConflictError(f"reply o{busy[0]} to customer u{theirs.customer} is being delivered; flush, then forget them")
    sent = [row.id for row in rows if row.state in ("sent", "reconciled")]
    columns = ("text", "parts", "message", "cursor", "intent", "ids", "error")
    tx.update(_O, columns, [("", "[]", "{}", "", "", "", "", key) for key in sent])
    unsent = {row.id for row in rows} - set(sent)
    tx.run(delete(_O).where(_O.c.ws == tx.ws, tx.sets.among(_O.c.id, "ids")), ids=unsent)
    return len(rows)


def _forget_words(tx: Tx, theirs: Theirs, mark: Marker) -> None:
    nodes, keys = theirs.nodes, theirs.keys
    related = select(_I.c.id, _I.c.channel, _I.c.scope, _I.c.pid, _I.c.parent).where(
        _I.c.ws == tx.ws,
        tx.sets.among(_I.c.channel, "channels"),
        or_(tx.sets.among(_I.c.parent, "pids"), tx.sets.among(_I.c.pid, "parents")),
    )
    parents = {row.parent for row in theirs.interactions if row.parent is not None}
    others = tx.rows(related, channels=theirs.channels, pids={pid for _, _, pid in nodes}, parents=parents)
    held = {(row.channel, row.scope, row.pid) for row in others if row.id not in keys}
    answers = [
        (mark.item(row.channel, row.scope, row.parent), row.id)
        for row in others
        if row.id not in keys and row.parent is not None and (row.channel, row.scope, row.parent) in nodes
    ]
    tx.update(_I, ("parent",), answers)
    blank = []
    for row in theirs.interactions:
        above = None if row.parent is None else (row.channel, row.scope, row.parent)
        parent = mark.item(*above) if above in nodes and above is not None else row.parent if above in held else None
        blank.append((mark.item(row.channel, row.scope, row.pid), parent, "", "", "", "", _bare(row.extra), row.id))
    tx.update(_I, ("pid", "parent", "text", "subject", "url", "language", "extra"), blank)
    reindex(tx, [(row.id, row.subject, row.text, "", "") for row in theirs.interactions])
    table = tables.revisions
    tx.run(delete(table).where(table.c.ws == tx.ws, tx.sets.among(table.c.interaction, "ids")), ids=keys)
    early = tables.pending
    for channel, scope, pids in _grouped(nodes):
        here = (early.c.ws == tx.ws) & (early.c.channel == channel) & (early.c.scope == scope)
        tx.run(delete(early).where(here, tx.sets.among(early.c.pid, "pids")), pids=pids)


def _grouped(nodes: set[tuple[int, str, str]]) -> list[tuple[int, str, list[str]]]:
    groups: dict[tuple[int, str], list[str]] = {}
    for channel, scope, pid in nodes:
        groups.setdefault((channel, scope), []).append(pid)
    return [(channel, scope, pids) for (channel, scope), pids in groups.items()]


def _bare(extra: str) -> str:
    """Keep of ``extra`` only that a program wrote it: that counts in measures, and tells nothing."""
    automatic = extra and json.loads(extra).get("extra", {}).get("automatic") is True
    return json.dumps({"extra": {"automatic": True}}) if automatic else ""


def _forget_threads(tx: Tx, theirs: Theirs, mark: Marker) -> None:
    """Conversations that were only theirs lose the platform's key; in others, the id of their first word is marked."""
    talks = {row.conversation for row in theirs.interactions}
    members = select(_I.c.conversation, func.count().label("number")).where(
        _I.c.ws == tx.ws, tx.sets.among(_I.c.conversation, "ids")
    )
    held = {row.conversation: row.number for row in tx.rows(members.group_by(_I.c.conversation), ids=talks)}
    mine: dict[int, int] = {}
    for row in theirs.interactions:
        mine[row.conversation] = mine.get(row.conversation, 0) + 1
    own = {key for key, number in mine.items() if held.get(key) == number}
    pids = {(row.conversation, row.pid): mark.item(row.channel, row.scope, row.pid) for row in theirs.interactions}
    changed: list[tuple[Any, ...]] = []
    for row in tx.rows(
        select(_T.c.id, _T.c.key, _T.c.first_pid).where(_T.c.ws == tx.ws, tx.sets.among(_T.c.id, "ids")), ids=talks
    ):
        first = pids.get((row.id, row.first_pid), "" if row.id in own else row.first_pid)
        changed.append((None if row.id in own else row.key, first, row.id))
    tx.update(_T, ("key", "first_pid"), changed)
    ghosts = tables.ghosts
    tx.run(delete(ghosts).where(ghosts.c.ws == tx.ws, tx.sets.among(ghosts.c.conversation, "ids")), ids=own)


def _forget_people(tx: Tx, theirs: Theirs, mark: Marker, now: int) -> None:
    marks = {row.id: mark.account(row.platform, row.account) for row in theirs.identities}
    older = select(_P.c.id, _P.c.account).where(_P.c.ws == tx.ws, tx.sets.among(_P.c.account, "marks"))
    tx.update(_P, ("account",), [(f"{row.account}-{row.id}", row.id) for row in tx.rows(older, marks=set(marks.values()))])
    columns = ("account", "name", "handle", "url", "avatar", "seen")
    tx.update(_P, columns, [(told, "forgotten", "", "", "", now, key) for key, told in marks.items()])
    handles, links = tables.handles, tables.assertions
    tx.run(delete(handles).where(handles.c.ws == tx.ws, tx.sets.among(handles.c.identity, "ids")), ids=theirs.people)
    touching = or_(tx.sets.among(links.c.a, "ids"), tx.sets.among(links.c.b, "ids"))
    rows = tx.rows(select(links.c.id).where(links.c.ws == tx.ws, touching), ids=theirs.people)
    tx.update(links, ("evidence",), [("", row.id) for row in rows])
    owners = {theirs.customer, *(row.origin for row in theirs.identities)}
    tx.update(tables.customers, ("name",), [("", key) for key in owners])


def _forget_remarks(tx: Tx, theirs: Theirs) -> None:
    """What we wrote about them: notes on their cases, and what we knew of them."""
    notes, profiles = tables.notes, tables.profiles
    tx.run(delete(notes).where(notes.c.ws == tx.ws, tx.sets.among(notes.c.case_id, "ids")), ids=theirs.cases)
    tx.run(delete(profiles).where(profiles.c.ws == tx.ws, tx.sets.among(profiles.c.identity, "ids")), ids=theirs.people)


def _close(tx: Tx, theirs: Theirs, playbook: Playbook, now: int, by: str) -> list[EventRow]:
    """Close what is open: nobody is left to answer."""
    table = tables.cases
    going = select(table.c.id).where(
        table.c.ws == tx.ws, tx.sets.among(table.c.id, "ids"), table.c.merged.is_(None), table.c.state != "closed"
    )
    events: list[EventRow] = []
    for row in tx.rows(going, ids=theirs.cases):
        events += cases.command(tx, row.id, "close", playbook, at=now, by=by)
    return events
