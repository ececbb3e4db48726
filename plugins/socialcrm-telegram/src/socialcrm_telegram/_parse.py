"""What an element means. Pure: one parser for polling, webhooks and exports ("Update").

An update holds one thing, by the name of its kind. What is no message and no reaction becomes an interaction of kind ``other``,
kinds that nobody has heard of too, as long as they tell who caused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Hole, Interaction, Item, Kind, Visibility
from socialcrm_telegram._export import exported_message
from socialcrm_telegram._fields import mapping, moment, required, rows, scope_of, text_of
from socialcrm_telegram._message import Ours, conversation_of, interaction, visibility_of
from socialcrm_telegram._people import account_of, author_of

__all__ = ["parse"]

_MESSAGES = frozenset(("message", "edited_message", "business_message", "edited_business_message", "guest_message"))
_POSTS = frozenset(("channel_post", "edited_channel_post"))
_NOBODY = frozenset(("message_reaction_count", "poll"))
"""Counts that name nobody: no interaction with a customer."""


def parse(raw: Raw, ours: Ours) -> Iterable[Item]:
    """Say what an element means.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "update":
        return _update(_object(raw), raw.context, ours)
    if raw.kind == "exported":
        return exported_message(_object(raw), raw.context, ours)
    if raw.kind == "account":
        return [account_of(_object(raw))]
    if raw.kind == "hole":
        return [_hole(_object(raw))]
    return []


def _object(raw: Raw) -> Mapping[str, Any]:
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"expected a JSON object for a Telegram {raw.kind}, got {type(raw.body).__name__}")
    return raw.body


def _hole(body: Mapping[str, Any]) -> Hole:
    since, until = moment(body.get("since")), moment(body.get("until"))
    reason = "Telegram keeps updates for 24 hours only, and nobody asked for them in time"
    return Hole(id=f"away:{int(since.timestamp())}", since=since, at=until, reason=reason)


def _update(update: Mapping[str, Any], context: Mapping[str, str], ours: Ours) -> Iterable[Item]:
    found: list[Item] = []
    kinds = [kind for kind in update if kind != "update_id"]
    for kind in kinds:
        found += _items(kind, update[kind], text_of(update, "update_id"), context, ours)
    if not kinds:
        raise PayloadError("expected an update of Telegram with something in it, got none")
    return found


def _items(kind: str, body: Any, number: str, context: Mapping[str, str], ours: Ours) -> Iterable[Item]:
    if kind in _NOBODY:
        return []
    if not isinstance(body, Mapping):
        raise PayloadError(f"expected a JSON object for the update {kind!r}, got {type(body).__name__}")
    if kind in _MESSAGES:
        return [interaction(body, context, ours, guest=kind == "guest_message")]
    if kind in _POSTS:
        return [interaction(body, context, ours, post=True)]
    if kind == "message_reaction":
        return _reactions(body)
    if kind == "deleted_business_messages":
        scope = scope_of(required(body.get("chat"), "id"), required(body, "business_connection_id"))
        return [Deletion(id=required({"id": key}, "id"), scope=scope) for key in rows(body.get("message_ids"))]
    return _event(kind, body, number, context, ours)


def _reactions(body: Mapping[str, Any]) -> Iterator[Item]:
    """Read a changed reaction ("MessageReactionUpdated"): what was added, and what was taken back."""
    scope, key, at = required(body.get("chat"), "id"), required(body, "message_id"), moment(body.get("date"))
    author = author_of({name: body.get(name) for name in ("actor_chat", "user", "chat")})
    before, after = (dict.fromkeys(map(_reaction, rows(body.get(name)))) for name in ("old_reaction", "new_reaction"))
    for sign in before:
        if sign not in after:
            yield Deletion(id=f"{key}:{author.id}:{sign}", scope=scope, at=at)
    for sign in after:
        if sign not in before:
            yield Interaction(
                id=f"{key}:{author.id}:{sign}",
                scope=scope,
                at=at,
                author=author,
                parent=key,
                kind=Kind.REACTION,
                visibility=visibility_of(body.get("chat")),
                text=sign,
            )


def _reaction(body: Any) -> str:
    return text_of(body, "emoji") or text_of(body, "custom_emoji_id") or text_of(body, "type") or "?"


def _event(kind: str, body: Mapping[str, Any], number: str, context: Mapping[str, str], ours: Ours) -> Iterable[Item]:
    """Keep what is no message. Where a kind has no time of its own, ``context`` tells when it came."""
    message = mapping(body.get("message"))
    place = message if text_of(message.get("chat"), "id") else body
    chat = mapping(place.get("chat"))
    scope = text_of(chat, "id")
    key, parent = text_of(body, "id") or number, text_of(message, "message_id")
    if not key:
        raise PayloadError(f"expected an id for the update {kind!r}, got none; it can't be told from others")
    private = bool(text_of(message, "business_connection_id"))
    author = author_of(body)
    return [
        Interaction(
            id=f"{kind}:{key}" if text_of(body, "id") else f"update:{number}",
            scope=scope_of(scope, text_of(message, "business_connection_id")),
            at=moment(body.get("date") or context.get("at") or message.get("date")),
            author=author,
            conversation=conversation_of(place, context, ours) if scope else "",
            parent=parent if parent not in ("", "0") and place is message else None,
            kind=Kind.OTHER,
            direction=ours.wrote(author),
            visibility=visibility_of(chat, private=private) if scope else Visibility.PRIVATE,
            text=_told(kind, body),
            extra={"event": kind},
        )
    ]


def _told(kind: str, body: Mapping[str, Any]) -> str:
    """What an event tells: the button that was pressed, the query that was typed, a changed status, else its kind."""
    if kind == "callback_query":
        return _button(body) or text_of(body, "data") or text_of(body, "game_short_name")
    if "query" in body and text_of(body, "query"):
        return text_of(body, "query")
    old, new = (text_of(body.get(name), "status") for name in ("old_chat_member", "new_chat_member"))
    return f"{old} → {new}" if new else text_of(body, "bio") or kind.replace("_", " ")


def _button(body: Mapping[str, Any]) -> str:
    """The words on a pressed button ("InlineKeyboardMarkup")."""
    lines = rows(mapping(mapping(body.get("message")).get("reply_markup")).get("inline_keyboard"))
    pressed = [one for line in lines for one in rows(line) if text_of(one, "callback_data") == text_of(body, "data")]
    return text_of(pressed[0], "text") if pressed and text_of(body, "data") else ""
