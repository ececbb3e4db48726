"""What a Misago element means: pure. Posts are known by their number, those of private threads in the scope ``private``.

Misago has no "in reply to": a post belongs to its thread and may quote others. What the forum notes of itself among the posts
("moved the thread", "closed the thread") is no interaction.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Census, Direction, Identity, Interaction, Item, Kind, Moderation, Visibility
from socialcrm_misago._api import PRIVATE
from socialcrm_misago._fields import mapping, moment, number, objects, word
from socialcrm_misago._settings import MisagoSettings
from socialcrm_misago._text import read_html

__all__ = ["identity", "parse", "place"]

_PLACE = re.compile(r"/(private-)?threads/(\d{1,18})/posts/")
_PAGE = re.compile(r"/(t|p)/[^/]+/(\d{1,18})/")
_UPCOMING = 1000


def parse(raw: Raw, settings: MisagoSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of kind ``post`` or ``census``; others are no interactions.
        settings: Which users are ours.

    Raises:
        PayloadError: The element can't be read.
    """
    read = _KINDS.get(raw.kind)
    if read is None:
        return
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"a Misago {raw.kind} should be an object, got {type(raw.body).__name__}; it is kept as it is")
    yield from read(raw, settings)


def identity(user: Mapping[str, Any], name: str, element: str, settings: MisagoSettings) -> Identity:
    """Return how the author of an element appears on the forum.

    A user is keyed by the number. Of a deleted one only a name is left, which may belong to anybody, so the key is the element.

    Args:
        user: ``id``, ``username``, ``real_name``, ``avatars``, ``url``, ``email`` (where we may see it); empty for nobody.
        name: The name at the time of writing.
        element: What was written, as a key where there is no user.
        settings: Where the forum is.
    """
    known, username = number(user.get("id")), word(user.get("username"))
    sized = [(number(one.get("size")), word(one.get("url"))) for one in objects(user.get("avatars"))]
    picture = max(sized, default=(0, ""))[1]
    return Identity(
        id=str(known) if known else f"guest:{element}",
        name=word(user.get("real_name")) or username or name,
        handle=f"@{username}" if known and username else "",
        url=_join(settings, user.get("url")) if known else "",
        avatar=_join(settings, picture),
    )


def place(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the thread and the scope of a post, as its own links tell; empty where they don't."""
    found = _PLACE.search(word(mapping(row.get("api")).get("index")))
    if found:
        return found[2], PRIVATE if found[1] else ""
    found = _PAGE.search(word(mapping(row.get("url")).get("index")))
    return (found[2], PRIVATE if found[1] == "p" else "") if found else ("", "")


def _post(raw: Raw, settings: MisagoSettings) -> Iterator[Item]:
    row = raw.body
    post, at = number(row.get("id")), moment(row.get("posted_on"))
    if not post or at is None:
        raise PayloadError(f"a Misago post without a usable {'time' if post else 'id'} can't be placed; it is kept")
    if row.get("is_event") is True:
        return
    thread, scope = place(row)
    scope = scope if thread else raw.context.get("scope", "")
    text, quoted = read_html(word(row.get("content")), settings.server)
    author = identity(mapping(row.get("poster")), word(row.get("poster_name")), f"post-{post}", settings)
    first = raw.context.get("first") == str(post)
    title = raw.context.get("title", "") or word(mapping(row.get("thread")).get("title"))
    limited = Visibility.LIMITED if raw.context.get("limited") == "1" else Visibility.PUBLIC
    kind = Kind.POST if first else Kind.REPLY
    yield Interaction(
        id=str(post),
        scope=scope,
        at=at,
        author=author,
        conversation=thread or raw.context.get("thread", ""),
        kind=Kind.MESSAGE if scope == PRIVATE else kind,
        direction=Direction.OUTBOUND if author.id in settings.staff else None,
        visibility=Visibility.PRIVATE if scope == PRIVATE else limited,
        moderation=_moderation(row),
        text=text,
        subject=title if first else "",
        quoted=quoted,
        url=_join(settings, mapping(row.get("url")).get("index")),
        attachments=tuple(_files(row, settings)),
        edited_at=_edited(row, at),
    )


def _moderation(row: Mapping[str, Any]) -> Moderation:
    if row.get("is_hidden") is True:
        return Moderation.REMOVED
    return Moderation.HELD if row.get("is_unapproved") is True else Moderation.APPROVED


def _edited(row: Mapping[str, Any], at: datetime) -> datetime | None:
    found = moment(row.get("updated_on"))
    return found if found is not None and found > at and number(row.get("edits")) else None


def _files(row: Mapping[str, Any], settings: MisagoSettings) -> Iterator[Attachment]:
    for one in objects(row.get("attachments")):
        url, name = _join(settings, mapping(one.get("url")).get("index")), word(one.get("filename"))
        if url:
            mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
            yield Attachment(url=url, name=name, mime=mime, size=number(one.get("size")) or None)


def _census(raw: Raw, _settings: MisagoSettings) -> Iterator[Item]:
    since, ids, thread = moment(raw.body.get("since")), raw.body.get("ids"), word(raw.body.get("thread"))
    if since is None or not isinstance(ids, list):
        raise PayloadError("a census without a time or without ids counts nothing off; the next one says it again")
    newest = number(raw.body.get("newest"))
    # What was written while the census was on its way has a later number, and is not missing.
    known = {str(found) for one in ids if (found := number(one))}
    known.update(map(str, range(newest + 1, newest + 1 + _UPCOMING)))
    scope = PRIVATE if thread else ""
    yield Census(
        id=f"thread:{thread}" if thread else "rescan", scope=scope, ids=frozenset(known), since=since, conversation=thread
    )


def _join(settings: MisagoSettings, address: Any) -> str:
    try:
        found = urljoin(settings.server + "/", word(address)) if word(address) else ""
    except ValueError:
        return ""
    return found if found.startswith(("http://", "https://")) else ""


_KINDS = {"post": _post, "census": _census}
