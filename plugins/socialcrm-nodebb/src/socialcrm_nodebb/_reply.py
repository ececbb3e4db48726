"""Answering in topics and chats, finding out whether an answer arrived, and taking one back.

Invariant: a reply goes into the topic in which the answered post stands *now*. NodeBB takes no idempotency key, but our own
posts at a topic's end can be looked through, as they were typed (``/api/v3/posts/{pid}/raw``). A post in the forum's queue is
not there yet and may never be: the reply stays unclear, and it is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import PayloadError, RefusedError, UnclearError, UnsupportedError
from socialcrm.types import Account, Visibility
from socialcrm_nodebb._api import Api
from socialcrm_nodebb._chats import messages
from socialcrm_nodebb._fields import key, mapping, moment, number
from socialcrm_nodebb._judge import Gone
from socialcrm_nodebb._parse import CHAT, room_of
from socialcrm_nodebb._text import fingerprint, read_html
from socialcrm_nodebb._topics import tail

__all__ = ["Reply", "retract"]

_SKEW = timedelta(minutes=5)  # by how much the forum's clock may differ from ours
_QUEUED = "nodebb: the reply waits in the forum's post queue; it counts when a moderator lets it pass"


class Reply:
    """One message on its way.

    Args:
        api: The forum's.
        message: What to send.
        cursor: What an earlier attempt left.
        private: It goes into a chat with the one who wrote the answered post.
    """

    def __init__(self, api: Api, message: Outgoing, cursor: Cursor, *, private: bool = False) -> None:
        if len(message.parts) != 1:
            raise UnsupportedError(f"nodebb: a post is one message, got {len(message.parts)} parts; send them one by one")
        self._api = api
        self._message = message
        self._cursor = dict(cursor)
        self._chat = message.scope == CHAT or private or message.visibility is Visibility.PRIVATE
        limit = api.settings.max_chat_characters
        if self._chat and len(message.parts[0]) > limit:
            raise RefusedError(f"nodebb: a chat message may hold {limit} characters; shorten it, or answer in public")

    def send(self) -> Flow[Receipt]:
        """Send it.

        Raises:
            UnclearError: It waits in the queue, or the answer can't be read.
        """
        me = yield from self._api.me()
        body: dict[str, Any]
        if self._chat:
            room = yield from self._room(create=True)
            route, body = f"/api/v3/chats/{room}", {"message": self._message.parts[0]}
        else:
            tid, pid = yield from self._target()
            route, body = f"/api/v3/topics/{quote(tid, safe='')}", {"content": self._message.parts[0]}
            if pid:
                body["toPid"] = number(pid) or pid
        answer = yield from Call("POST", self._api.path(route), json=body, bucket="post")
        try:
            row = mapping(answer.json(dict).get("response"))
        except PayloadError:
            row = {}
        if row.get("queued") is True:
            yield from Batch([], {"queued": str(row.get("id", ""))[:80]})
            raise UnclearError(_QUEUED)
        receipt = self._receipt(row) or (yield from self._look(me))
        if receipt is None:
            raise UnclearError("nodebb: the answer to a new post can't be read, nor the post found; it is looked for again")
        return receipt

    def settle(self) -> Flow[Receipt | None]:
        """Look for it among our own posts in that topic, or our own messages in that room.

        Raises:
            UnclearError: It went into the queue, and is not out yet or was turned down.
        """
        me = yield from self._api.me()
        found = yield from self._look(me)
        if found is None and "queued" in self._cursor:
            raise UnclearError(_QUEUED)
        return found

    def _look(self, me: Account) -> Flow[Receipt | None]:
        if self._chat:
            room = yield from self._room(create=False)
            rows = (yield from messages(self._api, room)) if room else []
            return self._among(rows, me, "fromuid", room)
        tid, _ = yield from self._target()
        for row in (yield from tail(self._api, tid)):
            if isinstance(row, Mapping) and key(row.get("uid")) == me.id and self._recent(row):
                raw = yield from self._api.get(f"/api/v3/posts/{key(row.get('pid'))}/raw")
                if self._same(mapping(raw.get("response")).get("content")) and self._answers(row):
                    return self._receipt({**row, "tid": tid})
        return None

    def _among(self, rows: list[Any], me: Account, author: str, room: int) -> Receipt | None:
        for row in rows:
            if isinstance(row, Mapping) and key(row.get(author)) == me.id and self._recent(row):
                text, _ = read_html(str(row.get("content") or ""), self._api.settings.server)
                if self._same(text):
                    return self._receipt({**row, "roomId": room})
        return None

    def _target(self) -> Flow[tuple[str, str]]:
        """Return the topic and the post to answer, after a look whether it is still there."""
        message = self._message
        if message.reply_to is None:
            if not message.conversation:
                raise RefusedError("nodebb: a reply needs a post or a topic to answer; neither was given")
            return message.conversation, ""
        body = yield from self._api.get(f"/api/v3/posts/{quote(message.reply_to, safe='')}")
        row = mapping(body.get("response"))
        if not key(row.get("tid")):
            raise PayloadError("nodebb: the answered post came without a topic; check the forum's version (3 or later)")
        if row.get("deleted") in (1, True):
            raise RefusedError("nodebb: the post was deleted; nothing can be answered there any more")
        return key(row.get("tid")), message.reply_to

    def _room(self, *, create: bool) -> Flow[int]:
        """Return the room to write into, 0 if there is none; with ``create``, one is made."""
        room = room_of(self._message.conversation) or number(self._cursor.get("room"))
        if room:
            return room
        uid = number(self._message.to)
        if not uid:
            raise RefusedError("nodebb: only a registered user of this forum can be written to in private; answer in public")
        try:
            body = yield from self._api.get(f"/api/v3/users/{uid}/chat")
            room = number(mapping(body.get("response")).get("roomId"))
        except Gone:
            room = 0
        if not room and create:
            answer = yield from Call("POST", self._api.path("/api/v3/chats"), json={"uids": [uid]}, bucket="post")
            room = number(mapping(answer.json(dict).get("response")).get("roomId"))
            if not room:
                raise UnclearError("nodebb: a chat was asked for, and its room can't be read; nothing was written into it")
        if room:
            yield from Batch([], {"room": str(room)})
        return room

    def _answers(self, row: Mapping[str, Any]) -> bool:
        return key(row.get("toPid")) in ("", self._message.reply_to or "")

    def _recent(self, row: Mapping[str, Any]) -> bool:
        at: datetime | None = moment(row.get("timestamp"), row.get("timestampISO"))
        return at is not None and (self._message.at is None or at >= self._message.at - _SKEW)

    def _same(self, text: Any) -> bool:
        return isinstance(text, str) and fingerprint(text) == fingerprint(self._message.parts[0])

    def _receipt(self, row: Mapping[str, Any]) -> Receipt | None:
        at = moment(row.get("timestamp"), row.get("timestampISO"))
        if self._chat:
            mid, room = key(row.get("messageId")) or key(row.get("mid")), number(row.get("roomId"))
            room = room or room_of(self._message.conversation)
            return Receipt(ids=(mid,), scope=CHAT, conversation=f"room:{room}", at=at) if mid and room else None
        pid, tid = key(row.get("pid")), key(row.get("tid"))
        url = f"{self._api.settings.server}/post/{quote(pid, safe='')}"
        return Receipt(ids=(pid,), conversation=tid, scope="", at=at, url=url) if pid and tid else None


def retract(api: Api, receipt: Receipt) -> Flow[None]:
    """Delete our posts or messages, in such a way that moderators can restore them."""
    room = room_of(receipt.conversation or "")
    for one in receipt.ids:
        part = quote(one, safe="")
        route = f"/api/v3/chats/{room}/messages/{part}" if room else f"/api/v3/posts/{part}/state"
        try:
            yield from Call("DELETE", api.path(route))
        except Gone:
            continue
        except RefusedError:
            look = f"/api/v3/chats/{room}/messages/{part}" if room else f"/api/v3/posts/{part}"
            body = yield from api.get(look)
            if mapping(body.get("response")).get("deleted") not in (1, True):
                raise
