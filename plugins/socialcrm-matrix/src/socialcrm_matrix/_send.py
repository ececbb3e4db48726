"""Sending. Every event is sent under a transaction id made of the reply's id and the part's number.

A server treats a repeated transaction id as the same event, but only for as long as it remembers it (Synapse a day, others an
hour or until they restart), and the specification promises no time. So a send that stayed unclear is looked up first, and the
transaction id only covers what remains.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Batch, Blob, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, SettingsError, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_matrix import _direct
from socialcrm_matrix._fields import link, mapping, millis, number, part, rows, text_of
from socialcrm_matrix._rooms import look, state_of

__all__ = ["event_path", "retract", "send", "settle", "transaction"]

_CLOCKS = timedelta(minutes=5)
_PAGE = 100


def transaction(*words: str) -> str:
    """Return a transaction id that is the same for the same words."""
    return "socialcrm-" + hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]


def event_path(room: str, kind: str, *words: str) -> str:
    """Return the path that sends an event ("room_send")."""
    return f"/_matrix/client/v3/rooms/{part(room)}/send/{part(kind)}/{transaction(kind, *words)}"


def send(message: Outgoing, cursor: Cursor, *, private: bool = False) -> Flow[Receipt]:
    """Send a reply: its parts, then its files.

    Args:
        message: What to send.
        cursor: What an earlier attempt left: ``room`` where it was opened for it, ``part:<n>``, ``media:<n>``, ``file:<n>``.
        private: In a direct room, wherever the question was asked.

    Raises:
        UnsupportedError: The room is encrypted: what we sent there could be read by its server.
    """
    room = yield from _room(message, cursor, private=private, create=True)
    if (yield from state_of(room, "m.room.encryption")):
        raise UnsupportedError(f"matrix: the room {room} is encrypted, and this plugin is not; answer there with Element")
    ids: list[str] = []
    for key, content in _events(message):
        if key in cursor:
            ids.append(cursor[key])
            continue
        if key.startswith("file:"):
            content["url"] = yield from _upload(message.media[int(key[5:])], key, cursor)
        ids.append((yield from _put(room, message, key, _related(content, message, room, ids))))
    return _receipt(message, room, ids)


def _put(room: str, message: Outgoing, key: str, content: Mapping[str, Any]) -> Flow[str]:
    path = event_path(room, "m.room.message", message.id, key)
    answer = yield from Call("PUT", path, json=content, repeatable=False)
    try:
        found = text_of(answer.json(), "event_id")
    except PayloadError:
        found = ""
    if not found:
        raise UnclearError(f"matrix: the answer to a message in {room} names no event; it is looked for in the room")
    yield from Batch([], {key: found})
    return found


def _events(message: Outgoing) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return what is to be sent, by the row that keeps its id."""
    for place, text in enumerate(message.parts):
        yield f"part:{place}", {"msgtype": "m.text", "body": text}
    for place, blob in enumerate(message.media):
        info = {"mimetype": blob.mime, "size": blob.size}
        yield f"file:{place}", {"msgtype": _form(blob), "body": blob.name, "filename": blob.name, "info": info}


def _form(blob: Blob) -> str:
    form = "m." + blob.mime.partition("/")[0]
    return form if form in ("m.image", "m.audio", "m.video") else "m.file"


def _upload(blob: Blob, key: str, cursor: Cursor) -> Flow[str]:
    """Upload a file ("content-repo"). Repeatable: one that nobody refers to is seen by nobody."""
    row = "media:" + key[5:]
    if row in cursor:
        return cursor[row]
    answer = yield from Call(
        "POST",
        "/_matrix/media/v3/upload",
        params={"filename": blob.name},
        content=blob,
        headers={"Content-Type": blob.mime},
        repeatable=True,
        timeout=300,
        bucket="media",
    )
    address = str(answer.json(dict, "content_uri")["content_uri"])
    yield from Batch([], {row: address})
    return address


def _related(content: dict[str, Any], message: Outgoing, room: str, before: list[str]) -> dict[str, Any]:
    """Say what it answers: the question, then part by part what came before; within a thread if the question is in one."""
    moved = room != (message.conversation or message.scope)
    answers = before[-1] if before else None if moved else message.reply_to
    relation: dict[str, Any] = {"m.in_reply_to": {"event_id": answers}} if answers else {}
    if answers and not moved and len(message.references) > 1 and message.references[0] != message.reply_to:
        relation |= {"rel_type": "m.thread", "event_id": message.references[0], "is_falling_back": False}
    mentions = {"user_ids": [message.to]} if message.to.startswith("@") and not before else {}
    return {**content, "m.mentions": mentions, **({"m.relates_to": relation} if relation else {})}


def _room(message: Outgoing, cursor: Cursor, *, private: bool, create: bool) -> Flow[str]:
    """Return the room to send to: the question's, unless a private answer would be read by others there."""
    if "room" in cursor:
        if create:
            yield from _direct.remember((yield from _direct.who()), message.to, cursor["room"])
        return cursor["room"]
    asked = message.conversation or message.scope
    stays = bool(asked) and not private
    if stays and message.visibility is Visibility.PRIVATE:
        stays = (yield from look(asked)).visibility is Visibility.PRIVATE
    if stays:
        return asked
    if not message.to.startswith("@"):
        raise SettingsError("matrix: a private answer needs the user id of the one who wrote (to='@mara:example.org')")
    me = yield from _direct.who()
    room = yield from _direct.find(me, message.to)
    if not room and create:
        room = yield from _direct.create(message.to, transaction(message.id))
        yield from _direct.remember(me, message.to, room)
    elif room:
        yield from Batch([], {"room": room})
    return room


def _receipt(message: Outgoing, room: str, ids: list[str]) -> Receipt:
    moved = room != (message.conversation or message.scope)
    where = room if moved else None
    return Receipt(ids=tuple(ids), url=link(room, ids[0]), conversation=where, scope=where)


def settle(message: Outgoing, cursor: Cursor, *, private: bool = False) -> Flow[Receipt | None]:
    """Look among our own messages in the room for what is not yet known to have arrived.

    A message is ours if it carries our transaction id; or, where the server has forgotten that, if its text and what it
    answers are the same and it is not older than the reply.
    """
    room = yield from _room(message, cursor, private=private, create=False)
    if not room:
        room = yield from _direct.lost(transaction(message.id))
        if room:
            yield from Batch([], {"room": room})
        return None
    ours = yield from _ours(message, room)
    ids: list[str] = []
    for key, content in _events(message):
        if key in cursor:
            ids.append(cursor[key])
            continue
        wanted = _related(content, message, room, ids)
        known = {*ids, *cursor.values()}
        found = next((one for one in ours if text_of(one, "event_id") not in known and _same(one, message, key, wanted)), None)
        if found is None:
            return None
        ids.append(text_of(found, "event_id"))
        yield from Batch([], {key: ids[-1]})
    return _receipt(message, room, ids)


def _ours(message: Outgoing, room: str) -> Flow[list[Any]]:
    """Return our own messages in a room since the reply was queued, newest first."""
    me = yield from _direct.who()
    oldest = millis(message.at - _CLOCKS) if message.at is not None else 0
    params = {"dir": "b", "limit": str(_PAGE), "filter": json.dumps({"senders": [me], "types": ["m.room.message"]})}
    found: list[Any] = []
    while True:
        answer = yield from Call("GET", f"/_matrix/client/v3/rooms/{part(room)}/messages", params=params)
        page = answer.json(dict, "chunk")
        found += [one for one in rows(page["chunk"]) if (number(one, "origin_server_ts") or 0) >= oldest]
        end, late = text_of(page, "end"), any((number(one, "origin_server_ts") or 0) < oldest for one in rows(page["chunk"]))
        if late or end in ("", params.get("from", "")):
            return found
        params = {**params, "from": end}


def _same(event: Any, message: Outgoing, key: str, wanted: Mapping[str, Any]) -> bool:
    told = text_of(mapping(event).get("unsigned"), "transaction_id")
    if told:
        return told == transaction("m.room.message", message.id, key)
    content = mapping(mapping(event).get("content"))
    same = all(content.get(name) == wanted[name] for name in ("msgtype", "body"))
    return same and mapping(content.get("m.relates_to")) == wanted.get("m.relates_to", {})


def retract(receipt: Receipt) -> Flow[None]:
    """Take events of ours back, the last first ("redaction"); one that is gone already is fine."""
    room = receipt.conversation or receipt.scope
    if not room:
        raise SettingsError("matrix: taking a message back needs its room; give the receipt's conversation")
    for key in reversed(receipt.ids):
        path = f"/_matrix/client/v3/rooms/{part(room)}/redact/{part(key)}/{transaction('redact', key)}"
        try:
            yield from Call("PUT", path, json={})
        except NotFound:
            continue
