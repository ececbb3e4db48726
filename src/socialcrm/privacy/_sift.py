"""Keeps out what was forgotten, when a platform delivers it again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from socialcrm.connectors import Raw
from socialcrm.ingest import Reading
from socialcrm.privacy._marks import ERASED, marker
from socialcrm.store import Tx, tables
from socialcrm.types import Interaction, micros

__all__ = ["sift"]


def sift(tx: Tx, channel: int, platform: str, raws: Sequence[Raw], reading: Reading) -> Sequence[Raw]:
    """Take out of a batch what was forgotten, before it is journaled: at most three statements, one while nobody was.

    Args:
        tx: A writing transaction.
        channel: The channel's key.
        platform: The channel's platform.
        raws: The batch's elements.
        reading: What they say; forgotten items are taken out of it.

    Returns:
        The elements to journal, each in its place; forgotten ones are empty.
    """
    mark = marker(tx)
    if mark is None or not reading.items:
        return raws
    items = {mark.item(channel, item.scope, item.id) for item in reading.items}
    known = tables.interactions
    statement = select(known.c.pid).where(known.c.ws == tx.ws, known.c.channel == channel, tx.sets.among(known.c.pid, "pids"))
    gone = {row.pid for row in tx.rows(statement, pids=items)}
    people = tables.identities
    accounts = {mark.account(platform, item.author.id) for item in reading.items if isinstance(item, Interaction)}
    asked = select(people.c.account, people.c.seen).where(
        people.c.ws == tx.ws, people.c.platform == platform, tx.sets.among(people.c.account, "accounts")
    )
    since = {row.account: row.seen for row in tx.rows(asked, accounts=accounts)}
    kept, positions, empty = [], [], set()
    for item, pos in zip(reading.items, reading.positions, strict=True):
        forgotten = mark.item(channel, item.scope, item.id) in gone
        if isinstance(item, Interaction) and not forgotten:
            forgotten = micros(item.at) <= since.get(mark.account(platform, item.author.id), -(1 << 62))
        if forgotten:
            empty.add(pos)
        else:
            kept.append(item)
            positions.append(pos)
    reading.items, reading.positions = kept, positions
    return [ERASED if pos in empty else raw for pos, raw in enumerate(raws)] if empty else raws
