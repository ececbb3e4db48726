"""Archives of articles: mbox (RFC 4155, also compressed), and spool folders with one article in each file.

Read as streams: one article is in memory at a time, and one batch. In a spool (as INN's ``tradspool`` and old news servers
keep it) a file is named by the article's number; folders are the parts of the group's name.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import tell_damage
from socialcrm.errors import PayloadError
from socialcrm_nntp._settings import NntpSettings

__all__ = ["load_archive"]

_BATCH = 200
_BATCH_BYTES = 8 * 2**20
_LINE = 2**20
_SEPARATOR = re.compile(rb"From (?:\S+ )?.{0,80}(?:\d{1,2}:\d{2}.{0,40}\d{4}|-?\d+\s*\Z)", re.DOTALL)
_MARKED = re.compile(rb">+From ")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_BOX = (".mbox", ".mbox.gz", ".mbx", ".mbx.gz")
_ARTICLE = (".eml", ".art", ".txt", ".msg")
_EXPECTED = "expected an mbox file, a news spool (files named by numbers), or a folder of them"


def load_archive(path: Path, settings: NntpSettings) -> Iterator[Batch]:
    """Read an archive in batches, our own addresses first.

    Raises:
        PayloadError: There is no archive of articles.
    """
    yield Batch(Raw(kind="account", body={"address": address}) for address in sorted(settings.own))
    group: list[Raw] = []
    weight = count = 0
    for raw in _articles(path, settings.max_size):
        group.append(raw)
        weight, count = weight + len(raw.body), count + 1
        if len(group) >= _BATCH or weight >= _BATCH_BYTES:
            yield Batch(group)
            group, weight = [], 0
    if group:
        yield Batch(group)
    if not count:
        raise PayloadError(f"{path.name}: there are no articles in it; {_EXPECTED}")


def _articles(path: Path, limit: int) -> Iterator[Raw]:
    if not path.exists():
        raise PayloadError(f"{path.name}: there is no such file or folder; check the path")
    if path.is_dir():
        yield from _folder(path, limit)
    else:
        yield from _file(path, limit)


def _folder(path: Path, limit: int) -> Iterator[Raw]:
    for child in sorted(path.iterdir(), key=_order):
        if child.is_symlink():
            continue  # a crosspost's further names, and nothing that should lead out of the folder
        if child.is_dir():
            yield from _folder(child, limit)
        elif child.name.isdecimal() or child.name.lower().endswith(_ARTICLE + _BOX):
            yield from _file(child, limit)


def _order(path: Path) -> tuple[int, str]:
    return (int(path.name), "") if path.name.isdecimal() and len(path.name) <= 18 else (0, path.name)


def _file(path: Path, limit: int) -> Iterator[Raw]:
    with _open(path) as file:
        first = file.readline(_LINE)
        if first.startswith(b"From "):
            yield from _mbox(file, limit)
        elif _HEADER.match(first):
            data = first + file.read(limit + 1 - len(first))
            yield _raw(data[:limit], path.stat().st_size if len(data) > limit else 0)
        else:
            raise PayloadError(f"{path.name}: it begins like no article; {_EXPECTED}")


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with tell_damage(path, _EXPECTED):
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile reads like any


def _mbox(file: IO[bytes], limit: int) -> Iterator[Raw]:
    """Split an mbox whose first separator was read; a separator follows an empty line."""
    kept: list[bytes] = []
    size, blank = 0, False
    while line := file.readline(_LINE):
        if blank and line.startswith(b"From ") and _SEPARATOR.match(line):
            yield _raw(b"".join(kept)[:limit], size if size > limit else 0)
            kept, size, blank = [], 0, False
            continue
        blank = line in (b"\n", b"\r\n")
        if _MARKED.match(line):
            line = line[1:]
        if size < limit:
            kept.append(line)
        size += len(line)
    if kept:
        yield _raw(b"".join(kept)[:limit], size if size > limit else 0)


def _raw(data: bytes, size: int) -> Raw:
    return Raw(kind="article", body=data, context={"size": str(size)} if size else {})
