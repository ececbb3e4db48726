"""Posts and messages as API 1.1 wrote them: webhooks of the Account Activity API and people's archives still do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Interaction, Kind, Visibility
from socialcrm_x._fields import either, mapping, required, rows, text_of, when
from socialcrm_x._ids import number, time_of
from socialcrm_x._people import identity_of, is_protected, unwrap
from socialcrm_x._posts import DM
from socialcrm_x._text import plain

__all__ = ["between", "key_of", "parse_event", "parse_status"]

_MIMES = {"photo": "image/jpeg", "video": "video/mp4", "animated_gif": "video/mp4"}


def key_of(status: Any) -> str:
    """Return a status's id; the number in ``id`` may have been rounded on its way, the text in ``id_str`` not."""
    return text_of(status, "id_str") or text_of(status, "id")


def _first(status: Any) -> str:
    """The id of the first version: webhooks have ``edit_history``, archives ``edit_info``."""
    info = mapping(mapping(status).get("edit_info"))
    edit = mapping(info.get("edit"))
    lists = (
        mapping(mapping(status).get("edit_history")).get("edit_tweet_ids"),
        mapping(edit.get("editControlInitial")).get("editTweetIds"),
        mapping(info.get("initial")).get("editTweetIds"),
    )
    ids = [key for listed in lists for key in rows(listed) if isinstance(key, str) and key]
    named = text_of(mapping(status).get("edit_history"), "initial_tweet_id") or text_of(edit, "initialTweetId")
    return named or min(ids, key=number, default="") or key_of(status)


def _second(key: str) -> datetime | None:
    """When an id was made, as API 1.1 writes times: without fractions."""
    made = time_of(key)
    return made.replace(microsecond=0) if made else None


def parse_status(status: Any, owner: Mapping[str, str] | None = None, note: str = "") -> Interaction:
    """Read a status.

    Args:
        status: The object (data dictionary: Tweet object, 1.1).
        owner: ``id``, ``username``, ``name`` of the account, for archives, which do not repeat it.
        note: The text of a long post, which archives keep apart.

    Raises:
        PayloadError: It has no id, author or time.
    """
    own = key_of(status)
    if not own:
        raise PayloadError(
            f"expected a status with 'id_str', got {type(status).__name__} without; it can't be told from others"
        )
    key = _first(status)
    at = when(status, "created_at", "timestamp_ms") or time_of(own)
    if at is None:
        raise PayloadError(f"status {own} has no created_at, and its id tells no time")
    user = mapping(status.get("user")) or dict(owner or {})
    who = identity_of(user)
    shown: dict[str, Any] = {
        "id": key,
        "at": at if own == key else _second(key) or at,
        "author": who,
        "visibility": Visibility.LIMITED if is_protected(user) else Visibility.PUBLIC,
        "url": f"https://x.com/{who.handle.removeprefix('@') or 'i'}/status/{own}",
    }
    shared = status.get("retweeted_status")
    if isinstance(shared, Mapping):
        return Interaction(**shown, parent=_first(shared) or None, kind=Kind.REACTION, extra={"type": "repost"})
    parent = text_of(status, "in_reply_to_status_id_str") or text_of(status, "in_reply_to_status_id")
    text, shape = _full(status)
    quoted = mapping(status.get("quoted_status"))
    link = text_of(status, "quoted_status_id_str")
    return Interaction(
        **shown,
        parent=parent or None,
        kind=Kind.REPLY if parent else Kind.POST,
        text=plain(note or text, _entities(shape), shape.get("display_text_range"), bare=bool(parent)),
        quoted=plain(_full(quoted)[0], _entities(_full(quoted)[1]), None) if quoted else "",
        language="" if text_of(status, "lang") in ("und", "zxx") else text_of(status, "lang"),
        attachments=tuple(_media(rows(mapping(shape.get("extended_entities")).get("media")))),
        edited_at=None if own == key else time_of(own) or at,
        extra={"quote": {"id": link}} if link else {},
    )


def _full(status: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The full text, and the object whose entities belong to it ("Account Activity", longform posts)."""
    longer = mapping(status.get("extended_tweet"))
    if text_of(longer, "full_text"):
        return text_of(longer, "full_text"), longer
    return text_of(status, "full_text") or text_of(status, "text"), status


def _entities(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    files = mapping(shape.get("extended_entities")).get("media")
    return {**mapping(shape.get("entities")), **({"media": files} if files else {})}


def _media(media: Iterable[Any]) -> Iterable[Attachment]:
    for medium in media:
        films = [film for film in rows(mapping(mapping(medium).get("video_info")).get("variants")) if text_of(film, "url")]
        film = max(films, key=lambda one: number(text_of(one, "bitrate")), default=None)
        url = text_of(film, "url") or str(either(medium, "media_url_https", "media_url") or "")
        if url:
            kind = text_of(medium, "type")
            mime = "image/png" if url.endswith(".png") else _MIMES.get(kind, "application/octet-stream")
            name = url.partition("?")[0].rpartition("/")[2]
            yield Attachment(url=url, name=name, mime=mime, description=text_of(medium, "ext_alt_text"))


def between(one: str, other: str) -> str:
    """Return the key of an exchange of two ("Direct Messages lookup": the smaller id, a dash, the larger one)."""
    return "-".join(sorted((one, other), key=number)) if one and other else ""


def parse_event(event: Any, users: Any) -> list[Interaction]:
    """Read a direct message event of API 1.1.

    Args:
        event: The event, ``type`` and ``message_create``.
        users: Users by id, as the webhook brings them.

    Raises:
        PayloadError: It has no id, sender or time.
    """
    if text_of(event, "type") not in ("", "message_create"):
        return []
    key, made = required(event, "id"), mapping(mapping(event).get("message_create"))
    sender, to = text_of(made, "sender_id"), text_of(made.get("target"), "recipient_id")
    at = when(event, "created_timestamp") or time_of(key)
    if at is None:
        raise PayloadError(f"message {key} has no created_timestamp, and its id tells no time")
    said = mapping(made.get("message_data"))
    medium = mapping(said.get("attachment")).get("media")
    entities = {**mapping(said.get("entities")), **({"media": [medium]} if medium else {})}
    return [
        Interaction(
            id=key,
            scope=DM,
            at=at,
            author=identity_of(unwrap(mapping(users).get(sender)), sender),
            conversation=between(sender, to),
            kind=Kind.MESSAGE,
            visibility=Visibility.PRIVATE,
            text=plain(text_of(said, "text"), entities, None),
            attachments=tuple(_media([medium] if medium else [])),
        )
    ]
