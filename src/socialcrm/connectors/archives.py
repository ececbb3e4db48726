"""The files in an export, be it a zip, the folder that was in it, or one file: for `Connector.load`.

Exports may be hostile. Invariant: nothing is unpacked to disk; no name and no link leads out of the export; no file is opened
that unpacks to more than was said; and whatever is wrong with the bytes becomes a `PayloadError`.
"""

from __future__ import annotations

import csv
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import field, frozen

from socialcrm.errors import PayloadError

__all__ = ["Member", "open_archive", "tell_damage"]

_DAMAGE = (
    *(OSError, EOFError, UnicodeError, csv.Error),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    RuntimeError,  # what zipfile raises for a password, and as NotImplementedError for a compression that it does not know
)


@frozen(kw_only=True)
class Member:
    """A file in an export.

    Args:
        name: Its place there, with slashes: ``data/tweets.js``.
        size: How many bytes it holds, unpacked.
        most: How many it may hold.
    """

    name: str
    size: int
    most: int
    _open: Callable[[], IO[bytes]] = field(repr=False, eq=False)

    @property
    def base(self) -> str:
        """Its name without the folders."""
        return self.name.rpartition("/")[2]

    def open(self) -> IO[bytes]:
        """Read it as a stream, which ends after `size` bytes.

        Raises:
            PayloadError: It holds more than it may.
        """
        if self.size > self.most:
            raise PayloadError(
                f"{self.name} holds more than can be read ({self.size >> 20} MiB, at most {self.most >> 20} MiB); "
                "if it is meant to be so large, ask the platform for an export in parts"
            )
        return self._open()

    def read(self) -> bytes:
        """Return all that it holds; raises as `open` does."""
        with self.open() as stream:
            return stream.read()


@contextmanager
def open_archive(path: Path, *, expected: str, most: int = 512 << 20) -> Iterator[dict[str, Member]]:
    """Open an export.

    Args:
        path: A zip file, a folder, or any other file, which is its own only member.
        expected: What the export should be, in words for the user: ``expected a zip or folder with posts.csv``.
        most: How many bytes one file may unpack to.

    Returns:
        The files by name, in the order of their names. Links, and names that lead out of the export, are left out.

    Raises:
        PayloadError: It can't be opened, or what is read inside the ``with`` block is damaged.
    """
    with tell_damage(path, expected):
        if path.is_dir():
            yield _sorted(_in_folder(path, most))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield _sorted(_in_zip(archive, most))
        else:
            yield _sorted([_file(path, path.name, most)])


@contextmanager
def tell_damage(path: Path, expected: str) -> Iterator[None]:
    """Turn what the standard library raises for damaged or unreadable files into a `PayloadError`, inside a ``with`` block.

    Args:
        path: What is read.
        expected: As for `open_archive`.
    """
    try:
        yield
    except _DAMAGE as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); {expected}") from error


def _sorted(members: Iterator[Member] | list[Member]) -> dict[str, Member]:
    return {one.name: one for one in sorted(members, key=lambda one: one.name)}


def _in_folder(path: Path, most: int) -> Iterator[Member]:
    for folder, _, names in os.walk(path):
        for file in (Path(folder, name) for name in names):
            if file.is_file() and not file.is_symlink():
                yield _file(file, file.relative_to(path).as_posix(), most)


def _file(path: Path, name: str, most: int) -> Member:
    return Member(name=name, size=path.stat().st_size, most=most, open=partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _in_zip(archive: zipfile.ZipFile, most: int) -> Iterator[Member]:
    for info in archive.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if parts and not info.is_dir() and not {"..", "/"} & set(parts):
            # However much its bytes unpack to, zipfile hands out no more of them than the directory says.
            yield Member(name="/".join(parts), size=info.file_size, most=most, open=partial(archive.open, info))
