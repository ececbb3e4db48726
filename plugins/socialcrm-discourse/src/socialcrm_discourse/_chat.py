"""Chat messages, which only the webhook brings (Discourse's chat plugin: events ``chat_message_*``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Direction, Interaction, Kind, Moderation, Visibility
from socialcrm_discourse._fields import mapping, moment, number, word
from socialcrm_discourse._people import identity
from socialcrm_discourse._settings import DiscourseSettings
from socialcrm_discourse._text import from_cooked

__all__ = ["CHAT", "chat_message"]

CHAT = "chat"


def chat_message(body: Mapping[str, Any], settings: DiscourseSettings) -> Interaction:
    """Read a chat message with its channel.

    Args:
        body: ``message`` and ``channel``, or the message alone.
        settings: The channel's.

    Raises:
        PayloadError: It has no id or no time.
    """
    row = mapping(body.get("message")) or body
    channel = mapping(body.get("channel")) or mapping(row.get("chat_channel"))
    key, at = number(row.get("id")), moment(row.get("created_at"))
    if not key or at is None:
        raise PayloadError(f"a chat message without a usable {'time' if key else 'id'} can't be placed; it is kept")
    user = mapping(row.get("user"))
    author = identity({**user, "user_id": user.get("id", row.get("user_id"))}, settings.server, key)
    room = number(row.get("chat_channel_id")) or number(channel.get("id"))
    parent = number(mapping(row.get("in_reply_to")).get("id"))
    deleted, edited = moment(row.get("deleted_at")), moment(row.get("updated_at")) if row.get("edited") is True else None
    return Interaction(
        id=str(key),
        scope=CHAT,
        at=at,
        author=author,
        conversation=f"chat:{room}" if room else "",
        parent=str(parent) if parent else None,
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND if author.id in settings.staff else None,
        # A category's channel is open to members; everything else, and the unknown, is between those in it.
        visibility=Visibility.LIMITED if word(channel.get("chatable_type")) == "Category" else Visibility.PRIVATE,
        moderation=Moderation.REMOVED if row.get("deleted_at") else Moderation.APPROVED,
        text=word(row.get("message")) or from_cooked(word(row.get("cooked")), settings.server).text,
        edited_at=deleted or edited,
    )
