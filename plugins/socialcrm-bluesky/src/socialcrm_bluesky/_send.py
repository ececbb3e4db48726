"""Answering: posts under a post, messages in a chat, and whether they arrived.

Invariant: a post of ours has a key and a time that follow from the reply alone, so writing it again writes the same record.
A chat message has no such key: it is sent once, and looked for where its outcome is unclear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Answer, Batch, Blob, Call, Cursor, Flow, Outgoing, Receipt, Unit, measure
from socialcrm.errors import (
    ForbiddenError,
    NotFound,
    PayloadError,
    RefusedError,
    TooLong,
    UnclearError,
    UnsupportedError,
)
from socialcrm.types import Visibility
from socialcrm_bluesky._chat import ask, recent
from socialcrm_bluesky._fields import mapping, moment, required, rows, text_of
from socialcrm_bluesky._follow import found_posts, stamp
from socialcrm_bluesky._ids import Address, address, tid_for
from socialcrm_bluesky._people import page
from socialcrm_bluesky._text import facets, readable, spans, weigh

__all__ = ["post_at", "put", "send", "settle"]

POST = "app.bsky.feed.post"
_LIMIT = 300
_CHAT_LIMIT = 1000
"""Graphemes of a post, and of a chat message (lexicons ``app.bsky.feed.post``, ``chat.bsky.convo.defs#messageInput``)."""

_IMAGE = 2_000_000
"""The most bytes of a picture (lexicon ``app.bsky.embed.images``)."""

_CLOCKS = timedelta(minutes=5)


def send(message: Outgoing, cursor: Cursor, *, me: str, service: str) -> Flow[Receipt]:
    """Send a reply: in the chat it answers, as a chat message to the author of a post, or as posts below a post.

    Args:
        message: The reply.
        cursor: What an earlier attempt left: a row for each part.
        me: Our DID.
        service: The chat service.
    """
    if message.scope or message.visibility is not Visibility.PUBLIC:
        return (yield from _say(message, cursor, service))
    _check(message)
    done = _done(message, cursor)
    above, root, langs = ({}, {}, []) if message.reply_to is None else (yield from _thread(message.reply_to))
    root = root or (done[0] if done else {})
    above = done[-1] if done else above
    for number in range(len(done), len(message.parts)):
        media = message.media if not number else ()
        record = yield from _record(message, number, above, root, langs, media)
        above = yield from put(me, POST, tid_for(f"{message.id}/{number}", message.at), record)
        root = root or above
        yield from _keep(number, above)
        done.append(above)
    return _receipt(message, done)


def _check(message: Outgoing) -> None:
    """Refuse what the platform would: each part is in graphemes and in bytes within its limits, pictures are pictures.

    Raises:
        TooLong: A part exceeds the limit.
        UnsupportedError: A file is no picture, or too large.
    """
    longest = max(map(weigh, message.parts))
    if longest > _LIMIT:
        raise TooLong(f"a part holds {longest} characters of {_LIMIT}; shorten it", excess=longest - _LIMIT)
    for blob in message.media:
        if not blob.mime.startswith("image/") or blob.size > _IMAGE:
            raise UnsupportedError(f"bluesky takes pictures of at most {_IMAGE} bytes; {blob.name} is {blob.mime}, {blob.size}")


def _done(message: Outgoing, cursor: Cursor) -> list[dict[str, str]]:
    """The parts that stand there already, as references."""
    found = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    return [dict(zip(("uri", "cid"), row.split(" "), strict=False)) for row in found]


def _keep(number: int, reference: Mapping[str, str]) -> Flow[None]:
    yield from Batch([], {f"part:{number}": f"{reference['uri']} {reference['cid']}"})


def _thread(uri: str) -> Flow[tuple[dict[str, str], dict[str, str], list[Any]]]:
    """What a reply has to name: the post it answers, the thread's first post, and the languages of the question.

    Raises:
        NotFound: It was deleted, or its author blocks us.
        ForbiddenError: Its author does not let us answer.
    """
    view = yield from post_at(uri)
    if mapping(view.get("viewer")).get("replyDisabled"):
        raise ForbiddenError(f"bluesky: the author of {uri} limits who may answer; nothing was sent, try another way")
    record = mapping(view.get("record"))
    parent = {"uri": required(view, "uri"), "cid": required(view, "cid")}
    root = mapping(mapping(record.get("reply")).get("root"))
    first = {"uri": text_of(root, "uri"), "cid": text_of(root, "cid")}
    langs = [lang for lang in rows(record.get("langs")) if isinstance(lang, str)][:3]
    return parent, first if all(first.values()) else parent, langs


def post_at(uri: str) -> Flow[Mapping[str, Any]]:
    """Fetch one post.

    Raises:
        NotFound: It can't be seen.
    """
    found = yield from found_posts([uri])
    if uri not in found:
        raise NotFound(f"bluesky: {uri} is not there; its author deleted it, was suspended, or blocks us")
    return mapping(found[uri])


def _record(
    message: Outgoing,
    number: int,
    above: Mapping[str, str],
    root: Mapping[str, str],
    langs: Sequence[str],
    media: Sequence[Blob],
) -> Flow[dict[str, Any]]:
    if message.at is None:
        raise UnsupportedError("bluesky: a post needs a time, and the reply has none; queue it again")
    text = message.parts[number]
    record: dict[str, Any] = {"$type": POST, "text": text, "createdAt": stamp(message.at)}
    marks = yield from _facets(text)
    if marks:
        record["facets"] = marks
    if above:
        record["reply"] = {"root": dict(root or above), "parent": dict(above)}
    if langs:
        record["langs"] = list(langs)
    if media:
        record["embed"] = {"$type": "app.bsky.embed.images", "images": (yield from _pictures(media))}
    return record


def _facets(text: str) -> Flow[list[dict[str, Any]]]:
    """The facets of a text of ours; a handle that nobody has stays plain text."""
    found, dids = spans(text), {}
    for handle in dict.fromkeys(span.value for span in found if span.kind == "mention"):
        try:
            answer = yield from Call("GET", "/xrpc/com.atproto.identity.resolveHandle", params={"handle": handle})
        except (NotFound, RefusedError):
            continue
        dids[handle] = required(answer.json(dict), "did")
    return facets(found, dids)


def _pictures(media: Sequence[Blob]) -> Flow[list[dict[str, Any]]]:
    """Upload files; what no record names is swept away, and the same content has the same name, so repeating is fine."""
    path, images = "/xrpc/com.atproto.repo.uploadBlob", []
    for blob in media:
        headers = {"Content-Type": blob.mime}
        answer = yield from Call("POST", path, content=blob, headers=headers, repeatable=True, timeout=300)
        images += [{"image": answer.json(dict, "blob")["blob"], "alt": ""}]
    return images


def put(me: str, collection: str, key: str, record: Mapping[str, Any]) -> Flow[dict[str, str]]:
    """Write a record under a key of ours and return its reference; writing it twice is writing it once."""
    body = {"repo": me, "collection": collection, "rkey": key, "record": dict(record)}
    answer = yield from Call("POST", "/xrpc/com.atproto.repo.putRecord", json=body, repeatable=True)
    return _reference(answer)


def _reference(answer: Answer) -> dict[str, str]:
    try:
        body = answer.json(dict)
        return {"uri": required(body, "uri"), "cid": required(body, "cid")}
    except PayloadError as error:
        raise UnclearError("bluesky: the post was accepted and the answer can't be read; it is looked for") from error


def _receipt(message: Outgoing, done: Sequence[Mapping[str, str]]) -> Receipt:
    first = address(done[0]["uri"]) or Address("")
    ids = tuple(reference["uri"] for reference in done)
    return Receipt(ids=ids, at=message.at, url=page(first.authority, first.key))


def settle(message: Outgoing, cursor: Cursor, *, me: str, service: str) -> Flow[Receipt | None]:
    """Find out whether the first part that the cursor does not know stands there; keep it if it does.

    Raises:
        UnclearError: It is a chat message, and nobody can tell.
    """
    if message.scope or message.visibility is not Visibility.PUBLIC:
        return (yield from _settle_chat(message, cursor, me, service))
    done = _done(message, cursor)
    if len(done) < len(message.parts):
        key = tid_for(f"{message.id}/{len(done)}", message.at)
        query = {"repo": me, "collection": POST, "rkey": key}
        try:
            answer = yield from Call("GET", "/xrpc/com.atproto.repo.getRecord", params=query)
        except NotFound:
            return None
        found = _reference(answer)
        yield from _keep(len(done), found)
        done.append(found)
    return _receipt(message, done) if len(done) == len(message.parts) else None


def _say(message: Outgoing, cursor: Cursor, service: str) -> Flow[Receipt]:
    """Send chat messages; a public post is answered in the one conversation with its author."""
    if message.media:
        raise UnsupportedError("bluesky's direct messages carry no files; leave them out, or give a link")
    if any(measure(text, Unit.GRAPHEMES) > _CHAT_LIMIT for text in message.parts):
        raise TooLong(f"a direct message on bluesky holds {_CHAT_LIMIT} characters; shorten it", excess=1)
    convo = message.scope or (yield from _convo(message, service))
    ids = []
    for number, text in enumerate(message.parts):
        key = cursor.get(f"part:{number}")
        if key is None:
            said: dict[str, Any] = {"text": text}
            marks = yield from _facets(text)
            if marks:
                said["facets"] = marks
            if message.scope and message.reply_to and not number:
                said["replyTo"] = {"messageId": message.reply_to}
            key = yield from _speak(service, {"convoId": convo, "message": said})
            yield from Batch([], {f"part:{number}": key})
        ids.append(key)
    return _chat_receipt(message, convo, ids)


def _speak(service: str, body: Mapping[str, Any]) -> Flow[str]:
    path = "/xrpc/chat.bsky.convo.sendMessage"
    answer = yield from Call("POST", path, json=dict(body), headers={"atproto-proxy": service}, bucket="chat")
    try:
        return required(answer.json(dict), "id")
    except PayloadError as error:
        raise UnclearError("bluesky: the message was accepted and the answer can't be read; it is looked for") from error


def _convo(message: Outgoing, service: str) -> Flow[str]:
    """The conversation with the one who wrote, made if there is none ("chat.bsky.convo.getConvoForMembers")."""
    if not message.to:
        raise UnsupportedError("a private answer on bluesky goes to one account, and none is known; nothing was sent")
    body = yield from ask(service, "getConvoForMembers", "convo", members=[message.to])
    return required(body.get("convo"), "id")


def _chat_receipt(message: Outgoing, convo: str, ids: Sequence[str]) -> Receipt:
    elsewhere = None if message.scope else convo
    return Receipt(ids=tuple(ids), conversation=elsewhere, scope=elsewhere)


def _settle_chat(message: Outgoing, cursor: Cursor, me: str, service: str) -> Flow[Receipt | None]:
    if message.at is None:
        raise UnclearError("bluesky: it can't be told whether the message arrived; look at the chat, then decide")
    convo = message.scope or (yield from _convo(message, service))
    ids = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    if len(ids) < len(message.parts):
        said = yield from recent(service, convo, message.at - _CLOCKS)
        ours = [one for one in said if text_of(one.get("sender"), "did") == me and text_of(one, "id") not in ids]
        found = next((one for one in reversed(ours) if _same(one, message.parts[len(ids)], message.at)), None)
        if found is None:
            return None
        ids.append(required(found, "id"))
        yield from Batch([], {f"part:{len(ids) - 1}": ids[-1]})
    return _chat_receipt(message, convo, ids) if len(ids) == len(message.parts) else None


def _same(said: Mapping[str, Any], text: str, at: datetime) -> bool:
    shown = {text_of(said, "text"), readable(text_of(said, "text"), said.get("facets"))}
    return moment(said, "sentAt") >= at - _CLOCKS and any(one.split() == text.split() for one in shown)
