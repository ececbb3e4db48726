"""Mail archives: mbox (RFC 4155, also compressed, also Google Takeout's), Maildir, ``.eml`` files, folders of them.

Read as streams: one message is in memory at a time, and one batch. mbox has several ways to mark a body's line that begins
with "From "; the reversible one (mboxrd: one more ``>`` for each time) is undone, which is right for the older mboxo too, but
for a line that was written ``>From``.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import tell_damage
from socialcrm.errors import PayloadError
from socialcrm_email._addresses import read_mailboxes
from socialcrm_email._headers import header, headers, read_message, words
from socialcrm_email._settings import EmailSettings

__all__ = ["archived_messages", "load_archive", "split_mbox"]

_BATCH = 200
_BATCH_BYTES = 8 * 2**20
_SURVEY = 500
_SEPARATOR = re.compile(rb"From (?:\S+ )?.{0,80}\d{1,2}:\d{2}.{0,40}\d{4}")
_MARKED = re.compile(rb">+From ")
_LINE = 2**20
_EXPECTED = "expected an mbox file, a Maildir, or .eml files"


def load_archive(path: Path, settings: EmailSettings) -> Iterator[Batch]:
    """Read an archive in batches, our own account first.

    Raises:
        PayloadError: There is no archive of mail.
    """
    owner = sorted(settings.own) or list(_owner(islice(archived_messages(path, settings.max_size), _SURVEY)))
    yield Batch(Raw(kind="account", body={"address": address}) for address in owner)
    group: list[Raw] = []
    weight = count = 0
    for raw in archived_messages(path, settings.max_size):
        group.append(raw)
        weight, count = weight + len(raw.body), count + 1
        if len(group) >= _BATCH or weight >= _BATCH_BYTES:
            yield Batch(group)
            group, weight = [], 0
    if group:
        yield Batch(group)
    if not count:
        raise PayloadError(f"{path}: there is no mail in it; {_EXPECTED}")


def _owner(raws: Iterable[Raw]) -> Iterator[str]:
    """Guess whose archive it is: who wrote what is marked as sent, else where most of it was delivered to."""
    sent: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    for raw in raws:
        try:
            message = read_message(raw.body)
        except PayloadError:
            continue
        marks = {label.strip().lower() for label in words(header(message, "X-Gmail-Labels")).split(",")}
        if "sent" in marks or "sent" in raw.context.get("folder", "").lower():
            sent.update(address for _, address in read_mailboxes(headers(message, "From"))[:1])
        for name in ("Delivered-To", "X-Original-To", "Envelope-To"):
            delivered.update(address for _, address in read_mailboxes(headers(message, name))[:1])
    yield from (address for address, _ in (sent or delivered).most_common(1))


def archived_messages(path: Path, limit: int) -> Iterator[Raw]:
    if not path.exists():
        raise PayloadError(f"{path}: there is no such file or folder; check the path")
    if path.is_dir():
        yield from _folder(path, path, limit)
    else:
        yield from _file(path, "", limit)


def _folder(path: Path, root: Path, limit: int) -> Iterator[Raw]:
    """Read a folder: a Maildir's ``cur`` and ``new``, files by their endings, and what lies below."""
    name = "" if path == root else str(path.relative_to(root))
    maildir = (path / "cur").is_dir() or (path / "new").is_dir()
    for child in sorted(path.iterdir()):
        if child.is_dir() and maildir and child.name in ("cur", "new"):
            for file in sorted(entry for entry in child.iterdir() if entry.is_file()):
                yield from _single(file, name, "maildir", limit)
        elif child.is_dir() and child.name != "tmp":
            yield from _folder(child, root, limit)
        elif child.name.lower().endswith((".eml", ".mbox", ".eml.gz", ".mbox.gz")):
            yield from _file(child, name, limit)


def _file(path: Path, folder: str, limit: int) -> Iterator[Raw]:
    with _open(path) as file:
        first = file.readline(_LINE)
        if not first.startswith(b"From "):
            if not re.match(rb"[!-9;-~]+[ \t]*:", first):
                raise PayloadError(f"{path}: it begins like no mail; {_EXPECTED}")
            yield from _single(path, folder, "eml", limit)
            return
        yield from split_mbox(file, folder or path.name, limit)


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with tell_damage(path, _EXPECTED):
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile reads like any


def _single(path: Path, folder: str, archive: str, limit: int) -> Iterator[Raw]:
    with _open(path) as file:
        data = file.read(limit + 1)
    arrived = path.name.partition(".")[0] if archive == "maildir" else ""
    seconds = int(arrived) if arrived.isdecimal() and len(arrived) <= 10 else int(path.stat().st_mtime)
    context = {"archive": archive, "received": str(seconds * 1_000_000)}
    yield _raw(data[:limit], context, folder, path.stat().st_size if len(data) > limit else 0)


def split_mbox(file: IO[bytes], folder: str, limit: int) -> Iterator[Raw]:
    """Split an mbox whose first separator was read; a separator follows an empty line."""
    kept: list[bytes] = []
    size, blank = 0, False
    while line := file.readline(_LINE):
        if blank and line.startswith(b"From ") and _SEPARATOR.match(line):
            yield _raw(b"".join(kept)[:limit], {"archive": "mbox"}, folder, size if size > limit else 0)
            kept, size, blank = [], 0, False
            continue
        blank = line in (b"\n", b"\r\n")
        if _MARKED.match(line):
            line = line[1:]
        if size < limit:
            kept.append(line)
        size += len(line)
    if kept:
        yield _raw(b"".join(kept)[:limit], {"archive": "mbox"}, folder, size if size > limit else 0)


def _raw(data: bytes, context: dict[str, str], folder: str, size: int) -> Raw:
    if folder:
        context["folder"] = folder
    if size:
        context["size"] = str(size)
    return Raw(kind="message", body=data, context=context)
