"""Places a batch's interactions: new ones, newer wordings, and what they change for those that came before.

Invariant: what the store holds after a set of deliveries does not depend on their order or on repetitions. Everything a
placed interaction needs is computed in memory from a bounded number of queries, and written with one statement per table.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from attrs import define, field
from sqlalchemy import select

from socialcrm.ingest._changes import Changes, Wording, extra_text
from socialcrm.ingest._clean import clean
from socialcrm.ingest._parties import parties
from socialcrm.ingest._stored import Stored, known_rows, rows_of_conversations
from socialcrm.ingest._threads import Node, Threads, node_of
from socialcrm.store import InteractionRow, Tx, interaction_values, tables
from socialcrm.types import Interaction, micros

__all__ = ["Author", "Placed", "Source", "finish", "place"]

Author = tuple[int, int]
"""The keys of an identity and of the customer behind it."""


@define(kw_only=True)
class Source:
    """Where a batch comes from.

    Args:
        channel: The channel's key.
        journal: The journal row that holds its elements.
        received: Our time, in microseconds UTC.
        ours: The account ids that are ours on this channel.
        restless: Conversations in which it has to be settled anew whose matter each interaction is.
    """

    channel: int
    journal: int | None
    received: int
    ours: frozenset[str]
    restless: frozenset[int] = frozenset()


@define(kw_only=True)
class Placed:
    """What a batch did: ``new`` rows wait for their case and are written by `finish`.

    Args:
        new: Interactions that were not there, in order of time.
        again: Customers whose history changed in the middle.
        changed: How many stored interactions got a newer wording, or were taken back.
    """

    new: list[InteractionRow] = field(factory=list)
    again: dict[int, int] = field(factory=dict)
    changed: int = 0


def place(
    tx: Tx,
    source: Source,
    found: Sequence[Interaction],
    positions: Sequence[int],
    authors: Mapping[str, Author],
    *,
    seen: Mapping[str, int] | None = None,
) -> Placed:
    """Find out what is new in a batch and where it belongs.

    Args:
        tx: The writing transaction.
        source: Where the batch comes from.
        found: Interactions.
        positions: The position of each one's element.
        authors: Their authors, by account id.
        seen: For replies of ours that just went out, by id: the time of the last interaction that the agent had seen.
    """
    placed = Placed()
    if not found and not source.restless:
        return placed
    wordings: dict[Node, list[Wording]] = {}
    firsts: dict[Node, int] = {}
    parents: set[Node] = set()
    pids: set[str] = set()
    keys: set[str] = set()
    for place, item in enumerate(found):
        scope = item.scope
        node = (scope, item.id) if scope else item.id
        first = firsts.setdefault(node, place)
        if first != place:
            told = wordings.setdefault(node, [_wording(found[first], positions[first])])
            told.append(_wording(item, positions[place]))
        pids.add(item.id)
        parent = item.parent
        if parent is not None:
            parents.add((scope, parent) if scope else parent)
            pids.add(parent)
        if item.references:
            parents.update([node_of(scope, other) for other in item.references])
            pids.update(item.references)
        if item.conversation:
            keys.add(item.conversation)
    known = known_rows(tx, source.channel, pids)
    changes = Changes(tx, source)
    nodes = parents | firsts.keys()
    threads = Threads(tx, source.channel)
    threads.load({node: row for node, row in known.items() if node in nodes}, nodes, keys)
    again = {
        node: (row, wordings.get(node) or [_wording(found[firsts[node]], positions[firsts[node]])])
        for node, row in known.items()
        if node in firsts
    }
    changes.revise(again)
    _follow_moves(again, threads, changes)
    fresh = {node: place for node, place in firsts.items() if node not in again} if again else firsts
    if fresh:
        changes.expect(fresh.keys())
    rows = _rows(tx, source, found, positions, list(fresh.values()), wordings, authors, threads, changes, seen or {})
    placed.new = list(rows.values())
    threads.settle()
    if threads.joined:
        for row in placed.new:
            row.conversation = threads.talk(row.conversation).id
    changes.finish(placed.new)
    placed.again.update(changes.again)
    placed.changed = changes.count
    _settle_parties(tx, placed, rows, known, threads, authors, changes.dirty | source.restless)
    threads.write(placed.new)
    return placed


def finish(tx: Tx, placed: Placed) -> None:
    """Write the new interactions, once their cases are known."""
    tx.insert(tables.interactions, placed.new, interaction_values)


def _wording(item: Interaction, pos: int) -> Wording:
    at = micros(item.at)
    return Wording(item, pos, at, at if item.edited_at is None else micros(item.edited_at))


def _rows(
    tx: Tx,
    source: Source,
    found: Sequence[Interaction],
    positions: Sequence[int],
    fresh: list[int],
    wordings: Mapping[Node, list[Wording]],
    authors: Mapping[str, Author],
    threads: Threads,
    changes: Changes,
    seen: Mapping[str, int],
) -> dict[Node, InteractionRow]:
    """Return the rows of what is new, in order of time."""
    rows: dict[Node, InteractionRow] = {}
    if not fresh:
        return rows
    key = tx.allocate(tables.interactions, len(fresh))
    ws, channel, received, journal, ours = tx.ws, source.channel, source.received, source.journal, source.ours
    if not _in_order([found[place].at for place in fresh]):
        fresh = sorted(fresh, key=lambda place: _time_of(found[place]))
    for place in fresh:
        item, pos, edited = found[place], positions[place], None
        at, scope = micros(item.at), item.scope
        node = (scope, item.id) if scope else item.id
        versions = wordings.get(node)
        if versions:
            newest = max(versions, key=_version_of)
            item, pos, edited = newest.item, newest.pos, newest.version
        elif item.edited_at is not None:
            edited = micros(item.edited_at)
        parent, account = item.parent, item.author.id
        above = None if parent is None else (scope, parent) if scope else parent
        others = [node_of(scope, other) for other in item.references] if item.references else ()
        talk = threads.place(node, item.conversation, above, others)
        author, customer = authors[account]
        direction = item.direction._value_ if item.direction is not None else "outbound" if account in ours else "inbound"
        subject = item.subject
        row = rows[node] = InteractionRow(
            ws, key, channel, item.id, scope, talk.id, parent, author, None, customer, None, item.kind._value_, direction,
            item.visibility._value_, item.moderation._value_, at, received, None if edited == at else edited, None,
            seen.get(item.id) if seen else None, clean(item.text), clean(subject) if subject else "",
            clean(item.url) if item.url else "", item.language, extra_text(item), journal, pos,
        )  # fmt: skip
        if versions:
            changes.outdated(row, versions)
        key += 1
    return rows


def _follow_moves(stored: Mapping[Node, tuple[Stored, list[Wording]]], threads: Threads, changes: Changes) -> None:
    """Let what stands in another conversation of the platform's now stand there; the latest wording tells."""
    for node, (row, versions) in stored.items():
        newest = versions[0] if len(versions) == 1 else max(enumerate(versions), key=lambda pair: (pair[1].version, pair[0]))[1]
        current = row.edited if row.edited is not None else row.at
        key = newest.item.conversation
        if key and newest.version >= current and threads.move(node, row.id, key):
            changes.count += 1
            if row.customer is not None:
                changes.again[row.customer] = row.customer


def _in_order(times: Sequence[datetime]) -> bool:
    """Tell whether what happened comes in order already, as it mostly does, no two at the same moment."""
    return all(map(operator.lt, times, islice(times, 1, None)))


def _time_of(item: Interaction) -> tuple[datetime, str, str]:
    return (item.at, item.scope, item.id)


def _version_of(wording: Wording) -> int:
    return wording.version


def _settle_parties(
    tx: Tx,
    placed: Placed,
    fresh: Mapping[Node, InteractionRow],
    known: Mapping[Node, Stored],
    threads: Threads,
    authors: Mapping[str, Author],
    dirty: set[int],
) -> None:
    """Decide whose matter each new interaction is, and again for conversations that changed in the middle."""
    again = {threads.talk(key).id if threads.holds(key) else key for key in threads.dirty | dirty}
    firsts = _firsts(placed.new)
    again |= _begun_earlier(threads, firsts)
    stored: dict[Node, Stored] = {}
    if again:
        stored = rows_of_conversations(tx, again)
        _firsts(stored.values(), firsts)
    beginners = _begin(tx, threads, firsts, {row.conversation for row in placed.new}, again)
    told = parties({**stored, **fresh} if stored else fresh, known, beginners.get)
    customers = dict(authors.values())
    for row in known.values():
        if row.party is not None and row.customer is not None:
            customers[row.party] = row.customer
    _learn_customers(tx, customers, {party for party in told.values() if party is not None})
    moved = []
    for row in stored.values():
        party = told[row.id]
        if party != row.party:
            customer = customers[party] if party is not None else None
            moved.append((party, customer, None, row.id))
            placed.again.update({one: one for one in (row.customer, customer) if one is not None and one not in placed.again})
    tx.update(tables.interactions, ("party", "customer", "case_id"), moved)
    for new in placed.new:
        new.party = party = told[new.id]
        new.customer = customers[party] if party is not None else None


First = tuple[int, str, int]
"""Who wrote first in a conversation: when, the platform's id, and the identity's key."""


def _firsts(rows: Iterable[Any], firsts: dict[int, First] | None = None) -> dict[int, First]:
    """Return what a customer wrote first in each conversation, by its key."""
    firsts = {} if firsts is None else firsts
    for row in rows:
        if row.direction == "inbound":
            held = firsts.get(row.conversation)
            if held is None or (row.at <= held[0] and (row.at, row.pid, row.author) < held):
                firsts[row.conversation] = (row.at, row.pid, row.author)
    return firsts


def _begun_earlier(threads: Threads, firsts: Mapping[int, First]) -> set[int]:
    """Return the stored conversations in which a new interaction came before the customer's first one."""
    found = set()
    for key, first in firsts.items():
        talk = threads.talk(key)
        if not talk.fresh and (talk.first_at is None or first[:2] < (talk.first_at, talk.first_pid)):
            found.add(talk.id)
    return found


def _begin(tx: Tx, threads: Threads, firsts: Mapping[int, First], touched: set[int], again: set[int]) -> dict[int, int | None]:
    """Say who wrote first in each conversation touched, and keep it where it changed."""
    beginners: dict[int, int | None] = {}
    changed = []
    for key in touched | again:
        talk = threads.talk(key) if key not in again or threads.holds(key) else None
        first = firsts.get(key)
        if talk is not None and not talk.fresh and key not in again:
            beginners[key] = talk.party
            continue
        at, pid, party = first if first is not None else (None, "", None)
        beginners[key] = party
        if talk is not None and talk.fresh:
            talk.first_at, talk.first_pid, talk.party = at, pid, party
        elif talk is None or (talk.first_at, talk.first_pid, talk.party) != (at, pid, party):
            changed.append((at, pid, party, key))
    tx.update(tables.conversations, ("first_at", "first_pid", "party"), changed)
    return beginners


def _learn_customers(tx: Tx, customers: dict[int, int], wanted: set[int]) -> None:
    missing = wanted - customers.keys()
    if missing:
        statement = select(tables.identities.c.id, tables.identities.c.customer).where(
            tables.identities.c.ws == tx.ws, tx.sets.among(tables.identities.c.id, "ids")
        )
        customers.update({row.id: row.customer for row in tx.rows(statement, ids=missing)})
