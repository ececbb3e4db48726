"""Reading a data export: a zip (or its folder) of CSV files ("How do I request a copy of my Reddit data and information?").

Exports may be hostile: nothing is unpacked to disk, only files of known names are read, row by row, and sizes are bounded.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError

__all__ = ["load"]

_SIZE = 4 * 1024**3
"""The most bytes that one CSV file may hold, unpacked."""

_WORDS = 512 * 1024
"""The most characters of one field: a message holds 10,000, a post 40,000."""

_FILES = ("posts", "comments", "messages", "messages_archive")
_EXPECTED = "expected a Reddit data export: a zip or folder with posts.csv, comments.csv and messages.csv"
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError, csv.Error)


def load(path: Path) -> Iterator[Batch]:
    """Read an export in batches, the account it belongs to first.

    Raises:
        PayloadError: It is no such export, it is damaged, or it is larger than we read.
    """
    try:
        yield from _load(path)
    except _BROKEN as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); {_EXPECTED}") from None


def _load(path: Path) -> Iterator[Batch]:
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise PayloadError(f"{path.name} is neither zip nor folder; {_EXPECTED}")
    present = _names(path)
    if not any(name in present for name in _FILES):
        raise PayloadError(f"{path.name} holds none of {', '.join(_FILES)}; {_EXPECTED}")
    me = _me(path, present)
    if me:
        yield Batch([Raw("export.account", {"name": me})])
    for name in _FILES:
        if name in present:
            with _rows(path, present[name]) as rows:
                while chunk := list(islice(rows, 500)):
                    yield Batch([Raw(f"export.{name}", row, {"me": me}) for row in chunk])


def _names(path: Path) -> dict[str, str]:
    """The members that we read, by their plain names, at the top or in one folder."""
    if path.is_dir():
        members = [file.name for file in path.iterdir() if file.is_file()]
    else:
        with zipfile.ZipFile(path) as bundle:
            members = [info.filename for info in bundle.infolist() if not info.is_dir()]
    found = {}
    for member in members:
        parts = PurePosixPath(member.replace("\\", "/")).parts
        if parts and len(parts) <= 2 and ".." not in parts and parts[-1].endswith(".csv"):
            found[parts[-1].removesuffix(".csv")] = member
    return found


def _me(path: Path, present: dict[str, str]) -> str:
    """Our account's name: ``statistics.csv`` tells it as ``account name``."""
    if "statistics" not in present:
        return ""
    with _rows(path, present["statistics"]) as rows:
        told = {row.get("statistic", "").strip().lower(): row.get("value", "").strip() for row in rows}
    return told.get("account name", "").removeprefix("u/")


@contextmanager
def _rows(path: Path, member: str) -> Iterator[Iterator[dict[str, str]]]:
    if path.is_dir():
        with (path / member).open("rb") as stream:
            yield _read(stream, member)
    else:
        with zipfile.ZipFile(path) as bundle, bundle.open(member) as stream:
            if bundle.getinfo(member).file_size > _SIZE:
                raise PayloadError(f"{member} holds more than {_SIZE >> 30} GiB; it is not read")
            yield _read(stream, member)


def _read(stream: IO[bytes], member: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with its header's names (RFC 4180); what is missing is empty."""
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(_bounded(text, member))
        header = [name.strip().lower() for name in next(lines, [])]
        for line in lines:
            if any(line):
                yield dict(zip(header, [*line, *[""] * (len(header) - len(line))], strict=False))


def _bounded(lines: io.TextIOWrapper, member: str) -> Iterator[str]:
    """Hand on lines, none of them endless, and not more than we read in all."""
    total = 0
    while line := lines.readline(_WORDS):
        total += len(line)
        if total > _SIZE:
            raise PayloadError(f"{member} holds more than {_SIZE >> 30} GiB; it is not read")
        yield line
