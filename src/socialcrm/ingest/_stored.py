"""What the store holds of some interactions: as much as placing others beside them needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from attrs import define, fields
from sqlalchemy import Select, bindparam, select

from socialcrm.ingest._threads import Node, node_of
from socialcrm.store import Sets, Tx, tables

__all__ = ["Stored", "known_rows", "rows_of_conversations"]


@define(eq=False)
class Stored:
    """Some columns of a stored interaction; read often, and a database's row is slow to read by name."""

    id: int
    pid: str
    scope: str
    conversation: int
    parent: str | None
    author: int
    party: int | None
    customer: int | None
    direction: str
    visibility: str
    moderation: str
    at: int
    edited: int | None
    deleted: int | None

    @classmethod
    def of(cls, row: Iterable[Any]) -> Stored:
        """Return the record of a row read from the database."""
        return cls(*row)

    @property
    def node(self) -> Node:
        """What it is found by within its channel."""
        return node_of(self.scope, self.pid)


def known_rows(tx: Tx, channel: int, pids: set[str]) -> dict[Node, Stored]:
    """Return the stored interactions of a channel with these platform's ids, by their nodes."""
    found = [Stored.of(row) for row in tx.run(_by_pid(tx.sets), channel=channel, pids=pids)]
    return {row.node: row for row in found}


def rows_of_conversations(tx: Tx, conversations: Collection[int]) -> dict[Node, Stored]:
    """Return the stored interactions of these conversations, by their nodes."""
    found = [Stored.of(row) for row in tx.run(_by_conversation(tx.sets), conversations=conversations)]
    return {row.node: row for row in found}


_LIGHT = select(*(tables.interactions.c[one.name] for one in fields(Stored))).where(tables.interactions.c.ws == bindparam("ws"))


@cache
def _by_pid(sets: Sets) -> Select[Any]:
    table = tables.interactions
    return _LIGHT.where(table.c.channel == bindparam("channel"), sets.among(table.c.pid, "pids"))


@cache
def _by_conversation(sets: Sets) -> Select[Any]:
    return _LIGHT.where(sets.among(tables.interactions.c.conversation, "conversations"))
