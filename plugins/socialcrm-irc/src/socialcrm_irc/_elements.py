"""From a line to an element: which lines are somebody's words, and what has to be kept beside them.

Ids: the server's ``msgid`` where it gives one (IRCv3 "Message IDs"), the same for everybody who sees the line. Else an id is
derived: for a reply of ours, from the reply's own id (its user name carries it) and its text; where the server gives the
time, from time, nick, target and text; else from the connection's id and a running number.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256

from socialcrm.connectors import Raw
from socialcrm_irc._line import Line, is_room
from socialcrm_irc._people import People, Person
from socialcrm_irc._settings import IrcSettings, own_id

__all__ = ["DERIVED", "Elements", "ours_id", "read_time", "token_of"]

DERIVED = "line:"
"""What ids begin with that the server did not give."""

_WORDS = frozenset(("PRIVMSG", "NOTICE", "TAGMSG", "REDACT"))
_STATE = frozenset(
    (
        "JOIN", "PART", "QUIT", "NICK", "KICK", "MODE", "TOPIC", "ACCOUNT", "CHGHOST", "SETNAME", "AWAY", "BATCH", "CAP",
        "PING", "PONG", "ERROR", "AUTHENTICATE", "ACK", "FAIL", "WARN", "NOTE", "WALLOPS", "MARKREAD", "CHATHISTORY",
    )
)  # fmt: skip
_TOKEN = re.compile(r"r[a-z2-7]{8}\Z")
_ADDRESS = re.compile(r"\s*([^\s:,]{1,64})[:,](?:\s|\Z)")
_MOST = 5000


def token_of(message: str) -> str:
    """Return the user name under which a reply leaves: nine characters that only this reply has."""
    return "r" + b32encode(sha256(message.encode()).digest()).decode().lower()[:8]


def ours_id(token: str, text: str) -> str:
    """Return the id of a line of a reply of ours, where the server gives none."""
    return f"{DERIVED}{token}.{sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]}"


def read_time(value: str) -> datetime | None:
    """Return a time tag (IRCv3 "server-time") in UTC."""
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo is not None else when.replace(tzinfo=UTC)


class Elements:
    """Makes the elements of one connection.

    Args:
        conn: The connection's id.
        settings: Of the channel.
        people: Who is who.
        nick: Our nick.
    """

    def __init__(self, conn: str, settings: IrcSettings, people: People, nick: str) -> None:
        self.settings, self.people, self.nick = settings, people, nick
        self.host = ""
        self.kinds, self.statuses = "#&", ""
        self.expected: dict[tuple[str, str], str] = {}
        self._conn, self._count = conn, 0
        self._seen: Counter[tuple[str, str]] = Counter()

    def read(self, line: Line, now: datetime) -> Raw | None:
        """Return the element of a line; ``None`` where it is the protocol's own talk."""
        if not self._is_element(line):
            return None
        person = self.people.meet(line.source, line.tags.get("account", "") if self.people.tells_accounts else None)
        at = read_time(line.tags.get("time", "")) or now
        own = self._own(person)
        context = {"at": at.isoformat(), "nick": person.nick, "who": own_id(self.settings) if own else person.id}
        if own:
            context["own"] = "1"
        if person.account:
            context["account"] = person.account
        context |= self._place(line, person, own)
        context["id"] = self._id(line, person, own, context.get("room", ""))
        if line.command == "PRIVMSG" and "room" in context and not own:
            self.people.room(context["room"]).last[self.people.fold(person.nick)] = context["id"]
        return Raw(kind="line", body=line.raw, context=context)

    def _is_element(self, line: Line) -> bool:
        if "!" not in line.source or not line.command.isalpha() or line.command in _STATE:
            return False
        service = self.settings.nickserv.partition("@")[0]
        return not (line.command == "NOTICE" and service and self.people.fold(line.nick) == self.people.fold(service))

    def _own(self, person: Person) -> bool:
        """Whether it is ours: this connection's nick, our account, or another connection of ours from the same host."""
        fold, account = self.people.fold, self.settings.account
        if fold(person.nick) == fold(self.nick):
            return True
        if account and person.account and fold(person.account) == fold(account):
            return True
        names = {fold(self.settings.nick), fold(self.settings.sender)}
        return fold(person.nick) in names and bool(self.host) and person.host == self.host

    def _place(self, line: Line, person: Person, own: bool) -> dict[str, str]:
        """Where it was said: the channel, whom it addresses and what it answers, or the other side of a private talk."""
        target = line.param(0)
        inner = target.lstrip(self.statuses) if self.statuses else target
        if not is_room(inner, self.kinds):
            other = self.people.find(target) if own else None
            with_whom = (other.id if other else f"{self.people.fold(target)}!*@*") if own else person.id
            return {"visibility": "private", "with": with_whom}
        room = self.people.rooms.get(self.people.fold(inner))
        limited = inner != target or room is None or room.closed
        place = {"room": self.people.fold(inner), "visibility": "limited" if limited else "public"}
        reply = line.tags.get("+reply") or line.tags.get("+draft/reply")
        if reply:
            place["parent"] = reply
        found = _ADDRESS.match(line.param(1)) if line.command in _WORDS else None
        named = self.people.find(found[1]) if found is not None and room is not None else None
        if room is None or found is None or named is None or self._own(named):
            return place
        key = self.people.fold(found[1])
        place |= {"to": named.id, "addressed": found[1]}
        if "parent" not in place and key in room.last:
            place["parent"] = room.last[key]
        return place

    def _id(self, line: Line, person: Person, own: bool, room: str) -> str:
        given = line.tags.get("msgid")
        if given:
            return given
        target, text = room or self.people.fold(line.param(0)), line.param(1)
        if own and (target, text) in self.expected:
            return self.expected.pop((target, text))
        user = person.user.lstrip("~")
        if own and _TOKEN.match(user) and self.people.fold(person.nick) == self.people.fold(self.settings.sender):
            return ours_id(user, text)
        if line.tags.get("time"):
            what = "\n".join((line.tags["time"], line.nick, line.command, target, text))
            digest = sha256(what.encode("utf-8", "replace")).hexdigest()[:24]
            # What is played back comes again: it is counted by itself.
            key = (line.tags.get("batch", ""), digest)
            self._seen[key] += 1
            again = self._seen[key]
            if len(self._seen) > _MOST:
                self._seen.pop(next(iter(self._seen)))
            return f"{DERIVED}{digest}" + (f".{again}" if again > 1 else "")
        self._count += 1
        return f"{DERIVED}{self._conn}.{self._count}"
