"""What posts, comments and recommendations of the Graph API mean (Graph API: Page Post, Comment, Recommendation)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Census, Interaction, Item, Kind, Moderation, Visibility
from socialcrm_facebook._changes import parse_change
from socialcrm_meta import (
    ident,
    is_event,
    known,
    mapping,
    moment,
    parse_census,
    parse_event,
    parse_export,
    parse_gone,
    parse_message,
    rows,
    text,
)

__all__ = ["COMMENT", "POST", "RATING", "REVIEW", "parse"]

POST = (
    "id,message,story,created_time,updated_time,from,permalink_url,is_hidden,is_published,parent_id,full_picture,"
    "attachments{media_type,title,description,unshimmed_url,media}"
)
COMMENT = "id,message,from,created_time,parent{id},is_hidden,is_private,permalink_url,attachment"
RATING = "created_time,recommendation_type,review_text,rating,has_rating,has_review,reviewer{id,name},open_graph_story{id}"
REVIEW = "review"
"""The id scope of recommendations: they can be counted by themselves."""

_BEGINNING = datetime.fromisoformat("2004-01-01T00:00:00+00:00")


def parse(raw: Raw) -> Iterator[Item]:
    """Say what an element means.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "post":
        yield _post(raw.body)
    elif raw.kind == "comment":
        yield _comment(raw.body, raw.context)
    elif raw.kind == "rating":
        yield _rating(raw.body)
    elif raw.kind == "ratings_census":
        yield from _ratings(raw.body)
    elif raw.kind == "message":
        yield from parse_message(raw.body, raw.context)
    elif raw.kind == "messaging" or (raw.kind == "change" and is_event(mapping(raw.body).get("value"))):
        yield from parse_event(raw.body if raw.kind == "messaging" else mapping(raw.body).get("value"), raw.context)
    elif raw.kind == "change":
        yield from parse_change(raw.body, raw.context)
    elif raw.kind == "census":
        yield from parse_census(raw.body)
    elif raw.kind == "gone":
        yield from parse_gone(raw.body)
    elif raw.kind in ("export_account", "export_message"):
        yield from parse_export(raw)


def _post(body: object) -> Interaction:
    row = mapping(body)
    key, at = _key(row, "a post")
    return Interaction(
        id=key,
        at=at,
        author=known(row.get("from"), element=key),
        conversation=key,
        kind=Kind.POST,
        visibility=Visibility.LIMITED if row.get("is_published") is False else Visibility.PUBLIC,
        moderation=Moderation.REMOVED if row.get("is_hidden") is True else Moderation.APPROVED,
        text=text(row.get("message")) or text(row.get("story")),
        url=text(row.get("permalink_url")),
        attachments=tuple(_files(row)),
    )


def _comment(body: object, context: Mapping[str, str]) -> Interaction:
    row = mapping(body)
    link = text(row.get("permalink_url"))
    if not ident(row.get("id")):
        row = {**row, "id": _linked(link)}
    key, at = _key(row, "a comment")
    # A comment's id begins with that of the post's object; only the context knows the post as its list names it.
    post = context.get("post", "")
    parent = ident(mapping(row.get("parent")).get("id")) or context.get("parent", "") or post
    told = moment(context.get("told"))
    return Interaction(
        id=key,
        at=at,
        author=known(row.get("from"), element=key),
        conversation=post,
        parent=parent or None,
        kind=Kind.REPLY,
        visibility=Visibility.LIMITED if row.get("is_private") is True else Visibility.PUBLIC,
        moderation=Moderation.REMOVED if row.get("is_hidden") is True else Moderation.APPROVED,
        text=text(row.get("message")),
        url=link,
        attachments=tuple(_attachment(row.get("attachment"))),
        edited_at=told if told is not None and told > at else None,
    )


def _rating(body: object) -> Interaction:
    row = mapping(body)
    at = moment(row.get("created_time"))
    if at is None:
        raise PayloadError("a recommendation should have a 'created_time'")
    person = mapping(row.get("reviewer"))
    story = ident(mapping(row.get("open_graph_story")).get("id"))
    made = hashlib.sha256(f"{ident(person.get('id'))}\0{at.isoformat()}".encode()).hexdigest()[:24]
    key = story or f"rating:{made}"
    told = {name: row[name] for name in ("recommendation_type", "rating") if row.get(name) is not None}
    return Interaction(
        id=key,
        scope=REVIEW,
        at=at,
        author=known(person, element=key),
        conversation=story,
        kind=Kind.REVIEW,
        text=text(row.get("review_text")),
        extra=told,
    )


def _ratings(body: object) -> Iterator[Item]:
    found = mapping(body).get("ids")
    if isinstance(found, list):
        until = moment(mapping(body).get("until"))
        yield Census(id="ratings", scope=REVIEW, ids=frozenset(map(ident, found)), since=_BEGINNING, until=until)


def _key(row: Mapping[str, Any], what: str) -> tuple[str, datetime]:
    key, at = ident(row.get("id")), moment(row.get("created_time"))
    if not key or at is None:
        raise PayloadError(f"{what} should have an 'id' and a 'created_time'")
    return key, at


def _linked(link: str) -> str:
    """Return the id of a comment whose fields were chosen without it: its link holds the same numbers."""
    path, _, query = link.partition("?")
    fields = dict(part.partition("=")[::2] for part in query.split("&"))
    post, comment = path.rstrip("/").rpartition("/")[2], fields.get("reply_comment_id") or fields.get("comment_id", "")
    return f"{post}_{comment}" if post.isdigit() and comment.isdigit() else ""


def _files(row: Mapping[str, Any]) -> Iterator[Attachment]:
    found = [one for part in rows(row.get("attachments")) for one in _attachment(part)]
    picture = text(row.get("full_picture"))
    yield from found
    if picture and not found:
        yield Attachment(url=picture)


def _attachment(value: object) -> Iterator[Attachment]:
    one = mapping(value)
    media = mapping(one.get("media"))
    places = (media.get("source"), mapping(media.get("image")).get("src"), one.get("unshimmed_url"), one.get("url"))
    url = next((text(place) for place in places if text(place)), "")
    if url:
        kind = text(one.get("media_type")) or text(one.get("type"))
        yield Attachment(url=url, name=text(one.get("title")), description=text(one.get("description")) or kind)
