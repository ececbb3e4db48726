"""One batch, from its items to rows: the room's one verb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import define, evolve, field

from socialcrm.ingest._changes import Changes
from socialcrm.ingest._others import Told, count_off, record_deliveries, record_holes
from socialcrm.ingest._place import Author, Placed, Source, place
from socialcrm.ingest._read import Reading, Unreadable
from socialcrm.ingest._stored import known_rows
from socialcrm.ingest._threads import node_of
from socialcrm.store import Tx, tables
from socialcrm.types import Census, Deletion, Delivery, Edit, Handle, Hole, Identity, Interaction, Item, micros

__all__ = ["Outcome", "authors_of", "ingest", "quarantine"]


@define(kw_only=True)
class Outcome:
    """What a batch did besides its placed interactions.

    Args:
        placed: The interactions; `finish` writes the new ones.
        told: What the platform says of messages that are parts of our replies.
        doubts: Censuses that were not believed.
    """

    placed: Placed
    told: list[Told] = field(factory=list)
    doubts: list[Hole] = field(factory=list)


def authors_of(items: Iterable[Item]) -> dict[str, tuple[Identity, int]]:
    """Return each author's newest profile in a batch, with its time in microseconds UTC, by account id.

    Handles are facts of their own: those of every profile count.
    """
    newest: dict[str, Interaction] = {}
    handles: dict[str, set[Handle]] = {}
    for item in items:
        if not isinstance(item, Interaction):
            continue
        author = item.author
        if author.handles:
            handles.setdefault(author.id, set()).update(author.handles)
        held = newest.get(author.id)
        if held is None or (item.edited_at or item.at) >= (held.edited_at or held.at):
            newest[author.id] = item
    profiles = {account: (item.author, micros(item.edited_at or item.at)) for account, item in newest.items()}
    for account, known in handles.items():
        author, at = profiles[account]
        if len(known) != len(author.handles):
            told = sorted(known, key=lambda handle: (handle.kind, handle.value, handle.verified))
            profiles[account] = (evolve(author, handles=tuple(told)), at)
    return profiles


def ingest(tx: Tx, source: Source, stream: str, reading: Reading, authors: Mapping[str, Author]) -> Outcome:
    """Store what a batch means, in a bounded number of statements.

    Args:
        tx: The writing transaction.
        source: Where the batch comes from.
        stream: Its stream, for holes.
        reading: What was parsed.
        authors: Their authors' keys, by account id.
    """
    found = [item for item in reading.items if isinstance(item, Interaction)]
    positions: Sequence[int] = reading.positions
    rest: dict[type[Item], list[Item]] = {}
    if len(found) < len(reading.items):
        positions = [pos for item, pos in zip(reading.items, positions, strict=True) if isinstance(item, Interaction)]
        for item in reading.items:
            if not isinstance(item, Interaction):
                rest.setdefault(type(item), []).append(item)
    changes = Changes(tx, source)
    told, doubts = _others(tx, source, stream, rest, changes) if rest else ([], [])
    placed = place(tx, source, found, positions, authors)
    placed.again = {**changes.again, **placed.again}
    placed.changed += changes.count
    return Outcome(placed=placed, told=told, doubts=doubts)


def _others(
    tx: Tx, source: Source, stream: str, rest: Mapping[type[Item], list[Item]], changes: Changes
) -> tuple[list[Told], list[Hole]]:
    """Apply what is not an interaction first: what its interaction is still to come for waits, in this batch or another."""
    edits = [item for item in rest.get(Edit, ()) if isinstance(item, Edit)]
    deletions = [item for item in rest.get(Deletion, ()) if isinstance(item, Deletion)]
    deliveries = [item for item in rest.get(Delivery, ()) if isinstance(item, Delivery)]
    holes = [item for item in rest.get(Hole, ()) if isinstance(item, Hole)]
    censuses = [item for item in rest.get(Census, ()) if isinstance(item, Census)]
    told: list[Told] = []
    meant = {item.id for item in (*edits, *deletions, *deliveries)}
    if meant:
        known = known_rows(tx, source.channel, meant)
        edited = {node_of(item.scope, item.id) for item in edits}
        changes.edits(edits, {node: row for node, row in known.items() if node in edited})
        changes.deletions(deletions, known)
        told = record_deliveries(tx, source.channel, deliveries, known)
    doubts = count_off(tx, source.channel, censuses, changes, source.received)
    record_holes(tx, source.channel, stream, [*holes, *doubts])
    return told, doubts


def quarantine(tx: Tx, channel: int, journal: int | None, unreadable: Iterable[Unreadable], now: int) -> None:
    """Set elements aside that could not be parsed, so that they can be parsed again."""
    rows = [
        (tx.ws, tx.allocate(tables.quarantine), channel, journal, one.pos, one.kind, one.reason, now, None)
        for one in unreadable
    ]
    tx.insert(tables.quarantine, rows)
