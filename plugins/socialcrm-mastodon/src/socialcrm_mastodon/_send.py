"""Answering: what is posted for a reply, in which visibility, and whether it arrived.

Invariant: a reply is never wider than what it answers, and a part that the cursor knows is never posted again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from socialcrm.connectors import Batch, Blob, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, RefusedError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_mastodon._fields import mapping, moment, part, required, rows, text_of
from socialcrm_mastodon._settings import host_of
from socialcrm_mastodon._text import plain, weigh

__all__ = ["Plan", "plan", "send", "settle"]

_WIDTHS = ("direct", "private", "unlisted", "public")
_ASKED = {Visibility.PUBLIC: "public", Visibility.LIMITED: "private", Visibility.PRIVATE: "direct"}


@frozen(kw_only=True)
class Plan:
    """What will be posted.

    Args:
        texts: One for each part, with the mention that makes it reach the customer.
        visibility: Mastodon's word.
        spoiler: Content warning, taken over from what is answered.
        language: Likewise.
    """

    texts: tuple[str, ...]
    visibility: str
    spoiler: str = ""
    language: str = ""


def plan(message: Outgoing, parent: Mapping[str, Any], *, server: str, limit: int) -> Plan:
    """Decide what to post. Pure.

    Args:
        message: The reply.
        parent: The Status entity that it answers; empty for a new post.
        server: Our server: an account there is mentioned without its host.
        limit: The most that one status may hold, counted by `weigh`.

    Raises:
        UnsupportedError: It is private, and nobody can be addressed.
        TooLong: A part does not fit together with the mention.
    """
    widest = text_of(parent, "visibility") or "public"
    width = min(_WIDTHS.index(_ASKED[message.visibility]), _WIDTHS.index(widest) if widest in _WIDTHS else 1)
    mention = _mention(message.to_handle or _handle(parent), server)
    if not mention and not width:
        raise UnsupportedError("a private reply on mastodon must mention somebody, and no handle is known; nothing was sent")
    texts = tuple(
        text if not mention or _mentions(text, mention) or (number and width > 1) else f"{mention} {text}"
        for number, text in enumerate(message.parts)
    )
    longest = max(map(weigh, texts))
    if longest > limit:
        raise TooLong(
            f"a part of the reply, with the mention of {mention}, holds {longest} characters of {limit}; shorten it",
            excess=longest - limit,
        )
    spoiler = message.subject or text_of(parent, "spoiler_text")
    room = limit - longest
    return Plan(
        texts=texts,
        visibility=_WIDTHS[width],
        spoiler=spoiler if weigh(spoiler) <= room else "…" if spoiler and room else "",
        language=text_of(parent, "language"),
    )


def _handle(parent: Mapping[str, Any]) -> str:
    return text_of(parent.get("account"), "acct")


def _mention(handle: str, server: str) -> str:
    user, _, host = handle.strip().lstrip("@").partition("@")
    if not user:
        return ""
    return f"@{user}" if not host or host.lower() == host_of(server) else f"@{user}@{host}"


def _mentions(text: str, mention: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(mention)}(?![\w@-])(?!\.\w)", text, re.IGNORECASE) is not None


def send(message: Outgoing, cursor: Cursor, *, server: str, limit: int) -> Flow[Receipt]:
    """Upload the files, post the parts, each answering the one before ("statuses", Post a new status).

    Raises:
        UnclearError: The server accepted a part and its answer can't be read.
    """
    parent = yield from _parent(message)
    todo = plan(message, parent, server=server, limit=limit)
    media = yield from _uploads(message.media, cursor)
    ids: list[str] = []
    first: Mapping[str, Any] = {}
    for number, text in enumerate(todo.texts):
        row = f"part:{number}"
        if row not in cursor:
            status = yield from _post(message, todo, number, text, ids[-1] if ids else message.reply_to, media)
            yield from Batch([], {row: text_of(status, "id")})
            ids.append(text_of(status, "id"))
            first = first or status
        else:
            ids.append(cursor[row])
    return _receipt(ids, first)


def _parent(message: Outgoing) -> Flow[Mapping[str, Any]]:
    if message.reply_to is None:
        return {}
    answer = yield from Call("GET", f"/api/v1/statuses/{part(message.reply_to)}")
    return mapping(answer.json())


def _post(
    message: Outgoing, todo: Plan, number: int, text: str, parent: str | None, media: list[str]
) -> Flow[Mapping[str, Any]]:
    body: dict[str, Any] = {"status": text, "visibility": todo.visibility}
    if parent:
        body["in_reply_to_id"] = parent
    if todo.spoiler:
        body["spoiler_text"] = todo.spoiler
    if todo.language:
        body["language"] = todo.language
    if media and not number:
        body["media_ids"] = media
    answer = yield from Call("POST", "/api/v1/statuses", json=body, headers={"Idempotency-Key": f"{message.id}-{number}"})
    try:
        status = mapping(answer.json())
        required(status, "id")
    except PayloadError as error:
        raise UnclearError("mastodon: the status was accepted and the answer can't be read; it is looked for") from error
    return status


def _uploads(media: tuple[Blob, ...], cursor: Cursor) -> Flow[list[str]]:
    """Upload what was not uploaded before, then wait until the server has processed it ("media"; 206 is judged as later)."""
    ids = []
    for number, blob in enumerate(media):
        key = cursor.get(f"media:{number}")
        if key is None:
            # An upload that nobody attaches is swept away by the server, so repeating one does no harm.
            answer = yield from Call(
                "POST", "/api/v2/media", files={"file": blob}, bucket="media", timeout=300, repeatable=True
            )
            key = required(answer.json(), "id")
            yield from Batch([], {f"media:{number}": key})
            done = answer.status == 200
        else:
            done = False
        if not done:
            yield from Call("GET", f"/api/v1/media/{part(key)}")
        ids.append(key)
    return ids


def _receipt(ids: list[str], first: Mapping[str, Any]) -> Receipt:
    at = moment(first, "created_at") if first.get("created_at") else None
    return Receipt(ids=tuple(ids), at=at, url=text_of(first, "url"))


def settle(message: Outgoing, cursor: Cursor, me: str) -> Flow[Receipt | None]:
    """Look for the first part that the cursor does not know among our own statuses since the reply was queued.

    A part that is found is noted in the cursor. ``None`` means that what is left certainly was not posted: sending goes on
    from the cursor.

    Raises:
        UnclearError: A status of ours stands where the part should be, and nobody can say whether it is the part.
    """
    done = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    if len(done) == len(message.parts):
        return Receipt(ids=tuple(done))
    status = yield from _find(message, message.parts[len(done)], done[-1] if done else message.reply_to, me)
    if status is None:
        return None
    found = text_of(status, "id")
    yield from Batch([], {f"part:{len(done)}": found})
    done.append(found)
    return _receipt(done, status if len(done) == 1 else {}) if len(done) == len(message.parts) else None


def _find(message: Outgoing, text: str, above: str | None, me: str) -> Flow[Mapping[str, Any] | None]:
    """Our status that answers ``above`` and says ``text``, no older than the reply (an hour is left for the clocks)."""
    since = message.at - timedelta(hours=1) if message.at else None
    below, doubt = "", since is None
    while True:
        params = {"exclude_reblogs": "true", "limit": "40", **({"max_id": below} if below else {})}
        answer = yield from Call("GET", f"/api/v1/accounts/{part(me)}/statuses", params=params)
        page: list[Mapping[str, Any]] = [status for status in rows(answer.json()) if text_of(status, "id")]
        recent = [status for status in page if since is None or moment(status, "created_at") >= since]
        for status in recent:
            if (text_of(status, "in_reply_to_id") or None) == above:
                same = yield from _same(status, text)
                if same:
                    return status
                doubt = doubt or same is None
        if not recent or since is None or below == text_of(page[-1], "id"):
            break
        below = text_of(page[-1], "id")
    if doubt:
        raise UnclearError("mastodon: it can't be told whether the reply arrived; look at the account's posts, then decide")
    return None


def _same(status: Mapping[str, Any], text: str) -> Flow[bool | None]:
    """Whether a status of ours says a text, as shown or as typed ("View status source"); ``None`` where nobody can say."""
    if _print(plain(text_of(status, "content"))) == _print(text):
        return True
    try:
        answer = yield from Call("GET", f"/api/v1/statuses/{part(text_of(status, 'id'))}/source")
    except (NotFound, RefusedError):
        return None
    return _print(text_of(answer.json(), "text")) == _print(text)


def _print(text: str) -> str:
    """A text without what we or the server may change: leading mentions, hosts of mentions, white space, case."""
    text = re.sub(r"(?<![\w/])@(\w+)@[\w.-]*\w", r"@\1", text)
    return re.sub(r"\s+", "", re.sub(r"^(?:@\w+\s+)+", "", text)).casefold()
