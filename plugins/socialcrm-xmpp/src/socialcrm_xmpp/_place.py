"""Where a message of ours goes: into a room, to a person, or to somebody in a room without the others."""

from __future__ import annotations

from attrs import frozen

from socialcrm.connectors import Flow, Outgoing
from socialcrm.errors import RefusedError
from socialcrm.types import Visibility
from socialcrm_xmpp._jid import bare
from socialcrm_xmpp._rooms import enter
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._settings import XmppSettings

__all__ = ["Place", "home_of", "place_of"]


@frozen(kw_only=True)
class Place:
    """Where a message goes.

    Args:
        to: The receiver's address.
        archive: Which archive will hold it.
        conversation: The key of its exchange, as parsing will tell it.
        person: Whom it is exchanged with, where the archive can be asked for them.
    """

    to: str
    archive: str
    conversation: str
    person: str = ""

    @property
    def kind(self) -> str:
        """The stanza's type."""
        return "groupchat" if self.archive != OWN else "chat"

    @property
    def through_room(self) -> bool:
        """Whether it goes to somebody's nick in a room."""
        return self.archive == OWN and "/" in self.to


def home_of(message: Outgoing) -> tuple[str, str]:
    """Return the archive that will hold a message, and the person to ask it for, where that is known without asking anybody."""
    if message.scope and message.visibility is not Visibility.PRIVATE:
        return message.scope, ""
    person = message.to if message.scope else message.conversation or message.to
    return OWN, "" if "/" in person or "#" in person else person


def place_of(session: Session, settings: XmppSettings, message: Outgoing) -> Flow[Place]:
    """Return where a message goes; the room is entered for it.

    Raises:
        NotFound: Who should get it is not in the room.
        ForbiddenError: Nobody can tell who would get it.
        RefusedError: It names nobody.
    """
    archive, person = home_of(message)
    if archive != OWN:
        yield from enter(session, settings, archive)
        return Place(to=archive, archive=archive, conversation=archive)
    if person:
        return Place(to=bare(person), archive=OWN, conversation=bare(person), person=bare(person))
    room_jid = message.scope or bare(message.conversation)
    if not room_jid or not message.to:
        raise RefusedError("xmpp: the message names nobody to send it to; answer something that was fetched")
    room = yield from enter(session, settings, room_jid)
    nick = room.nick_of(message.to)
    return Place(to=f"{room_jid}/{nick}", archive=OWN, conversation=f"{room_jid}/{nick}")
