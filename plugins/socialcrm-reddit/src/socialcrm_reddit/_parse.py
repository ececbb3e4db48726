"""What Reddit's things mean. Pure.

Ids are fullnames (``t1_…`` a comment, ``t3_…`` a post), unique on all of Reddit. Messages (``t4_…``) have a scope of their own,
``message``, because an answer may move there from a comment; modmail has the scope ``modmail``.

The same comment comes in different shapes: the inbox leaves out ``link_id``, ``edited`` and ``permalink``, and tells them by
``context``. What is read here is the same in every shape, so that it does not flicker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Direction, Hole, Interaction, Item, Kind, Moderation, Visibility
from socialcrm_reddit._export import parse_export
from socialcrm_reddit._fields import epoch, fullname, mapping, moment, required, rows, seconds, text_of
from socialcrm_reddit._mail import parse_mail
from socialcrm_reddit._media import attachments, choices
from socialcrm_reddit._people import DELETED, SITE, account_of, author_of
from socialcrm_reddit._text import readable

__all__ = ["MESSAGE", "is_gone", "moderation_of", "parse"]

MESSAGE = "message"
"""The scope of messages."""

_REMOVED = re.compile(r"\[ ?removed( by reddit[^\]]*)? ?\]", re.IGNORECASE)
_LINK = re.compile(r"/comments/([a-z0-9]+)(?:/|$)", re.IGNORECASE)
_CLOSED = frozenset(("private", "gold_only", "gold_restricted", "employees_only"))
_NOBODY = frozenset(("t2", "t5", "t6", "more", "Listing", "UserList", "TrophyList", "wikipage", "modaction"))
_BY_AUTHOR = frozenset(("deleted", "author"))


def parse(raw: Raw) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: An element, as the flows and ``load`` of this plugin make them.

    Raises:
        PayloadError: The element can't be read.
    """
    if raw.kind == "thing":
        return _things(raw.body, raw.context)
    if raw.kind == "modmail":
        return parse_mail(raw.body)
    if raw.kind == "account":
        return [account_of(raw.body)]
    if raw.kind == "hole":
        return [_hole(raw.body)]
    if raw.kind.startswith("export."):
        return parse_export(raw)
    return []


def _things(body: Any, context: Mapping[str, str]) -> Iterator[Item]:
    """Read a thing, and the things that its ``replies`` hold."""
    ours = Direction.OUTBOUND if context.get("direction") == "outbound" else None
    waiting = [body]
    while waiting:
        thing = waiting.pop()
        kind, data = text_of(thing, "kind"), mapping(mapping(thing).get("data"))
        if not kind:
            raise PayloadError(f"expected a thing with kind and data, got {type(thing).__name__}; is this Reddit's API?")
        waiting += reversed(rows(mapping(mapping(data.get("replies")).get("data")).get("children")))
        if kind == "t1":
            yield _comment(data, ours)
        elif kind == "t3":
            yield _post(data, ours)
        elif kind == "t4":
            yield _message(data, ours)
        elif kind not in _NOBODY and text_of(data, "author") and seconds(data.get("created_utc")) is not None:
            yield _unknown(kind, data, ours)


def is_gone(data: Mapping[str, Any]) -> bool:
    """Tell whether a comment or post was deleted by its author: the author is gone *and* so are the words.

    A post's title stays on Reddit, so ``removed_by_category`` tells it where the words can't.
    """
    if text_of(data, "removed_by_category") in _BY_AUTHOR:
        return True
    words = text_of(data, "body") or text_of(data, "selftext")
    return text_of(data, "author") == DELETED and words == DELETED


def moderation_of(data: Mapping[str, Any]) -> Moderation:
    """Tell how moderation stands to a comment or post; most of it is told to moderators only.

    ``banned_by`` is true where Reddit's own filter acted, else the moderator's name; AutoModerator holds things for people.
    """
    by, category = data.get("banned_by"), text_of(data, "removed_by_category")
    if data.get("approved") is True or (data.get("approved_by") and not by and not category):
        return Moderation.APPROVED
    if category == "automod_filtered":
        return Moderation.HELD
    if category == "reddit" or data.get("spam") is True:
        return Moderation.SPAM
    if category or data.get("removed") is True:
        return Moderation.REMOVED
    if by is True:
        return Moderation.SPAM
    if by:
        return Moderation.HELD if by == "AutoModerator" else Moderation.REMOVED
    words = text_of(data, "body") or text_of(data, "selftext")
    return Moderation.REMOVED if _REMOVED.fullmatch(words) else Moderation.APPROVED


def _words(data: Mapping[str, Any], key: str) -> str:
    """The author's words; what stands in their place after a removal is none of theirs."""
    words = text_of(data, key)
    return "" if words == DELETED or _REMOVED.fullmatch(words) else readable(words)


def _edited(data: Mapping[str, Any]) -> datetime | None:
    """``edited`` is false, or Unix seconds; true for very old edits, whose time is lost."""
    value = seconds(data.get("edited"))
    return datetime.fromtimestamp(value, UTC) if value is not None else None


def _visibility(data: Mapping[str, Any]) -> Visibility:
    return Visibility.LIMITED if text_of(data, "subreddit_type") in _CLOSED else Visibility.PUBLIC


def _url(data: Mapping[str, Any], link: str, name: str) -> str:
    path = text_of(data, "permalink") or text_of(data, "context").partition("?")[0]
    if path.startswith("/"):
        return SITE + path
    return f"{SITE}/comments/{link[3:]}/_/{name[3:]}/" if link and link != name else f"{SITE}/comments/{name[3:]}/"


def _comment(data: Mapping[str, Any], ours: Direction | None) -> Item:
    name = fullname(data, "t1")
    if is_gone(data):
        return Deletion(id=name)
    found = _LINK.search(text_of(data, "context") or text_of(data, "permalink"))
    link = text_of(data, "link_id") or (f"t3_{found[1]}" if found else "")
    return Interaction(
        id=name,
        at=epoch(data, "created_utc"),
        author=author_of(data, name),
        conversation=link,
        parent=text_of(data, "parent_id") or link or None,
        kind=Kind.REPLY,
        direction=ours,
        visibility=_visibility(data),
        moderation=moderation_of(data),
        text=_words(data, "body"),
        url=_url(data, link, name),
        edited_at=_edited(data),
        extra={"subreddit": text_of(data, "subreddit")},
    )


def _post(data: Mapping[str, Any], ours: Direction | None) -> Item:
    name = fullname(data, "t3")
    if is_gone(data):
        return Deletion(id=name)
    origin = mapping(next(iter(rows(data.get("crosspost_parent_list"))), None))
    link = text_of(data, "url_overridden_by_dest") or (text_of(data, "url") if data.get("is_self") is False else "")
    lines = [_words(data, "selftext"), *choices(data), link if not origin else ""]
    extra = {"subreddit": text_of(data, "subreddit"), "crosspost_of": text_of(data, "crosspost_parent")}
    return Interaction(
        id=name,
        at=epoch(data, "created_utc"),
        author=author_of(data, name),
        conversation=name,
        kind=Kind.POST,
        direction=ours,
        visibility=_visibility(data),
        moderation=moderation_of(data),
        text="\n".join(line for line in lines if line),
        subject=readable(text_of(data, "title")),
        quoted="\n\n".join(line for line in (text_of(origin, "title"), _words(origin, "selftext")) if line),
        url=_url(data, name, name),
        attachments=attachments(data) or attachments(origin),
        edited_at=_edited(data),
        extra={key: value for key, value in extra.items() if value},
    )


def _message(data: Mapping[str, Any], ours: Direction | None) -> Item:
    name = fullname(data, "t4")
    if data.get("was_comment") is True and text_of(data, "name").startswith("t1_"):
        return _comment(data, ours)
    extra = {"to": text_of(data, "dest"), "subreddit": text_of(data, "subreddit")}
    return Interaction(
        id=name,
        scope=MESSAGE,
        at=epoch(data, "created_utc"),
        author=author_of(data, name),
        conversation=text_of(data, "first_message_name") or name,
        parent=text_of(data, "parent_id") or None,
        kind=Kind.MESSAGE,
        direction=ours,
        visibility=Visibility.PRIVATE,
        text=_words(data, "body"),
        subject=text_of(data, "subject"),
        url=f"{SITE}/message/messages/{name[3:]}",
        extra={key: value for key, value in extra.items() if value},
    )


def _unknown(kind: str, data: Mapping[str, Any], ours: Direction | None) -> Item:
    name = text_of(data, "name") or f"{kind}_{required(data, 'id')}"
    return Interaction(
        id=name,
        at=epoch(data, "created_utc"),
        author=author_of(data, name),
        kind=Kind.OTHER,
        direction=ours,
        visibility=Visibility.LIMITED,
        text=_words(data, "body"),
        extra={"type": kind},
    )


def _hole(body: Any) -> Hole:
    return Hole(id=required(body, "id"), since=moment(body, "since"), at=moment(body, "at"), reason=text_of(body, "reason"))
