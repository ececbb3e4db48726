"""What X's elements mean, by the kind under which this plugin passes them on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Direction, Hole, Interaction, Item, Kind, Visibility
from socialcrm_x._fields import mapping, required, rows, text_of, when
from socialcrm_x._legacy import key_of, parse_event, parse_status
from socialcrm_x._people import account_of, identity_of, unwrap
from socialcrm_x._posts import DM, parse_message, parse_post
from socialcrm_x._text import plain

__all__ = ["parse"]

_NOTHING = frozenset(("problem", "includes", "user_event", "direct_message_indicate_typing_events"))
_OWN_ACTS = frozenset(("block_events", "unblock_events", "mute_events", "unmute_events", "unfollow_events"))


def parse(raw: Raw) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: An element, as the flows, ``receive`` and ``load`` of this plugin make them.

    Raises:
        PayloadError: The element can't be read.
    """
    body, kind = raw.body, raw.kind
    if kind == "post":
        return [parse_post(body)]
    if kind == "message":
        return parse_message(body)
    if kind == "user":
        return [account_of(body)]
    if kind == "deleted":
        return [Deletion(id=required(body, "id"), at=when(body, "at", "deleted_at"))]
    if kind == "hole":
        return [_hole(body)]
    if kind == "activity":
        return _activity(mapping(body))
    if kind == "archived":
        return _archived(body, raw.context)
    return _account_activity(kind, mapping(body), raw.context)


def _hole(body: Any) -> Hole:
    since, at = when(body, "since"), when(body, "at")
    if since is None or at is None:
        raise PayloadError("the hole has no times; it can't be placed")
    return Hole(id=required(body, "id"), since=since, at=at, reason=text_of(body, "reason"))


def _account_activity(kind: str, body: Mapping[str, Any], context: Mapping[str, str]) -> Iterable[Item]:
    """Read an event of the Account Activity API ("Account Activity API v2 introduction")."""
    event = body.get("event")
    if kind in _NOTHING or kind in _OWN_ACTS:
        return []
    if kind == "tweet_create_events":
        return [parse_status(event)]
    if kind == "direct_message_events":
        return parse_event(event, body.get("users"))
    if kind == "tweet_delete_events":
        key = key_of(mapping(event).get("status"))
        if not key:
            raise PayloadError("the deletion names no post")
        return [Deletion(id=key, at=when(event, "timestamp_ms"))]
    if kind == "favorite_events":
        liked = mapping(event).get("favorited_status")
        return [_reaction(f"like-{required(event, 'id')}", event, mapping(event).get("user"), key_of(liked), "like")]
    if kind == "follow_events":
        return _follow(mapping(event))
    if kind == "direct_message_mark_read_events":
        return _read(mapping(event), context.get("for", ""))
    return []


def _reaction(key: str, event: Any, user: Any, about: str, what: str) -> Interaction:
    at = when(event, "timestamp_ms", "created_timestamp", "created_at")
    if at is None:
        raise PayloadError(f"the event {key} has no time")
    return Interaction(id=key, at=at, author=identity_of(user), parent=about or None, kind=Kind.REACTION, extra={"type": what})


def _follow(event: Mapping[str, Any]) -> Iterable[Item]:
    if text_of(event, "type") not in ("", "follow"):
        return []
    source, target = unwrap(event.get("source")), unwrap(event.get("target"))
    who, whom = identity_of(source), identity_of(target)
    # A follow has no id of its own; who, whom and when never change.
    stamp = text_of(event, "created_timestamp")
    return [_reaction(f"follow-{who.id}-{whom.id}-{stamp}", event, source, "", "follow")]


def _read(event: Mapping[str, Any], me: str) -> Iterable[Item]:
    at = when(event, "created_timestamp")
    if at is None or text_of(event, "sender_id") == me:
        return []
    return [Delivery(id=required(event, "last_read_event_id"), scope=DM, at=at, status="read")]


def _activity(body: Mapping[str, Any]) -> Iterable[Item]:
    """Read an event of the X Activity API ("X Activity API event payload examples")."""
    kind, payload, includes = text_of(body, "event_type"), mapping(body.get("payload")), body.get("includes")
    if kind == "post.delete":
        return [Deletion(id=required(payload, "id"), at=when(payload, "deleted_at", "event_at"))]
    if kind.startswith("post."):
        return [parse_post({"data": payload, "includes": includes})]
    if kind.startswith("dm."):
        me = text_of(body.get("filter"), "user_id")
        users, events = payload.get("users"), rows(payload.get("direct_message_events"))
        seen = rows(payload.get("direct_message_mark_read_events"))
        return [
            *(item for event in events for item in parse_event(event, users)),
            *(item for event in seen for item in _read(mapping(event), me)),
        ]
    if kind == "like.create":
        return _like(body, payload, includes)
    if kind.startswith("chat.") and text_of(payload, "sender_id"):
        return [_sealed(kind, payload)]
    return []


def _like(body: Mapping[str, Any], payload: Mapping[str, Any], includes: Any) -> Iterable[Item]:
    """A like names the liked post and its author; who liked it is the filter's account, or the other user included."""
    ours, writer = text_of(body.get("filter"), "user_id"), text_of(payload, "liked_tweet_author_id")
    users = {text_of(unwrap(user), "id"): unwrap(user) for user in rows(mapping(includes).get("users"))}
    who = ours if ours != writer else next((key for key in users if key not in ("", writer)), "")
    if not who:
        return []
    liker = users.get(who, {"id": who})
    return [_reaction(f"like-{required(payload, 'id')}", payload, liker, text_of(payload, "liked_tweet_id"), "like")]


def _sealed(kind: str, payload: Mapping[str, Any]) -> Interaction:
    """An encrypted message: that somebody wrote can be seen, what they wrote can't."""
    at = when(payload, "created_at_msec")
    if at is None:
        raise PayloadError("the encrypted message has no time")
    return Interaction(
        id=required(payload, "id"),
        scope="chat",
        at=at,
        author=identity_of({}, text_of(payload, "sender_id")),
        conversation=text_of(payload, "conversation_id"),
        kind=Kind.OTHER,
        visibility=Visibility.PRIVATE,
        extra={"type": kind, "encrypted": True},
    )


def _archived(body: Any, owner: Mapping[str, str]) -> Iterable[Item]:
    """Read an element of an archive: a post, a deleted post, a message."""
    if "dmConversation" in mapping(body):
        return _archived_message(mapping(body), owner)
    status = mapping(body).get("tweet", body)
    if owner.get("deleted"):
        return [Deletion(id=key_of(status) or required(status, "id_str"), at=when(status, "deleted_at"))]
    return [evolve(parse_status(status, owner, owner.get("note", "")), direction=Direction.OUTBOUND)]


def _archived_message(body: Mapping[str, Any], owner: Mapping[str, str]) -> Iterable[Item]:
    said = mapping(body.get("messageCreate"))
    if not said:
        return []
    sender, at = required(said, "senderId"), when(said, "createdAt")
    if at is None:
        raise PayloadError("the message has no createdAt")
    ours = sender == owner.get("id")
    who = identity_of(dict(owner) if ours else {}, sender)
    links = [{"url": text_of(link, "url"), "expanded_url": text_of(link, "expanded")} for link in rows(said.get("urls"))]
    return [
        Interaction(
            id=required(said, "id"),
            scope=DM,
            at=at,
            author=who,
            direction=Direction.OUTBOUND if ours else None,
            conversation=text_of(body, "dmConversation"),
            visibility=Visibility.PRIVATE,
            text=plain(text_of(said, "text"), {"urls": links}, None),
            extra={"media": [url for url in rows(said.get("mediaUrls")) if isinstance(url, str)]},
        )
    ]
