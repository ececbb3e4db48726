"""What a WordPress element means: pure, one parser for the REST API and for export files."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Census, Direction, Interaction, Item, Kind, Moderation, Visibility, utc
from socialcrm_wordpress._people import Writer, is_ping
from socialcrm_wordpress._settings import WordPressSettings
from socialcrm_wordpress._text import from_html

__all__ = ["moment", "number", "parse"]

_MODERATION = {
    "approved": Moderation.APPROVED,
    "approve": Moderation.APPROVED,
    "1": Moderation.APPROVED,
    "hold": Moderation.HELD,
    "0": Moderation.HELD,
    "spam": Moderation.SPAM,
    "trash": Moderation.REMOVED,
    "post-trashed": Moderation.REMOVED,
}
_UPCOMING = 100
_INTERNAL = frozenset({"note", "order_note"})  # editors' notes (WordPress 6.9) and shop orders' notes: nobody wrote to us


def parse(raw: Raw, settings: WordPressSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of kind ``comment`` (REST API), ``wxr_comment``, ``wxr_author`` (export file) or ``census``.
        settings: Which post types count, and which users are ours.

    Yields:
        One item, or nothing for an internal note or a post type that was not asked for.

    Raises:
        PayloadError: The element can't be read.
    """
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"a WordPress {raw.kind} should be an object, got {type(raw.body).__name__}; it is kept as it is")
    if raw.kind == "census":
        yield _census(raw.body)
    elif raw.kind == "wxr_author":
        yield _author(raw.body)
    elif raw.kind in ("comment", "wxr_comment"):
        archived = raw.kind == "wxr_comment"
        body = _as_rest(raw.body) if archived else raw.body
        kind = _word(body.get("type")) or "comment"
        post_type = _post_type(body, raw)
        wanted = not settings.post_types or not post_type or post_type in settings.post_types
        if wanted and kind not in _INTERNAL:
            yield _comment(body, raw, kind, settings)


def number(value: Any) -> int:
    """Return an id as a number, 0 where it is none."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def moment(value: Any) -> datetime | None:
    """Return a time without zone as UTC; ``None`` for none and for the zero date of old databases."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return utc(found) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _comment(body: Mapping[str, Any], raw: Raw, kind: str, settings: WordPressSettings) -> Interaction:
    comment = number(body.get("id"))
    # Without the UTC date only the site's own is left: wrong by its offset, but better than no comment.
    at = moment(body.get("date_gmt")) or moment(body.get("date"))
    if not comment or at is None:
        raise PayloadError(f"a WordPress comment without a usable {'date' if comment else 'id'} can't be placed; it is kept")
    user, parent, post = number(body.get("author")), number(body.get("parent")), number(body.get("post"))
    account_email = raw.context.get("account_email", "")
    writer = Writer.of(body, comment=comment, kind=kind, user=user, account_email=account_email)
    known = kind in ("comment", "review") or is_ping(kind)
    return Interaction(
        id=str(comment),
        at=at,
        author=writer.identity(),
        conversation=str(post) if post else "",
        parent=str(parent) if parent else None,
        kind=_kind(kind, parent),
        direction=Direction.OUTBOUND if user and str(user) in settings.staff else None,
        visibility=Visibility.PUBLIC if known else Visibility.PRIVATE,
        moderation=_MODERATION.get(_word(body.get("status")) or "approved", Moderation.HELD),
        text=_content(body.get("content")),
        url=_word(body.get("link")),
        extra={"type": kind},
    )


def _kind(kind: str, parent: int) -> Kind:
    if kind == "comment":
        return Kind.REPLY if parent else Kind.POST
    return Kind.REVIEW if kind == "review" else Kind.OTHER


def _content(content: Any) -> str:
    if isinstance(content, str):
        return from_html(content, as_typed=True)
    if not isinstance(content, Mapping):
        return ""
    raw, rendered = content.get("raw"), content.get("rendered")
    if isinstance(raw, str):
        return from_html(raw, as_typed=True)
    return from_html(rendered) if isinstance(rendered, str) else ""


def _post_type(body: Mapping[str, Any], raw: Raw) -> str:
    links = body.get("_links")
    up = links.get("up") if isinstance(links, Mapping) else None
    if isinstance(up, list) and up and isinstance(up[0], Mapping):
        return _word(up[0].get("post_type"))
    return raw.context.get("post_type", "")


def _as_rest(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exported comment under the names of the REST API."""
    renamed = {
        "id": "comment_id",
        "post": "post_id",
        "parent": "comment_parent",
        "author": "comment_user_id",
        "author_name": "comment_author",
        "author_email": "comment_author_email",
        "author_url": "comment_author_url",
        "date": "comment_date",
        "date_gmt": "comment_date_gmt",
        "content": "comment_content",
        "status": "comment_approved",
        "type": "comment_type",
    }
    rest = {name: body.get(exported) for name, exported in renamed.items()}
    post_link = _word(body.get("post_link"))
    rest["link"] = f"{post_link}#comment-{_word(rest['id'])}" if post_link else ""
    return rest


def _author(body: Mapping[str, Any]) -> Account:
    user = number(body.get("author_id"))
    if not user:
        raise PayloadError("an author in a WordPress export has no author_id; the comments of that author stay inbound")
    login = _word(body.get("author_login"))
    return Account(id=str(user), name=html.unescape(_word(body.get("author_display_name"))) or login, handle=login)


def _census(body: Mapping[str, Any]) -> Census:
    since, ids = moment(body.get("since")), body.get("ids")
    if since is None or not isinstance(ids, list):
        raise PayloadError("a census without a time or without ids says nothing; the next rescan brings another one")
    newest = number(body.get("newest"))
    # A reply of ours may be stored while the census is on its way: ids that are given out after it are not missing.
    upcoming = range(newest + 1, newest + 1 + _UPCOMING) if newest else ()
    return Census(id="rescan", ids=frozenset(map(str, [*ids, *upcoming])), since=since)


def _word(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
