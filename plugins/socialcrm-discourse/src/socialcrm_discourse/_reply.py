"""Answering, finding out whether an answer arrived, and taking one back.

Invariant: a reply goes into the topic in which the answered post stands *now*. Discourse takes no idempotency key for posts
(it only gives the same answer to the same API request for two minutes), but our own posts in a topic can be looked through.
A post that the forum's rules put into the review queue is not there yet and may never be: until moderators decide, the reply
stays unclear, and it is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Answer, Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, PayloadError, RefusedError, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_discourse._api import Api, Me
from socialcrm_discourse._fields import mapping, moment, number, objects, required, word
from socialcrm_discourse._judge import Gone, TooSimilar
from socialcrm_discourse._lists import read_posts
from socialcrm_discourse._parse import PRIVATE, scope_of
from socialcrm_discourse._text import fingerprint

__all__ = ["Reply", "retract"]

_SKEW = timedelta(minutes=5)  # by how much the forum's clock may differ from ours
_LAST = 60
"""Posts at a topic's end, and messages of ours, among which an unclear one is looked for."""
_TITLE = 15
"""Characters that every forum takes for a title (its setting ``min personal message title length`` is 2, for topics 15)."""


class Reply:
    """One message on its way.

    Args:
        api: The forum's.
        message: What to send.
        cursor: What an earlier attempt left.
        private: It begins a personal message to the one who wrote the answered post.
    """

    def __init__(self, api: Api, message: Outgoing, cursor: Cursor, *, private: bool = False) -> None:
        if len(message.parts) != 1:
            raise UnsupportedError(f"discourse: a post is one message, got {len(message.parts)} parts; send them one by one")
        if message.scope not in ("", PRIVATE, "staff"):
            raise UnsupportedError("discourse: chat messages can be read, not answered; answer on the forum itself")
        self._api = api
        self._message = message
        self._cursor = dict(cursor)
        self._private = private or (message.visibility is Visibility.PRIVATE and message.scope != PRIVATE)

    def send(self) -> Flow[Receipt]:
        """Post it.

        Raises:
            RefusedError: The forum's rules don't let it pass; `TooShort`, `TooSimilar` and `NewUserLimit` say which.
            UnclearError: It waits for a moderator, or the answer can't be read.
        """
        me = yield from self._api.me()
        target = yield from self._target()
        text = yield from self._text()
        body: dict[str, Any] = {"raw": text}
        if self._private:
            name = word(target.get("username"))
            if not name:
                raise RefusedError("discourse: the post's author is gone, so nobody can be written to; answer in public")
            body |= {"title": self._title(target), "archetype": "private_message", "target_recipients": name}
        else:
            body["topic_id"] = number(target.get("topic_id"))
            if number(target.get("post_number")):
                body["reply_to_post_number"] = number(target.get("post_number"))
        try:
            answer = yield from Call("POST", self._api.path("/posts.json"), json=body, bucket="post")
        except TooSimilar:
            found = yield from self._look(me)
            if found is None:
                raise
            return found
        return (yield from self._confirmed(answer, me))

    def settle(self) -> Flow[Receipt | None]:
        """Look for it among our own posts, then among those that wait for a moderator.

        Raises:
            UnclearError: It waits, or was turned down: neither can be sent again.
        """
        me = yield from self._api.me()
        found = yield from self._look(me)
        if found is not None:
            return found
        waiting = yield from self._waiting(me)
        if waiting:
            raise UnclearError("discourse: the reply waits for the forum's moderators; it counts when they let it pass")
        if self._cursor.get("pending"):
            raise UnclearError("discourse: the moderators turned the reply down or it was deleted; decide on the forum itself")
        return None

    def _target(self) -> Flow[Mapping[str, Any]]:
        message = self._message
        if message.reply_to is not None:
            if not number(message.reply_to):
                raise RefusedError(f"discourse: {message.reply_to!r:.40} is no post's id; an exported line can't be answered")
            row = yield from self._api.get(f"/posts/{number(message.reply_to)}.json")
            if not number(row.get("topic_id")):
                raise PayloadError("discourse: the answered post came without a topic; check the forum's version")
            if row.get("deleted_at") or row.get("user_deleted") is True:
                raise RefusedError("discourse: the post was deleted; nothing can be answered there any more")
            return row
        if not number(message.conversation):
            raise RefusedError("discourse: a reply needs a post or a topic to answer; neither was given as a number")
        return {"topic_id": number(message.conversation)}

    def _text(self) -> Flow[str]:
        """Upload the files that were not uploaded before; return the text with them."""
        lines = [self._message.parts[0]]
        for place, blob in enumerate(self._message.media):
            line = self._cursor.get(f"file:{place}")
            if line is None:
                form = {"upload_type": "composer", "synchronous": "true"}
                call = Call(
                    "POST", self._api.path("/uploads.json"), form=form, files={"file": blob}, bucket="upload", timeout=120
                )
                row = (yield from call).json(dict)
                address = word(row.get("short_url")) or word(row.get("url"))
                if not address:
                    raise PayloadError(f"discourse: the upload of {blob.name!r} came back without an address; try it again")
                name = "".join(char for char in blob.name if char not in "[]|\r\n")
                line = f"![{name}]({address})" if blob.mime.startswith("image/") else f"[{name}|attachment]({address})"
                yield from Batch([], {f"file:{place}": line})
            lines.append(line)
        return "\n\n".join(lines)

    def _title(self, target: Mapping[str, Any]) -> str:
        about = (
            self._message.subject.strip() or word(target.get("topic_title")) or word(target.get("topic_slug")).replace("-", " ")
        )
        title = f"Re: {about}" if about else "About your post"
        return (title if len(title) >= _TITLE else f"{title} (our answer)")[:250]

    def _confirmed(self, answer: Answer, me: Me) -> Flow[Receipt]:
        try:
            row: Mapping[str, Any] = answer.json(dict)
        except PayloadError:
            row = {}
        if word(row.get("action")) == "enqueued":
            pending = number(mapping(row.get("pending_post")).get("id"))
            yield from Batch([], {"pending": str(pending or 1)})
            raise UnclearError("discourse: the reply waits for the forum's moderators; it counts when they let it pass")
        receipt = self._receipt(mapping(row.get("post")) or row) or (yield from self._look(me))
        if receipt is None:
            raise UnclearError("discourse: the answer to a new post can't be read, nor the post found; it is looked for again")
        return receipt

    def _look(self, me: Me) -> Flow[Receipt | None]:
        if self._private:
            return (yield from self._look_private(me))
        target = yield from self._target()
        topic = yield from self._api.get(f"/t/{number(target.get('topic_id'))}.json", {"include_raw": "true"})
        return (yield from self._look_in(topic, me, number(target.get("post_number"))))

    def _look_in(self, topic: Mapping[str, Any], me: Me, place: int) -> Flow[Receipt | None]:
        ids = [found for one in required(topic, "post_stream", "stream") if (found := number(one))][-_LAST:]
        rows = yield from read_posts(self._api, topic, ids)
        for row in rows:
            if isinstance(row, Mapping) and row.get("user_id") == me.id and self._is(row, place):
                return self._receipt({**row, "topic_archetype": topic.get("archetype")})
        return None

    def _look_private(self, me: Me) -> Flow[Receipt | None]:
        body = yield from self._api.get(f"/topics/private-messages-sent/{me.username}.json")
        for topic in objects(required(body, "topic_list", "topics"))[:_LAST]:
            if not self._recent(moment(topic.get("created_at"))):
                continue
            whole = yield from self._api.get(f"/t/{number(topic.get('id'))}.json", {"include_raw": "true"})
            found = yield from self._look_in(whole, me, 0)
            if found is not None:
                return found
        return None

    def _waiting(self, me: Me) -> Flow[bool]:
        try:
            body = yield from self._api.get(f"/posts/{me.username}/pending.json")
        except NotFound:
            return False  # a forum older than 2021 has no such list
        rows = objects(required(body, "pending_posts"))
        return any(
            self._same(row.get("raw_text") or row.get("raw")) and self._recent(moment(row.get("created_at"))) for row in rows
        )

    def _is(self, row: Mapping[str, Any], place: int) -> bool:
        parent = number(row.get("reply_to_post_number"))
        # Discourse may drop the number of a reply to the post right above it.
        return parent in (0, place) and self._recent(moment(row.get("created_at"))) and self._same(row.get("raw"))

    def _recent(self, at: datetime | None) -> bool:
        return at is not None and (self._message.at is None or at >= self._message.at - _SKEW)

    def _same(self, typed: Any) -> bool:
        wanted, text = fingerprint(self._message.parts[0]), fingerprint(typed) if isinstance(typed, str) else ""
        return text == wanted or (bool(self._message.media) and text.startswith(wanted))

    def _receipt(self, row: Mapping[str, Any]) -> Receipt | None:
        post, topic = number(row.get("id")), number(row.get("topic_id"))
        if not post or not topic:
            return None
        archetype = PRIVATE if self._private or self._message.scope == PRIVATE else ""
        scope = PRIVATE if archetype else scope_of(row, "")
        url = f"{self._api.settings.server}/t/{topic}/{number(row.get('post_number'))}"
        return Receipt(ids=(str(post),), conversation=str(topic), scope=scope, at=moment(row.get("created_at")), url=url)


def retract(api: Api, receipt: Receipt) -> Flow[None]:
    """Delete our posts; Discourse shows "post deleted by author" for a day, then removes them."""
    for one in receipt.ids:
        if not number(one):
            raise RefusedError(f"discourse: {one!r:.40} is no post's id, so there is nothing to delete")
        try:
            yield from Call("DELETE", api.path(f"/posts/{number(one)}.json"))
        except Gone:
            continue
        except ForbiddenError:
            try:
                row = yield from api.get(f"/posts/{number(one)}.json")
            except Gone:
                continue
            if not row.get("deleted_at") and row.get("user_deleted") is not True:
                raise
