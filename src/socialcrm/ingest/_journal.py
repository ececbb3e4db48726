"""The journal: what arrived, as it arrived, one compressed blob for each batch.

Lossless for JSON values, text and bytes. An element is found again by its batch's key and its position.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from socialcrm.connectors import Raw
from socialcrm.errors import NotFound
from socialcrm.store import Tx, tables

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["append", "pack", "read", "unpack"]

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def pack(raws: Sequence[Raw]) -> bytes:
    """Return the elements as one compressed blob.

    Raises:
        TypeError: A body is neither a JSON value nor text nor bytes: the connector breaks the contract.
    """
    return zstd.compress(_encode([_plain(raw) for raw in raws]).encode(), level=1)


def unpack(blob: bytes) -> list[Raw]:
    """Return the elements of a blob, equal to those that `pack` was given."""
    return [
        Raw(kind, base64.b64decode(body) if rest[1:] else body, *rest[:1])
        for kind, body, *rest in json.loads(zstd.decompress(blob))
    ]


def _plain(raw: Raw) -> tuple[Any, ...]:
    """Return kind and body; where there is one, the context; and a 1 where the body was bytes."""
    if isinstance(raw.body, bytes):
        return (raw.kind, base64.b64encode(raw.body).decode(), dict(raw.context), 1)
    return (raw.kind, raw.body, dict(raw.context)) if raw.context else (raw.kind, raw.body)


def append(tx: Tx, channel: int, stream: str, raws: Sequence[Raw], now: int) -> int | None:
    """Write a batch's elements to the journal.

    Returns:
        The key of the journal's row; ``None`` where there was nothing to write.
    """
    if not raws:
        return None
    key = tx.allocate(tables.journal)
    tx.insert(tables.journal, [(tx.ws, key, channel, stream, now, len(raws), pack(raws))])
    return key


def read(tx: Tx, key: int, pos: int) -> Raw:
    """Return one element as the platform sent it.

    Raises:
        NotFound: The journal no longer holds it.
    """
    statement = select(tables.journal.c.blob).where(tables.journal.c.ws == tx.ws, tables.journal.c.id == key)
    blob = tx.value(statement)
    if blob is None:
        raise NotFound(f"the journal no longer holds batch {key}")
    return unpack(blob)[pos]
