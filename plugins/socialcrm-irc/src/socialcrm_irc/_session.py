"""One connection: reads lines, answers the server's PING, keeps to the flood limit, collects what people write.

Every line that somebody wrote becomes an element in ``heard`` in the moment in which it is read, with what only this moment
knows: whose it is, whom it addresses, who can read it. So nothing that happens afterwards (a nick changes, a channel is left)
can change what an element means, and ``parse`` needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from socialcrm.connectors import Conn, Flow, Now, Outgoing, Raw, Read, Write
from socialcrm.errors import Unreachable
from socialcrm_irc._elements import Elements
from socialcrm_irc._errors import closing
from socialcrm_irc._line import Line, build, read_line
from socialcrm_irc._people import People
from socialcrm_irc._settings import IrcSettings

__all__ = ["PATIENCE", "Session"]

PATIENCE = 120.0
"""Seconds after which a server that was asked something and says nothing is given up."""


class Session:
    """A connection's state.

    Args:
        conn: The open stream.
        settings: Of the channel.
        nick: The nick that we have, or ask for.
    """

    def __init__(self, conn: Conn, settings: IrcSettings, nick: str) -> None:
        self.conn, self.settings = conn, settings
        self.where = f"IRC {settings.host}"
        self.people = People()
        self.elements = Elements(conn.id, settings, self.people, nick)
        self.caps: set[str] = set()
        self.support: dict[str, str] = {}
        self.heard: list[Raw] = []
        self._left = float(settings.burst)
        self._paced: datetime | None = None

    @property
    def nick(self) -> str:
        """Our nick now."""
        return self.elements.nick

    def line(self, timeout: float, *, idle: bool = False) -> Flow[Line | Outgoing | None]:
        """Read a line, and heed it; ``None`` when none came in time, a message to send where one was handed in.

        Raises:
            Unreachable: The server closed the connection.
            SocialCRMError: It said why it does.
        """
        got = yield from Read(self.conn, b"\n", timeout, idle=idle)
        if got is None or isinstance(got, Outgoing):
            return got
        if not got.endswith(b"\n"):
            raise Unreachable(f"{self.where}: the server closed the connection; it is tried again later")
        line = read_line(got)
        if line.command == "PING":
            yield from Write(self.conn, build("PONG", last=line.param(-1)))
        elif line.command == "ERROR":
            raise closing(self.where, line.param(-1))
        self._heed(line)
        raw = self.elements.read(line, (yield from Now()))
        if raw is not None:
            self.heard.append(raw)
        return line

    def until(self, ready: Callable[[Line], bool], what: str, *, timeout: float = PATIENCE) -> Flow[Line]:
        """Read until a line that is awaited; what people write meanwhile is heard.

        Raises:
            Unreachable: It did not come.
        """
        deadline = (yield from Now()) + timedelta(seconds=timeout)
        while (left := (deadline - (yield from Now())).total_seconds()) > 0:
            line = yield from self.line(left)
            if isinstance(line, Line) and ready(line):
                return line
        raise Unreachable(f"{self.where}: no answer to {what} for {timeout:.0f} s; it is tried again later")

    def any(self, what: str) -> Flow[Line]:
        """Read the next line, whatever it is."""
        return self.until(_any, what)

    def say(self, *words: str, last: str | None = None) -> Flow[None]:
        """Send a command, when the flood limit allows."""
        yield from self.pause()
        yield from Write(self.conn, build(*words, last=last))

    def pause(self) -> Flow[None]:
        """Wait until one more line may leave, reading meanwhile."""
        pace = self.settings.pace
        while True:
            now = yield from Now()
            if pace <= 0:
                return
            passed = (now - self._paced).total_seconds() if self._paced is not None else 0.0
            self._left = min(float(self.settings.burst), self._left + max(passed, 0.0) / pace)
            self._paced = now
            if self._left >= 1:
                self._left -= 1
                return
            yield from self.line(max((1 - self._left) * pace, 0.05))

    def _heed(self, line: Line) -> None:
        people = self.people
        if line.command == "NICK" and people.fold(line.nick) == people.fold(self.nick):
            people.heed(line, self.nick)
            self.elements.nick = line.param(0)
            return
        if line.command == "001":
            self.elements.nick = line.param(0) or self.nick
        elif line.command == "396":
            self.elements.host = line.param(1).rpartition("@")[2]
        elif line.command == "005":
            self._supports(line)
        elif line.command == "CAP" and line.param(1).upper() in ("ACK", "DEL"):
            self._able(line)
        people.heed(line, self.nick)
        if "!" in line.source and people.fold(line.nick) == people.fold(self.nick):
            self.elements.host = line.source.rpartition("@")[2]

    def _supports(self, line: Line) -> None:
        for token in line.params[1:-1]:
            name, _, value = token.partition("=")
            self.support[name.upper()] = value
        self.people.mapping = self.support.get("CASEMAPPING", "rfc1459")
        self.elements.kinds = self.support.get("CHANTYPES", "#&")
        self.elements.statuses = self.support.get("STATUSMSG", "")

    def _able(self, line: Line) -> None:
        names = {name.lstrip("-=~") for name in line.param(-1).split() if not name.startswith("-")}
        gone = {name[1:] for name in line.param(-1).split() if name.startswith("-")}
        self.caps = self.caps | names if line.param(1).upper() == "ACK" else self.caps - names
        self.caps -= gone
        self.people.tells_accounts = "account-tag" in self.caps
        self.people.extended_join = "extended-join" in self.caps


def _any(_line: Line) -> bool:
    return True
