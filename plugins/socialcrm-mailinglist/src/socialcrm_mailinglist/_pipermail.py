"""Following a list in a Pipermail archive: a page that lists the months, and a text file of each (Mailman 2.1).

The files only grow, but for hand-made repairs; a mail with an old date may come to an older file for some days. So the newest
two are read at each sync, the others once; a file that did not change brings nothing. A row ``file:NAME`` holds the digest of
what was read.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser

from socialcrm.connectors import Answer, Batch, Call, Cursor, Flow, Raw
from socialcrm.errors import PayloadError, Unreachable
from socialcrm_email import mail
from socialcrm_mailinglist._place import Place

__all__ = ["find", "follow", "is_index", "months"]

_FILE = re.compile(r"(?:\./)?([\w.-]+?)\.txt(\.gz)?\Z")
_EMPTY = re.compile(r"archives are\s+currently empty|No messages have been posted", re.IGNORECASE)
_CHUNK = 200
_OPEN = 2
_MOST = 512 * 2**20


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") or "" if tag == "a" else ""
        match = _FILE.match(href.strip())
        if match is not None:
            self.found.setdefault(match[1], match[0].removeprefix("./"))


def is_index(page: bytes) -> bool:
    """Say whether a page lists the files of an archive as Pipermail does."""
    return bool(_files(page)) and re.search(rb"pipermail|listinfo|mailman|\d{4}-[A-Z]\w+/thread\.html", page, re.I) is not None


def months(place: Place) -> Flow[dict[str, str]]:
    """Return the files by the names of their months (years, quarters, weeks, days), the oldest first.

    Raises:
        PayloadError: It is no index of a Pipermail archive (often a log-in page: the archive is for members).
    """
    answer = yield from Call("GET", f"{place.root}/")
    found = _files(answer.content)
    if not found and not _EMPTY.search(answer.content.decode("utf-8", "replace")):
        raise PayloadError(
            f"mailing list: {place.origin}{place.root}/ lists no text files, as Pipermail's index does; check the setting "
            "'archive', or load an mbox if the archive is for members"
        )
    return found


def _files(page: bytes) -> dict[str, str]:
    links = _Links()
    links.feed(page.decode("utf-8", "replace"))
    return dict(reversed(links.found.items()))


def follow(place: Place, post: str, cursor: Cursor) -> Flow[None]:
    """Bring the mails of each file that is new or changed."""
    files = yield from months(place)
    names = list(files)
    for name in names:
        row = f"file:{name}"
        if row in cursor and name not in names[-_OPEN:]:
            continue
        data = yield from _read(place, files[name])
        digest = hashlib.sha256(data).hexdigest()[:20]
        if cursor.get(row) == digest:
            continue
        chunk: list[Raw] = []
        for raw in _raws(data, place, name, post):
            if len(chunk) >= _CHUNK:
                yield from Batch(chunk)
                chunk = []
            chunk.append(raw)
        yield from Batch(chunk, {row: digest})


def find(place: Place, id: str) -> Flow[bool]:  # noqa: A002 - the contract's word
    """Say whether one of the newest two files holds a mail."""
    files = yield from months(place)
    for name in list(files)[-_OPEN:]:
        data = yield from _read(place, files[name])
        for part in mail.mbox_parts(data):
            if id in mail.message_ids(mail.header(mail.read_message(part), "Message-ID")):
                return True
    return False


def _read(place: Place, file: str) -> Flow[bytes]:
    answer: Answer = yield from Call("GET", f"{place.root}/{file}", timeout=120)
    data = answer.content
    # Some servers send .gz as a content encoding, so that it arrives unpacked.
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(_MOST)
        except (EOFError, OSError, zlib.error):
            raise Unreachable(f"mailing list: {file} broke off or is damaged; it is tried again later") from None
    if data.strip() and not data.startswith(b"From "):
        raise PayloadError(f"mailing list: {file} is no mbox (it may be a log-in page); check the setting 'archive'")
    if data and not data.endswith(b"\n"):
        raise Unreachable(f"mailing list: {file} ends in the middle of a line; it is tried again later")
    return data


def _raws(data: bytes, place: Place, name: str, post: str) -> Iterator[Raw]:
    context = {"archive": "pipermail", "page": f"{place.origin}{place.root}/{name}/thread.html"}
    if post:
        context["list"] = post
    if place.private:
        context["policy"] = "private"
    for part in mail.mbox_parts(data):
        yield Raw("message", part, context)
