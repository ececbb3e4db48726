"""Answering comments in public and in private, and messages, part by part; finding out whether an answer arrived.

Sources: Messenger Platform: Send API, Private Replies; Instagram Platform: Private Replies, Messaging API.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from attrs import frozen

from socialcrm.connectors import Answer, Batch, Call, Cursor, Flow, Outgoing, Receipt, TextLimit, Unit
from socialcrm.errors import NotFound, PayloadError, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_meta._graph import node
from socialcrm_meta._messages import Inbox
from socialcrm_meta._people import party
from socialcrm_meta._values import ident

__all__ = ["Replies", "target"]

_SKEW = timedelta(minutes=5)
_LONG_AGO = datetime(2004, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class Replies(ABC):
    """Answers as one Page or account. How a product takes a comment and lists comments is said by a subclass.

    Args:
        platform: The connector's name, for errors.
        version: Of the Graph API.
        account: Our id: the Page's, or the Instagram account's.
        inbox: Its messages.
        limit: How long a message may be.
        public: Says of an id whether it is that of something public: a comment, and no message.
    """

    platform: str
    version: str
    account: str
    inbox: Inbox
    limit: TextLimit
    public: Callable[[str], bool]

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send every part that the cursor does not know."""
        self.check(message)
        done = dict(cursor)
        for number, words in enumerate(message.parts):
            if f"part:{number}" not in done:
                patch = yield from self._part(message, number, words)
                yield from Batch([], patch)
                done |= patch
        return self.receipt(message, done)

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
        return self.receipt(message, done) if all(f"part:{n}" in done for n in range(len(message.parts))) else None

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our comments; what is gone already is fine.

        Raises:
            UnsupportedError: It is a message: the API takes none back.
        """
        if not all(map(self.public, receipt.ids)):
            raise UnsupportedError(f"{self.platform}: messages can't be taken back through the API; delete it in the app")
        for comment in receipt.ids:
            try:
                yield from Call("DELETE", node(self.version, comment))
            except NotFound:
                continue

    @abstractmethod
    def comment(self, message: Outgoing, words: str) -> Flow[Answer]:
        """Post a comment that answers; the answer should hold its ``id``."""

    @abstractmethod
    def find_comment(self, message: Outgoing, words: str, floor: datetime, others: frozenset[str]) -> Flow[str]:
        """Look for a comment of ours.

        Args:
            message: What it belongs to.
            words: What it says, but for spaces.
            floor: It is no older than this.
            others: Ids of comments that it is none of.

        Returns:
            Its id; empty if it is not there.

        Raises:
            UnclearError: Comments can't be listed there.
        """

    def recipient(self, message: Outgoing) -> dict[str, str]:
        """Return to whom a private message goes: a person, or whoever wrote a comment (field ``recipient``)."""
        if self.public(target(message)):
            return {"comment_id": target(message)}
        return {"id": message.conversation.removeprefix("dm:") if message.conversation.startswith("dm:") else message.to}

    def check(self, message: Outgoing) -> None:
        """Refuse what can't be sent, before anything is.

        Raises:
            UnsupportedError: A public answer to a message, or a private reply in parts.
            TooLong: A private part is longer than a message may be.
        """
        if message.visibility is not Visibility.PRIVATE:
            if not self.public(target(message)):
                raise UnsupportedError(f"{self.platform}: a message can't be answered in public; answer it in private")
            return
        most = f"{self.limit.size} {'bytes' if self.limit.unit is Unit.BYTES else 'characters'}"
        if self.public(target(message)) and len(message.parts) > 1:
            raise UnsupportedError(
                f"{self.platform}: a private reply is one message of at most {most}; shorten it: more can be said once the "
                "person has answered"
            )
        for words in message.parts:
            excess = self.limit.measure(words) - (self.limit.size or 0)
            if excess > 0:
                raise TooLong(f"{self.platform}: a message holds {most}; this one is {excess} over", excess=excess)

    def receipt(self, message: Outgoing, done: Mapping[str, str]) -> Receipt:
        """Return what was sent; a private reply goes on in the exchange with that person."""
        ids = tuple(done[f"part:{number}"] for number in range(len(message.parts)))
        moved = message.visibility is Visibility.PRIVATE and done.get("with")
        return Receipt(ids=ids, conversation=party(done["with"]) if moved else None)

    def _part(self, message: Outgoing, number: int, words: str) -> Flow[dict[str, str]]:
        if message.visibility is Visibility.PRIVATE:
            key, person = yield from self.inbox.send(self.recipient(message), words)
            return {f"part:{number}": key, **({"with": person} if person else {})}
        answer = yield from self.comment(message, words)
        try:
            made = ident(answer.json(dict, "id")["id"])
        except PayloadError as error:
            told = f"{self.platform}: the answer to a comment can't be read ({error}); look under the post"
            raise UnclearError(told) from error
        if not made:
            raise UnclearError(f"{self.platform}: the answer to a comment holds no id; look under the post whether it is there")
        return {f"part:{number}": made}

    def _find(self, message: Outgoing, number: int, words: str, done: Mapping[str, str]) -> Flow[dict[str, str]]:
        since = message.at or _LONG_AGO
        others = frozenset(value for key, value in done.items() if key.startswith("part:"))
        if message.visibility is not Visibility.PRIVATE:
            found = yield from self.find_comment(message, words, since - _SKEW, others)
            return {f"part:{number}": found} if found else {}
        to = "" if self.public(target(message)) else self.recipient(message)["id"]
        found, person = yield from self.inbox.find(to, words, since, but=others)
        return {f"part:{number}": found, **({"with": person} if person else {})} if found else {}


def target(message: Outgoing) -> str:
    """Return what is answered: an element, or else the conversation's first."""
    return message.reply_to or message.conversation
