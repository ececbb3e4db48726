"""What a message holds: its words, in plain text, and its files ("Message").

A file is known by its ``file_id``. It is served at an address that contains the bot's token ("getFile"), so no such address is
kept: an attachment's address is ``telegram:file/`` and the ``file_id``, and `TelegramConnector.download` fetches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from socialcrm.types import Attachment
from socialcrm_telegram._fields import mapping, rows, text_of, whole
from socialcrm_telegram._people import named
from socialcrm_telegram._text import readable, rich

__all__ = ["FILE", "attachments", "event_of", "said", "words"]

FILE = "telegram:file/"
"""How the address of an attachment begins; the ``file_id`` follows."""

_HEAD = frozenset(
    (
        "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
        "sender_business_bot", "sender_tag", "date", "guest_query_id", "business_connection_id", "chat", "forward_origin",
        "forward_from", "forward_from_chat", "forward_from_message_id", "forward_signature", "forward_sender_name",
        "forward_date", "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote",
        "reply_to_story", "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "guest_bot_caller_user",
        "guest_bot_caller_chat", "edit_date", "has_protected_content", "is_from_offline", "is_paid_post", "media_group_id",
        "author_signature", "paid_star_count", "link_preview_options", "suggested_post_info", "effect_id", "entities",
        "caption_entities", "show_caption_above_media", "has_media_spoiler", "reply_markup",
    )
)  # fmt: skip
"""Fields that say nothing of what a message holds."""

_SAID = frozenset(
    (
        "text", "caption", "rich_message", "animation", "audio", "document", "live_photo", "paid_media", "photo", "sticker",
        "story", "video", "video_note", "voice", "checklist", "contact", "dice", "game", "poll", "venue", "location",
        "invoice", "web_app_data",
    )
)  # fmt: skip
"""Fields in which somebody says something; all others are service messages ("Service message: …")."""

_MIMES = {
    "photo": "image/jpeg",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "animation": "video/mp4",
    "live_photo": "video/mp4",
}
_ANY = "application/octet-stream"


def event_of(message: Mapping[str, Any]) -> str:
    """Return what a service message tells, in its own word; empty where somebody says something."""
    if not _SAID.isdisjoint(message):
        return ""
    return next((key for key in message if key not in _HEAD), "")


def said(message: Mapping[str, Any]) -> str:
    """Return everything that a message says, in plain text, a line for each thing."""
    lines = [say(message[key]) for key, say in words.items() if key in message and not _doubled(message, key)]
    lines.append(readable(text_of(message, "text"), message.get("entities")))
    lines.append(readable(text_of(message, "caption"), message.get("caption_entities")))
    return "\n".join(line for line in lines if line)


def _doubled(message: Mapping[str, Any], key: str) -> bool:
    # A venue repeats its location "for backward compatibility", and so does an animation its document.
    return (key == "location" and "venue" in message) or (key == "document" and "animation" in message)


def _contact(value: Any) -> str:
    return ", ".join(filter(None, (named(value), text_of(value, "phone_number"))))


def _location(value: Any) -> str:
    pair = [mapping(value).get(key) for key in ("latitude", "longitude")]
    known = all(isinstance(one, int | float) and not isinstance(one, bool) for one in pair)
    return f"geo:{pair[0]},{pair[1]}" if known else ""


def _venue(value: Any) -> str:
    address = ", ".join(filter(None, (text_of(value, "title"), text_of(value, "address"))))
    return "\n".join(filter(None, (address, _location(mapping(value).get("location")))))


def _titled(value: Any) -> str:
    return "\n".join(filter(None, (text_of(value, "title"), text_of(value, "description"))))


def _listed(title: str, entries: str) -> Callable[[Any], str]:
    def say(value: Any) -> str:
        heading = readable(text_of(value, title), mapping(value).get(f"{title}_entities"))
        points = [
            f"- {readable(text_of(one, 'text'), mapping(one).get('text_entities'))}"
            for one in rows(mapping(value).get(entries))
        ]
        return "\n".join(filter(None, (heading, *points)))

    return say


words: Mapping[str, Callable[[Any], str]] = {
    "rich_message": rich,
    "sticker": lambda value: text_of(value, "emoji"),
    "contact": _contact,
    "venue": _venue,
    "location": _location,
    "poll": _listed("question", "options"),
    "checklist": _listed("title", "tasks"),
    "dice": lambda value: " ".join(filter(None, (text_of(value, "emoji"), text_of(value, "value")))),
    "game": _titled,
    "invoice": _titled,
    "web_app_data": lambda value: text_of(value, "data"),
    "new_chat_title": lambda value: value if isinstance(value, str) else "",
    "new_chat_members": lambda value: ", ".join(filter(None, map(named, rows(value)))),
    "left_chat_member": named,
    "forum_topic_created": lambda value: text_of(value, "name"),
    "forum_topic_edited": lambda value: text_of(value, "name"),
    "successful_payment": lambda value: " ".join((text_of(value, "total_amount"), text_of(value, "currency"))).strip(),
}
"""What things other than text say."""


def attachments(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files that came with a message; of a photo the largest size."""
    return tuple(_files(message))


def _files(message: Mapping[str, Any]) -> Iterator[Attachment]:
    yield from _photo(message.get("photo"))
    for key in ("animation", "audio", "document", "live_photo", "video", "video_note", "voice", "sticker"):
        if not _doubled(message, key):
            yield from _file(message.get(key), _MIMES.get(key) or (_sticker(message.get(key)) if key == "sticker" else _ANY))
    for paid in rows(mapping(message.get("paid_media")).get("paid_media")):
        yield from _photo(mapping(paid).get("photo"))
        yield from _file(mapping(paid).get("video"), _MIMES["video"])


def _photo(sizes: Any) -> Iterator[Attachment]:
    known = [one for one in rows(sizes) if text_of(one, "file_id")]
    if known:
        largest = max(known, key=lambda one: (whole(one, "width") or 0) * (whole(one, "height") or 0))
        yield from _file(largest, _MIMES["photo"])


def _file(body: Any, mime: str) -> Iterator[Attachment]:
    key, size = text_of(body, "file_id"), whole(body, "file_size")
    if key:
        yield Attachment(
            url=f"{FILE}{key}",
            mime=text_of(body, "mime_type") or mime,
            name=text_of(body, "file_name") or text_of(body, "title"),
            size=size if size is not None and size >= 0 else None,
        )


def _sticker(body: Any) -> str:
    if mapping(body).get("is_video"):
        return "video/webm"
    return "application/x-tgsticker" if mapping(body).get("is_animated") else "image/webp"
