"""One exported chat: its lines as messages, and what they mean.

An export holds names and no ids, and nothing in it can be joined with what the Cloud API tells: people are keyed by the chat,
in a group by the chat and their name. Equal lines of the same minute are counted, so that each has its own id.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field, frozen

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Account,
    Attachment,
    Direction,
    Handle,
    HandleKind,
    Identity,
    Interaction,
    Item,
    Kind,
    Visibility,
    utc,
)
from socialcrm_meta import mapping, moment, text
from socialcrm_whatsapp._dates import MARKS, Head, moment_of, order_of, read_head
from socialcrm_whatsapp._people import digits

__all__ = ["Chat", "digest", "parse_export", "survey"]

Lines = Callable[[], AbstractContextManager[Iterable[str]]]
"""Opens a file and gives its lines, as often as it is called."""

_ATTACHED = re.compile(r"<[^<>:]{1,40}: ?([^<>/\\]{1,200}\.\w{1,8})>")  # iOS
_FILE = re.compile(r"([^\n/\\:*?\"<>|]{1,200}\.\w{2,5}) \([^()\n]{3,60}\)(?:\n|\Z)")  # Android
_OMITTED = re.compile(r"<[^<>\n]{3,60}>")
_EDITED = re.compile(r"\s?\u200e?<[^<>\n]{5,80}>\Z")
_COPY = re.compile(r"\s*\(\d{1,3}\)\s*\Z")
_NAME = 120
_MIMES = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif",
    "mp4": "video/mp4", "mov": "video/quicktime", "3gp": "video/3gpp", "opus": "audio/ogg", "ogg": "audio/ogg",
    "m4a": "audio/mp4", "mp3": "audio/mpeg", "aac": "audio/aac", "amr": "audio/amr", "pdf": "application/pdf",
    "vcf": "text/vcard", "txt": "text/plain",
}  # fmt: skip


def digest(*parts: str) -> str:
    """Return a short name for texts that never change."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


@frozen(kw_only=True)
class Chat:
    """What is known of a file after its first reading.

    Args:
        title: Whom or what it is with, as the file's name tells.
        style: Of its heads.
        order: Of its dates' numbers.
        authors: Who says something, in the order of their first words.
        ours: Our name in it; empty where we say nothing.
    """

    title: str
    style: tuple[str, str]
    order: str
    authors: tuple[str, ...]
    ours: str

    @property
    def group(self) -> bool:
        """Whether more than two speak."""
        return len(set(self.authors) | ({self.ours} if self.ours else set())) > 2

    @property
    def key(self) -> str:
        """Names the chat: by the other side, or a group by its title."""
        others = [name for name in self.authors if name != self.ours]
        return digest("group", _COPY.sub("", self.title)) if self.group or not others else digest("pair", others[0])

    def raws(self, lines: Iterable[str], zone: ZoneInfo) -> Iterator[Raw]:
        """Read the file's messages."""
        counted: Counter[str] = Counter()
        for part in _parts(lines, self.style):
            at = moment_of(part.head, self.order, zone)
            name, said, notice = part.read()
            body: dict[str, Any] = {"name": name, "text": said, "notice": notice, "own": bool(name) and name == self.ours}
            body |= {"chat": self.key, "group": self.group, "at": at.isoformat() if at else ""}
            unique = digest(self.key, body["at"], name, said)
            counted[unique] += 1
            body["id"] = unique + (f".{counted[unique]}" if counted[unique] > 1 else "")
            yield Raw("export_line", body)


@define
class _Part:
    head: Head
    more: list[str] = field(factory=list)

    def read(self) -> tuple[str, str, bool]:
        """Return the author (empty for a notice of the app's), the text, and whether the words are the app's own."""
        name, found, first = self.head.rest.partition(": ")
        if not found and self.head.rest.endswith(":"):
            name, found = self.head.rest[:-1], ":"
        name = name.strip(MARKS + " \u202f\u00a0")
        if not found or not name or len(name) > _NAME or re.search(r"[\u201c\u201d\"]", name):
            return "", "\n".join((self.head.rest, *self.more)).strip(), True
        said = "\n".join((first, *self.more)).rstrip()
        own_words = said.startswith("\u200e") and not _ATTACHED.search(said) and not _FILE.match(said.lstrip(MARKS))
        return name.removeprefix("~").strip(" \u202f\u00a0"), said.lstrip(MARKS), own_words


def _parts(lines: Iterable[str], style: tuple[str, str] | None = None) -> Iterator[_Part]:
    """Gather lines into messages: a line without a head, or with one of another style, goes on with the one before."""
    part: _Part | None = None
    for line in lines:
        words = line.rstrip("\r\n")
        head = read_head(words)
        if head is not None and (style is None or head.style == style):
            if part is not None:
                yield part
            part, style = _Part(head), head.style
        elif part is not None:
            part.more.append(words)
    if part is not None:
        yield part


def survey(lines: Iterable[str], title: str, ours: str, dates: str) -> Chat:
    """Read a file once: who speaks in it, and how it writes dates.

    Args:
        lines: Its lines.
        title: Its name, without what every export's name has.
        ours: Our name, as the settings say; empty to tell it from the title.
        dates: The order of dates, as the settings say.

    Raises:
        PayloadError: It is no exported chat, or something can't be told.
    """
    authors: dict[str, None] = {}
    found: list[tuple[int, int, int]] = []
    style: tuple[str, str] | None = None
    for part in _parts(lines):
        style = part.head.style
        if not found or found[-1] != part.head.date:
            found.append(part.head.date)
        name, _, notice = part.read()
        if name and not notice:
            authors.setdefault(name)
    if style is None:
        raise PayloadError(
            f"{title}: no line looks like one of an exported chat ([31.12.26, 23:59:59] Name: …, or 31/12/26, 23:59 - Name: …)"
        )
    order = order_of(found, style[1], dates)
    return Chat(title=title, style=style, order=order, authors=tuple(authors), ours=ours or _ourselves(tuple(authors), title))


def _ourselves(authors: tuple[str, ...], title: str) -> str:
    named = [name for name in authors if name.casefold() in title.casefold()]
    others = [name for name in authors if name not in named]
    if len(named) == 1 and len(others) <= 1:
        return others[0] if others else ""
    raise PayloadError(f"{title}: who are we in this chat? Set archive_name to our name as it stands there")


def parse_export(raw: Raw) -> Iterator[Item]:
    """Say what an ``export_account`` or an ``export_line`` means.

    Raises:
        PayloadError: A line has no time.
    """
    body = mapping(raw.body)
    if raw.kind == "export_account":
        if text(body.get("id")):
            yield Account(id=text(body["id"]), name=text(body.get("name")))
        return
    told, name, chat = text(body.get("at")), text(body.get("name")), text(body.get("chat"))
    if not name:
        return  # the app's own line: who joined, that messages are encrypted
    if not told or not chat or not text(body.get("id")):
        raise PayloadError("a line of an exported chat should have a time that is in the calendar, and belong to a chat")
    at = moment(told)
    if at is None:
        raise PayloadError("the time of a line of an exported chat can't be read")
    own, group = body.get("own") is True, body.get("group") is True
    said, files, edited = _said(text(body.get("text")))
    words = body.get("notice") is not True and not (_OMITTED.fullmatch(said) and not files)
    yield Interaction(
        id="export:" + text(body["id"]),
        at=utc(at).astimezone(UTC),
        author=_author(raw, name, chat, own=own, group=group),
        conversation=f"export:{chat}",
        kind=Kind.MESSAGE if words else Kind.OTHER,
        direction=Direction.OUTBOUND if own else Direction.INBOUND,
        visibility=Visibility.LIMITED if group else Visibility.PRIVATE,
        text=said,
        attachments=files,
        extra={"edited": True} if edited else {},
    )


def _author(raw: Raw, name: str, chat: str, *, own: bool, group: bool) -> Identity:
    if own:
        return Identity(id=raw.context.get("account") or f"export:{digest(name)}", name=name)
    number = digits(name) if name.startswith("+") else ""
    # A file can be written by anybody: the number that it shows proves nothing.
    handles = (Handle(kind=HandleKind.PHONE, value=f"+{number}"),) if number else ()
    return Identity(id=f"export:{digest(chat, name)}" if group else f"export:{chat}", name=name, handles=handles)


def _said(told: str) -> tuple[str, tuple[Attachment, ...], bool]:
    """Return the words, the files, and whether the app says that it was edited."""
    mark = _EDITED.search(told)
    edited = mark is not None and ("\u200e" in mark[0] or "edited" in mark[0]) and not _ATTACHED.search(mark[0])
    if edited and mark is not None:
        told = told[: mark.start()]
    for pattern in (_ATTACHED, _FILE):
        found = pattern.search(told) if pattern is _ATTACHED else pattern.match(told)
        if found:
            name = found[1].strip(MARKS + " ")
            file = Attachment(url=name, name=name, mime=_MIMES.get(name.rpartition(".")[2].lower(), "application/octet-stream"))
            rest = told[: found.start()] + told[found.end() :]
            return rest.strip(MARKS + " \n"), (file,), edited
    return told, (), edited
