"""Who is who during one connection: nicks change hands, people do not.

A person's id is their account where the server tells it; it vouches for that. Else it is the mask ``nick!user@host`` under
which this connection saw them first, and stays so through every NICK of theirs. A nick alone is never an id: whoever takes it
next is somebody else. Sources: IRCv3 "account-tag", "account-notify", "extended-join", "chghost", "WHOX"; "Modern IRC Client
Protocol" (JOIN, NICK, RPL_WHOREPLY, RPL_NAMREPLY, RPL_CHANNELMODEIS).
"""

from __future__ import annotations

from attrs import define, field

from socialcrm_irc._line import Line, fold

__all__ = ["People", "Person", "Room", "mask_of"]

_MOST = 20_000
_CLOSED = frozenset("sikp")


@define
class Person:
    """Somebody whom this connection has seen.

    Args:
        nick: Their nick now.
        mask: The mask under which they were seen first.
        user: Their user name now.
        host: Their host now.
        account: Their account; empty where they have none or the server does not tell.
    """

    nick: str
    mask: str
    user: str
    host: str
    account: str = ""

    @property
    def id(self) -> str:
        """The id under which they are kept."""
        return fold(self.account) if self.account else self.mask


@define
class Room:
    """A channel that we are in.

    Args:
        name: As the server writes it.
        modes: Its modes, as far as they say who can read.
        members: Folded nicks.
        last: Each member's last line's id, by folded nick.
    """

    name: str
    modes: set[str] = field(factory=set)
    members: set[str] = field(factory=set)
    last: dict[str, str] = field(factory=dict)

    @property
    def closed(self) -> bool:
        """Whether not everybody may come in and read: secret, private, by invitation or with a key."""
        return bool(self.modes & _CLOSED)


def mask_of(nick: str, user: str, host: str, mapping: str = "rfc1459") -> str:
    """Return a mask for comparison."""
    return f"{fold(nick, mapping)}!{user}@{host.lower()}"


class People:
    """Everybody in sight, and the channels that we are in."""

    def __init__(self) -> None:
        self.mapping = "rfc1459"
        self.tells_accounts = False
        self.extended_join = False
        self.rooms: dict[str, Room] = {}
        self._known: dict[str, Person] = {}

    def fold(self, name: str) -> str:
        """Return a name for comparison."""
        return fold(name, self.mapping)

    def find(self, nick: str) -> Person | None:
        """Return who has a nick now, as far as we have seen."""
        return self._known.get(self.fold(nick))

    def current(self, person: str) -> Person | None:
        """Return somebody by id."""
        return next((one for one in self._known.values() if one.id == person), None)

    def room(self, name: str) -> Room:
        """Return a channel."""
        return self.rooms.setdefault(self.fold(name), Room(name))

    def meet(self, source: str, account: str | None = None) -> Person:
        """Return whose line it is.

        Args:
            source: ``nick!user@host``.
            account: Their account; empty for none, ``None`` where the line does not say.
        """
        nick, _, rest = source.partition("!")
        user, _, host = rest.partition("@")
        key = self.fold(nick)
        person = self._known.get(key)
        if person is None or (person.user, person.host) != (user, host):
            person = Person(nick, mask_of(nick, user, host, self.mapping), user, host)
            self._known.pop(key, None)
            self._known[key] = person
            while len(self._known) > _MOST:
                self._known.pop(next(iter(self._known)))
        person.nick = nick
        if account is not None:
            person.account = account
        return person

    def heed(self, line: Line, me: str) -> None:
        """Learn from a line who is where.

        Args:
            line: Any line of the server.
            me: Our own nick.
        """
        method = getattr(self, f"_on_{line.command.lower()}", None)
        if method is not None:
            if "!" in line.source:
                self.meet(line.source, line.tags.get("account", "") if self.tells_accounts else None)
            method(line, me)

    def _on_join(self, line: Line, _me: str) -> None:
        told = line.param(1) if self.extended_join else None
        account = "" if told == "*" else told
        for name in line.param(0).split(","):
            self.room(name).members.add(self.fold(line.nick))
        self.meet(line.source, account)

    def _on_part(self, line: Line, me: str) -> None:
        for name in line.param(0).split(","):
            self._leave(name, line.nick, me)

    def _on_kick(self, line: Line, me: str) -> None:
        self._leave(line.param(0), line.param(1), me)

    def _leave(self, name: str, nick: str, me: str) -> None:
        key = self.fold(nick)
        if key == self.fold(me):
            self.rooms.pop(self.fold(name), None)
            return
        room = self.rooms.get(self.fold(name))
        if room is not None:
            room.members.discard(key)
            room.last.pop(key, None)
        if not any(key in each.members for each in self.rooms.values()):
            # Out of sight: the server no longer tells when the nick changes hands.
            self._known.pop(key, None)

    def _on_quit(self, line: Line, _me: str) -> None:
        key = self.fold(line.nick)
        self._known.pop(key, None)
        for room in self.rooms.values():
            room.members.discard(key)
            room.last.pop(key, None)

    def _on_nick(self, line: Line, _me: str) -> None:
        old, new = self.fold(line.nick), self.fold(line.param(0))
        person = self._known.pop(old, None)
        if person is None or not new:
            return
        person.nick = line.param(0)
        self._known[new] = person
        for room in self.rooms.values():
            if old in room.members:
                room.members.discard(old)
                room.members.add(new)
            if old in room.last:
                room.last[new] = room.last.pop(old)

    def _on_account(self, line: Line, _me: str) -> None:
        self.meet(line.source, "" if line.param(0) == "*" else line.param(0))

    def _on_chghost(self, line: Line, _me: str) -> None:
        person = self.find(line.nick)
        if person is not None:
            person.user, person.host = line.param(0), line.param(1)

    def _on_mode(self, line: Line, _me: str) -> None:
        if self.fold(line.param(0)) in self.rooms:
            self._modes(self.room(line.param(0)), line.param(1))

    def _on_324(self, line: Line, _me: str) -> None:
        room = self.room(line.param(1))
        room.modes.clear()
        self._modes(room, line.param(2))

    @staticmethod
    def _modes(room: Room, changes: str) -> None:
        adding = True
        for letter in changes:
            if letter in "+-":
                adding = letter == "+"
            elif adding:
                room.modes.add(letter)
            else:
                room.modes.discard(letter)

    def _on_353(self, line: Line, _me: str) -> None:
        room = self.room(line.param(2))
        if line.param(1) in ("@", "*"):
            room.modes.add("s" if line.param(1) == "@" else "p")
        for name in line.param(-1).split():
            nick, _, rest = name.lstrip("~&@%+!").partition("!")
            room.members.add(self.fold(nick))
            if rest:
                self.meet(f"{nick}!{rest}")

    def _on_352(self, line: Line, _me: str) -> None:
        # client, channel, user, host, server, nick, flags, realname
        if len(line.params) >= 6:
            self.meet(f"{line.param(5)}!{line.param(2)}@{line.param(3)}")

    def _on_354(self, line: Line, _me: str) -> None:
        # As asked by "%tuhna,7": client, token, user, host, nick, account
        if len(line.params) == 6 and line.param(1) == "7":
            account = "" if line.param(5) in ("0", "*") else line.param(5)
            self.meet(f"{line.param(4)}!{line.param(2)}@{line.param(3)}", account)
