"""A user's own export (Preferences → Account → Export): a zip with ``user_archive.csv``, or that file alone.

Invariant: nothing is unpacked to disk; the CSV is read as a stream, and what it may unpack to is bounded.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_discourse._fields import mapping, number, word

__all__ = ["read_export"]

_POSTS, _PROFILE = "user_archive.csv", "preferences.json"
_NEEDED = frozenset({"url", "created_at"})
_NAME = re.compile(r"user_archive-(.+?)-\d{6}-\d{6}")
_MOST = 4 << 30
_FIELD = 64 << 20
_BATCH = 200


def read_export(path: Path) -> Iterator[Batch]:
    """Yield whose export it is, then its posts, in batches.

    Raises:
        PayloadError: It is no such export, or it is damaged; what came before was read.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from _read_zip(path, archive)
        else:
            with path.open("rb") as file:
                yield from _rows(path, file, _user(path, {}))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); export it again") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise PayloadError(f"{path.name} is damaged ({error}); export it again: what came before was read") from error


def _read_zip(path: Path, archive: zipfile.ZipFile) -> Iterator[Batch]:
    members = {one.filename.rpartition("/")[2]: one for one in archive.infolist() if not one.is_dir()}
    if _POSTS not in members:
        raise PayloadError(f"{path.name} is no export of a Discourse user: it should hold {_POSTS}")
    if members[_POSTS].file_size > _MOST:
        raise PayloadError(f"{path.name} would unpack to {members[_POSTS].file_size} bytes; it was not read")
    profile: Any = {}
    if _PROFILE in members and members[_PROFILE].file_size < _FIELD:
        try:
            profile = json.loads(archive.read(members[_PROFILE]))
        except ValueError:
            profile = {}
    with archive.open(members[_POSTS]) as file:
        yield from _rows(path, file, _user(path, profile))


def _user(path: Path, profile: Any) -> dict[str, Any]:
    row = mapping(mapping(profile).get("user")) or mapping(profile)
    named = _NAME.search(path.name)
    name = word(row.get("username")) or (named[1] if named else "")
    return {"id": number(row.get("id")), "username": name, "name": word(row.get("name"))}


def _rows(path: Path, file: IO[bytes], user: dict[str, Any]) -> Iterator[Batch]:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD))  # posts are longer than what the module takes by itself
    lines = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
    if not set(lines.fieldnames or ()) >= _NEEDED:
        raise PayloadError(f"{path.name} is no export of a Discourse user: {_POSTS} should have the columns url, created_at …")
    context = {"username": user["username"]}
    if user["id"] or user["username"]:
        yield Batch([Raw("export_user", user)])
        context["user"] = str(user["id"]) if user["id"] else f"@{user['username'].lower()}"
    while chunk := list(islice(lines, _BATCH)):
        yield Batch([Raw("export", {name: value for name, value in row.items() if name}, context) for row in chunk])
