"""Full-text search over interactions.

SQLite: an FTS5 index that lags behind on purpose. ``workspaces.indexed`` is the watermark, kept in the same transaction as
what it says; rows above it are not indexed yet, and `find` catches up first. A row below it that changes is taken out with
its old text and put in with its new one. PostgreSQL keeps its GIN index by itself.

Both find the same: words are what stands between anything that is no letter or digit, and diacritics do not count. PostgreSQL's
own parser would keep ``mara@example.com``, ``+1-555-0101`` and ``https://…`` as words of their own, so that their parts are not
found; it is handed the text without marks and punctuation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from socialcrm.store._tx import Tx

__all__ = ["BEHIND", "DOCUMENT", "catch_up", "find", "reindex", "watermark"]

BEHIND = 5000
"""How many interactions the index may lag behind while writing."""

DOCUMENT = (
    "to_tsvector('simple', regexp_replace(normalize(regexp_replace(normalize(subject || ' ' || text, NFD),"
    r" '[\u0300-\u036f]+', '', 'g'), NFC), '[!-/:-@[-`{-~]+', ' ', 'g'))"
)
"""What PostgreSQL's index ``interactions_search`` holds; a query is only quick if it says exactly this."""

_SCOPE = "SELECT id, subject, text FROM interactions WHERE id > ? AND id <= ? AND (text != '' OR subject != '')"


def watermark(tx: Tx) -> int:
    """Return the id up to which the index reaches; meaningful on SQLite only."""
    return int(tx.connection.exec_driver_sql("SELECT min(indexed) FROM workspaces").scalar() or 0)


def catch_up(tx: Tx, *, behind: int = 0) -> None:
    """Index what was written since, if it is more than ``behind`` rows."""
    if tx.dialect != "sqlite":
        return
    done = watermark(tx)
    last = tx.connection.exec_driver_sql("SELECT max(id) FROM interactions").scalar() or 0
    if last - done > behind:
        tx.connection.exec_driver_sql(f"INSERT INTO search(rowid, subject, text) {_SCOPE}", (done, last))
        tx.connection.exec_driver_sql("UPDATE workspaces SET indexed = ?", (last,))


def reindex(tx: Tx, changes: Sequence[tuple[int, str, str, str, str]]) -> None:
    """Follow changed texts: (id, old subject, old text, new subject, new text). Call it in the transaction of the change."""
    if tx.dialect != "sqlite" or not changes:
        return
    done = watermark(tx)
    old = [(row[0], row[1], row[2]) for row in changes if row[0] <= done and (row[1] or row[2])]
    new = [(row[0], row[3], row[4]) for row in changes if row[0] <= done and (row[3] or row[4])]
    if old:
        tx.connection.exec_driver_sql("INSERT INTO search(search, rowid, subject, text) VALUES ('delete', ?, ?, ?)", old)
    if new:
        tx.connection.exec_driver_sql("INSERT INTO search(rowid, subject, text) VALUES (?, ?, ?)", new)


def find(tx: Tx, query: str, *, limit: int) -> list[int]:
    """Return the ids of the newest interactions that hold every word of the query, newest first.

    Args:
        tx: On SQLite a writing one if the index lags behind.
        query: Words; a phrase in double quotes; a word ending in ``*`` matches its beginning. Never an expression of the
            database's own: it is quoted word by word.
        limit: At most so many.
    """
    words = _words(query)
    if not words:
        return []
    if tx.dialect == "sqlite":
        sql = text(
            "SELECT i.id FROM search s JOIN interactions i ON i.id = s.rowid WHERE search MATCH :query AND i.ws = :ws"
            " AND i.deleted IS NULL ORDER BY s.rowid DESC LIMIT :limit"
        )
        expression = " ".join(f'"{word}"{"*" if prefix else ""}' for word, prefix in words)
    else:
        sql = text(
            f"SELECT id FROM interactions WHERE ws = :ws AND deleted IS NULL AND {DOCUMENT}"  # noqa: S608 - ours
            " @@ to_tsquery('simple', :query) ORDER BY id DESC LIMIT :limit"
        )
        expression = " & ".join(_lexemes(word, prefix) for word, prefix in words if _lexemes(word, prefix))
        if not expression:
            return []
    parameters: dict[str, Any] = {"query": expression, "ws": tx.ws, "limit": limit}
    return [int(row[0]) for row in tx.connection.execute(sql, parameters)]


def _words(query: str) -> list[tuple[str, bool]]:
    words: list[tuple[str, bool]] = []
    for index, part in enumerate(query.replace("\0", " ").split('"')):
        if index % 2:
            if any(char.isalnum() for char in part):
                words.append((part, False))
            continue
        for word in part.split():
            bare = word.rstrip("*")
            if any(char.isalnum() for char in bare):
                words.append((bare, word.endswith("*")))
    return words


def _lexemes(word: str, prefix: bool) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFD", word) if not "\u0300" <= char <= "\u036f")
    plain = unicodedata.normalize("NFC", bare)
    parts = "".join(char if char.isalnum() else " " for char in plain).split()
    return " <-> ".join(f"'{part}'" + (":*" if prefix and part is parts[-1] else "") for part in parts)
