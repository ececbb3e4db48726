"""A message of the desktop application's export ("Export Telegram data", as JSON).

The names of its fields are those that the application's own writer gives them (its source, ``export_output_json.cpp``). An
export leaves out the ``-100`` in front of the ids of supergroups and channels; here they get the ids that bots know them by.
Message ids of supergroups and channels are the same for everybody; those of private chats and small groups are the exporting
person's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Direction, Identity, Interaction, Item, Kind, Visibility
from socialcrm_telegram._content import words
from socialcrm_telegram._fields import key_of, mapping, moment, required, rows, text_of, whole
from socialcrm_telegram._message import Ours
from socialcrm_telegram._text import exported

__all__ = ["chat_id", "exported_message", "peer_id"]

_TURN = 1_000_000_000_000
"""What the ids of supergroups and channels are counted from ("Bot API dialog IDs": ``-100…``)."""

_TYPES = {
    "private_group": Visibility.LIMITED,
    "private_supergroup": Visibility.LIMITED,
    "public_supergroup": Visibility.PUBLIC,
    "private_channel": Visibility.LIMITED,
    "public_channel": Visibility.PUBLIC,
}
"""Who can read a chat, by its type; all others are private."""

_MIMES = {"photo": "image/jpeg", "voice_message": "audio/ogg", "video_message": "video/mp4", "sticker": "image/webp"}


def chat_id(number: str, kind: str) -> str:
    """Return the id by which bots know an exported chat.

    Args:
        number: The export's id.
        kind: The export's type.
    """
    if kind.endswith(("_supergroup", "_channel")):
        return peer_id(f"channel{number}")
    return peer_id(f"chat{number}") if kind == "private_group" else number


def peer_id(peer: str) -> str:
    """Return the id by which bots know who is named ``user1``, ``chat1`` or ``channel1``; in old exports a bare number."""
    found = re.fullmatch(r"(user|chat|channel)?([0-9]{1,19})", peer)
    if found is None:
        return ""
    number = int(found[2])
    return str(-_TURN - number if found[1] == "channel" else -number if found[1] == "chat" else number)


def exported_message(body: Mapping[str, Any], context: Mapping[str, str], ours: Ours) -> Iterator[Item]:
    """Say what an exported message means; one that the exporting application did not understand means nothing.

    Args:
        body: The message.
        context: ``chat`` and ``type`` of the chat it stood in, its ``name``, and the ``topic`` it stood in.
        ours: Who is us.

    Raises:
        PayloadError: It has no id, time or chat.
    """
    if text_of(body, "type") == "unsupported":
        return
    chat, kind = required(context, "chat"), context.get("type", "")
    shared = kind.endswith(("_supergroup", "_channel"))
    scope, service = chat if shared else f"{chat}#export", text_of(body, "type") == "service"
    author = _author(body, chat, context.get("name", ""))
    home, topic, parent = ours.homes.get(chat, scope), context.get("topic", ""), text_of(body, "reply_to_message_id")
    yield Interaction(
        id=required(body, "id"),
        scope=scope,
        at=_when(body, "date"),
        author=author,
        conversation=key_of(home, topic),
        parent=parent if parent not in ("", "0", topic) and not text_of(body, "reply_to_peer_id") else None,
        kind=Kind.OTHER if service else Kind.POST if kind.endswith("_channel") else Kind.MESSAGE,
        direction=_direction(author, chat, kind, ours),
        visibility=_TYPES.get(kind, Visibility.PRIVATE),
        text=_said(body) or (text_of(body, "action").replace("_", " ") if service else ""),
        attachments=tuple(_files(body)),
        edited_at=_edited(body),
        extra=_extra(body),
    )


def _author(body: Mapping[str, Any], chat: str, name: str) -> Identity:
    """Who wrote; a chat's own notices name nobody, and an account that was deleted has no name."""
    for key in ("from", "actor"):
        peer = peer_id(text_of(body, f"{key}_id"))
        if peer:
            return Identity(id=peer, name=text_of(body, key))
    return Identity(id=chat, name=name)


def _direction(author: Identity, chat: str, kind: str, ours: Ours) -> Direction | None:
    """A channel's posts are ours; in a private chat, what the other one did not write is the exporting person's."""
    if kind.endswith("_channel") or author.id in ours.colleagues:
        return Direction.OUTBOUND
    if kind in ("personal_chat", "bot_chat"):
        return Direction.INBOUND if author.id == chat else Direction.OUTBOUND
    return None


def _when(body: Mapping[str, Any], key: str) -> datetime:
    """A time; exports of older applications have it without a zone only, which is read as UTC."""
    if body.get(f"{key}_unixtime"):
        return moment(body[f"{key}_unixtime"])
    try:
        told = datetime.fromisoformat(text_of(body, key))
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PayloadError(f"expected a time in {key!r}, got {body.get(key)!r:.40}") from None


def _edited(body: Mapping[str, Any]) -> datetime | None:
    if not body.get("edited_unixtime") and not text_of(body, "edited"):
        return None
    told = _when(body, "edited")
    return told if told.year > 1970 else None


def _said(body: Mapping[str, Any]) -> str:
    """What a message says; in the same words as where a bot receives it."""
    place = {"title": body.get("place_name"), "address": body.get("address"), "location": body.get("location_information")}
    poll = mapping(body.get("poll"))
    options = [{"text": exported(mapping(one).get("text"))} for one in rows(poll.get("answers"))]
    lines = [
        text_of(body, "sticker_emoji"),
        words["contact"](body.get("contact_information")),
        words["venue"](place),
        words["poll"]({"question": exported(poll.get("question")), "options": options}),
        "\n".join(filter(None, (text_of(body, "game_title"), text_of(body, "game_description")))),
        text_of(body, "title") if "action" in body else "",
        ", ".join(one for one in rows(body.get("members")) if isinstance(one, str)),
        text_of(body, "information_text"),
        exported(body.get("text")),
    ]
    return "\n".join(line for line in lines if line)


def _files(body: Mapping[str, Any]) -> Iterator[Attachment]:
    """Files beside the export; one that was left out of it is named by a remark in brackets."""
    for key in ("photo", "file"):
        path, kind = text_of(body, key), "photo" if key == "photo" else text_of(body, "media_type")
        if path and not path.startswith("("):
            yield Attachment(
                url=path,
                mime=text_of(body, "mime_type") or _MIMES.get(kind, "application/octet-stream"),
                name=text_of(body, "file_name") or path.rpartition("/")[2],
                size=whole(body, f"{key}_file_size" if key == "photo" else "file_size"),
            )


def _extra(body: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "event": text_of(body, "action"),
        "signature": text_of(body, "author"),
        "forwarded_from": text_of(body, "forwarded_from"),
        "via": text_of(body, "via_bot"),
    }
    return {key: value for key, value in found.items() if value}
