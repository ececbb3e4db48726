"""Erases a customer's elements from the journal, also those that nothing points to any more.

An interaction points to its newest delivery only. Earlier wordings, repeated deliveries and edits lie in other blobs, so every
blob of the channels concerned is read: what an element is about is asked of the connector's own parser, and of an element that
can't be parsed whether it holds a word that gives the customer away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Row, select

from socialcrm.connectors import Raw
from socialcrm.ingest import unpack
from socialcrm.ingest._journal import pack
from socialcrm.privacy._marks import ERASED
from socialcrm.privacy._theirs import Theirs
from socialcrm.store import Tx, tables
from socialcrm.types import Interaction, Item

__all__ = ["Parse", "erase"]

Parse: TypeAlias = Callable[[Raw], Iterable[Item]]


def erase(tx: Tx, theirs: Theirs, parsers: Mapping[int, Parse], now: int) -> int:
    """Rewrite the journal without a customer's elements; the others keep their positions.

    Args:
        tx: A writing transaction.
        theirs: Whose.
        parsers: By channel: its connector's ``parse``. Where one is missing, elements are searched for telling words.
        now: Our time, in microseconds UTC.

    Returns:
        How many elements were erased.
    """
    known = {(row.journal, row.pos) for row in theirs.interactions if row.journal is not None}
    accounts = {row.account for row in theirs.identities}
    nodes, needles = theirs.nodes, theirs.needles
    gone: list[tuple[int, int]] = []
    for row in _blobs(tx, theirs.channels):
        parse = parsers.get(row.channel)
        elements = unpack(row.blob)
        places = [
            pos
            for pos, raw in enumerate(elements)
            if raw.kind != ERASED.kind
            and ((row.id, pos) in known or _concerns(raw, parse, row.channel, accounts, nodes, needles))
        ]
        if places:
            for pos in places:
                elements[pos] = ERASED
            tx.update(tables.journal, ("blob",), [(pack(elements), row.id)])
            gone += [(row.id, pos) for pos in places]
    _solve(tx, gone, now)
    return len(gone)


def _blobs(tx: Tx, channels: set[int]) -> Iterator[Row[Any]]:
    """Yield the blobs of channels one by one: each is read on its own, so that none is held while it is rewritten."""
    table = tables.journal
    keys = select(table.c.id).where(table.c.ws == tx.ws, tx.sets.among(table.c.channel, "channels")).order_by(table.c.id)
    for (key,) in tx.rows(keys, channels=channels):
        row = tx.row(select(table.c.id, table.c.channel, table.c.blob).where(table.c.ws == tx.ws, table.c.id == key))
        if row is not None:
            yield row


def _concerns(
    raw: Raw, parse: Parse | None, channel: int, accounts: set[str], nodes: set[tuple[int, str, str]], needles: tuple[str, ...]
) -> bool:
    if parse is None:
        return _tells(raw, needles)
    try:
        items = list(parse(raw))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, what can't be parsed is searched instead
        return _tells(raw, needles)
    return any(
        (channel, item.scope, item.id) in nodes or (isinstance(item, Interaction) and item.author.id in accounts)
        for item in items
    )


def _tells(raw: Raw, needles: tuple[str, ...]) -> bool:
    body = raw.body.decode("utf-8", "replace") if isinstance(raw.body, bytes) else raw.body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    text = f"{text} {json.dumps(dict(raw.context), ensure_ascii=False)}".casefold()
    return any(needle in text for needle in needles)


def _solve(tx: Tx, gone: list[tuple[int, int]], now: int) -> None:
    """Take erased elements out of quarantine, with what the error quoted of them."""
    table = tables.quarantine
    places = set(gone)
    statement = select(table.c.id, table.c.journal, table.c.pos, table.c.solved).where(
        table.c.ws == tx.ws, tx.sets.among(table.c.journal, "journals")
    )
    rows = tx.rows(statement, journals={journal for journal, _ in gone})
    solved = [("erased", now if row.solved is None else row.solved, row.id) for row in rows if (row.journal, row.pos) in places]
    tx.update(table, ("error", "solved"), solved)
