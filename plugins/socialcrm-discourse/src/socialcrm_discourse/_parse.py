"""What a Discourse element means: pure, one parser for the API, the webhook and the export.

Scopes: ``""`` holds regular posts in public topics, ``private`` everything in personal messages, ``staff`` what the list of
latest posts never shows (posts in a moderator's colours, small actions, whispers), ``chat`` chat messages. Each is counted
off by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Account,
    Attachment,
    Census,
    Direction,
    Identity,
    Interaction,
    Item,
    Kind,
    Moderation,
    Visibility,
)
from socialcrm_discourse._chat import chat_message
from socialcrm_discourse._fields import mapping, moment, number, word
from socialcrm_discourse._people import identity
from socialcrm_discourse._settings import DiscourseSettings
from socialcrm_discourse._text import Content, from_cooked, from_raw

__all__ = ["PRIVATE", "PUBLIC", "STAFF", "parse", "scope_of"]

PUBLIC, PRIVATE, STAFF = "", "private", "staff"
_REGULAR, _MODERATOR, _SMALL, _WHISPER = 1, 2, 3, 4
_SPAM = frozenset({3, 5})  # reasons to hide: a new user's spam, a spam header of an e-mail (Post.hidden_reasons)
_YES = frozenset({"yes", "true", "1", "ja", "oui", "sí", "si", "sim", "tak", "да", "是", "はい"})
_NO_EDIT = timedelta(seconds=2)


def parse(raw: Raw, settings: DiscourseSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of kind ``post``, ``topic``, ``chat``, ``census``, ``export`` or ``export_user``; others are no interactions.
        settings: Which categories count, and which users are ours.

    Raises:
        PayloadError: The element can't be read.
    """
    if raw.kind not in _KINDS:
        return
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"a Discourse {raw.kind} should be an object, got {type(raw.body).__name__}; it is kept as it is")
    yield from _KINDS[raw.kind](raw, settings)


def scope_of(row: Mapping[str, Any], archetype: str) -> str:
    """Return the scope of a post.

    Args:
        row: The post.
        archetype: Its topic's, empty where unknown.
    """
    if (word(row.get("topic_archetype")) or archetype) == "private_message":
        return PRIVATE
    return PUBLIC if row.get("post_type", _REGULAR) == _REGULAR else STAFF


def _post(raw: Raw, settings: DiscourseSettings) -> Iterator[Item]:
    row = raw.body
    post, at, topic = number(row.get("id")), moment(row.get("created_at")), number(row.get("topic_id"))
    if not post or at is None:
        raise PayloadError(f"a Discourse post without a usable {'time' if post else 'id'} can't be placed; it is kept")
    scope = scope_of(row, raw.context.get("archetype", ""))
    if scope != PRIVATE and not _wanted(row, raw, settings):
        return
    kind, place = row.get("post_type", _REGULAR), number(row.get("post_number"))
    content = _content(row, settings.server)
    author = identity(row, settings.server, post)
    ours = kind == _WHISPER or author.id in settings.staff
    parent = number(raw.context.get("parent"))
    title = word(row.get("topic_title")) or word(row.get("title")) or raw.context.get("title", "")
    yield Interaction(
        id=str(post),
        scope=scope,
        at=at,
        author=author,
        conversation=str(topic) if topic else "",
        parent=str(parent) if parent else None,
        kind=_kind(kind, scope, place),
        direction=Direction.OUTBOUND if ours else None,
        visibility=_visibility(kind, scope, limited=raw.context.get("limited") == "1"),
        moderation=_moderation(row),
        text=content.text or _small_action(row),
        subject=title if place == 1 else "",
        quoted=content.quoted,
        url=f"{settings.server}/t/{topic}/{place}" if settings.server and topic and place else "",
        attachments=content.files,
        edited_at=_changed(row, at, moment(raw.context.get("seen"))),
        extra={"number": place, "type": kind if isinstance(kind, int) else 0},
    )


def _wanted(row: Mapping[str, Any], raw: Raw, settings: DiscourseSettings) -> bool:
    category = number(row.get("category_id"))
    ids = {number(one.rpartition("/")[2]) for one in settings.categories}
    return bool(raw.context.get("listed") or settings.tags or not ids or not category or category in ids)


def _kind(kind: Any, scope: str, place: int) -> Kind:
    if kind not in (_REGULAR, _MODERATOR):
        return Kind.OTHER
    if scope == PRIVATE:
        return Kind.MESSAGE
    return Kind.POST if place == 1 else Kind.REPLY


def _visibility(kind: Any, scope: str, *, limited: bool) -> Visibility:
    # A post type that we don't know may be as internal as a whisper is.
    if scope == PRIVATE or kind not in (_REGULAR, _MODERATOR, _SMALL):
        return Visibility.PRIVATE
    return Visibility.LIMITED if limited else Visibility.PUBLIC


def _moderation(row: Mapping[str, Any]) -> Moderation:
    if row.get("deleted_at") or row.get("user_deleted") is True:
        return Moderation.REMOVED
    if row.get("hidden") is True:
        return Moderation.SPAM if number(row.get("hidden_reason_id")) in _SPAM else Moderation.REMOVED
    return Moderation.APPROVED


def _changed(row: Mapping[str, Any], at: datetime, seen: datetime | None) -> datetime | None:
    """Return the time of the last change: ``version`` stays 1 for edits within the forum's grace period.

    Args:
        row: The post.
        at: When it was written.
        seen: When it was looked at, if it had been recovered, which no field of it tells.
    """
    updated, deleted = moment(row.get("updated_at")), moment(row.get("deleted_at"))
    edited = updated if updated and (number(row.get("version")) > 1 or updated - at >= _NO_EDIT) else None
    found = max((one for one in (edited, deleted, seen) if one is not None), default=None)
    return found if found is not None and found > at else None


def _content(row: Mapping[str, Any], base: str) -> Content:
    typed, cooked = row.get("raw"), word(row.get("cooked"))
    rendered = from_cooked(cooked, base) if cooked else Content()
    if not isinstance(typed, str):
        return rendered
    own = from_raw(typed)
    return Content(text=own.text, quoted=own.quoted, files=rendered.files)


def _small_action(row: Mapping[str, Any]) -> str:
    code, who = word(row.get("action_code")), word(row.get("action_code_who"))
    return f"[{code}{f' @{who}' if who else ''}]" if code else ""


def _topic(raw: Raw, _settings: DiscourseSettings) -> Iterator[Item]:
    """A topic event: only a deleted topic says something of its posts, all of which went with it."""
    topic, at, gone = number(raw.body.get("id")), moment(raw.body.get("created_at")), raw.body.get("deleted_at")
    if topic and at is not None and gone:
        private = word(raw.body.get("archetype")) == "private_message"
        yield from _counted((), at, str(topic), private=private)


def _census(raw: Raw, _settings: DiscourseSettings) -> Iterator[Item]:
    since, ids = moment(raw.body.get("since")), raw.body.get("ids")
    if since is None or not isinstance(ids, list):
        raise PayloadError("a census without a time and ids counts nothing off")
    known = frozenset(str(one) for one in ids if number(one))
    topic = word(raw.body.get("topic"))
    if topic:
        yield from _counted(known, since, topic, private=raw.body.get("private") is True)
    else:
        until = moment(raw.body.get("until"))
        yield Census(id="posts", scope=PUBLIC, ids=known, since=since, until=until)


def _counted(ids: Any, since: datetime, topic: str, *, private: bool) -> Iterator[Census]:
    for scope in (PRIVATE,) if private else (PUBLIC, STAFF):
        yield Census(id=f"topic:{topic}", scope=scope, ids=frozenset(ids), since=since, conversation=topic)


def _export_user(raw: Raw, _settings: DiscourseSettings) -> Iterator[Item]:
    name = word(raw.body.get("username"))
    user = number(raw.body.get("id"))
    if not name and not user:
        raise PayloadError("the export does not say whose it is; it is kept")
    yield Account(id=str(user) if user else f"@{name.lower()}", name=word(raw.body.get("name")) or name, handle=f"@{name}")


def _export(raw: Raw, settings: DiscourseSettings) -> Iterator[Item]:
    """A line of the user export: our own posts, without their ids, known by topic and place in it."""
    row, at = raw.body, moment(raw.body.get("created_at"))
    parts = word(row.get("url")).rstrip("/").split("/")
    topic, place = (number(parts[-2]), number(parts[-1])) if len(parts) > 1 else (0, 0)
    if at is None or not topic or not place:
        raise PayloadError("a line of the export without a time or an address that ends in topic and number can't be placed")
    categories, typed = word(row.get("categories")), row.get("post_raw")
    # The answer is translated; a message has no category, so only a named category counts as public.
    private = word(row.get("is_pm")).casefold() in _YES or categories in ("", "-")
    cooked = from_cooked(word(row.get("post_cooked")), settings.server)
    own = from_raw(typed) if isinstance(typed, str) and typed else cooked
    files: tuple[Attachment, ...] = cooked.files
    name = raw.context.get("username", "")
    yield Interaction(
        id=f"{topic}/{place}",
        scope="export",
        at=at,
        author=Identity(id=raw.context.get("user") or "@", name=name, handle=f"@{name}" if name else ""),
        conversation=str(topic),
        kind=Kind.MESSAGE if private else Kind.POST if place == 1 else Kind.REPLY,
        direction=Direction.OUTBOUND,
        visibility=Visibility.PRIVATE if private else Visibility.PUBLIC,
        text=own.text,
        subject=word(row.get("topic_title")) if place == 1 else "",
        quoted=own.quoted,
        url=word(row.get("url")),
        attachments=files,
    )


def _chat(raw: Raw, settings: DiscourseSettings) -> Iterator[Item]:
    yield chat_message(mapping(raw.body), settings)


_KINDS = {
    "post": _post,
    "topic": _topic,
    "census": _census,
    "chat": _chat,
    "export": _export,
    "export_user": _export_user,
}
