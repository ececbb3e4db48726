"""Likes, emojis, read marks, and taking posts back."""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import Call, Flow, Now, Receipt
from socialcrm.errors import UnsupportedError
from socialcrm_bluesky._fields import mapping, moment, required
from socialcrm_bluesky._follow import stamp
from socialcrm_bluesky._ids import address, instant, tid_for
from socialcrm_bluesky._send import post_at, put

__all__ = ["mark_read", "react", "retract"]

_LIKE = "app.bsky.feed.like"
_LIKES = ("like", "❤️", "❤", "♥", "👍", "favourite", "favorite")


def retract(receipt: Receipt, me: str) -> Flow[None]:
    """Delete posts of ours; the call makes sure that a record does not exist ("com.atproto.repo.deleteRecord").

    Args:
        receipt: What we sent.
        me: Our DID.

    Raises:
        UnsupportedError: It is no post of ours.
    """
    posts = [address(uri) for uri in receipt.ids]
    for where in reversed(posts):
        if where is None or where.authority != me or not where.key:
            raise UnsupportedError("bluesky only takes posts of ours back; delete a direct message in the chat, for oneself")
        body = {"repo": me, "collection": where.collection, "rkey": where.key}
        yield from Call("POST", "/xrpc/com.atproto.repo.deleteRecord", json=body, repeatable=True)


def react(key: str, scope: str, reaction: str, *, me: str, service: str) -> Flow[None]:
    """Like a post, or put an emoji to a direct message.

    Args:
        key: The post's URI or the message's id.
        scope: The message's conversation; empty for a post.
        reaction: ``like``, or an emoji.
        me: Our DID.
        service: The chat service.

    Raises:
        UnsupportedError: A post only knows likes.
    """
    if scope:
        yield from _tell(service, "addReaction", {"convoId": scope, "messageId": key, "value": reaction})
        return
    if reaction.lower() not in _LIKES:
        raise UnsupportedError(f"bluesky knows no reaction {reaction!r} to posts; use 'like'")
    post = yield from post_at(key)
    if mapping(post.get("viewer")).get("like"):
        return
    now = yield from Now()
    subject = {"uri": required(post, "uri"), "cid": required(post, "cid")}
    yield from put(me, _LIKE, tid_for(f"like {key}", None), {"$type": _LIKE, "subject": subject, "createdAt": stamp(now)})


def mark_read(key: str, scope: str, *, service: str) -> Flow[None]:
    """Move the read mark forward to a direct message or to a post's notification ("app.bsky.notification.updateSeen").

    Args:
        key: The post's URI or the message's id.
        scope: The message's conversation; empty for a post.
        service: The chat service.
    """
    if scope:
        yield from _tell(service, "updateRead", {"convoId": scope, "messageId": key})
        return
    at = moment((yield from post_at(key)), "indexedAt")
    answer = yield from Call("GET", "/xrpc/app.bsky.notification.listNotifications", params={"limit": "1"})
    seen = instant(str(answer.json(dict).get("seenAt") or ""))
    # A server that holds no mark yet names its newest notification's time, so the same time is no reason to leave it.
    if seen is None or seen <= at:
        path = "/xrpc/app.bsky.notification.updateSeen"
        yield from Call("POST", path, json={"seenAt": stamp(at)}, repeatable=True)


def _tell(service: str, method: str, body: dict[str, Any]) -> Flow[None]:
    """Tell the chat service something that is the same said twice."""
    path, headers = f"/xrpc/chat.bsky.convo.{method}", {"atproto-proxy": service}
    yield from Call("POST", path, json=body, headers=headers, bucket="chat", repeatable=True)
