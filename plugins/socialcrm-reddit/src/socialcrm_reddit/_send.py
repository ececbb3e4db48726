"""Answering: comments, messages, modmail; and whether an answer arrived.

Invariant: a part that the cursor knows is never sent again. A private message names no id in Reddit's answer: it is found
among our sent ones, by the same look that settles what was unclear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from socialcrm.connectors import Answer, Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_reddit._fields import mapping, moment, part, rows, seconds, text_of
from socialcrm_reddit._mail import MODMAIL, conversation_of
from socialcrm_reddit._modmail import CONVERSATIONS
from socialcrm_reddit._parse import MESSAGE
from socialcrm_reddit._people import SITE
from socialcrm_reddit._text import LIMIT, markdown, same, weigh
from socialcrm_reddit._walk import PAGE, children_of

__all__ = ["compose", "name_of", "reply", "settle"]

_CLOCKS = timedelta(minutes=5)
_PAGES = 10
_RAW = {"raw_json": "1"}

Matches = Callable[[Mapping[str, Any]], bool]


@frozen(kw_only=True)
class _Found:
    id: str
    at: datetime | None = None
    url: str = ""
    conversation: str | None = None


def reply(message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Answer a post or comment in public, or a message or modmail conversation in private.

    Raises:
        UnsupportedError: There is nothing to answer, or the visibility is not that of what is answered.
    """
    _fits(message)
    if message.scope == MODMAIL:
        return (yield from _parts(message, cursor, _mail))
    above = _above(message)
    if above.startswith("t4_") != (message.visibility is Visibility.PRIVATE):
        raise UnsupportedError(f"reddit: a {message.visibility} answer to {above} is not possible; nothing was sent")
    return (yield from _parts(message, cursor, _comment))


def compose(message: Outgoing, cursor: Cursor, to: str, subject: str) -> Flow[Receipt]:
    """Answer something public by a private message to its author (POST /api/compose).

    Args:
        message: The answer.
        cursor: What an earlier attempt left.
        to: The author's name.
        subject: The message's subject.
    """
    _fits(message)

    def send(message: Outgoing, number: int, _above: str) -> Flow[_Found]:
        text = markdown(message.parts[number])
        form = {"api_type": "json", "to": to, "subject": subject, "text": text}
        answer = yield from Call("POST", "/api/compose", params=_RAW, form=form)
        if not isinstance(_said(answer).get("errors"), list):
            raise UnclearError("reddit: the message was accepted and the answer can't be read; it is looked for")
        found = yield from _among_sent(message, number, lambda data: _to(data, to) and not data.get("parent_id"))
        if found is None:
            raise UnclearError(f"reddit: the message to u/{to} was accepted and does not show yet; it is looked for")
        return found

    receipt = yield from _parts(message, cursor, send)
    return Receipt(ids=receipt.ids, conversation=receipt.ids[0], scope=MESSAGE, at=receipt.at, url=receipt.url)


def _fits(message: Outgoing) -> None:
    longest = max(map(weigh, message.parts))
    if longest > LIMIT:
        raise TooLong(f"reddit: a part holds {longest} characters of {LIMIT}; shorten it", excess=longest - LIMIT)


def _above(message: Outgoing) -> str:
    above = message.reply_to or message.conversation
    if not above.startswith(("t1_", "t3_", "t4_")):
        raise UnsupportedError("reddit: a reply needs a post, comment or message to answer; nothing was sent")
    return above


def _parts(message: Outgoing, cursor: Cursor, send: Callable[[Outgoing, int, str], Flow[_Found]]) -> Flow[Receipt]:
    """Send what the cursor does not know; a long comment goes on under its first part."""
    ids: list[str] = []
    first = _Found(id="")
    for number in range(len(message.parts)):
        known = cursor.get(f"part:{number}")
        if known is None:
            found = yield from send(message, number, ids[-1] if ids else "")
            known = found.id
            first = found if not number else first
            yield from Batch([], {f"part:{number}": known})
        ids.append(known)
    return Receipt(ids=tuple(ids), at=first.at, url=first.url)


def _comment(message: Outgoing, number: int, before: str) -> Flow[_Found]:
    """POST /api/comment; parts of a message all answer the customer's: answering our own would write to ourselves."""
    top = _above(message)
    above = before if before and not top.startswith("t4_") else top
    form = {"api_type": "json", "thing_id": above, "text": markdown(message.parts[number])}
    answer = yield from Call("POST", "/api/comment", params=_RAW, form=form)
    thing = next(iter(rows(mapping(_said(answer).get("data")).get("things"))), None)
    data = mapping(mapping(thing).get("data"))
    if not text_of(data, "name"):
        raise UnclearError("reddit: the comment was accepted and does not show (held by a filter, often); it is looked for")
    return _thing(data)


def _said(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(answer.json(dict).get("json"))
    except PayloadError as error:
        raise UnclearError("reddit: what was sent was accepted and the answer can't be read; it is looked for") from error


def _thing(data: Mapping[str, Any]) -> _Found:
    at, path = seconds(data.get("created_utc")), text_of(data, "permalink")
    return _Found(
        id=text_of(data, "name"),
        at=datetime.fromtimestamp(at, UTC) if at is not None else None,
        url=SITE + path if path.startswith("/") else "",
    )


def _talk(message: Outgoing) -> str:
    key = message.conversation.removeprefix(f"{MODMAIL}:") or (message.reply_to or "").partition("/")[0]
    if not key:
        raise UnsupportedError("reddit: an answer to modmail needs its conversation; nothing was sent")
    return key


def _mail(message: Outgoing, number: int, _before: str) -> Flow[_Found]:
    """POST /api/mod/conversations/{id}; never as an internal note."""
    text = markdown(message.parts[number])
    form = {"body": text, "isInternal": "False", "isAuthorHidden": "False"}
    answer = yield from Call("POST", f"{CONVERSATIONS}/{part(_talk(message))}", params=_RAW, form=form)
    try:
        found = _newest(answer.json(dict, "messages"), _talk(message), text, None, set())
    except PayloadError as error:
        raise UnclearError("reddit: modmail accepted the answer and what it said can't be read; it is looked for") from error
    if found is None:
        raise UnclearError("reddit: modmail accepted the answer and does not show it; it is looked for")
    return found


def _newest(body: Any, talk: str, text: str, since: datetime | None, known: set[str]) -> _Found | None:
    """The newest message of the team that says a text."""
    found = []
    for one in mapping(mapping(body).get("messages")).values():
        key, author = text_of(one, "id"), mapping(mapping(one).get("author"))
        mine = author.get("isMod") is True and mapping(one).get("isInternal") is not True
        if key and mine and f"{talk}/{key}" not in known and same(text_of(one, "bodyMarkdown"), text):
            at = moment(one, "date")
            if since is None or at >= since:
                found.append(_Found(id=f"{talk}/{key}", at=at))
    return max(found, key=lambda one: (one.at or datetime.min.replace(tzinfo=UTC), one.id), default=None)


def settle(message: Outgoing, cursor: Cursor, me: str, to: str) -> Flow[Receipt | None]:
    """Look for the first part that the cursor does not know among what we wrote since the answer was queued.

    Args:
        message: The answer.
        cursor: What an earlier attempt left.
        me: Our account's name.
        to: The author's name, if it was a private message; else empty.

    Returns:
        The receipt if all parts are there; ``None`` if the next part certainly is not.

    Raises:
        UnclearError: Nobody knows when it was queued.
    """
    if message.at is None:
        raise UnclearError("reddit: it can't be told whether the answer arrived; look at the account's posts, then decide")
    done = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    found: _Found | None = None
    if len(done) < len(message.parts):
        found = yield from _find(message, done, me, to)
        if found is None:
            return None
        yield from Batch([], {f"part:{len(done)}": found.id})
        done.append(found.id)
    if len(done) < len(message.parts):
        return None
    at, url = (found.at, found.url) if found is not None and len(done) == 1 else (None, "")
    if to:
        return Receipt(ids=tuple(done), conversation=done[0], scope=MESSAGE, at=at, url=url)
    return Receipt(ids=tuple(done), at=at, url=url)


def _find(message: Outgoing, done: list[str], me: str, to: str) -> Flow[_Found | None]:
    number = len(done)
    if message.scope == MODMAIL:
        talk = _talk(message)
        answer = yield from Call("GET", f"{CONVERSATIONS}/{part(talk)}", params={"raw_json": "1"})
        body = answer.json(dict, "messages")
        if text_of(conversation_of(body), "id") != talk:
            raise PayloadError(f"modmail conversation {talk} was asked for, and something else came; is it Reddit's API?")
        since = message.at - _CLOCKS if message.at else None
        return _newest(body, talk, markdown(message.parts[number]), since, set(done))
    if to:
        return (yield from _among_sent(message, number, lambda data: _to(data, to) and not data.get("parent_id"), done))
    top = _above(message)
    if top.startswith("t4_"):
        return (yield from _among_sent(message, number, lambda data: text_of(data, "parent_id") == top, done))
    above = done[-1] if done else top
    path = f"/user/{part(me)}/comments"
    return (yield from _among(path, message, number, lambda data: text_of(data, "parent_id") == above, done))


def _to(data: Mapping[str, Any], name: str) -> bool:
    return text_of(data, "dest").lower() == name.lower()


def _among_sent(message: Outgoing, number: int, matches: Matches, done: list[str] | None = None) -> Flow[_Found | None]:
    return (yield from _among("/message/sent", message, number, matches, done or []))


def _among(path: str, message: Outgoing, number: int, matches: Matches, done: list[str]) -> Flow[_Found | None]:
    """Our thing that matches and says the part, no older than the answer."""
    text = markdown(message.parts[number])
    since = (message.at - _CLOCKS).timestamp() if message.at else 0.0
    after = ""
    for _ in range(_PAGES):
        params = {"limit": PAGE, "sort": "new", "raw_json": "1", **({"after": after} if after else {})}
        body = (yield from Call("GET", path, params=params)).json(dict, "data")
        found = list(_things(children_of(body)))
        for data in found:
            fresh = (seconds(data.get("created_utc")) or 0.0) >= since and text_of(data, "name") not in done
            if fresh and matches(data) and same(text_of(data, "body"), text):
                return _thing(data)
        after = text_of(body["data"], "after")
        if not after or (found and all((seconds(data.get("created_utc")) or 0.0) < since for data in found)):
            return None
    raise UnclearError(f"reddit: {path} holds too much to find one answer; look at it, then decide")


def _things(children: list[Any]) -> Iterator[Mapping[str, Any]]:
    """The things of a page and the messages that hang below them, one level deep as /message/sent shows them."""
    for child in children:
        data = mapping(mapping(child).get("data"))
        yield data
        for below in rows(mapping(mapping(data.get("replies")).get("data")).get("children")):
            yield mapping(mapping(below).get("data"))


def name_of(message: Outgoing) -> str:
    """Return the name of the one who wrote, where the message tells it; empty where only the account's id is known.

    Raises:
        NotFound: The author is gone.
    """
    if message.to.startswith("deleted:"):
        raise NotFound("reddit: the author is deleted or hidden, so nobody can be written to in private")
    for told in (message.to_handle, message.to):
        if told.startswith(("u/", "/u/", "r/")):
            return told.removeprefix("/").removeprefix("u/") if not told.startswith("r/") else f"/{told}"
    return ""
