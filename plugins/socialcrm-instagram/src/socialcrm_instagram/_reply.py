"""Answering comments, mentions and messages; finding out whether an answer arrived.

Sources: Instagram Platform: IG Comment Replies, IG Media Comments, IG User Mentions, Private Replies, Messaging API.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt, TextLimit, Unit
from socialcrm.errors import NotFound, PayloadError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_instagram._parse import MENTION
from socialcrm_meta import Inbox, ident, mapping, moment, node, party, read_page, rows, text

__all__ = ["COMMENTS", "MESSAGES", "Reply", "is_public"]

COMMENTS = TextLimit(2200, Unit.UTF16)
MESSAGES = TextLimit(1000, Unit.BYTES)
"""A message holds 1,000 bytes of UTF-8 (Messaging API); a comment 2,200 characters."""

_SKEW = timedelta(minutes=5)
_LONG_AGO = datetime.fromisoformat("2010-01-01T00:00:00+00:00")


def is_public(key: str) -> bool:
    """Say whether an id is that of a medium or a comment: a number. Those of messages are not."""
    return key.isascii() and key.isdigit()


@frozen(kw_only=True)
class Reply:
    """Answers as one account.

    Args:
        version: Of the Graph API.
        account: The Instagram account's id.
        inbox: Its direct messages.
    """

    version: str
    account: str
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
        """Look for the first part that the cursor does not know.

        Raises:
            UnclearError: It answers a mention: on somebody else's media our comments can't be listed.
        """
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
            UnsupportedError: It is a message: the API takes none back.
        """
        if not all(map(is_public, receipt.ids)):
            raise UnsupportedError("instagram: messages can't be taken back through the API; unsend it in the app")
        for comment in receipt.ids:
            try:
                yield from Call("DELETE", node(self.version, comment))
            except NotFound:
                continue

    def _check(self, message: Outgoing) -> None:
        target = _target(message)
        if message.visibility is not Visibility.PRIVATE:
            if not is_public(target):
                raise UnsupportedError("instagram: a message can't be answered in public; answer it in private")
            return
        if message.scope == MENTION:
            raise UnsupportedError("instagram: a private reply is only possible to comments on our own media; answer in public")
        if is_public(target) and len(message.parts) > 1:
            raise UnsupportedError(
                f"instagram: a private reply is one message of at most {MESSAGES.size} bytes; shorten it: more can be said "
                "once the person has answered"
            )
        for words in message.parts:
            excess = MESSAGES.measure(words) - (MESSAGES.size or 0)
            if excess > 0:
                raise TooLong(f"instagram: a message holds {MESSAGES.size} bytes; this one is {excess} over", excess=excess)

    def _part(self, message: Outgoing, number: int, words: str) -> Flow[dict[str, str]]:
        if message.visibility is Visibility.PRIVATE:
            key, person = yield from self.inbox.send(_recipient(message), words)
            return {f"part:{number}": key, **({"with": person} if person else {})}
        target, body = _target(message), {"message": words}
        if message.scope == MENTION:
            path, body = node(self.version, self.account, "mentions"), {**body, "media_id": message.conversation or target}
            body |= {"comment_id": target} if target != message.conversation else {}
        else:
            path = node(self.version, target, "comments" if target == message.conversation else "replies")
        answer = yield from Call("POST", path, json=body, bucket="comments")
        try:
            made = ident(answer.json(dict, "id")["id"])
        except PayloadError as error:
            raise UnclearError(f"instagram: the answer to a comment can't be read ({error}); look under the post") from error
        if not made:
            raise UnclearError("instagram: the answer to a comment holds no id; look under the post whether it is there")
        return {f"part:{number}": made}

    def _find(self, message: Outgoing, number: int, words: str, done: Mapping[str, str]) -> Flow[dict[str, str]]:
        since = message.at or _LONG_AGO
        others = frozenset(value for key, value in done.items() if key.startswith("part:"))
        if message.visibility is not Visibility.PRIVATE:
            if message.scope == MENTION:
                raise UnclearError("instagram: comments on somebody else's media can't be listed; look there for the answer")
            found = yield from self._find_comment(message, words, since - _SKEW, others)
            return {f"part:{number}": found} if found else {}
        to = "" if is_public(_target(message)) else _recipient(message)["id"]
        found, person = yield from self.inbox.find(to, words, since, but=others)
        return {f"part:{number}": found, **({"with": person} if person else {})} if found else {}

    def _find_comment(self, message: Outgoing, words: str, floor: datetime, others: frozenset[str]) -> Flow[str]:
        target = _target(message)
        me = (yield from Call("GET", node(self.version, self.account), params={"fields": "username"})).json(dict)
        edge = "comments"
        if target != message.conversation:
            told = (yield from Call("GET", node(self.version, target), params={"fields": "id,parent_id"})).json(dict, "id")
            # The answer to a reply stands beside it, under the comment that both answer.
            edge, target = "replies", ident(told.get("parent_id")) or target
        more: Mapping[str, str] = {}
        while True:
            query = {"fields": "id,text,timestamp,username,user,from", "limit": "50"}
            page = yield from read_page(node(self.version, target, edge), query, more)
            for row in rows(list(page.rows)):
                at, key = moment(row.get("timestamp")), ident(row.get("id"))
                people = {text(row.get("username")), text(mapping(row.get("from")).get("username"))} - {""}
                mine = ident(mapping(row.get("user")).get("id")) == self.account or text(me.get("username")) in people
                same = text(row.get("text")).split() == words.split() and key not in others
                if mine and same and at is not None and at >= floor:
                    return key
            more = page.more
            if not more:
                return ""

    def _receipt(self, message: Outgoing, done: Mapping[str, str]) -> Receipt:
        ids = tuple(done[f"part:{number}"] for number in range(len(message.parts)))
        moved = message.visibility is Visibility.PRIVATE and done.get("with")
        return Receipt(ids=ids, conversation=party(done["with"]) if moved else None)


def _target(message: Outgoing) -> str:
    return message.reply_to or message.conversation


def _recipient(message: Outgoing) -> dict[str, str]:
    target = _target(message)
    if is_public(target):
        return {"comment_id": target}
    return {"id": message.conversation.removeprefix("dm:") if message.conversation.startswith("dm:") else message.to}
