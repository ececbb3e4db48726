"""Reading a data export: a zip (or its folder) of CSV files ("How do I request a copy of my Reddit data and information?").

Only files of known names are read, row by row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError

__all__ = ["load"]

_SIZE = 4 * 1024**3
"""The most bytes that one CSV file may hold, unpacked."""

_WORDS = 512 * 1024
"""The most characters of one field: a message holds 10,000, a post 40,000."""

_FILES = ("posts", "comments", "messages", "messages_archive")
_EXPECTED = "expected a Reddit data export: a zip or folder with posts.csv, comments.csv and messages.csv"


def load(path: Path) -> Iterator[Batch]:
    """Read an export in batches, the account it belongs to first.

    Raises:
        PayloadError: It is no such export, it is damaged, or it is larger than we read.
    """
    with open_archive(path, expected=_EXPECTED, most=_SIZE) as members:
        files = {
            one.base.removesuffix(".csv"): one
            for one in members.values()
            if one.name.count("/") <= 1 and one.base.endswith(".csv")
        }
        yield from _load(files, path.name)


def _load(files: Mapping[str, Member], archive: str) -> Iterator[Batch]:
    if not any(name in files for name in _FILES):
        raise PayloadError(f"{archive} holds none of {', '.join(_FILES)}; {_EXPECTED}")
    me = _me(files)
    if me:
        yield Batch([Raw("export.account", {"name": me})])
    for name in _FILES:
        if name in files:
            with files[name].open() as stream:
                rows = _rows(stream)
                while chunk := list(islice(rows, 500)):
                    yield Batch([Raw(f"export.{name}", row, {"me": me}) for row in chunk])


def _me(files: Mapping[str, Member]) -> str:
    """Our account's name: ``statistics.csv`` tells it as ``account name``."""
    if "statistics" not in files:
        return ""
    with files["statistics"].open() as stream:
        told = {row.get("statistic", "").strip().lower(): row.get("value", "").strip() for row in _rows(stream)}
    return told.get("account name", "").removeprefix("u/")


def _rows(stream: IO[bytes]) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with its header's names (RFC 4180); what is missing is empty."""
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        lines = csv.reader(iter(partial(text.readline, _WORDS), ""))  # none of them endless
        header = [name.strip().lower() for name in next(lines, [])]
        for line in lines:
            if any(line):
                yield dict(zip(header, [*line, *[""] * (len(header) - len(line))], strict=False))
