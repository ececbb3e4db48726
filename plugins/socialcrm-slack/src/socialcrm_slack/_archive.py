"""Reading Slack's own export ("How to read Slack data exports"): a zip, or the folder that was in it.

``channels.json``, ``groups.json``, ``dms.json`` and ``mpims.json`` list the conversations, ``users.json`` (of an organisation
``org_users.json``) the people; each conversation has a folder with one file a day, named by its name (direct messages: its id).

Only JSON files at the top or in one folder are read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError
from socialcrm_slack._fields import mapping, rows, text_of

__all__ = ["load"]

_SIZE = 256 * 1024 * 1024
"""The most bytes that one JSON file may hold, unpacked."""

_LISTS = {"channels.json": "channel", "groups.json": "group", "dms.json": "im", "mpims.json": "mpim"}
_PEOPLE = ("users.json", "org_users.json")
_EXPECTED = "expected a Slack export: a zip or folder with channels.json (or groups, dms, mpims) and a folder for each"
_BATCH = 500

Files = Mapping[str, Member]
"""The JSON files of an export, by their place in it."""


def load(path: Path, colleagues: Sequence[str]) -> Iterator[Batch]:
    """Read an export in batches, our own people first.

    Args:
        path: The zip or folder.
        colleagues: User ids of our people: an export does not say whose it is.

    Raises:
        PayloadError: It is no such export, it is damaged, or a file is larger than we read.
    """
    with open_archive(path, expected=_EXPECTED, most=_SIZE) as members:
        files = {name: one for name, one in members.items() if name.count("/") <= 1 and name.endswith(".json")}
        yield from _read(files, colleagues, path.name)


def _read(files: Files, colleagues: Sequence[str], name: str) -> Iterator[Batch]:
    folders = _conversations(files)
    if not folders:
        raise PayloadError(f"{name} lists no conversations; {_EXPECTED}")
    people = [mapping(one) for part in _PEOPLE if part in files for one in _list(files, part)]
    home = _home(people)
    known = {text_of(one, "id"): _named(one) for one in people}
    if colleagues:
        yield Batch([Raw("account", {"user_id": key, "user": known.get(key, {}).get("handle", "")}) for key in colleagues])
    for place in files:
        folder, _, day = place.rpartition("/")
        if not folder or folder not in folders or not day:
            continue
        context = {**folders[folder], **({"team": home} if home else {})}
        messages = _list(files, place)
        for start in range(0, len(messages), _BATCH):
            yield Batch([_raw(one, context, known) for one in messages[start : start + _BATCH]])


def _conversations(files: Files) -> dict[str, dict[str, str]]:
    """Folders of conversations, and what parsing needs to know of each."""
    found: dict[str, dict[str, str]] = {}
    for part, kind in _LISTS.items():
        for row in _list(files, part) if part in files else []:
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
    try:
        body = json.loads(files[name].read())
    except (ValueError, RecursionError):
        raise PayloadError(f"{name} is not JSON; {_EXPECTED}") from None
    return rows(body)
