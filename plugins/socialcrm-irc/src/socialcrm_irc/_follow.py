"""The live stream: stay in the channels, pass on what people write, know when we were away.

The cursor has one row, ``seen``: up to when everything that the server showed us is durable. When we come back, the time from
there on is fetched where the server keeps a history (IRCv3 "chathistory"), and is a `Hole` where it does not, or where
its history does not reach back so far.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from socialcrm.connectors import Batch, Cursor, Flow, Now, Outgoing, Raw, Receipt, Sent, Write
from socialcrm.errors import ServerFault, SocialCRMError, UnclearError, Unreachable
from socialcrm_irc._elements import read_time
from socialcrm_irc._history import catch_up
from socialcrm_irc._line import Line, build
from socialcrm_irc._register import connect, join
from socialcrm_irc._session import Session
from socialcrm_irc._settings import IrcSettings

__all__ = ["follow"]

_QUIET = 90.0
_PONG = 60.0
_SEEN = timedelta(seconds=60)
_STEADY = timedelta(seconds=30)
_MARGIN = timedelta(seconds=2)
_RETURNS = 8
_BATCH = 200
_PROBE = "socialcrm-alive"


def follow(settings: IrcSettings, cursor: Cursor, send: Callable[[Session, Outgoing], Flow[Receipt]]) -> Flow[None]:
    """Stay connected until the driver stops the flow.

    A connection that held for a while and breaks off is opened again at once, some times; one that never held is not.

    Args:
        settings: Of the channel.
        cursor: What earlier batches left.
        send: Says a message that the driver hands in.

    Raises:
        Unreachable: The server can't be reached, or turns us away again and again; watch again later.
    """
    seen = read_time(cursor.get("seen", ""))
    for again in range(_RETURNS + 1):
        began = yield from Now()
        stay = _Stay(settings, seen, send)
        try:
            yield from stay.run()
        except (Unreachable, ServerFault):
            seen = stay.seen
            if again == _RETURNS or (yield from Now()) - began < _STEADY:
                raise


class _Stay:
    """One connection from its beginning to its end."""

    def __init__(
        self, settings: IrcSettings, seen: datetime | None, send: Callable[[Session, Outgoing], Flow[Receipt]]
    ) -> None:
        self.settings, self.seen, self._send = settings, seen, send
        self._probing = False

    def run(self) -> Flow[None]:
        session = yield from connect(self.settings, self.settings.nick)
        yield from join(session, *self.settings.channels)
        yield from self._return(session)
        while True:
            got = yield from session.line(_PONG if self._probing else _QUIET, idle=True)
            moment = yield from Now()
            if isinstance(got, Outgoing):
                yield from self._hand_in(session, got)
            elif got is None:
                if self._probing:
                    raise Unreachable(f"{session.where}: no answer to PING for {_PONG:.0f} s; it is connected again")
                self._probing = True
                yield from Write(session.conn, build("PING", _PROBE))
            while isinstance(got, Line):
                yield from self._heed(session, got)
                got = (yield from session.line(0)) if len(session.heard) < _BATCH else None
            yield from self._keep(session, moment)

    def _return(self, session: Session) -> Flow[None]:
        """Make durable that we are here, and what was missed meanwhile."""
        hole, since = [], self.seen
        if since is None and self.settings.history_days:
            first = (yield from Now()) - timedelta(days=self.settings.history_days)
            yield from catch_up(session, first, first)
        elif since is not None:
            since -= _MARGIN
            reached = yield from catch_up(session, since, since + _MARGIN)
            now = yield from Now()
            if not reached and now > since:
                span = {"since": since.isoformat(), "until": now.isoformat()}
                hole = [Raw(kind="hole", body={"id": f"away:{span['since']}", "why": "we were not connected", **span})]
        self.seen = yield from Now()
        raws, session.heard = session.heard, []
        yield from Batch([*raws, *hole], {"seen": self.seen.isoformat()})

    def _keep(self, session: Session, moment: datetime) -> Flow[None]:
        """Make durable what was heard.

        Nothing that was sent before the oldest line of this round is missing, so that is how far everything is seen.
        """
        if not session.heard and self.seen is not None and moment - self.seen < _SEEN:
            return
        raws, session.heard = session.heard, []
        times = [read_time(raw.context.get("at", "")) or moment for raw in raws]
        self.seen = max(self.seen or moment, min([moment, *times[-1:]]))
        yield from Batch(raws, {"seen": self.seen.astimezone(UTC).isoformat()})

    def _heed(self, session: Session, line: Line) -> Flow[None]:
        fold = session.people.fold
        self._probing = False
        if line.command == "KICK" and fold(line.param(1)) == fold(session.nick):
            yield from join(session, line.param(0))
        left = line.command in ("NICK", "QUIT") and fold(line.nick) == fold(self.settings.nick)
        if left and session.nick != self.settings.nick:
            yield from session.say("NICK", self.settings.nick)

    def _hand_in(self, session: Session, message: Outgoing) -> Flow[None]:
        outcome: Receipt | Exception
        try:
            outcome = yield from self._send(session, message)
        except SocialCRMError as error:
            outcome = error
        yield from Sent(message, outcome)
        if isinstance(outcome, Unreachable | UnclearError):
            raise Unreachable(f"{session.where}: the connection is in doubt after a reply; it is opened again")
