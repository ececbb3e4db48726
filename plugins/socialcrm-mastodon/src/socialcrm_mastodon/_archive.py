"""Reading archives: the official export, and the file that the tool "mastodon-archive" writes.

The official export ("Moving or leaving accounts", Export) is a zip or tar.gz with ``actor.json`` and ``outbox.json``: one's
own posts only. The tool's JSON file also holds the posts that mention us.

Archives may be hostile: only regular members of the two names are read, and sizes are bounded.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import open_archive, tell_damage
from socialcrm.errors import PayloadError
from socialcrm_mastodon._activity import parse_actor
from socialcrm_mastodon._fields import mapping, rows, text_of
from socialcrm_mastodon._settings import host_of

__all__ = ["load"]

_SIZE = 512 * 1024 * 1024
"""The most bytes that one JSON file may hold, unpacked."""

_TOTAL = 256 * 1024**3
"""The most bytes that all members of a tar archive may hold: they have to be read past."""

_NAMES = ("actor.json", "outbox.json")
_EXPECTED = "expected a Mastodon export (zip, tar.gz or folder with outbox.json) or a JSON file of mastodon-archive"


def load(path: Path) -> Iterator[Batch]:
    """Read an archive in batches, the account it belongs to first.

    Raises:
        PayloadError: It is not such an archive, it is damaged, or it is larger than we read.
    """
    with tell_damage(path, _EXPECTED):
        files = _tar(path) if path.is_file() and tarfile.is_tarfile(path) else _files(path)
    if "archive" in files:
        raws = _tool(_json(files["archive"], path.name), path.name)
    elif "outbox.json" in files:
        raws = _official(files)
    else:
        raise PayloadError(f"{path.name} holds no outbox.json; {_EXPECTED}")
    for start in range(0, len(raws), 500):
        yield Batch(raws[start : start + 500])


def _files(path: Path) -> dict[str, bytes]:
    """The JSON files of an archive by name; ``archive`` for a single file of the tool's."""
    with open_archive(path, expected=_EXPECTED, most=_SIZE) as members:
        wanted = {_wanted(name): one for name, one in members.items()}
        found = {name: wanted[name].read() for name in _NAMES if name in wanted}
        if not found and path.name in members:
            found = {"archive": members[path.name].read()}
        return found


def _tar(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    with tarfile.open(path, "r|*") as bundle:
        for member in bundle:
            total += member.size
            if total > _TOTAL:
                raise PayloadError(f"{path.name} holds more than {_TOTAL >> 30} GiB; it is not read")
            name = _wanted(member.name)
            stream = bundle.extractfile(member) if name and member.isreg() else None
            if stream is not None:
                found[name] = _bounded(stream, name)
    return found


def _wanted(name: str) -> str:
    """A member's plain name if it is one of ours, at the top or in one folder; empty otherwise."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return parts[-1] if parts and len(parts) <= 2 and ".." not in parts and parts[-1] in _NAMES else ""


def _bounded(stream: IO[bytes], name: str) -> bytes:
    with stream:
        content = stream.read(_SIZE + 1)
    if len(content) > _SIZE:
        raise PayloadError(f"{name} holds more than {_SIZE >> 20} MiB; it is not read")
    return content


def _json(content: bytes, name: str) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise PayloadError(f"{name} is not JSON; {_EXPECTED}") from None
    if not isinstance(body, Mapping):
        raise PayloadError(f"{name} holds no JSON object; {_EXPECTED}")
    return body


def _official(files: Mapping[str, bytes]) -> Sequence[Raw]:
    outbox = _json(files["outbox.json"], "outbox.json")
    activities = outbox.get("orderedItems")
    if not isinstance(activities, list):
        raise PayloadError(f"outbox.json has no orderedItems; {_EXPECTED}")
    if "actor.json" not in files:
        return [Raw(kind="activity", body=activity) for activity in activities]
    actor = _json(files["actor.json"], "actor.json")
    owner = parse_actor(actor)
    context = {"actor": owner.id, "name": owner.name, "handle": owner.handle, "url": owner.url}
    return [Raw(kind="actor", body=actor), *(Raw(kind="activity", body=item, context=context) for item in activities)]


def _tool(body: Mapping[str, Any], name: str) -> Sequence[Raw]:
    """The tool's layout: ``account``, ``statuses``, ``mentions`` and more, as the API gave them.

    Mentions are statuses there; notifications that carry one are read as well. Favourites, bookmarks and followers are
    no conversation with us and are left out.
    """
    if isinstance(body.get("orderedItems"), list):
        return [Raw(kind="activity", body=activity) for activity in body["orderedItems"]]
    account = mapping(body.get("account"))
    if not account or not isinstance(body.get("statuses", body.get("mentions")), list):
        raise PayloadError(f"{name} has no account with statuses or mentions; {_EXPECTED}")
    host = host_of(text_of(account, "url")) or text_of(account, "acct").partition("@")[2]
    context = {"server": f"https://{host}"}
    kind: Callable[[Any], str] = lambda item: "notification" if "status" in mapping(item) else "status"  # noqa: E731
    listed = [item for key in ("statuses", "mentions") for item in rows(body.get(key))]
    return [
        Raw(kind="account", body=account, context=context),
        *(Raw(kind=kind(item), body=item, context=context) for item in listed if item is not None),
    ]
