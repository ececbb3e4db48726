"""Places a batch's interactions: new ones, newer wordings, and what they change for those that came before.

Invariant: what the store holds after a set of deliveries does not depend on their order or on repetitions. Everything a
placed interaction needs is computed in memory from a bounded number of queries, and written with one statement per table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field
from sqlalchemy import Row, select

from socialcrm.ingest._changes import Changes, Wording, extra_text
from socialcrm.ingest._clean import clean
from socialcrm.ingest._parties import parties
from socialcrm.ingest._threads import Node, Threads
from socialcrm.store import InteractionRow, Tx, interaction_values, tables
from socialcrm.types import Interaction, micros

__all__ = ["Author", "Placed", "Source", "finish", "known_rows", "place"]

_LIGHT = select(
    *(
        tables.interactions.c[name]
        for name in (
            "id", "pid", "scope", "conversation", "parent", "author", "party", "customer", "direction", "visibility",
            "moderation", "at", "edited", "deleted",
        )
    )
)  # fmt: skip

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
    found: Sequence[tuple[Interaction, int]],
    authors: Mapping[str, Author],
    *,
    seen: Mapping[str, int] | None = None,
) -> Placed:
    """Find out what is new in a batch and where it belongs.

    Args:
        tx: The writing transaction.
        source: Where the batch comes from.
        found: Interactions with the position of their element.
        authors: Their authors, by account id.
        seen: For replies of ours that just went out, by id: the time of the last interaction that the agent had seen.
    """
    placed = Placed()
    if not found and not source.restless:
        return placed
    wordings: dict[Node, list[Wording]] = {}
    nodes: set[Node] = set()
    keys: set[str] = set()
    for item, pos in found:
        at = micros(item.at)
        scope = item.scope
        node = (scope, item.id)
        wording = Wording(item, pos, at, at if item.edited_at is None else micros(item.edited_at))
        if node in wordings:
            wordings[node].append(wording)
        else:
            wordings[node] = [wording]
            nodes.add(node)
        if item.parent is not None:
            nodes.add((scope, item.parent))
        if item.references:
            nodes.update([(scope, other) for other in item.references])
        if item.conversation:
            keys.add(item.conversation)
    known = known_rows(tx, source.channel, {pid for _, pid in nodes})
    changes = Changes(tx, source)
    fresh = [versions for node, versions in wordings.items() if node not in known]
    threads = Threads(tx, source.channel)
    threads.load({node: row for node, row in known.items() if node in nodes}, nodes, keys)
    stored = {node: (known[node], versions) for node, versions in wordings.items() if node in known}
    changes.revise(stored)
    _follow_moves(stored, threads, changes)
    placed.new = _rows(tx, source, fresh, authors, threads, changes, seen or {})
    threads.settle()
    for row in placed.new:
        row.conversation = threads.talk(row.conversation).id
    changes.finish(placed.new)
    placed.again.update(changes.again)
    placed.changed = changes.count
    _settle_parties(tx, placed, known, threads, authors, changes.dirty | source.restless)
    threads.write(placed.new)
    return placed


def finish(tx: Tx, placed: Placed) -> None:
    """Write the new interactions, once their cases are known."""
    tx.insert(tables.interactions, [interaction_values(row) for row in placed.new])


def known_rows(tx: Tx, channel: int, pids: set[str]) -> dict[Node, Row[Any]]:
    """Return the stored interactions of a channel with these platform's ids, by (scope, id)."""
    statement = _LIGHT.where(
        tables.interactions.c.ws == tx.ws,
        tables.interactions.c.channel == channel,
        tx.sets.among(tables.interactions.c.pid, "pids"),
    )
    return {(row.scope, row.pid): row for row in tx.run(statement, pids=pids)}


def _rows(
    tx: Tx,
    source: Source,
    fresh: list[list[Wording]],
    authors: Mapping[str, Author],
    threads: Threads,
    changes: Changes,
    seen: Mapping[str, int],
) -> list[InteractionRow]:
    if not fresh:
        return []
    order = sorted([(one[0].at, one[0].item.scope, one[0].item.id, one) for one in fresh], key=_first3)
    key = tx.allocate(tables.interactions, len(order))
    changes.expect({(scope, pid) for _, scope, pid, _ in order})
    rows = []
    ws, channel, received = tx.ws, source.channel, source.received
    for at, scope, pid, versions in order:
        newest = versions[-1] if len(versions) == 1 else max(versions, key=lambda wording: wording.version)
        item = newest.item
        parent = item.parent
        others = [] if parent is None else [(scope, parent)]
        if item.references:
            others += [(scope, other) for other in item.references]
        talk = threads.place((scope, pid), item.conversation, others)
        author, customer = authors[item.author.id]
        if item.direction is not None:
            direction = item.direction._value_
        else:
            direction = "outbound" if item.author.id in source.ours else "inbound"
        text, subject = item.text, item.subject
        row = InteractionRow(
            ws, key, channel, pid, scope, talk.id, parent, author, None, customer, None, item.kind._value_, direction,
            item.visibility._value_, item.moderation._value_, at, received,
            None if newest.version == at else newest.version, None, seen.get(pid) if seen else None,
            clean(text), clean(subject) if subject else "", clean(item.url) if item.url else "",
            item.language, extra_text(item), source.journal, newest.pos,
        )  # fmt: skip
        if len(versions) > 1:
            changes.outdated(row, versions)
        rows.append(row)
        key += 1
    return rows


def _follow_moves(stored: Mapping[Node, tuple[Row[Any], list[Wording]]], threads: Threads, changes: Changes) -> None:
    """Let what stands in another conversation of the platform's now stand there; the latest wording tells."""
    for node, (row, versions) in stored.items():
        newest = versions[0] if len(versions) == 1 else max(enumerate(versions), key=lambda pair: (pair[1].version, pair[0]))[1]
        current = row.edited if row.edited is not None else row.at
        key = newest.item.conversation
        if key and newest.version >= current and threads.move(node, row.id, key):
            changes.count += 1
            if row.customer is not None:
                changes.again[row.customer] = row.customer


def _first3(entry: tuple[int, str, str, list[Wording]]) -> tuple[int, str, str]:
    return entry[:3]


def _settle_parties(
    tx: Tx,
    placed: Placed,
    known: Mapping[Node, Row[Any]],
    threads: Threads,
    authors: Mapping[str, Author],
    dirty: set[int],
) -> None:
    """Decide whose matter each new interaction is, and again for conversations that changed in the middle."""
    again = {threads.talk(key).id if threads.holds(key) else key for key in threads.dirty | dirty}
    fresh: dict[Node, Any] = {(row.scope, row.pid): row for row in placed.new}
    again |= _begun_earlier(threads, placed.new)
    stored: dict[Node, Row[Any]] = {}
    if again:
        statement = _LIGHT.where(tables.interactions.c.ws == tx.ws, tx.sets.among(tables.interactions.c.conversation, "ids"))
        stored = {(row.scope, row.pid): row for row in tx.rows(statement, ids=again)}
    beginners = _begin(tx, threads, placed.new, stored, again)
    told = parties({**stored, **fresh}, known, beginners.get)
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
        new.party = told[new.id]
        new.customer = customers[new.party] if new.party is not None else None


def _begun_earlier(threads: Threads, rows: Sequence[InteractionRow]) -> set[int]:
    """Return the stored conversations in which a new interaction came before the customer's first one."""
    found = set()
    for row in rows:
        talk = threads.talk(row.conversation)
        first = (row.at, row.pid)
        if row.direction == "inbound" and not talk.fresh and (talk.first_at is None or first < (talk.first_at, talk.first_pid)):
            found.add(talk.id)
    return found


def _begin(
    tx: Tx, threads: Threads, rows: Sequence[InteractionRow], stored: Mapping[Node, Row[Any]], again: set[int]
) -> dict[int, int | None]:
    """Say who wrote first in each conversation touched, and keep it where it changed."""
    firsts: dict[int, tuple[int, str, int]] = {}
    row: Any
    for row in [*stored.values(), *rows]:
        if row.direction == "inbound":
            entry = (row.at, row.pid, row.author)
            if row.conversation not in firsts or entry < firsts[row.conversation]:
                firsts[row.conversation] = entry
    beginners: dict[int, int | None] = {}
    changed = []
    for key in {row.conversation for row in rows} | again:
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
