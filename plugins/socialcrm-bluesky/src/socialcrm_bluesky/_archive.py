"""Reading a repository export: a CAR file with everything an account has published (specs "Repository", "CAR File Format").

A CAR file is a header and blocks, each with its content's hash (CID). One block is the commit; it names the root of a search
tree, whose nodes name the records by key. Blocks stand in any order, so their places are noted first, then they are read as
they are needed: never the whole file at once. Every block read is checked against its hash. The account's signature is not
checked: that would need its current key from the network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

import libipld

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_bluesky._fields import mapping, rows, text_of
from socialcrm_bluesky._ids import is_did

__all__ = ["load"]

_BLOCK = 8 * 1024 * 1024
"""The most bytes of one block; records hold at most a million."""

_DEPTH = 64
"""The most levels of the tree; with four children a node, real ones have fewer than 20."""

_EXPECTED = "expected the export of a Bluesky account, a CAR file as 'Export my data' gives it"
_CID = 36
"""Bytes of a CID with SHA-256: version, codec, kind of hash, its length, 32 of hash (spec "Data Model", link)."""

_SHA256 = b"\x12\x20"
_POST = "app.bsky.feed.post"
_PROFILE = "app.bsky.actor.profile/self"


def load(path: Path) -> Iterator[Batch]:
    """Read an export in batches, the account it belongs to first; its posts only, the rest is no conversation.

    Raises:
        PayloadError: It is no such export, or it is damaged.
    """
    try:
        with path.open("rb") as file:
            yield from _batches(_Car(file, path.name), path.name)
    except OSError as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); {_EXPECTED}") from None


def _batches(car: _Car, name: str) -> Iterator[Batch]:
    commit = mapping(car.block(car.root))
    did, tree = text_of(commit, "did"), commit.get("data")
    if not is_did(did) or not isinstance(tree, bytes):
        raise PayloadError(f"{name} holds no repository of an account; {_EXPECTED}")
    profile = mapping(next((car.block(cid) for key, cid in car.keys(tree) if key == _PROFILE), {}))
    shown = text_of(profile, "displayName")
    yield Batch([Raw(kind="account", body={"did": did, "displayName": shown})])
    posts = (_record(did, shown, key, cid, car.block(cid)) for key, cid in car.keys(tree) if key.startswith(f"{_POST}/"))
    while chunk := list(islice(posts, 500)):
        yield Batch(chunk)


def _record(did: str, name: str, key: str, cid: bytes, value: Any) -> Raw:
    try:
        written = _json(value)
    except RecursionError:
        written = None
    return Raw(kind="record", body={"uri": f"at://{did}/{key}", "cid": _cid(cid), "name": name, "value": written})


class _Car:
    """An open CAR file: its root, and its blocks by CID."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._places: dict[bytes, tuple[int, int]] = {}
        header = mapping(self._decoded(self._section(self._length())))
        roots = rows(header.get("roots"))
        if header.get("version") != 1 or not roots or not isinstance(roots[0], bytes):
            raise PayloadError(f"{name} has no header of a CAR file, version 1; {_EXPECTED}")
        self.root: bytes = roots[0]
        while (size := self._length()) is not None:
            place = file.tell()
            self._places[self._section(min(size, _CID))] = (place, size)
            file.seek(place + size)

    def block(self, cid: bytes) -> Any:
        """Return a block's content.

        Raises:
            PayloadError: It is not there, or not what its hash says.
        """
        if cid not in self._places:
            raise PayloadError(f"{self._name} lacks a block that it names; export it again")
        place, size = self._places[cid]
        self._file.seek(place)
        content = self._section(size)[_CID:]
        if cid[2:4] != _SHA256 or hashlib.sha256(content).digest() != cid[4:]:
            raise PayloadError(f"{self._name} is damaged: a block is not what its hash says; export it again")
        return self._decoded(content)

    def keys(self, tree: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the records' keys and CIDs below a node, in order (spec "Repository", MST structure)."""
        return self._below(tree, set(), 0)

    def _below(self, tree: bytes, walked: set[bytes], depth: int) -> Iterator[tuple[str, bytes]]:
        # A node that stands in two places would let a small file spell out a tree without end.
        if depth > _DEPTH or tree in walked:
            raise PayloadError(f"{self._name} is damaged: its index is no tree of at most {_DEPTH} levels; export it again")
        walked.add(tree)
        node = mapping(self.block(tree))
        if isinstance(node.get("l"), bytes):
            yield from self._below(node["l"], walked, depth + 1)
        key = b""
        for entry in map(mapping, rows(node.get("e"))):
            shared, rest, value = entry.get("p"), entry.get("k"), entry.get("v")
            if not isinstance(shared, int) or not isinstance(rest, bytes) or not isinstance(value, bytes):
                raise PayloadError(f"{self._name} is damaged: a node of its tree can't be read; export it again")
            key = key[:shared] + rest
            yield key.decode("ascii", "replace"), value
            if isinstance(entry.get("t"), bytes):
                yield from self._below(entry["t"], walked, depth + 1)

    def _length(self) -> int | None:
        """Read an unsigned LEB128 number; ``None`` at the end of the file."""
        number = shift = 0
        while byte := self._file.read(1):
            number |= (byte[0] & 127) << shift
            shift += 7
            if not byte[0] & 128:
                if number > _BLOCK:
                    break
                return number
            if shift > 35:
                break
        if not byte and not shift:
            return None
        raise PayloadError(f"{self._name} is cut off, or no CAR file; {_EXPECTED}")

    def _section(self, size: int | None) -> bytes:
        content = self._file.read(size) if size else b""
        if not size or len(content) < size:
            raise PayloadError(f"{self._name} is cut off, or no CAR file; {_EXPECTED}")
        return content

    def _decoded(self, content: bytes) -> Any:
        try:
            return libipld.decode_dag_cbor(content)
        except (ValueError, RecursionError):
            raise PayloadError(f"{self._name} holds a block that is no DAG-CBOR; {_EXPECTED}") from None


def _cid(cid: bytes) -> str:
    """A CID as text: multibase, base32 in lower case."""
    return "b" + base64.b32encode(cid).decode().rstrip("=").lower()


def _json(value: Any) -> Any:
    """A record as the API writes it (spec "Data Model", JSON representation): links and bytes as objects."""
    if isinstance(value, bytes):
        is_link = len(value) == _CID and value[:1] == b"\x01" and value[2:4] == _SHA256
        return {"$link": _cid(value)} if is_link else {"$bytes": base64.b64encode(value).decode().rstrip("=")}
    if isinstance(value, Mapping):
        return {name: _json(inner) for name, inner in value.items()}
    return [_json(inner) for inner in value] if isinstance(value, list) else value
