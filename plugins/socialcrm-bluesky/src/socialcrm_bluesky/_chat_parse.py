"""What the elements of chats mean (lexicon ``chat.bsky.convo.defs``). Pure.

A message's id is unique within its conversation, so the conversation's id is the scope. A reaction has no id: it is known by
its message, who gave it, and its emoji, of which each may stand there once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from socialcrm.types import Deletion, Interaction, Item, Kind, Visibility
from socialcrm_bluesky._embeds import quote
from socialcrm_bluesky._fields import kind_of, mapping, moment, required, rows, text_of
from socialcrm_bluesky._people import known
from socialcrm_bluesky._text import readable

__all__ = ["parse_log", "parse_message"]


def parse_message(message: Any, context: Mapping[str, str]) -> Iterable[Item]:
    """Read an element of ``chat.bsky.convo.getMessages``, with its reactions.

    Args:
        message: A message, a deleted one, or a notice of the system, which nobody wrote.
        context: ``convo``, and the sender's ``name`` and ``handle`` where they are known.

    Raises:
        PayloadError: The element can't be read.
    """
    sender = text_of(mapping(mapping(message).get("sender")), "did")
    profiles = [{"did": sender, "displayName": context.get("name", ""), "handle": context.get("handle", "")}]
    return _message(message, context.get("convo", ""), profiles)


def parse_log(event: Any) -> Iterable[Item]:
    """Read an event of ``chat.bsky.convo.getLog``; what is no message, deletion or reaction is nobody's word.

    Raises:
        PayloadError: The event can't be read.
    """
    kind, convo, message = kind_of(event), text_of(event, "convoId"), mapping(event).get("message")
    profiles = rows(mapping(event).get("relatedProfiles"))
    if kind == "logCreateMessage":
        return _message(message, convo, profiles)
    if kind == "logDeleteMessage":
        return [Deletion(id=required(message, "id"), scope=convo)]
    if kind in ("logAddReaction", "logRemoveReaction"):
        given = _reaction(mapping(event).get("reaction"), required(message, "id"), convo, profiles)
        return [given if kind == "logAddReaction" else Deletion(id=given.id, scope=convo)]
    return []


def _message(message: Any, convo: str, profiles: list[Any]) -> Iterable[Item]:
    key, kind = required(message, "id"), kind_of(message)
    if kind == "deletedMessageView":
        return [Deletion(id=key, scope=convo)]
    if kind == "systemMessageView":
        return []
    quoted, extra = quote(message.get("embed"), {})
    answered = text_of(mapping(message.get("replyTo")), "id")
    said = Interaction(
        id=key,
        scope=convo,
        at=moment(message, "sentAt"),
        author=known(required(message.get("sender"), "did"), profiles),
        conversation=convo,
        parent=answered or None,
        kind=Kind.MESSAGE,
        visibility=Visibility.PRIVATE,
        text=readable(text_of(message, "text"), message.get("facets")),
        quoted=quoted,
        extra=extra,
    )
    return [said, *(_reaction(given, key, convo, profiles) for given in rows(message.get("reactions")))]


def _reaction(body: Any, message: str, convo: str, profiles: list[Any]) -> Interaction:
    did, emoji = required(mapping(body).get("sender"), "did"), text_of(body, "value")
    return Interaction(
        id=f"{message} {did} {emoji}",
        scope=convo,
        at=moment(body, "createdAt"),
        author=known(did, profiles),
        conversation=convo,
        parent=message,
        kind=Kind.REACTION,
        visibility=Visibility.PRIVATE,
        extra={"type": "emoji", "emoji": emoji},
    )
