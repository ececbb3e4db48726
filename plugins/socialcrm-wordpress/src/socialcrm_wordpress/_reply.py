"""Answering a comment, finding out whether an answer arrived, and taking one back.

Invariant: a reply is only posted as the user whom the credentials belong to, under a comment that is still there. WordPress
itself would store a reply to a comment that is gone. It takes no idempotency key, but refuses the same text by the same
author under the same parent (409, ``wp_allow_comment``), and our own comments can be looked through.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Answer, Call, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, RefusedError, UnclearError, UnsupportedError
from socialcrm_wordpress._api import Access, Api
from socialcrm_wordpress._judge import DuplicateComment, NoTrash
from socialcrm_wordpress._parse import moment, number
from socialcrm_wordpress._text import fingerprint, from_html, to_html
from socialcrm_wordpress._walk import Place, next_page

__all__ = ["LIMIT", "retract", "send", "settle", "weigh"]

LIMIT = 65_525
"""Bytes of a comment's content (``wp_get_comment_fields_max_lengths``: the column's 65,535, less ten)."""

_SKEW = timedelta(minutes=5)  # by how much the site's clock may differ from ours


def weigh(text: str) -> int:
    """Return the bytes that a text takes as a comment's content: escaped, in UTF-8."""
    return len(to_html(text).encode("utf-8", "surrogatepass"))


def send(api: Api, message: Outgoing) -> Flow[Receipt]:
    """Post a reply (REST API handbook: Comments, Create a Comment).

    Raises:
        CredentialsError: The channel reads as a visitor.
        NotFound: The comment or the post is gone.
        ForbiddenError: Comments are closed there.
        RefusedError: The comment was moderated away, or the same text was said there before.
        UnclearError: The answer can't be read, and the reply can't be found.
    """
    text = _only_part(message)
    access, me = yield from api.login()
    parent, post = yield from _target(api, access, message)
    # Naming ourselves makes WordPress refuse the comment if it should take us for a visitor.
    body = {"post": post, "parent": parent, "author": me, "content": to_html(text)}
    try:
        answer = yield from Call("POST", api.path("/wp/v2/comments"), json=body, bucket="comment")
    except DuplicateComment:
        found = yield from _find(api, access, me, message)
        if found is None:
            raise
        return found
    if 300 <= answer.status < 400:
        raise RefusedError("wordpress: the site redirects to another address, so nothing was posted; set that one as server")
    found = _receipt(answer) or (yield from _find(api, access, me, message))
    if found is None:
        raise UnclearError("wordpress: the answer to a new comment can't be read, and it is not there (yet); look on the site")
    return found


def settle(api: Api, message: Outgoing) -> Flow[Receipt | None]:
    """Look for a reply among our own comments in its place.

    Raises:
        UnclearError: It is not among the approved ones, and the user may not see others.
    """
    access, me = yield from api.login()
    found = yield from _find(api, access, me, message)
    if found is None and access.rank == "visitor":
        raise UnclearError(
            "wordpress: the reply is not among the approved comments, and this user does not see those that wait for "
            "moderation; look on the site"
        )
    return found


def retract(api: Api, receipt: Receipt) -> Flow[None]:
    """Move our comments to the trash; delete them where the site has none. What is gone already is fine."""
    for comment in receipt.ids:
        path = api.path(f"/wp/v2/comments/{number(comment)}")
        try:
            yield from Call("DELETE", path)
        except NotFound:  # deleted (404) or trashed (410) before
            continue
        except NoTrash:
            yield from Call("DELETE", path, params={"force": "true"})


def _only_part(message: Outgoing) -> str:
    if len(message.parts) != 1:
        raise UnsupportedError(f"wordpress: a comment is one message, got {len(message.parts)} parts; send them one by one")
    return message.parts[0]


def _target(api: Api, access: Access, message: Outgoing) -> Flow[tuple[int, int]]:
    """Return the parent (0 for none) and the post of a reply, after a look whether they are still there."""
    parent = number(message.reply_to)
    if not parent:
        post = number(message.conversation)
        if not post:
            raise RefusedError("wordpress: a comment needs a comment or a post to answer; neither was given as a number")
        return 0, post
    view = access.query["context"]
    row = (yield from Call("GET", api.path(f"/wp/v2/comments/{parent}"), params={"context": view})).json()
    if not isinstance(row, Mapping):
        raise PayloadError(f"WordPress should answer comment {parent}, got {type(row).__name__}; check rest_root")
    if row.get("status") in ("spam", "trash", "post-trashed"):
        raise RefusedError(f"wordpress: comment {parent} is in {row['status']}; restore it before you answer it")
    return parent, number(row.get("post")) or number(message.conversation)


def _find(api: Api, access: Access, me: int, message: Outgoing) -> Flow[Receipt | None]:
    query = {**access.query, "parent": str(number(message.reply_to))}
    if number(message.conversation):
        query["post"] = str(number(message.conversation))
    if access.rank != "visitor":
        query["author"] = str(me)
    if message.at is not None:
        query["after"] = (message.at - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    place, last = Place(), False
    while not last:
        page = yield from next_page(api.path("/wp/v2/comments"), query, place)
        place, last = page.place, page.last
        for row in page.rows:
            if isinstance(row, Mapping) and number(row.get("author")) == me and _is(row, message):
                return _receipt_of(row)
    return None


def _is(row: Mapping[str, Any], message: Outgoing) -> bool:
    at = moment(row.get("date_gmt"))
    if message.at is not None and (at is None or at < message.at - _SKEW):
        return False
    content = row.get("content")
    if not isinstance(content, Mapping):
        return False
    typed, rendered = content.get("raw"), content.get("rendered")
    if isinstance(typed, str):
        return html.unescape(typed).split() == message.parts[0].split()
    return isinstance(rendered, str) and fingerprint(from_html(rendered)) == fingerprint(message.parts[0])


def _receipt(answer: Answer) -> Receipt | None:
    try:
        row = answer.json()
    except PayloadError:
        return None
    return _receipt_of(row) if isinstance(row, Mapping) else None


def _receipt_of(row: Mapping[str, Any]) -> Receipt | None:
    comment, link = number(row.get("id")), row.get("link")
    if not comment:
        return None
    return Receipt(ids=(str(comment),), at=moment(row.get("date_gmt")), url=link if isinstance(link, str) else "")
