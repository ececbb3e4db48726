"""Which archived message another one is about.

Corrections, retractions, reactions and replies name a message by the id that its sender gave (one-to-one) or that the room gave
(``stanza-id``); both are told here by the archive's own id, which is what everything is stored under. Whoever corrects or
retracts must be who wrote the original (XEP-0308 and XEP-0424, business rules): otherwise anybody could change anybody's words.

What is found depends on the archive alone and not on where a fetch began: always the last so many messages before the one in
question, from memory where it was just read, from the archive where it was not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from attrs import frozen

from socialcrm.connectors import Flow
from socialcrm_xmpp._mam import Page, archived, page
from socialcrm_xmpp._names import FASTEN, MARKERS, REACTIONS, RECEIPTS, REPLACE, REPLY, RETRACT, SID, q
from socialcrm_xmpp._people import author_of, exchange_of
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._xml import Element

__all__ = ["Window", "names_of", "reference"]

_RETRACT_0 = "urn:xmpp:message-retract:0"


@frozen(kw_only=True)
class Reference:
    """What a message says it is about.

    Args:
        verb: ``replace``, ``retract``, ``react``, ``reply``, ``mark`` or ``fail``.
        id: The name it uses for the other message.
    """

    verb: str
    id: str


@frozen(kw_only=True)
class Seen:
    """What is remembered of an archived message.

    Args:
        id: The archive's id.
        author: The author's id.
        exchange: The key of its exchange.
        names: What its sender called it.
        about: What it is about itself.
    """

    id: str
    author: str
    exchange: str
    names: frozenset[str]
    about: Reference | None


def reference(message: Element) -> Reference | None:
    """Return what a message is about, if it is about another one."""
    if message.get("type") == "error":
        return Reference(verb="fail", id=message.get("id", ""))
    fastened = message.find(q(FASTEN, "apply-to"))
    if fastened is not None and fastened.find(q(_RETRACT_0, "retract")) is not None:
        return Reference(verb="retract", id=fastened.get("id", ""))
    for verb, path in (
        ("retract", q(RETRACT, "retract")),
        ("replace", q(REPLACE, "replace")),
        ("react", q(REACTIONS, "reactions")),
        ("mark", q(MARKERS, "displayed")),
        ("mark", q(RECEIPTS, "received")),
        ("reply", q(REPLY, "reply")),
    ):
        found = message.find(path)
        if found is not None and found.get("id"):
            return Reference(verb=verb, id=found.get("id", ""))
    return None


def names_of(message: Element) -> frozenset[str]:
    """Return what its sender called a message: its ``id``, and its origin id (XEP-0359)."""
    origin = message.find(q(SID, "origin-id"))
    return frozenset(filter(None, (message.get("id"), origin.get("id") if origin is not None else "")))


class Window:
    """The last messages of one archive, looked at in order.

    Args:
        session: The session.
        archive: A room's address, or `OWN`.
        size: How many messages to look back.
        step: How many to ask for at once.
        rooms: The rooms that we follow.
    """

    def __init__(self, session: Session, archive: str, size: int, step: int, rooms: Collection[str]) -> None:
        self._session, self._archive, self._size, self._step, self._rooms = session, archive, size, step, rooms
        self._seen: deque[Seen] = deque(maxlen=size)
        self._begins = False

    def context(self, result: Element) -> dict[str, str]:
        """Return what the flow knows about a message's room."""
        message = archived(result)
        jid = self._archive
        if jid == OWN and message is not None:
            jid = exchange_of(message, OWN, self._session.own, self._rooms).partition("/")[0]
        room = self._session.rooms.get(jid)
        if room is None:
            return {}
        return room.context() if self._archive != OWN else {"ids": "1"} if room.gives_ids else {}

    def place(self, result: Element) -> Flow[dict[str, str]]:
        """Take a message in, and return what it is about: ``target`` and, of a reaction, the ``previous`` one it replaces."""
        seen = self._read(result)
        told: dict[str, str] = {}
        if seen is not None and seen.about is not None:
            target = self._find(seen, seen.about)
            while target is None and not self._begins and len(self._seen) < self._size:
                yield from self._reach_back(seen.id)
                target = self._find(seen, seen.about)
            told = {"target": target.id} if target is not None else {}
            before = self._before(seen) if seen.about.verb == "react" else None
            if before is not None:
                told["previous"] = before.id
        if seen is not None:
            self._seen.append(seen)
        return told

    def _read(self, result: Element) -> Seen | None:
        message = archived(result)
        if message is None:
            return None
        context = self.context(result)
        return Seen(
            id=result.get("id", ""),
            author=author_of(message, self._archive, self._session.own, self._rooms, context).id,
            exchange=exchange_of(message, self._archive, self._session.own, self._rooms),
            names=names_of(message),
            about=reference(message),
        )

    def _reach_back(self, id: str) -> Flow[None]:  # noqa: A002 - the contract's word
        oldest = self._seen[0].id if self._seen else id
        wanted = min(self._step, self._size - len(self._seen))
        earlier: Page = yield from page(self._session, self._archive, wanted, before=oldest)
        self._begins = earlier.complete
        known = {one.id for one in self._seen} | {id}
        for result in reversed(earlier.results):
            seen = self._read(result)
            if seen is not None and seen.id not in known and len(self._seen) < self._size:
                self._seen.appendleft(seen)
        if not self._seen or self._seen[0].id == oldest:
            self._begins = True

    def _find(self, asking: Seen, about: Reference) -> Seen | None:
        for one in self._alike(asking):
            if not self._named(one, about):
                continue
            if about.verb in ("replace", "retract") and one.author != asking.author:
                continue
            if about.verb in ("mark", "fail") and one.author != self._session.own:
                continue
            if one.about is not None and one.about.verb == "replace":
                return self._find(one, one.about) or one
            return one
        return None

    def _named(self, one: Seen, about: Reference) -> bool:
        if self._archive != OWN and one.id == about.id:
            return True
        # In rooms other senders' names prove nothing; their own do (XEP-0308; XEP-0424 where a room gives no ids).
        return about.id in one.names and (self._archive == OWN or about.verb in ("replace", "retract", "fail"))

    def _before(self, asking: Seen) -> Seen | None:
        for one in self._alike(asking):
            if one.author == asking.author and one.about == asking.about:
                return one
        return None

    def _alike(self, asking: Seen) -> Iterator[Seen]:
        return (one for one in reversed(self._seen) if one.exchange == asking.exchange and one.id != asking.id)
