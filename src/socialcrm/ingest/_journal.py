"""The journal: what arrived, as it arrived, one compressed blob for each batch.

Lossless for JSON values, text and bytes. An element is found again by its batch's key and its position.
"""

from __future__ import annotations

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

_JSON, _TEXT, _BYTES = range(3)
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def pack(raws: Sequence[Raw]) -> bytes:
    """Return the elements as one compressed blob.

    A line of JSON says what they are, for each run of elements of one sort: their kind, how their bodies are held, these bodies
    or how long they are, and their context, if they have one. Texts and bytes follow as they were.

    Raises:
        TypeError: A body is neither a JSON value nor text nor bytes: the connector breaks the contract.
    """
    runs: list[tuple[Any, ...]] = []
    plain: list[bytes] = []
    told: list[Any] = []
    sort: tuple[str, int] | None = None
    for raw in raws:
        body, how = raw.body, _JSON
        if isinstance(body, str):
            body, how = body.encode("utf-8", "surrogatepass"), _TEXT
        elif isinstance(body, bytes):
            how = _BYTES
        if how != _JSON:
            plain.append(body)
            body = len(body)
        if raw.context:
            runs.append((raw.kind, how, [body], dict(raw.context)))
            sort = None
        elif sort == (raw.kind, how):
            told.append(body)
        else:
            sort, told = (raw.kind, how), [body]
            runs.append((*sort, told))
    return zstd.compress(b"".join((_encode(runs).encode(), b"\n", *plain)), level=1)


def unpack(blob: bytes) -> list[Raw]:
    """Return the elements of a blob, equal to those that `pack` was given."""
    runs, _, plain = zstd.decompress(blob).partition(b"\n")
    raws: list[Raw] = []
    end = 0
    for kind, how, bodies, *context in json.loads(runs):
        for body in bodies:
            if how != _JSON:
                start, end = end, end + body
                told = plain[start:end]
                body = told if how == _BYTES else told.decode("utf-8", "surrogatepass")
            raws.append(Raw(kind, body, *context))
    return raws


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
