"""Reading the desktop application's export ("Export chat history", "Export Telegram data"; format JSON): ``result.json``.

The export of one chat is that chat; a full one holds ``personal_information``, and chats under ``chats`` and ``left_chats``.
It is read as a stream, since it may hold years. The application writes control characters as ``\\x1F``, which is no JSON:
mended here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]  # it ships no types
from attrs import define, field

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_telegram._export import chat_id
from socialcrm_telegram._fields import mapping, text_of

__all__ = ["load"]

_EXPECTED = "expected result.json (or its folder) of an export of Telegram Desktop in the format JSON"
_BATCH = 300
_DEEP = 64
_CHATS = ("", "chats.list.item", "left_chats.list.item")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|[^x])", re.DOTALL)
_BEGUN = re.compile(rb"\\(?:x[0-9A-Fa-f]?)?\Z")


def load(path: Path, colleagues: Sequence[str]) -> Iterator[Batch]:
    """Read an export in batches, our own accounts first.

    Args:
        path: ``result.json``, or the folder that holds it.
        colleagues: Ids of our people: the export of one chat does not say whose it is.

    Raises:
        PayloadError: It is no such export, or it is damaged.
    """
    file = path / "result.json" if path.is_dir() else path
    if colleagues:
        yield Batch([Raw("account", {"id": key}) for key in colleagues])
    reader = _Reader()
    try:
        with file.open("rb") as stream:
            yield from _batches(reader, stream)
    except (ijson.JSONError, UnicodeError, ValueError, ArithmeticError, RecursionError, OSError) as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); {_EXPECTED}") from None
    if not reader.chats:
        raise PayloadError(f"{path.name} holds no chat; {_EXPECTED}")


def _batches(reader: _Reader, stream: BinaryIO) -> Iterator[Batch]:
    waiting: list[Raw] = []
    for prefix, event, value in ijson.parse(_Mended(stream), use_float=True):
        waiting += reader.take(prefix, event, value)
        if len(waiting) >= _BATCH:
            yield Batch(waiting)
            waiting = []
    if waiting:
        yield Batch(waiting)


class _Mended:
    """A stream in which ``\\xHH``, which JSON does not have, is written ``\\u00HH``."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, b""

    def read(self, size: int = -1) -> bytes:
        """Read some bytes, none at the end; never half an escape."""
        if size == 0:
            return b""
        while True:
            piece = self._stream.read(max(size, 4096))
            data = self._left + piece
            cut = _finished(data) if piece else len(data)
            data, self._left = data[:cut], data[cut:]
            if data or not piece:
                return _ESCAPE.sub(lambda found: b"\\u00" + found[1] if found[1] else found[0], data)


def _finished(data: bytes) -> int:
    """How many bytes come before an escape that is not there in full; an even number of backslashes is no beginning of one."""
    begun = _BEGUN.search(data, max(0, len(data) - 3))
    if begun is None:
        return len(data)
    before = data[: begun.start() + 1]
    odd = (len(before) - len(before.rstrip(b"\\"))) % 2
    return begun.start() if odd else len(data)


@define
class _Reader:
    """Finds chats and their messages among the events of a parser.

    Attributes:
        chats: How many chats were found.
    """

    chats: int = 0
    _chat: dict[str, str] = field(factory=dict)
    _topics: dict[str, str] = field(factory=dict)
    _builder: Any = None
    _base: str = ""
    _depth: int = 0

    def take(self, prefix: str, event: str, value: Any) -> Iterator[Raw]:
        """Take an event; give the element that it completes."""
        if self._builder is not None:
            yield from self._build(event, value)
        elif event == "start_map" and prefix in _CHATS:
            self._chat, self._topics = {}, {}
        elif event == "start_map" and (prefix == "personal_information" or self._is_message(prefix)):
            self._builder, self._base, self._depth = ijson.ObjectBuilder(), prefix, 0
            yield from self._build(event, value)
        elif event == "start_array" and prefix.endswith("messages") and prefix[:-8].rstrip(".") in _CHATS:
            self._opened()
        elif event in ("string", "number") and prefix.rpartition(".")[0] in _CHATS:
            name = prefix.rpartition(".")[2]
            if name in ("id", "type", "name"):
                self._chat[name] = str(value)

    def _is_message(self, prefix: str) -> bool:
        return prefix.endswith("messages.item") and prefix[: -len("messages.item")].rstrip(".") in _CHATS

    def _opened(self) -> None:
        if "id" not in self._chat or "type" not in self._chat:
            raise PayloadError(f"a chat tells neither id nor type before its messages; {_EXPECTED}")
        self.chats += 1

    def _build(self, event: str, value: Any) -> Iterator[Raw]:
        self._builder.event(event, value)
        self._depth += {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}.get(event, 0)
        if self._depth > _DEEP:
            raise PayloadError(f"an element is nested deeper than {_DEEP} times; {_EXPECTED}")
        if self._depth == 0:
            body, self._builder = self._builder.value, None
            yield self._account(body) if self._base == "personal_information" else self._message(body)

    def _account(self, body: Any) -> Raw:
        names = ("first_name", "last_name", "username")
        return Raw("account", {"id": text_of(body, "user_id"), **{name: text_of(body, name) for name in names}})

    def _message(self, body: Any) -> Raw:
        kind = self._chat["type"]
        context = {"chat": chat_id(self._chat["id"], kind), "type": kind, "name": self._chat.get("name", "")}
        topic = self._topic(body)
        return Raw("exported", body, {**context, **({"topic": topic} if topic else {})})

    def _topic(self, body: Any) -> str:
        """The topic of a message: an export tells it only by what the message answers, directly or not."""
        key, answered = text_of(body, "id"), text_of(body, "reply_to_message_id")
        if text_of(mapping(body), "action") == "topic_created":
            self._topics[key] = key
        elif answered in self._topics and not text_of(body, "reply_to_peer_id"):
            self._topics[key] = self._topics[answered]
        return self._topics.get(key, "")
