"""Answering comments in public and in private, and messages; finding out whether an answer arrived.

Sources: Graph API: Comment, Page Post; Messenger Platform: Send API, Private Replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt, TextLimit, Unit
from socialcrm.errors import NotFound, PayloadError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_meta import Inbox, ident, mapping, moment, node, party, read_page, rows, text

__all__ = ["COMMENTS", "MESSAGES", "Reply", "is_public"]

COMMENTS = TextLimit(8000, Unit.UTF16)
MESSAGES = TextLimit(2000, Unit.UTF16)
"""Characters of a comment and of a message. Meta does not say how it counts; UTF-16 counts never less than it could."""

_SKEW = timedelta(minutes=5)
_NUMBERS = re.compile(r"\d+(?:_\d+)*")
_LONG_AGO = datetime.fromisoformat("2004-01-01T00:00:00+00:00")


def is_public(key: str) -> bool:
    """Say whether an id is that of a post, a comment or a recommendation: numbers. Messages begin with ``m_`` or ``mid.``."""
    return _NUMBERS.fullmatch(key) is not None


@frozen(kw_only=True)
class Reply:
    """Answers as one Page.

    Args:
        version: Of the Graph API.
        page: The Page's id.
        inbox: Its Messenger.
    """

    version: str
    page: str
    inbox: Inbox

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send every part that the cursor does not know."""
        self._check(message)
        done = dict(cursor)
        for number, words in enumerate(message.parts):
            if f"part:{number}" not in done:
                patch = yield from self._part(message, number, words)
                yield from Batch([], patch)
                done |= patch
        return self._receipt(message, done)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the first part that the cursor does not know."""
        done = dict(cursor)
        number = next((n for n in range(len(message.parts)) if f"part:{n}" not in done), None)
        if number is not None:
            patch = yield from self._find(message, number, message.parts[number], done)
            if not patch:
                return None
            yield from Batch([], patch)
            done |= patch
        return self._receipt(message, done) if all(f"part:{n}" in done for n in range(len(message.parts))) else None

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our comments; what is gone already is fine.

        Raises:
            UnsupportedError: It is a message: Messenger takes none back through its API.
        """
        if not all(map(is_public, receipt.ids)):
            raise UnsupportedError("facebook: Messenger takes no messages back through its API; delete it in the Page's inbox")
        for comment in receipt.ids:
            try:
                yield from Call("DELETE", node(self.version, comment))
            except NotFound:
                continue

    def _check(self, message: Outgoing) -> None:
        target = _target(message)
        if message.visibility is not Visibility.PRIVATE:
            if not is_public(target):
                raise UnsupportedError("facebook: a message can't be answered in public; answer it in private")
            return
        if is_public(target) and len(message.parts) > 1:
            raise UnsupportedError(
                f"facebook: a private reply is one message of at most {MESSAGES.size} characters; shorten it: more can be said "
                "once the person has answered"
            )
        for words in message.parts:
            excess = MESSAGES.measure(words) - (MESSAGES.size or 0)
            if excess > 0:
                raise TooLong(f"facebook: a message holds {MESSAGES.size} characters; this one is {excess} over", excess=excess)

    def _part(self, message: Outgoing, number: int, words: str) -> Flow[dict[str, str]]:
        if message.visibility is Visibility.PRIVATE:
            key, person = yield from self.inbox.send(_recipient(message), words)
            return {f"part:{number}": key, **({"with": person} if person else {})}
        path = node(self.version, _target(message), "comments")
        answer = yield from Call("POST", path, json={"message": words}, bucket="comments")
        try:
            made = ident(answer.json(dict, "id")["id"])
        except PayloadError as error:
            raise UnclearError(f"facebook: the answer to a comment can't be read ({error}); look under the post") from error
        if not made:
            raise UnclearError("facebook: the answer to a comment holds no id; look under the post whether it is there")
        return {f"part:{number}": made}

    def _find(self, message: Outgoing, number: int, words: str, done: Mapping[str, str]) -> Flow[dict[str, str]]:
        since = message.at or _LONG_AGO
        others = frozenset(value for key, value in done.items() if key.startswith("part:"))
        if message.visibility is not Visibility.PRIVATE:
            found = yield from self._find_comment(message, words, since - _SKEW, others)
            return {f"part:{number}": found} if found else {}
        to = "" if is_public(_target(message)) else _recipient(message)["id"]
        found, person = yield from self.inbox.find(to, words, since, but=others)
        return {f"part:{number}": found, **({"with": person} if person else {})} if found else {}

    def _find_comment(self, message: Outgoing, words: str, floor: datetime, others: frozenset[str]) -> Flow[str]:
        target = _target(message)
        post = message.conversation if is_public(message.conversation) else target
        parent = yield from self._parent(target, post)
        params = {"filter": "stream", "order": "reverse_chronological", "limit": "100"}
        more: Mapping[str, str] = {}
        while True:
            query = {**params, "fields": "id,message,from,created_time,parent{id}"}
            page = yield from read_page(node(self.version, post, "comments"), query, more)
            times = []
            for row in rows(list(page.rows)):
                at, key = moment(row.get("created_time")), ident(row.get("id"))
                times += [at] if at else []
                mine = ident(mapping(row.get("from")).get("id")) == self.page and key not in others
                place = ident(mapping(row.get("parent")).get("id"))
                same = text(row.get("message")).split() == words.split() and (place == parent or post == target)
                if mine and same and at is not None and at >= floor:
                    return key
            more = page.more
            if not more or (times and max(times) < floor):
                return ""

    def _parent(self, target: str, post: str) -> Flow[str]:
        """Return under which comment an answer stands: Facebook puts the answer to a reply beside that reply."""
        if target == post:
            return ""
        row = (yield from Call("GET", node(self.version, target), params={"fields": "id,parent{id}"})).json(dict)
        return ident(mapping(row.get("parent")).get("id")) or target

    def _receipt(self, message: Outgoing, done: Mapping[str, str]) -> Receipt:
        ids = tuple(done[f"part:{number}"] for number in range(len(message.parts)))
        moved = message.visibility is Visibility.PRIVATE and done.get("with")
        return Receipt(ids=ids, conversation=party(done["with"]) if moved else None, scope="" if message.scope else None)


def _target(message: Outgoing) -> str:
    return message.reply_to or message.conversation


def _recipient(message: Outgoing) -> dict[str, str]:
    target = _target(message)
    if not is_public(target):
        return {"id": message.conversation.removeprefix("dm:") if message.conversation.startswith("dm:") else message.to}
    return {"post_id" if target == message.conversation else "comment_id": target}
