"""What changes of a Page mean that webhooks tell (Webhooks Reference: Page; fields ``feed``, ``mention``, ``ratings``).

A notification of an edit tells when it happened only by the time of its entry, and an answer of the Graph API not at all. So
the stream is poked with that time, and what it reads then carries it: see `poke`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Deletion, Identity, Interaction, Item, Kind, Moderation, Visibility
from socialcrm_meta import ident, known, mapping, moment, rows, text

__all__ = ["parse_change", "poke"]

_POSTS = frozenset({"post", "status", "photo", "video", "share", "link", "album", "note", "reel", "story", "offer", "event"})
_LIKES = frozenset({"reaction", "like"})
_LATER = frozenset({"edited", "edit", "hide", "unhide", "update"})


def parse_change(body: object, context: Mapping[str, str]) -> Iterator[Item]:
    """Say what an element of ``changes`` means.

    Args:
        body: ``{"field", "value"}``.
        context: What `socialcrm_meta.receive` put beside it.

    Raises:
        PayloadError: It is no such element, or has no time.
    """
    field, value = text(mapping(body).get("field")), mapping(body).get("value")
    if not field or not isinstance(value, Mapping):
        raise PayloadError("a change should have a 'field' and an object 'value'")
    item = text(value.get("item")) or ("comment" if "comment_id" in value else "post")
    if field == "ratings" and item == "rating":
        yield from _rating(value, context)
    elif field in ("feed", "mention", "ratings") and item in _LIKES:
        yield from _like(value, context)
    elif field in ("feed", "mention", "ratings") and item == "comment" and ident(value.get("comment_id")):
        yield from _comment(value, context)
    elif field in ("feed", "mention") and item in _POSTS and ident(value.get("post_id")):
        yield from _post(value, context)
    else:
        yield _unheard(field, value, context)


def poke(raw: Raw) -> tuple[str, dict[str, str]] | None:
    """Say which post should be read again because a comment under it got another wording or was hidden."""
    value = mapping(mapping(raw.body).get("value"))
    comment, post, at = ident(value.get("comment_id")), ident(value.get("post_id")), moment(raw.context.get("time"))
    if raw.kind != "change" or text(value.get("verb")) not in _LATER or not comment or at is None:
        return None
    rows = {f"told:{comment}": at.isoformat()}
    return "posts", {**rows, f"todo:{post}": "- told 0"} if post else rows


def _comment(value: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Item]:
    key, post = ident(value.get("comment_id")), _post_of(value)
    if _verb(value) == "remove":
        yield Deletion(id=key, at=_told(context))
        return
    if _verb(value) in ("hide", "unhide") and "message" not in value:
        return  # the words are missing, not gone: the stream reads them
    yield Interaction(
        id=key,
        at=_at(value, context),
        author=_author(value, key),
        conversation=post,
        parent=ident(value.get("parent_id")) or post or None,
        kind=Kind.REPLY,
        moderation=Moderation.REMOVED if _verb(value) == "hide" else Moderation.APPROVED,
        text=text(value.get("message")),
        url=text(mapping(value.get("post")).get("permalink_url")),
        attachments=tuple(_files(value)),
        edited_at=_edited(value, context),
    )


def _post(value: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Item]:
    key = ident(value.get("post_id"))
    if _verb(value) == "remove":
        yield Deletion(id=key, at=_told(context))
        return
    if _verb(value) in ("hide", "unhide") and "message" not in value:
        return
    yield Interaction(
        id=key,
        at=_at(value, context),
        author=_author(value, key),
        conversation=key,
        kind=Kind.POST,
        visibility=Visibility.LIMITED if value.get("published") in (0, False) else Visibility.PUBLIC,
        moderation=Moderation.REMOVED if _verb(value) == "hide" or value.get("is_hidden") is True else Moderation.APPROVED,
        text=text(value.get("message")) or text(value.get("story")) or text(value.get("description")),
        url=text(value.get("permalink_url")) or text(mapping(value.get("post")).get("permalink_url")),
        attachments=tuple(_files(value)),
        edited_at=_edited(value, context),
    )


def _like(value: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Item]:
    target = ident(value.get("comment_id")) or _post_of(value)
    person = ident(_person(value).get("id"))
    if not target or not person:
        yield _unheard("feed", value, context)
        return
    key = f"{target}:reaction:{person}"
    if _verb(value) == "remove":
        yield Deletion(id=key, at=_told(context))
        return
    said = text(value.get("reaction_type")) or "like"
    yield Interaction(
        id=key,
        at=_at(value, context),
        author=known(_person(value), element=key),
        conversation=_post_of(value),
        parent=target,
        kind=Kind.REACTION,
        text=said,
        extra={"reaction": said},
        edited_at=_edited(value, context),
    )


def _rating(value: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Item]:
    key = ident(value.get("open_graph_story_id"))
    if not key:
        yield _unheard("ratings", value, context)
        return
    if _verb(value) == "remove":
        yield Deletion(id=key, scope="review", at=_told(context))
        return
    yield Interaction(
        id=key,
        scope="review",
        at=_at(value, context),
        author=known({"id": value.get("reviewer_id"), "name": value.get("reviewer_name")}, element=key),
        conversation=key,
        kind=Kind.REVIEW,
        text=text(value.get("review_text")),
        extra={name: value[name] for name in ("recommendation_type", "rating") if value.get(name) is not None},
        edited_at=_edited(value, context),
    )


def _unheard(field: str, value: Mapping[str, Any], context: Mapping[str, str]) -> Interaction:
    made = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:24]
    key = f"{field}:{made}"
    person = _person(value)
    # What has no author is the Page's own news.
    author = known(person, element=key) if person else Identity(id=context.get("account", "") or f"unknown:{key}")
    return Interaction(
        id=key,
        at=_at(value, context),
        author=author,
        kind=Kind.OTHER,
        text=text(value.get("message")),
        extra={"field": field, "item": text(value.get("item")), "verb": _verb(value)},
    )


def _verb(value: Mapping[str, Any]) -> str:
    return text(value.get("verb")).lower()


def _person(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the author; older notifications told ``sender_id`` and ``sender_name``."""
    told = mapping(value.get("from"))
    sender = ident(value.get("sender_id"))
    return told or ({"id": sender, "name": text(value.get("sender_name"))} if sender else {})


def _author(value: Mapping[str, Any], key: str) -> Identity:
    return known(_person(value), element=key)


def _post_of(value: Mapping[str, Any]) -> str:
    return ident(value.get("post_id")) or ident(mapping(value.get("post")).get("id")) or ident(value.get("open_graph_story_id"))


def _at(value: Mapping[str, Any], context: Mapping[str, str]) -> datetime:
    at = moment(value.get("created_time")) or moment(value.get("published_time")) or _told(context)
    if at is None:
        raise PayloadError("a change of a Page should have a time")
    return at


def _told(context: Mapping[str, str]) -> datetime | None:
    return moment(context.get("time"))


def _edited(value: Mapping[str, Any], context: Mapping[str, str]) -> datetime | None:
    told = _told(context)
    return told if _verb(value) in _LATER and told is not None and told > _at(value, context) else None


def _files(value: Mapping[str, Any]) -> Iterator[Attachment]:
    photos = value.get("photos")
    links = [value.get("photo"), value.get("video"), *(photos if isinstance(photos, list) else ())]
    links += [] if any(map(text, links)) else [value.get("link")]
    for link in links:
        if text(link):
            yield Attachment(url=text(link))
    for one in rows(value.get("attachments")):
        if text(one.get("url")):
            yield Attachment(url=text(one["url"]), name=text(one.get("title")))
