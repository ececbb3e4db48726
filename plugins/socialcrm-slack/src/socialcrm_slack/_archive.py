"""Reading Slack's own export ("How to read Slack data exports"): a zip, or the folder that was in it.

``channels.json``, ``groups.json``, ``dms.json`` and ``mpims.json`` list the conversations, ``users.json`` (of an organisation
``org_users.json``) the people; each conversation has a folder with one file a day, named by its name (direct messages: its id).

Archives may be hostile: nothing is unpacked to disk, only JSON files at the top or in one folder are read, sizes are bounded.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError
from socialcrm_slack._fields import mapping, rows, text_of

__all__ = ["load"]

_SIZE = 256 * 1024 * 1024
"""The most bytes that one JSON file may hold, unpacked."""

_LISTS = {"channels.json": "channel", "groups.json": "group", "dms.json": "im", "mpims.json": "mpim"}
_PEOPLE = ("users.json", "org_users.json")
_EXPECTED = "expected a Slack export: a zip or folder with channels.json (or groups, dms, mpims) and a folder for each"
_BATCH = 500


class Files(Protocol):
    """The JSON files of an export, by their place in it."""

    def names(self) -> list[str]:
        """Return all names, in order."""
        ...

    def read(self, name: str) -> bytes:
        """Return what a file holds, one byte more than is allowed at most."""
        ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        found = [*self._path.glob("*.json"), *self._path.glob("*/*.json")]
        return sorted(one.relative_to(self._path).as_posix() for one in found if one.is_file())

    def read(self, name: str) -> bytes:
        with (self._path / name).open("rb") as stream:
            return stream.read(_SIZE + 1)


class _Zip:
    def __init__(self, bundle: zipfile.ZipFile) -> None:
        self._bundle = bundle

    def names(self) -> list[str]:
        return sorted(info.filename for info in self._bundle.infolist() if not info.is_dir() and _wanted(info.filename))

    def read(self, name: str) -> bytes:
        with self._bundle.open(name) as stream:
            return stream.read(_SIZE + 1)


def load(path: Path, colleagues: Sequence[str]) -> Iterator[Batch]:
    """Read an export in batches, our own people first.

    Args:
        path: The zip or folder.
        colleagues: User ids of our people: an export does not say whose it is.

    Raises:
        PayloadError: It is no such export, it is damaged, or a file is larger than we read.
    """
    try:
        if path.is_dir():
            yield from _read(_Folder(path), colleagues, path.name)
        else:
            with zipfile.ZipFile(path) as bundle:
                yield from _read(_Zip(bundle), colleagues, path.name)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise PayloadError(f"{path.name} can't be read ({type(error).__name__}); {_EXPECTED}") from None


def _wanted(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return 0 < len(parts) <= 2 and ".." not in parts and name.endswith(".json") and not name.startswith("/")


def _read(files: Files, colleagues: Sequence[str], name: str) -> Iterator[Batch]:
    names = files.names()
    folders = _conversations(files, names)
    if not folders:
        raise PayloadError(f"{name} lists no conversations; {_EXPECTED}")
    people = [mapping(one) for part in _PEOPLE if part in names for one in _list(files, part)]
    home = _home(people)
    known = {text_of(one, "id"): _named(one) for one in people}
    if colleagues:
        yield Batch([Raw("account", {"user_id": key, "user": known.get(key, {}).get("handle", "")}) for key in colleagues])
    for place in names:
        folder, _, day = place.rpartition("/")
        if not folder or folder not in folders or not day:
            continue
        context = {**folders[folder], **({"team": home} if home else {})}
        messages = _list(files, place)
        for start in range(0, len(messages), _BATCH):
            yield Batch([_raw(one, context, known) for one in messages[start : start + _BATCH]])


def _conversations(files: Files, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Folders of conversations, and what parsing needs to know of each."""
    found: dict[str, dict[str, str]] = {}
    for part, kind in _LISTS.items():
        for row in _list(files, part) if part in names else []:
            key = text_of(row, "id")
            if key:
                found[key if kind == "im" else text_of(row, "name") or key] = {"channel": key, "type": kind}
    return found


def _home(people: Sequence[Mapping[str, Any]]) -> str:
    """The workspace that was exported: that of most people in it."""
    teams = Counter(text_of(one, "team_id") for one in people if text_of(one, "team_id"))
    return max(teams, key=lambda team: (teams[team], team)) if teams else ""


def _named(user: Mapping[str, Any]) -> dict[str, str]:
    profile, handle = mapping(user.get("profile")), text_of(user, "name")
    name = text_of(profile, "real_name") or text_of(user, "real_name") or text_of(profile, "display_name") or handle
    return {key: value for key, value in (("name", name), ("handle", handle)) if value}


def _raw(message: Any, context: Mapping[str, str], known: Mapping[str, Mapping[str, str]]) -> Raw:
    return Raw(kind="message", body=message, context={**context, **known.get(text_of(message, "user"), {})})


def _list(files: Files, name: str) -> list[Any]:
    content = files.read(name)
    if len(content) > _SIZE:
        raise PayloadError(f"{name} holds more than {_SIZE >> 20} MiB; it is not read")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise PayloadError(f"{name} is not JSON; {_EXPECTED}") from None
    return rows(body)
