"""What a NodeBB element means: pure. Posts are known by ``pid``, chat messages by ``mid`` in the scope ``chat``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urljoin

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Census, Direction, Identity, Interaction, Item, Kind, Moderation, Visibility
from socialcrm_nodebb._fields import key, mapping, moment, number, word
from socialcrm_nodebb._settings import NodeBBSettings
from socialcrm_nodebb._text import read_html

__all__ = ["CHAT", "identity", "parse", "room_of"]

CHAT = "chat"


def parse(raw: Raw, settings: NodeBBSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of kind ``post``, ``message`` or ``census``; others are no interactions.
        settings: Which categories count, and which users are ours.

    Raises:
        PayloadError: The element can't be read.
    """
    read = _KINDS.get(raw.kind)
    if read is None:
        return
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"a NodeBB {raw.kind} should be an object, got {type(raw.body).__name__}; it is kept as it is")
    yield from read(raw, settings)


def identity(user: Mapping[str, Any], uid: Any, element: str, server: str) -> Identity:
    """Return how the author of an element appears on the forum.

    A registered user is keyed by the number, a remote one by the address; a guest, or one whose account is gone, has neither
    and may be anybody, so the key is the element.

    Args:
        user: ``username``, ``displayname``, ``userslug``, ``picture``.
        uid: The user's number or address; 0 or less for guests.
        element: What was written, as a key for guests.
        server: The forum's address.
    """
    known = key(uid) or (key(user.get("uid")) if uid is None else "")
    name, slug = word(user.get("username")), word(user.get("userslug"))
    picture = word(user.get("picture"))
    url = known if "://" in known else f"{server}/user/{quote(slug, safe='@')}" if slug and known else ""
    return Identity(
        id=known or f"guest:{element}",
        name=word(user.get("displayname")) or name,
        handle=f"@{name}" if name and known else "",
        url=url,
        avatar=_join(server, picture) if picture else "",
    )


def room_of(conversation: str) -> int:
    """Return the room of a chat's conversation, 0 where it is none."""
    return number(conversation.removeprefix("room:")) if conversation.startswith("room:") else 0


def _post(raw: Raw, settings: NodeBBSettings) -> Iterator[Item]:
    row = raw.body
    pid, at = key(row.get("pid")), moment(row.get("timestamp"), row.get("timestampISO"))
    if not pid or at is None:
        raise PayloadError(f"a NodeBB post without a usable {'time' if pid else 'pid'} can't be placed; it is kept")
    topic = mapping(row.get("topic"))
    category = key(row.get("cid")) or key(topic.get("cid")) or raw.context.get("cid", "")
    if settings.categories and category and category not in settings.categories:
        return
    text, files = read_html(word(row.get("content")) or word(row.get("sourceContent")), settings.server)
    author = identity(mapping(row.get("user")), row.get("uid"), f"post-{pid}", settings.server)
    main = raw.context.get("main") or key(topic.get("mainPid"))
    first = row.get("isMainPost") is True or main == pid
    parent = key(row.get("toPid"))
    title = word(topic.get("titleRaw")) or word(topic.get("title")) or raw.context.get("title", "")
    special = row.get("eventId") is not None or (row.get("isQueued") is True)
    yield Interaction(
        id=pid,
        at=at,
        author=author,
        conversation=key(row.get("tid")) or key(topic.get("tid")) or raw.context.get("tid", ""),
        parent=parent if number(parent) or "://" in parent else None,
        kind=Kind.OTHER if special else Kind.POST if first else Kind.REPLY,
        direction=Direction.OUTBOUND if author.id in settings.staff else None,
        visibility=Visibility.LIMITED if raw.context.get("limited") == "1" else Visibility.PUBLIC,
        moderation=_moderation(row),
        text=text,
        subject=title if first else "",
        url=_url(row, pid, settings.server),
        attachments=files,
        edited_at=_edited(row, at),
    )


def _url(row: Mapping[str, Any], pid: str, server: str) -> str:
    told = word(row.get("url"))
    return told if told.startswith(("http://", "https://")) else f"{server}/post/{quote(pid, safe='')}"


def _message(raw: Raw, settings: NodeBBSettings) -> Iterator[Item]:
    row = raw.body
    mid = key(row.get("messageId")) or key(row.get("mid"))
    at = moment(row.get("timestamp"), row.get("timestampISO"))
    if not mid or at is None:
        raise PayloadError(f"a NodeBB chat message without a usable {'time' if mid else 'id'} can't be placed; it is kept")
    room = key(row.get("roomId")) or raw.context.get("room", "")
    text, files = read_html(word(row.get("content")), settings.server)
    author = identity(mapping(row.get("fromUser")), row.get("fromuid"), f"message-{mid}", settings.server)
    system = row.get("system") in (1, True)
    yield Interaction(
        id=mid,
        scope=CHAT,
        at=at,
        author=author,
        conversation=f"room:{room}" if room else "",
        parent=key(row.get("toMid")) or None,
        kind=Kind.OTHER if system else Kind.MESSAGE,
        direction=Direction.OUTBOUND if author.id in settings.staff else None,
        visibility=Visibility.LIMITED if raw.context.get("public") == "1" else Visibility.PRIVATE,
        moderation=_moderation(row),
        text=text,
        attachments=files,
        edited_at=_edited(row, at),
    )


def _moderation(row: Mapping[str, Any]) -> Moderation:
    return Moderation.REMOVED if row.get("deleted") in (1, True, "1") else Moderation.APPROVED


def _edited(row: Mapping[str, Any], at: datetime) -> datetime | None:
    found = moment(row.get("edited"), row.get("editedISO"))
    return found if found is not None and found > at else None


def _census(raw: Raw, _settings: NodeBBSettings) -> Iterator[Item]:
    since, ids, topic = moment(None, raw.body.get("since")), raw.body.get("ids"), word(raw.body.get("tid"))
    if since is None or not isinstance(ids, list) or not topic:
        raise PayloadError("a census without a time, ids and a topic counts nothing off")
    known = frozenset(found for one in ids if (found := key(one)))
    until = moment(None, raw.body.get("until"))
    yield Census(id=f"topic:{topic}", ids=known, since=since, until=until, conversation=topic)


def _join(server: str, address: str) -> str:
    try:
        return urljoin(server + "/", address)
    except ValueError:
        return ""


_KINDS = {"post": _post, "message": _message, "census": _census}
