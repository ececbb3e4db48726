"""Chat rooms (XEP-0045): entering one, who is there, who may read it, and who wrote what.

An occupant is known by their real address where the room shows it, else by the occupant id that the room gives (XEP-0421), else
by their nick. Occupant ids count only where the room says that it gives them: elsewhere a sender could make one up.
"""

from __future__ import annotations

from attrs import define, field

from socialcrm.connectors import Flow
from socialcrm.errors import ForbiddenError, NotFound, SettingsError, UnsupportedError
from socialcrm.types import Visibility
from socialcrm_xmpp._jid import bare, resource
from socialcrm_xmpp._names import CLIENT, DISCO_INFO, MAM, MUC, MUC_USER, OCCUPANT, q
from socialcrm_xmpp._refusals import stanza_refused
from socialcrm_xmpp._session import Session
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, build

__all__ = ["Room", "enter", "occupant_id"]

_PUBLIC = ("muc_public", "muc_open")
_CLOSED = ("muc_hidden", "muc_membersonly", "muc_passwordprotected", "muc_private")


@define(kw_only=True)
class Room:
    """A room that we are in.

    Args:
        jid: Its bare address.
        features: What it says of itself (XEP-0030).
        nick: Ours there.
        me: Our own occupant id there, where it gives them.
        people: Nick to author id of those who are there.
    """

    jid: str
    features: frozenset[str] = frozenset()
    nick: str = ""
    me: str = ""
    people: dict[str, str] = field(factory=dict)

    @property
    def visibility(self) -> Visibility:
        """Public only where the room says that it is both listed and open to anybody."""
        told = all(name in self.features for name in _PUBLIC) and not any(name in self.features for name in _CLOSED)
        return Visibility.PUBLIC if told else Visibility.LIMITED

    @property
    def gives_ids(self) -> bool:
        """Whether it gives occupant ids."""
        return OCCUPANT in self.features

    def context(self) -> dict[str, str]:
        """Return what parsing has to know of it."""
        told = {"visibility": self.visibility.value, "nick": self.nick, "me": self.me, "ids": "1" if self.gives_ids else ""}
        return {name: value for name, value in told.items() if value}

    def notes(self, presence: Element) -> bool:
        """Take note of who comes and goes; say whether it was we who went."""
        nick = resource(presence.get("from", ""))
        if presence.get("type") == "unavailable":
            self.people.pop(nick, None)
            return bool(nick) and nick == self.nick
        if presence.get("type") is None and len(self.people) < 10_000:
            item = presence.find(q(MUC_USER, "x", "item"))
            real = bare(item.get("jid", "")) if item is not None else ""
            known = occupant_id(presence) if self.gives_ids else ""
            self.people[nick] = real or (f"{self.jid}#{known}" if known else f"{self.jid}/{nick}")
        return False

    def nick_of(self, author: str) -> str:
        """Return under which nick an author is there now.

        Raises:
            NotFound: They left.
            ForbiddenError: The room knows nicks only, so somebody else may answer to it by now.
        """
        if author.startswith(f"{self.jid}/"):
            raise ForbiddenError(
                f"the room {self.jid} shows neither real addresses nor occupant ids, so nobody can tell who has the nick "
                f"{resource(author)!r} now; answer in the room"
            )
        for nick, who in self.people.items():
            if who == author:
                return nick
        raise NotFound(f"{author} is not in the room {self.jid} now; answer in the room, or later")


def occupant_id(stanza: Element) -> str:
    """Return the occupant id that a stanza carries; empty where it has none."""
    found = stanza.find(q(OCCUPANT, "occupant-id"))
    return found.get("id", "") if found is not None else ""


def enter(session: Session, settings: XmppSettings, jid: str) -> Flow[Room]:
    """Enter a room, or return it where we are in already.

    Raises:
        NotFound: There is none; entering would make one.
        ForbiddenError: It does not let us in.
        SettingsError: It keeps no archive.
    """
    if jid in session.rooms:
        return session.rooms[jid]
    features = yield from _features(session, jid)
    if MAM not in features:
        raise SettingsError(
            f"the room {jid} keeps no archive (XEP-0313), so nothing can be fetched; ask its owner to switch it on"
        )
    room = Room(jid=jid, features=features, nick=settings.name)
    history = build("history", {"maxstanzas": "0"})
    yield from session.say(build("presence", {"to": f"{jid}/{room.nick}"}, build("x", None, history, xmlns=MUC)))
    while True:
        stanza = yield from session.receive()
        if stanza.tag != q(CLIENT, "presence") or bare(stanza.get("from", "")) != jid:
            yield from session.note(stanza)
            continue
        if stanza.get("type") == "error":
            raise stanza_refused(f"entering the room {jid} as {room.nick!r}", stanza)
        codes = {status.get("code") for status in stanza.iterfind(q(MUC_USER, "x", "status"))}
        if "110" in codes and stanza.get("type") is None:
            room.nick = resource(stanza.get("from", "")) or room.nick
            room.me = occupant_id(stanza) if room.gives_ids else ""
        room.notes(stanza)
        if "110" in codes:
            session.rooms[jid] = room
            return room


def _features(session: Session, jid: str) -> Flow[frozenset[str]]:
    try:
        answer = yield from session.ask(jid, build("query", xmlns=DISCO_INFO))
    except NotFound as error:
        raise NotFound(f"there is no room {jid}; check the channel's rooms") from error
    except UnsupportedError as error:
        raise NotFound(f"there is no room service at {jid}; check the channel's rooms") from error
    return frozenset(one.get("var", "") for one in answer.iterfind(q(DISCO_INFO, "query", "feature")))
