"""One XMPP session (RFC 6120): stanzas out and in, as steps.

Invariant: an answer counts only if it comes from whom it was asked of (RFC 6120, section 8.1.2.1 lets the server stand for our
own account). What comes unasked is not kept: it only *stirs* the archive in which it can be read, so memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from socialcrm.connectors import Conn, Flow, Outgoing, Read, Write
from socialcrm.errors import PayloadError, ServerFault, SocialCRMError, Unreachable
from socialcrm_xmpp._jid import bare, domain
from socialcrm_xmpp._names import CHAT_STATES, CLIENT, HINTS, PING, SID, STANZAS, STREAM, q
from socialcrm_xmpp._refusals import stanza_refused, stream_ended
from socialcrm_xmpp._xml import Element, Nursery, build, wire

if TYPE_CHECKING:
    from socialcrm_xmpp._rooms import Room

__all__ = ["OWN", "Session"]

OWN = ""
"""The name of our account's own archive, beside the rooms' addresses."""

_PATIENCE = 60.0
_QUIET = frozenset((CHAT_STATES, HINTS, SID))


class Session:
    """A connection's state.

    Args:
        conn: The open stream.
        own: Our bare address.
        where: The server, for messages.
        limit: Bytes of the largest stanza.
    """

    def __init__(self, conn: Conn, own: str, where: str, limit: int) -> None:
        self.conn, self.own, self.where, self._limit = conn, own, where, limit
        self.me = own
        self.rooms: dict[str, Room] = {}
        self.stirred: set[str] = set()
        self.refused: dict[str, Element] = {}
        self._nursery = Nursery(limit)
        self._asked = 0

    def restart(self, first: Callable[[bytes], Write] | None = None) -> Flow[Element]:
        """Begin a stream, new or once more, and return what the server offers.

        Args:
            first: Makes the write of the header, where it is more than that.
        """
        self._nursery = Nursery(self._limit)
        header = wire(
            build("head", {"to": domain(self.own), "version": "1.0", "xml:lang": "en", "xmlns:stream": STREAM}, xmlns=CLIENT)
        )
        opening = b"<?xml version='1.0'?><stream:stream" + header[len(b"<head") :].rstrip(b"/ >") + b">"
        yield from first(opening) if first is not None else Write(self.conn, opening)
        features = yield from self.receive()
        if features.tag != q(STREAM, "features"):
            raise Unreachable(f"{self.where}: this is no XMPP server for clients; check host, port and security")
        return features

    def say(self, element: Element, *, repeatable: bool = True) -> Flow[None]:
        """Send an element."""
        yield from Write(self.conn, wire(element), repeatable=repeatable)

    def receive(self, timeout: float = _PATIENCE) -> Flow[Element]:
        """Return the next element of the stream.

        Raises:
            Unreachable: None came in time, or the connection broke off.
        """
        while not self._nursery.ready:
            data = yield from Read(self.conn, None, timeout)
            if data is None:
                raise Unreachable(f"{self.where}: no answer for {timeout:.0f} s; it is tried again later")
            self._take(data)
        element = self._nursery.ready.popleft()
        if element.tag == q(STREAM, "error"):
            raise stream_ended(self.where, element)
        return element

    def mark(self) -> str:
        """Return an id that this session did not use before."""
        self._asked += 1
        return f"{self.conn.id[:12]}.{self._asked}"

    def ask(
        self, to: str, payload: Element, *, kind: str = "get", collect: Callable[[Element], bool] | None = None
    ) -> Flow[Element]:
        """Ask a question and return the answer.

        Args:
            to: Whom; empty for our own account.
            payload: What.
            kind: ``get`` or ``set``.
            collect: Is shown each message that comes meanwhile; says whether it took it.

        Raises:
            SocialCRMError: It was refused, by the reason.
        """
        id = self.mark()  # noqa: A001 - the protocol's word
        yield from self.say(build("iq", {"type": kind, "id": id, "to": to}, payload))
        while True:
            stanza = yield from self.receive()
            if stanza.tag == q(CLIENT, "iq") and stanza.get("id") == id and self.comes_from(stanza, to):
                if stanza.get("type") == "result":
                    return stanza
                if stanza.get("type") == "error":
                    raise stanza_refused(f"{self.where}: a question to {to or 'our account'}", stanza)
            if collect is None or not collect(stanza):
                yield from self.note(stanza)

    def comes_from(self, stanza: Element, who: str) -> bool:
        """Say whether a stanza comes from an address, or for our own account from it or its server."""
        sender = stanza.get("from", "")
        if who == OWN or bare(who) == self.own:
            return sender in ("", domain(self.own)) or bare(sender) == self.own
        return sender.lower() == who.lower()

    def note(self, stanza: Element) -> Flow[None]:
        """Take note of what came unasked."""
        if stanza.tag == q(CLIENT, "message"):
            self._stir(stanza)
        elif stanza.tag == q(CLIENT, "presence"):
            room = self.rooms.get(bare(stanza.get("from", "")))
            if room is not None and room.notes(stanza):
                raise Unreachable(f"{self.where}: the room {room.jid} put us out; it is entered again later")
        elif stanza.tag == q(CLIENT, "iq") and stanza.get("type") in ("get", "set"):
            yield from self._answer(stanza)

    def _stir(self, message: Element) -> None:
        if message.get("type") == "error":
            if len(self.refused) < 100:
                self.refused[message.get("id", "")] = message
        elif any(child.tag[1:].partition("}")[0] not in _QUIET for child in message):
            room = bare(message.get("from", ""))
            self.stirred.add(room if message.get("type") == "groupchat" and room in self.rooms else OWN)

    def _answer(self, question: Element) -> Flow[None]:
        attributes = {"id": question.get("id", ""), "to": question.get("from", "")}
        if question.find(q(PING, "ping")) is not None:
            yield from self.say(build("iq", {"type": "result", **attributes}))
            return
        no = build("error", {"type": "cancel"}, build("service-unavailable", xmlns=STANZAS))
        yield from self.say(build("iq", {"type": "error", **attributes}, no))

    def wait(self) -> Flow[Outgoing | None]:
        """Wait until something stirs, or until the driver hands in a message to send.

        Raises:
            Unreachable: The other side no longer answers.
        """
        silent = False
        while not self.stirred:
            while self._nursery.ready:
                yield from self.note((yield from self.receive()))
            if self.stirred:
                break
            data = yield from Read(self.conn, None, _PATIENCE, idle=True)
            if isinstance(data, Outgoing):
                return data
            if data is None and silent:
                raise Unreachable(f"{self.where}: the server no longer answers; it is tried again later")
            silent = data is None
            if silent:
                yield from self.say(build("iq", {"type": "get", "id": "still-there"}, build("ping", xmlns=PING)))
            else:
                self._take(data)
        return None

    def pause(self, seconds: float) -> Flow[None]:
        """Let some time pass, taking note of what comes."""
        data = yield from Read(self.conn, None, seconds)
        if data is not None:
            self._take(data)
        while self._nursery.ready:
            yield from self.note((yield from self.receive()))

    def close(self) -> Flow[None]:
        """Say goodbye; what the server makes of it no longer matters."""
        try:
            yield from Write(self.conn, b"</stream:stream>")
        except SocialCRMError:
            return

    def _take(self, data: bytes | Outgoing | None) -> None:
        if not isinstance(data, bytes) or not data:
            raise Unreachable(f"{self.where}: the server closed the connection; it is tried again later")
        try:
            self._nursery.feed(data)
        except PayloadError as error:
            raise ServerFault(f"{self.where}: {error}; the session was ended, and is tried again later") from error
        if self._nursery.closed and not self._nursery.ready:
            raise Unreachable(f"{self.where}: the server ended the session; it is tried again later")
