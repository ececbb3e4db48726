"""What the API's elements mean. Pure.

Ids: a record is known by its AT URI with the author's DID, which the platform never gives twice; chat messages have ids of
their own, in the scope of their conversation. A conversation of posts is known by the URI of its first post.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Hole, Interaction, Item, Kind, Moderation
from socialcrm_bluesky._chat_parse import parse_log, parse_message
from socialcrm_bluesky._embeds import attachments, cards, quote
from socialcrm_bluesky._fields import kind_of, mapping, moment, required, rows, sorted_at, text_of
from socialcrm_bluesky._ids import address, is_did
from socialcrm_bluesky._people import account_of, identity_of, page
from socialcrm_bluesky._text import readable

__all__ = ["POST", "parse"]

POST = "app.bsky.feed.post"
_REACTIONS = frozenset(("like", "repost", "follow", "starterpack-joined", "like-via-repost", "repost-via-repost"))
_LABELS = {"!takedown": Moderation.REMOVED, "!hide": Moderation.REMOVED, "spam": Moderation.SPAM}
"""Labels of a moderation service ("Labels and moderation"); those of the author are content warnings."""


def parse(raw: Raw, server: str) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: An element, as the flows and ``load`` of this plugin make them.
        server: The channel's server, which keeps the files of an archive.

    Raises:
        PayloadError: The element can't be read.
    """
    if raw.kind == "post":
        return [_post(raw.body)]
    if raw.kind == "feed":
        return [_feed(raw.body)]
    if raw.kind == "notification":
        return [_notification(raw.body)]
    if raw.kind == "notified":
        post = mapping(raw.body).get("post")
        return [_post(post) if post is not None else _notification(mapping(raw.body).get("notification"))]
    if raw.kind == "record":
        return _archived(raw.body, server)
    if raw.kind == "log":
        return parse_log(raw.body)
    if raw.kind == "message":
        return parse_message(raw.body, raw.context)
    if raw.kind == "account":
        return [account_of(raw.body)]
    if raw.kind == "deleted":
        return [Deletion(id=required(raw.body, "uri"))]
    if raw.kind == "doubt":
        return [_doubt(raw.body)]
    return []


def _post(view: Any, server: str = "") -> Interaction:
    """Read a postView, or a notification that carries a post: the same fields but for the embed."""
    uri = required(view, "uri")
    record, embed = mapping(mapping(view).get("record")), mapping(mapping(view).get("embed"))
    author = identity_of(mapping(view).get("author"))
    reply = mapping(record.get("reply"))
    root, parent = text_of(mapping(reply.get("root")), "uri"), text_of(mapping(reply.get("parent")), "uri")
    text = readable(text_of(record, "text"), record.get("facets"))
    quoted, extra = quote(embed, record.get("embed"))
    return Interaction(
        id=uri,
        at=sorted_at(record, view),
        author=author,
        conversation=root or parent or uri,
        parent=parent or root or None,
        kind=Kind.REPLY if parent or root else Kind.POST,
        moderation=_moderation(view, author.id),
        text="\n\n".join(filter(None, [text, *cards(text, embed, record.get("embed"))])),
        quoted=quoted,
        url=_page(uri),
        language=next((lang for lang in rows(record.get("langs")) if isinstance(lang, str)), ""),
        attachments=tuple(attachments(embed, record.get("embed"), author.id, server)),
        extra={**extra, "cid": text_of(view, "cid")},
    )


def _page(uri: str) -> str:
    where = address(uri)
    return page(where.authority, where.key) if where is not None and where.collection == POST else ""


def _moderation(view: Any, author: str) -> Moderation:
    for label in rows(mapping(view).get("labels")):
        if text_of(label, "src") != author and not mapping(label).get("neg"):
            state = _LABELS.get(text_of(label, "val"))
            if state is not None:
                return state
    return Moderation.APPROVED


def _feed(body: Any) -> Interaction:
    """Read a feedViewPost: a post, or somebody's repost of one (lexicon ``app.bsky.feed.defs``)."""
    reason, post = mapping(mapping(body).get("reason")), mapping(body).get("post")
    uri = text_of(reason, "uri")
    if kind_of(reason) != "reasonRepost" or not uri:
        return _post(post)
    return Interaction(
        id=uri,
        at=moment(reason, "indexedAt"),
        author=identity_of(reason.get("by")),
        parent=required(post, "uri"),
        kind=Kind.REACTION,
        extra={"type": "repost"},
    )


def _notification(body: Any) -> Interaction:
    """Read a notification: the post it carries, a reaction, or (a reason we don't know) something ``other``."""
    reason, record = text_of(body, "reason"), mapping(mapping(body).get("record"))
    where = address(required(body, "uri"))
    if (text_of(record, "$type") or (where.collection if where is not None else "")) == POST:
        return _post(body)
    return Interaction(
        id=required(body, "uri"),
        at=sorted_at(record, body),
        author=identity_of(mapping(body).get("author")),
        parent=text_of(body, "reasonSubject") or None,
        kind=Kind.REACTION if reason in _REACTIONS else Kind.OTHER,
        extra={"type": reason},
    )


def _archived(body: Any, server: str) -> Iterable[Item]:
    """Read a record of a repository: posts only, the rest is no conversation."""
    where = address(required(body, "uri"))
    if where is None or not is_did(where.authority):
        raise PayloadError(f"a record's uri should begin with at://did:, got {text_of(body, 'uri')!r:.120}")
    if where.collection != POST:
        return []
    author = {"did": where.authority, "displayName": text_of(body, "name")}
    return [_post({**body, "record": mapping(body).get("value"), "author": author}, server)]


def _doubt(body: Any) -> Hole:
    reason = text_of(body, "reason")
    return Hole(id=required(body, "id"), since=moment(body, "since"), at=moment(body, "at"), reason=reason)
