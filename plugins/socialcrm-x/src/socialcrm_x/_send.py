"""Posting replies and direct messages, and finding out whether an unclear one arrived."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Answer, Batch, Call, Cursor, Flow, Outgoing, Raw, Receipt
from socialcrm.errors import ForbiddenError, PayloadError, RefusedError, UnclearError
from socialcrm.types import Interaction, Visibility
from socialcrm_x._ask import split
from socialcrm_x._fields import mapping, part, required, rows, text_of
from socialcrm_x._ids import id_at
from socialcrm_x._media import check, upload
from socialcrm_x._posts import DM, parse_message, parse_post
from socialcrm_x._text import same

__all__ = ["conversation_of", "is_private", "send", "settle"]

_EXCHANGE = re.compile(r"[0-9]{1,19}-[0-9]{1,19}|[0-9]{15,19}")
_CLOCKS = timedelta(minutes=2)
"""What our clock and X's may differ."""


def is_private(message: Outgoing) -> bool:
    """Whether a reply goes as a direct message."""
    return message.scope == DM or message.visibility is Visibility.PRIVATE


def conversation_of(message: Outgoing) -> str:
    """Return the path of the exchange that a private reply belongs to: a known one, else the one with whom wrote.

    Raises:
        RefusedError: Neither is known.
    """
    if message.scope == DM and _EXCHANGE.fullmatch(message.conversation):
        return f"/2/dm_conversations/{part(message.conversation)}"
    if not message.to.isdigit():
        raise RefusedError("x: a direct message needs the id of the account it goes to; none is known")
    return f"/2/dm_conversations/with/{part(message.to)}"


def send(message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Upload the files, then post the parts: each answers the one before, or follows it in the exchange.

    Raises:
        UnclearError: X accepted a part and its answer can't be read, or says that the same text was posted just now.
    """
    private = is_private(message)
    where = conversation_of(message) if private else ""
    check(message.media, private=private)
    media = yield from upload(message.media, cursor, private=private)
    ids: list[str] = []
    conversation = cursor.get("conversation", "")
    for number, text in enumerate(message.parts):
        row = f"part:{number}"
        if row in cursor:
            ids.append(cursor[row])
            continue
        files = media if not number else []
        if private:
            found, conversation = yield from _message(where, text, files)
            yield from Batch([], {row: found, "conversation": conversation})
        else:
            found = yield from _post(text, ids[-1] if ids else message.reply_to, files)
            yield from Batch([], {row: found})
        ids.append(found)
    return _receipt(message, ids, conversation)


def _receipt(message: Outgoing, ids: Sequence[str], conversation: str) -> Receipt:
    if is_private(message):
        moved = message.scope != DM and bool(conversation)
        return Receipt(ids=tuple(ids), scope=DM, conversation=conversation if moved else None)
    return Receipt(ids=tuple(ids), url=f"https://x.com/i/status/{ids[0]}")


def _post(text: str, parent: str | None, media: Sequence[str]) -> Flow[str]:
    body: dict[str, Any] = {"text": text}
    if parent:
        body["reply"] = {"in_reply_to_tweet_id": parent}
    if media:
        body["media"] = {"media_ids": list(media)}
    try:
        answer = yield from Call("POST", "/2/tweets", json=body, bucket="post")
    except ForbiddenError as error:
        if "duplicate" in str(error).lower():
            raise UnclearError("x: the same text was posted just now; whether that was this reply is looked up") from error
        raise
    return _told(answer, "id")[0]


def _message(where: str, text: str, media: Sequence[str]) -> Flow[tuple[str, str]]:
    body: dict[str, Any] = {"text": text}
    if media:
        body["attachments"] = [{"media_id": key} for key in media]
    answer = yield from Call("POST", f"{where}/messages", json=body, bucket="dm")
    found = _told(answer, "dm_event_id", "dm_conversation_id")
    return found[0], found[1]


def _told(answer: Answer, *names: str) -> list[str]:
    """What X says of what it made; it may have been made although this can't be read."""
    try:
        data = answer.json(dict).get("data")
        return [required(data, name) for name in names]
    except PayloadError as error:
        raise UnclearError("x: it was accepted and the answer can't be read; it is looked for") from error


def settle(
    message: Outgoing, cursor: Cursor, me: str, fields: tuple[Mapping[str, str], Mapping[str, str]]
) -> Flow[Receipt | None]:
    """Look for the first part that the cursor does not know among what we wrote since the reply was queued.

    Args:
        message: The reply.
        cursor: What the attempt left.
        me: Our account's id.
        fields: The query fields for posts, and those for messages.

    Raises:
        UnclearError: The reply has no time, so an older one can't be told from it.
    """
    done = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    conversation = cursor.get("conversation", "")
    if len(done) < len(message.parts):
        if message.at is None:
            raise UnclearError("x: the reply has no time, so it can't be told from an older one; look at the account")
        since, text = message.at - _CLOCKS, message.parts[len(done)]
        if is_private(message):
            item = yield from _find_message(message, text, since, me, done, fields[1])
        else:
            item = yield from _find_post(text, done[-1] if done else message.reply_to, since, me, done, fields[0])
        if item is None:
            return None
        conversation = item.conversation if is_private(message) else ""
        yield from Batch([], {f"part:{len(done)}": item.id, **({"conversation": conversation} if conversation else {})})
        done.append(item.id)
    return _receipt(message, done, conversation) if len(done) == len(message.parts) else None


def _find_post(
    text: str, parent: str | None, since: datetime, me: str, done: Sequence[str], fields: Mapping[str, str]
) -> Flow[Interaction | None]:
    params = {"max_results": "100", "since_id": id_at(since), **fields}
    while True:
        answer = yield from Call("GET", f"/2/users/{part(me)}/tweets", params=params, bucket="own")
        body = answer.json(dict, "meta")
        for raw in split(body, "post"):
            item = parse_post(raw.body) if raw.kind == "post" else None
            if item is not None and _fits(item, text, since, done) and (item.parent == parent or _answers(raw, parent)):
                return item
        token = text_of(body["meta"], "next_token")
        if not token or token == params.get("pagination_token"):
            return None
        params = {**params, "pagination_token": token}


def _answers(raw: Raw, parent: str | None) -> bool:
    """Whether a post names this parent, by whichever of its versions."""
    post = mapping(mapping(raw.body).get("data"))
    listed = rows(post.get("referenced_posts")) + rows(post.get("referenced_tweets"))
    return any(text_of(ref, "type") == "replied_to" and text_of(ref, "id") == parent for ref in listed)


def _find_message(
    message: Outgoing, text: str, since: datetime, me: str, done: Sequence[str], fields: Mapping[str, str]
) -> Flow[Interaction | None]:
    params = {"max_results": "100", "event_types": "MessageCreate", **fields}
    while True:
        answer = yield from Call("GET", f"{conversation_of(message)}/dm_events", params=params, bucket="dm-lookup")
        body = answer.json(dict, "meta")
        items = [item for raw in split(body, "message") if raw.kind == "message" for item in parse_message(raw.body)]
        for item in items:
            if item.author.id == me and _fits(item, text, since, done):
                return item
        token = text_of(body["meta"], "next_token")
        if not token or token == params.get("pagination_token") or (items and min(item.at for item in items) < since):
            return None
        params = {**params, "pagination_token": token}


def _fits(item: Interaction, text: str, since: datetime, done: Sequence[str]) -> bool:
    return item.at >= since and item.id not in done and same(text, item.text)
