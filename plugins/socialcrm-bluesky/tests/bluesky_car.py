"""Writes repository exports of invented records: the smallest maker of CAR files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import libipld

__all__ = ["Car", "write_export"]

DID = "did:plc:acmeacmeacmeacmeacmeacme"


class Link:
    """A place for a CID in a block; libipld writes none by itself."""

    def __init__(self, cid: bytes) -> None:
        self.cid = cid


def _length(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _encode(value: Any) -> bytes:
    """DAG-CBOR with links (tag 42 before a byte string that begins with 0)."""
    if isinstance(value, Link):
        return b"\xd8\x2a\x58\x25\x00" + value.cid
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: (len(name), name))
        return bytes([0xA0 | len(value)]) + b"".join(libipld.encode_dag_cbor(name) + _encode(value[name]) for name in names)
    if isinstance(value, list):
        assert len(value) < 24
        return bytes([0x80 | len(value)]) + b"".join(map(_encode, value))
    return libipld.encode_dag_cbor(value)


class Car:
    """A CAR file in the making."""

    def __init__(self) -> None:
        self.blocks: list[tuple[bytes, bytes]] = []

    def add(self, value: Any) -> Link:
        content = _encode(value)
        cid = b"\x01\x71\x12\x20" + hashlib.sha256(content).digest()
        self.blocks.append((cid, content))
        return Link(cid)

    def save(self, path: Path, root: Link) -> Path:
        sections = [_encode({"version": 1, "roots": [root]}), *(cid + content for cid, content in self.blocks)]
        path.write_bytes(b"".join(_length(len(section)) + section for section in sections))
        return path


def entry(above: bytes, key: bytes, value: Link, right: Link | None = None) -> dict[str, Any]:
    shared = next((n for n, (a, b) in enumerate(zip(above, key, strict=False)) if a != b), min(len(above), len(key)))
    return {"p": shared, "k": key[shared:], "v": value, "t": right}


def write_export(folder: Path, texts: list[str], *, commit: dict[str, Any] | None = None, spoil: bool = False) -> Path:
    """Write an export with a profile, a like and posts; the posts hang in a node of their own."""
    car = Car()
    profile = car.add({"$type": "app.bsky.actor.profile", "displayName": "Acme"})
    like = car.add({"$type": "app.bsky.feed.like", "createdAt": "2026-10-05T12:00:00.000Z"})
    below, above = [], b""
    for number, text in enumerate(texts):
        key = f"app.bsky.feed.post/3k{'abcdefghij'[number]}2222222222".encode()
        post = {"$type": "app.bsky.feed.post", "text": text, "createdAt": f"2026-10-05T12:00:{number:02}.000Z"}
        image = {"alt": "a picture", "image": {"$type": "blob", "ref": like, "mimeType": "image/png", "size": 9}}
        post |= {"embed": {"$type": "app.bsky.embed.images", "images": [image]}}
        below.append(entry(above, key, car.add(post)))
        above = key
    right = car.add({"l": None, "e": below})
    first, second = b"app.bsky.actor.profile/self", b"app.bsky.feed.like/3kaaaaaaaaaaa"
    tree = car.add({"l": None, "e": [entry(b"", first, profile), entry(first, second, like, right)]})
    root = car.add(
        {"did": DID, "version": 3, "data": tree, "rev": "3kaaaaaaaaaaa", "prev": None, "sig": b"x", **(commit or {})}
    )
    if spoil:
        car.blocks[2] = (car.blocks[2][0], car.blocks[2][1].replace(b"Good", b"Evil"))
    return car.save(folder / "repo.car", root)
