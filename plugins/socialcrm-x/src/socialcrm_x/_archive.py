"""Reading the archive that X hands out ("Download an archive of your data"): a zip or folder with ``data/*.js``.

Each file is a JSON array behind ``window.YTD.<name>.part<n> =``. It is read in pieces and never whole, and only
files of known names are.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError
from socialcrm_x._fields import mapping, rows, text_of, when

__all__ = ["load"]

_TOTAL = 8 * 1024**3
"""The most bytes that one file may unpack to."""

_ELEMENT = 256 * 1024**2
"""The most letters that one element may hold: a conversation with all its messages is one."""

_PIECE = 1 << 20
_HEAD = 4096
_BATCH = 500
_NAME = re.compile(
    r"(account|tweets?|deleted-tweets?|note-tweet|direct-messages|direct-messages-group)(?:-part(\d+))?\.js", re.IGNORECASE
)
_EXPECTED = "expected X's archive: a zip or folder with data/account.js and data/tweets.js"


def load(path: Path) -> Iterator[Batch]:
    """Read an archive in batches, the account it belongs to first.

    Raises:
        PayloadError: It is not such an archive, it is damaged, or it is larger than we read.
    """
    with open_archive(path, expected=_EXPECTED, most=_TOTAL) as members:
        files = _files(members)
        if "account" not in files or len(files) < 2:
            raise PayloadError(f"{path.name} holds no account.js with posts or messages; {_EXPECTED}")
        yield from _batched(_raws(files))


def _batched(raws: Iterator[Raw]) -> Iterator[Batch]:
    batch: list[Raw] = []
    for raw in raws:
        batch.append(raw)
        if len(batch) == _BATCH:
            yield Batch(batch)
            batch = []
    if batch:
        yield Batch(batch)


def _files(members: Mapping[str, Member]) -> dict[str, list[Member]]:
    """What to read, by the files' names, at most two folders deep; parts in their order."""
    found = [(match, one) for name, one in members.items() if name.count("/") <= 2 and (match := _NAME.fullmatch(one.base))]
    files: dict[str, list[Member]] = {}
    for match, one in sorted(found, key=lambda each: int(each[0][2] or 0)):
        files.setdefault(match[1].lower(), []).append(one)
    return files


def _raws(files: Mapping[str, list[Member]]) -> Iterator[Raw]:
    account = next((mapping(mapping(one).get("account")) for one in _elements(files, "account")), {})
    owner = {
        "id": text_of(account, "accountId"),
        "username": text_of(account, "username"),
        "name": text_of(account, "accountDisplayName"),
    }
    if not owner["id"]:
        raise PayloadError(f"account.js names no accountId; {_EXPECTED}")
    yield Raw(kind="user", body=owner)
    notes = _notes(files)
    for name in ("tweets", "tweet"):
        for element in _elements(files, name):
            status = mapping(element).get("tweet", element)
            note = _note_of(status, notes)
            yield Raw(kind="archived", body=element, context={**owner, **({"note": note} if note else {})})
    for name in ("deleted-tweets", "deleted-tweet"):
        for element in _elements(files, name):
            yield Raw(kind="archived", body=element, context={**owner, "deleted": "yes"})
    for name in ("direct-messages", "direct-messages-group"):
        for element in _elements(files, name):
            yield from _messages(element, owner)


def _messages(element: Any, owner: Mapping[str, str]) -> Iterator[Raw]:
    conversation = mapping(mapping(element).get("dmConversation"))
    messages = conversation.get("messages")
    if not isinstance(messages, list):
        yield Raw(kind="archived", body=element, context=dict(owner))
        return
    for message in messages:
        body = {"dmConversation": text_of(conversation, "conversationId"), **mapping(message)}
        yield Raw(kind="archived", body=body, context=dict(owner))


def _notes(files: Mapping[str, list[Member]]) -> dict[str, list[str]]:
    """The texts of long posts by the second in which they were written; posts hold only their beginning."""
    notes: dict[str, list[str]] = {}
    for element in _elements(files, "note-tweet"):
        note = mapping(mapping(element).get("noteTweet"))
        at, text = when(note, "createdAt"), text_of(note.get("core"), "text")
        if at is not None and text:
            notes.setdefault(at.isoformat(timespec="seconds"), []).append(text)
    return notes


def _note_of(status: Any, notes: Mapping[str, list[str]]) -> str:
    at = when(status, "created_at")
    begins = re.sub(r"\W+", "", re.sub(r"https?://t\.co/\w+", "", text_of(status, "full_text")))[:100]
    for text in rows(notes.get(at.isoformat(timespec="seconds"))) if at is not None and begins else ():
        if re.sub(r"\W+", "", text).startswith(begins):
            return str(text)
    return ""


def _elements(files: Mapping[str, list[Member]], name: str) -> Iterator[Any]:
    for member in files.get(name, ()):
        with member.open() as stream:
            yield from _array(stream, f"{name}.js")


def _array(stream: IO[bytes], name: str) -> Iterator[Any]:
    """Read the elements of an array one by one, without holding the file in memory.

    Raises:
        PayloadError: It is no array behind ``window.YTD…=``, it breaks off, or it is too large.
    """
    decode, decoder = json.JSONDecoder().raw_decode, codecs.getincrementaldecoder("utf-8")()
    text, begun = "", False
    while True:
        piece = stream.read(_PIECE)
        text += decoder.decode(piece, not piece)
        if len(text) > _ELEMENT:
            raise PayloadError(f"{name} holds more than can be read; {_EXPECTED}")
        if not begun:
            head = re.match(r"\ufeff?\s*(?:window\.)?YTD\.[\w.]+\s*=\s*\[|\ufeff?\s*\[", text)
            if head is None and piece and len(text) < _HEAD:
                continue
            if head is None:
                raise PayloadError(f"{name} does not begin with window.YTD; {_EXPECTED}")
            text, begun = text[head.end() :], True
        while True:
            text = text.lstrip(" \t\r\n,")
            if text.startswith("]"):
                return
            try:
                element, end = decode(text)
            except (ValueError, RecursionError):
                break
            if end == len(text) and piece:
                break
            yield element
            text = text[end:]
        if not piece:
            raise PayloadError(f"{name} breaks off; {_EXPECTED}")
