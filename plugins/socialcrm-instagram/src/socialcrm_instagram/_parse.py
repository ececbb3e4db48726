"""What media, comments, mentions and webhooks of Instagram mean (Instagram Platform: IG Media, IG Comment, Webhooks).

Ids of people are Instagram-scoped (IGSID): the same in comments and in messages to one account of ours. A user name without an
id keys nobody. Scope `MENTION` holds what was said elsewhere, on media that are not ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Identity, Interaction, Item, Kind, Moderation
from socialcrm_instagram._settings import InstagramSettings
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

__all__ = ["COMMENT", "MEDIA", "MENTION", "TAGGED", "parse", "poke"]

COMMENT = "id,text,timestamp,from,username,user,hidden,parent_id"
MEDIA = "id,caption,timestamp,username,owner,permalink,media_type,media_product_type,media_url,thumbnail_url,comments_count"
TAGGED = "id,caption,timestamp,username,permalink,media_type,media_url"
MENTION = "mention"


def parse(raw: Raw, settings: InstagramSettings) -> Iterator[Item]:
    """Say what an element means.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "post":
        yield _media(raw.body, author=settings.account_id)
    elif raw.kind == "tagged":
        yield _media(raw.body, scope=MENTION)
    elif raw.kind == "comment":
        yield _comment(raw.body, raw.context)
    elif raw.kind == "mention":
        yield _mention(raw.body, raw.context)
    elif raw.kind == "message":
        yield from parse_message(raw.body, raw.context)
    elif raw.kind == "messaging" or (raw.kind == "change" and is_event(mapping(raw.body).get("value"))):
        yield from parse_event(raw.body if raw.kind == "messaging" else mapping(raw.body).get("value"), raw.context)
    elif raw.kind == "change":
        yield from _change(raw.body, raw.context, settings)
    elif raw.kind == "census":
        yield from parse_census(raw.body)
    elif raw.kind == "gone":
        yield from parse_gone(raw.body)
    elif raw.kind in ("export_account", "export_message"):
        yield from parse_export(raw)


def poke(raw: Raw) -> tuple[str, dict[str, str]] | None:
    """Say what should be read after a webhook: a mention holds no words, and a comment not its own time."""
    field, value = text(mapping(raw.body).get("field")), mapping(mapping(raw.body).get("value"))
    at, media, comment = moment(raw.context.get("time")), ident(value.get("media_id")), ident(value.get("comment_id"))
    if raw.kind != "change" or at is None:
        return None
    if field == "mentions" and media:
        return "mentions", {f"mention:{media}:{comment}": at.isoformat()}
    if field == "comments" and ident(value.get("id")):
        return "media", {f"told:{ident(value.get('id'))}": at.isoformat()}
    return None


def _media(body: object, *, author: str = "", scope: str = "") -> Interaction:
    row = mapping(body)
    key, at = _key(row, "a medium")
    owner = ident(mapping(row.get("owner")).get("id")) or author
    url = text(row.get("media_url")) or text(row.get("thumbnail_url"))
    inner = [text(one.get("media_url")) for one in rows(row.get("children"))]
    links = list(dict.fromkeys(filter(None, [url, *inner])))
    name = text(row.get("username"))
    return Interaction(
        id=key,
        scope=scope,
        at=at,
        author=known({"id": owner, "username": name}, element=key),
        conversation=key,
        kind=Kind.POST,
        text=text(row.get("caption")),
        url=text(row.get("permalink")),
        attachments=tuple(Attachment(url=link, description=text(row.get("media_type")).lower()) for link in links),
    )


def _comment(body: object, context: Mapping[str, str]) -> Interaction:
    row = mapping(body)
    key, at = _key(row, "a comment")
    media = context.get("post", "") or ident(mapping(row.get("media")).get("id"))
    told = moment(context.get("told"))
    return Interaction(
        id=key,
        at=at,
        author=_author(row, key),
        conversation=media,
        parent=ident(row.get("parent_id")) or context.get("parent", "") or media or None,
        kind=Kind.REPLY,
        moderation=Moderation.REMOVED if row.get("hidden") is True else Moderation.APPROVED,
        text=text(row.get("text")),
        edited_at=told if told is not None and told > at else None,
    )


def _mention(body: object, context: Mapping[str, str]) -> Interaction:
    """A comment or a caption elsewhere that names us (``mentioned_comment``, ``mentioned_media``)."""
    row = mapping(body)
    if ident(context.get("comment")):
        key, at = _key(row, "a mention")
        return Interaction(
            id=key,
            scope=MENTION,
            at=at,
            author=_author(row, key),
            conversation=context.get("media", "") or ident(mapping(row.get("media")).get("id")),
            kind=Kind.REPLY,
            text=text(row.get("text")),
            url=text(mapping(row.get("media")).get("permalink")),
        )
    return _media(body, scope=MENTION)


def _change(body: object, context: Mapping[str, str], settings: InstagramSettings) -> Iterator[Item]:
    field, value = text(mapping(body).get("field")), mapping(body).get("value")
    if not field or not isinstance(value, Mapping):
        raise PayloadError("a change should have a 'field' and an object 'value'")
    key, at = ident(value.get("id")), moment(value.get("timestamp")) or moment(context.get("time"))
    if at is None:
        raise PayloadError("a notification of Instagram should have a time")
    if field in ("comments", "live_comments") and key:
        media = ident(mapping(value.get("media")).get("id"))
        yield Interaction(
            id=key,
            at=at,
            author=_author(value, key, context.get("account", "")),
            conversation=media,
            parent=ident(value.get("parent_id")) or media or None,
            kind=Kind.REPLY,
            text=text(value.get("text")),
            extra={"live": True} if field == "live_comments" else {},
        )
    elif field == "mentions" and ident(value.get("media_id")):
        yield from _pointer(value, at, settings)
    else:
        made = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:24]
        key = f"{field}:{made}"
        author = (
            _author(value, key) if mapping(value.get("from")) else Identity(id=context.get("account", "") or f"unknown:{key}")
        )
        yield Interaction(id=key, at=at, author=author, kind=Kind.OTHER, text=text(value.get("text")), extra={"field": field})


def _pointer(value: Mapping[str, Any], at: datetime, settings: InstagramSettings) -> Iterator[Item]:
    if settings.page_id:
        return  # the stream brings the words: see `poke`
    # With Instagram Login the words can't be read; that somebody named us is all there is.
    media, comment = ident(value.get("media_id")), ident(value.get("comment_id"))
    key = comment or media
    yield Interaction(
        id=key,
        scope=MENTION,
        at=at,
        author=Identity(id=f"unknown:{key}"),
        conversation=media,
        kind=Kind.OTHER,
        extra={"field": "mentions"},
    )


def _author(row: Mapping[str, Any], key: str, account: str = "") -> Identity:
    """Return who wrote: ``user`` is only told of our own comments, ``from`` where the app may know."""
    person = mapping(row.get("from"))
    mine = ident(mapping(row.get("user")).get("id"))
    if not mine and account and account in (ident(person.get("id")), ident(person.get("self_ig_scoped_id"))):
        mine = account
    name = text(person.get("username")) or text(row.get("username"))
    return known({"id": mine or ident(person.get("id")), "username": name, "name": text(person.get("name"))}, element=key)


def _key(row: Mapping[str, Any], what: str) -> tuple[str, datetime]:
    key, at = ident(row.get("id")), moment(row.get("timestamp"))
    if not key or at is None:
        raise PayloadError(f"{what} should have an 'id' and a 'timestamp'")
    return key, at
