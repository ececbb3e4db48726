"""From a message to an interaction ("Message")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from socialcrm.types import Direction, Handle, HandleKind, Identity, Interaction, Kind, Visibility
from socialcrm_telegram._content import attachments, event_of, said
from socialcrm_telegram._fields import key_of, mapping, moment, required, scope_of, text_of
from socialcrm_telegram._people import SITE, author_of, identity_of

__all__ = ["Ours", "conversation_of", "interaction", "visibility_of"]


@frozen(kw_only=True)
class Ours:
    """Who is us, and which supergroups were groups once.

    Args:
        colleagues: Ids of users and chats whose words are ours.
        homes: The ids that supergroups had as groups, by their new ids.
    """

    colleagues: frozenset[str] = frozenset()
    homes: Mapping[str, str] = field(factory=dict)

    def wrote(self, author: Identity) -> Direction | None:
        """Return ``OUTBOUND`` for what is ours by the settings; else the host decides."""
        return Direction.OUTBOUND if author.id in self.colleagues else None


def conversation_of(message: Mapping[str, Any], context: Mapping[str, str], ours: Ours) -> str:
    """Return the conversation's key: the chat, a topic in it, or what the chat was called before it became a supergroup."""
    chat = required(message.get("chat"), "id")
    home = context.get("home") or ours.homes.get(chat) or chat
    scope = scope_of(home, text_of(message, "business_connection_id"))
    direct = text_of(message.get("direct_messages_topic"), "topic_id")
    thread = text_of(message, "message_thread_id") if message.get("is_topic_message") is True else ""
    return key_of(scope, thread, direct)


def visibility_of(chat: Any, *, private: bool = False) -> Visibility:
    """Return who can read a chat: everybody where it has a public username, its members, or the two who talk ("Chat")."""
    if private or text_of(chat, "type") == "private" or mapping(chat).get("is_direct_messages") is True:
        return Visibility.PRIVATE
    if text_of(chat, "type") not in ("group", "supergroup", "channel"):
        return Visibility.PRIVATE if not text_of(chat, "id").startswith("-") else Visibility.LIMITED
    return Visibility.PUBLIC if text_of(chat, "username") else Visibility.LIMITED


def interaction(
    message: Mapping[str, Any], context: Mapping[str, str], ours: Ours, *, post: bool = False, guest: bool = False
) -> Interaction:
    """Say what a message means.

    Args:
        message: As Telegram sends it.
        context: ``home`` where polling saw that a group became this supergroup.
        ours: Who is us.
        post: It came as a channel's post.
        guest: It was said in a chat that the bot is no member of.

    Raises:
        PayloadError: It has no id, chat, sender or time.
    """
    chat, business = mapping(message.get("chat")), text_of(message, "business_connection_id")
    author, event, key = _author(message), event_of(message), required(message, "message_id")
    edited = message.get("edit_date")
    return Interaction(
        id=key,
        scope=scope_of(required(chat, "id"), business),
        at=moment(message.get("date")),
        author=author,
        conversation=conversation_of(message, context, ours),
        parent=_parent(message),
        kind=Kind.OTHER if event else Kind.POST if post else Kind.MESSAGE,
        direction=_direction(message, author, ours, post),
        visibility=_visibility(message, chat, private=bool(business)),
        text=said(message) or event.replace("_", " "),
        quoted=text_of(message.get("quote"), "text"),
        url=_link(message, chat, key),
        attachments=attachments(message),
        edited_at=moment(edited) if edited else None,
        extra=_extra(message, event, guest),
    )


def _author(message: Mapping[str, Any]) -> Identity:
    """Who wrote; with the telephone number if they shared their own, which Telegram does not vouch for ("Contact")."""
    author = author_of(message)
    contact = mapping(message.get("contact"))
    digits = "".join(letter for letter in text_of(contact, "phone_number") if letter.isascii() and letter.isdigit())
    if not digits or text_of(contact, "user_id") != author.id:
        return author
    return evolve(author, handles=(Handle(kind=HandleKind.PHONE, value=f"+{digits}"),))


def _parent(message: Mapping[str, Any]) -> str | None:
    """What it answers. In a topic, everything that answers nothing else answers the message that began the topic."""
    answered = mapping(message.get("reply_to_message"))
    key = text_of(answered, "message_id")
    if not key or key == "0" or "forum_topic_created" in answered:
        return None
    if message.get("is_topic_message") is True and key == text_of(message, "message_thread_id"):
        return None
    there, here = text_of(answered.get("chat"), "id"), text_of(message.get("chat"), "id")
    return key if there in ("", here) else None


def _direction(message: Mapping[str, Any], author: Identity, ours: Ours, post: bool) -> Direction | None:
    """Outbound is what a channel posts (a bot only sees channels that made it an administrator), and the business's side."""
    if text_of(message, "business_connection_id"):
        theirs = author.id == text_of(message.get("chat"), "id") and "sender_business_bot" not in message
        return Direction.INBOUND if theirs else Direction.OUTBOUND
    if post or message.get("is_automatic_forward") is True:
        return Direction.OUTBOUND
    return ours.wrote(author)


def _visibility(message: Mapping[str, Any], chat: Mapping[str, Any], *, private: bool) -> Visibility:
    """A comment on a public channel's post can be read in the channel by everybody, whatever the group is."""
    found = visibility_of(chat, private=private)
    if found is Visibility.LIMITED:
        for one in (message, mapping(message.get("reply_to_message"))):
            if one.get("is_automatic_forward") is True and text_of(one.get("sender_chat"), "username"):
                return Visibility.PUBLIC
    return found


def _link(message: Mapping[str, Any], chat: Mapping[str, Any], key: str) -> str:
    """A message's link, in public chats for everybody, in other supergroups and channels for members ("Deep links")."""
    number, username = text_of(chat, "id"), text_of(chat, "username")
    if text_of(chat, "type") not in ("supergroup", "channel") or chat.get("is_direct_messages") is True:
        return ""
    place = username or (f"c/{number.removeprefix('-100')}" if number.startswith("-100") else "")
    thread = text_of(message, "message_thread_id") if message.get("is_topic_message") is True else ""
    return SITE + "/".join(filter(None, (place, thread, key))) if place else ""


def _extra(message: Mapping[str, Any], event: str, guest: bool) -> dict[str, Any]:
    via = identity_of(message.get("via_bot"))
    found = {
        "event": event,
        "album": text_of(message, "media_group_id"),
        "signature": text_of(message, "author_signature"),
        "forwarded_from": _forwarded(message),
        "answers_elsewhere": _elsewhere(message),
        "via": via.handle or via.id if via is not None else "",
    }
    return {key: value for key, value in found.items() if value} | ({"guest": True} if guest else {})


def _forwarded(message: Mapping[str, Any]) -> str:
    """Whose words these were first ("MessageOrigin"); before Bot API 7.0 ``forward_from`` and its like."""
    origin = mapping(message.get("forward_origin"))
    for one in (
        *(origin.get(key) for key in ("sender_user", "sender_chat", "chat")),
        message.get("forward_from"),
        message.get("forward_from_chat"),
    ):
        who = identity_of(one)
        if who is not None:
            return who.name or who.id
    return text_of(origin, "sender_user_name") or text_of(message, "forward_sender_name")


def _elsewhere(message: Mapping[str, Any]) -> str:
    """The link of a message in another chat that is answered ("ExternalReplyInfo"), or who wrote it."""
    reply = mapping(message.get("external_reply"))
    key = text_of(reply, "message_id")
    return (_link({}, mapping(reply.get("chat")), key) if key else "") or _forwarded({"forward_origin": reply.get("origin")})
