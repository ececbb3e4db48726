"""A user's own export (Preferences → Account → Export): a zip with ``user_archive.csv``, or that file alone.

The CSV is read as a stream, and what it may unpack to is bounded.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError
from socialcrm_discourse._fields import mapping, number, word

__all__ = ["read_export"]

_POSTS, _PROFILE = "user_archive.csv", "preferences.json"
_EXPECTED = f"expected the export of a Discourse user: a zip with {_POSTS}, or that file"
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
    with open_archive(path, expected=_EXPECTED, most=_MOST) as members:
        found = {one.base: one for one in members.values()}
        posts = found.get(_POSTS) or members.get(path.name)
        if posts is None:
            raise PayloadError(f"{path.name} holds no {_POSTS}; {_EXPECTED}")
        with posts.open() as file:
            yield from _rows(path, file, _user(path, _profile(found.get(_PROFILE))))


def _profile(member: Member | None) -> Any:
    if member is None or member.size > _FIELD:
        return {}
    try:
        return json.loads(member.read())
    except (ValueError, RecursionError):
        return {}


def _user(path: Path, profile: Any) -> dict[str, Any]:
    row = mapping(mapping(profile).get("user")) or mapping(profile)
    named = _NAME.search(path.name)
    name = word(row.get("username")) or (named[1] if named else "")
    return {"id": number(row.get("id")), "username": name, "name": word(row.get("name"))}


def _rows(path: Path, file: IO[bytes], user: dict[str, Any]) -> Iterator[Batch]:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD))  # posts are longer than what the module takes by itself
    lines = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
    if not set(lines.fieldnames or ()) >= _NEEDED:
        raise PayloadError(f"{path.name} has no columns url, created_at …; {_EXPECTED}")
    context = {"username": user["username"]}
    if user["id"] or user["username"]:
        yield Batch([Raw("export_user", user)])
        context["user"] = str(user["id"]) if user["id"] else f"@{user['username'].lower()}"
    while chunk := list(islice(lines, _BATCH)):
        yield Batch([Raw("export", {name: value for name, value in row.items() if name}, context) for row in chunk])
