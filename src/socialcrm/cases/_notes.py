"""What agents write to each other about a case. The event log says that somebody did, and holds no text."""

from __future__ import annotations

import re
from datetime import datetime

from attrs import frozen
from sqlalchemy import select

from socialcrm.store import Tx, tables
from socialcrm.types import from_micros

__all__ = ["Note", "add_note", "notes_of"]

_MENTION = re.compile(r"(?<![\w@.])@(\w[\w.-]*\w|\w)")


@frozen(kw_only=True)
class Note:
    """What an agent wrote about a case, for agents.

    Args:
        by: Who.
        at: When.
        text: What.
        mentions: Which agents it names with an ``@``.
    """

    by: str
    at: datetime
    text: str
    mentions: tuple[str, ...] = ()


def add_note(tx: Tx, case: int, text: str, *, by: str, at: int) -> int:
    """Keep a note; returns its number."""
    key = tx.allocate(tables.notes)
    mentions = ",".join(dict.fromkeys(_MENTION.findall(text)))
    tx.insert(tables.notes, [(tx.ws, key, case, at, by, text, mentions)])
    return key


def notes_of(tx: Tx, case: int) -> list[Note]:
    """Return a case's notes, oldest first."""
    table = tables.notes
    rows = tx.rows(select(table).where(table.c.ws == tx.ws, table.c.case_id == case).order_by(table.c.id))
    return [
        Note(by=row.author, at=from_micros(row.at), text=row.text, mentions=tuple(filter(None, row.mentions.split(","))))
        for row in rows
    ]
