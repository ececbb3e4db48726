"""Messages in the "Download your information" export of Facebook and Instagram (JSON).

Shape, as public parsers and their sample files describe it: folders ``messages/<box>/<thread>/message_<n>.json`` with
``participants``, ``title``, ``thread_path`` and ``messages`` (``sender_name``, ``timestamp_ms``, ``content``, ``photos`` …).
Texts are UTF-8 whose bytes were escaped one by one as if they were Latin-1. The export holds names and no account ids, so the
other side of an exchange is keyed by the thread, and nothing in it can be joined with what the API brings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from socialcrm.connectors import Batch, Raw
from socialcrm.connectors.archives import Member, open_archive
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Attachment, Direction, Identity, Interaction, Item, Kind, Visibility
from socialcrm_meta._values import mapping, moment, rows, text

__all__ = ["export_batches", "mended", "parse_export"]

_THREAD = re.compile(r"(?:^|/)messages/[a-z0-9_]+/([^/]+)/message_(\d+)\.json$")
_LARGEST = 256 * 1024 * 1024
_SIZE = 500
_EXPECTED = "expected the export that Meta makes of messages: ask for it in the format JSON"
_FILES = ("photos", "videos", "audio_files", "files", "gifs")


def mended(value: object) -> str:
    """Return a text whose UTF-8 bytes were escaped as Latin-1; one that was not stays as it is."""
    told = text(value)
    try:
        return told.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return told


def export_batches(path: Path, *, account: str, name: str) -> Iterator[Batch]:
    """Read an export: a zip file or the folder that it was unpacked to. Our account comes first.

    Args:
        path: Where it lies.
        account: Our account's id.
        name: Our name, as the export writes it; empty to take the one that takes part in every exchange.

    Raises:
        PayloadError: It is no such export, or nobody can tell who we are in it.
    """
    with open_archive(path, expected=_EXPECTED, most=_LARGEST) as members:
        # The folder may be the one named "messages" itself.
        found = ((_THREAD.search(f"{path.name}/{name}"), one) for name, one in members.items())
        yield from _batches({(match[1], int(match[2])): one for match, one in found if match}, account, name, path.name)


def parse_export(raw: Raw) -> Iterator[Item]:
    """Say what an ``export_account`` or an ``export_message`` means.

    Raises:
        PayloadError: A message has no time or no sender.
    """
    told = mapping(raw.body)
    if raw.kind == "export_account":
        if text(told.get("id")):
            yield Account(id=text(told["id"]), name=text(told.get("name")))
        return
    at, sender, thread = moment(told.get("timestamp_ms")), mended(told.get("sender_name")), raw.context.get("thread", "")
    if at is None or not thread:
        raise PayloadError("a message of an export should have a 'timestamp_ms', and belong to a thread")
    ours = bool(sender) and sender == raw.context.get("name")
    said = mended(told.get("content"))
    files = tuple(_files(told))
    yield Interaction(
        id="export:" + _digest(thread, str(told["timestamp_ms"]), sender, said, *(one.url for one in files)),
        at=at,
        author=Identity(id=raw.context.get("account", "") if ours else _other(thread, sender, raw.context), name=sender),
        conversation=f"export:{thread}",
        kind=Kind.MESSAGE if said or files else Kind.OTHER,
        direction=Direction.OUTBOUND if ours else Direction.INBOUND,
        visibility=Visibility.PRIVATE,
        text=said,
        attachments=files,
    )


def _other(thread: str, sender: str, context: Mapping[str, str]) -> str:
    # Between two, the thread says who it is, whatever they are called; in a group only the name is left.
    return f"export:{thread}" if context.get("pair") else f"export:{thread}:{_digest(sender)}"


def _files(told: Mapping[str, Any]) -> Iterator[Attachment]:
    for name in _FILES:
        for one in rows(told.get(name)) if isinstance(told.get(name), list) else ():
            if text(one.get("uri")):
                yield Attachment(url=text(one["uri"]), description=name)
    share = mapping(told.get("share"))
    if text(share.get("link")):
        yield Attachment(url=text(share["link"]), name=mended(share.get("share_text"))[:200], description="share")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _batches(members: Mapping[tuple[str, int], Member], account: str, name: str, file: str) -> Iterator[Batch]:
    if not members:
        raise PayloadError(f"{file} holds no messages/*/*/message_1.json; {_EXPECTED}")
    ours = name or _ourselves(members, file)
    account = account or f"export:{_digest(ours)}"
    yield Batch([Raw("export_account", {"id": account, "name": ours})])
    for thread, number in sorted(members):
        told = _told(members[thread, number], thread)
        context = {"thread": thread, "account": account, "name": ours}
        if len(list(rows(told.get("participants")))) <= 2:
            context["pair"] = "yes"
        found = told.get("messages")
        elements = found if isinstance(found, list) else []
        for start in range(0, len(elements), _SIZE):
            yield Batch([Raw("export_message", one, context) for one in elements[start : start + _SIZE]])


def _ourselves(members: Mapping[tuple[str, int], Member], file: str) -> str:
    common: set[str] | None = None
    for thread, number in members:
        people = {mended(one.get("name")) for one in rows(_told(members[thread, number], thread).get("participants"))}
        common = people if common is None else common & people
    if common is None or len(common) != 1:
        raise PayloadError(f"{file} does not tell which participant is us; set 'archive_name' to our name as it stands there")
    return common.pop()


def _told(member: Member, thread: str) -> Mapping[str, Any]:
    try:
        told = json.loads(member.read())
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            f"the messages of {thread} are no JSON ({type(error).__name__}); download the export again"
        ) from error
    return mapping(told)
