"""Who wrote a message, and to which exchange it belongs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from socialcrm.types import Identity
from socialcrm_xmpp._jid import bare, resource
from socialcrm_xmpp._names import MUC_USER, q
from socialcrm_xmpp._rooms import occupant_id
from socialcrm_xmpp._session import OWN
from socialcrm_xmpp._xml import Element

__all__ = ["author_of", "exchange_of", "through_room"]


def through_room(message: Element, rooms: Collection[str]) -> bool:
    """Say whether a one-to-one message came or went through a room, from nick to nick (XEP-0045, section 7.5)."""
    ends = [message.get("from", ""), message.get("to", "")]
    if any(bare(end) in rooms for end in ends):
        return True
    return any(resource(end) for end in ends) and message.find(q(MUC_USER, "x")) is not None


def exchange_of(message: Element, archive: str, own: str, rooms: Collection[str]) -> str:
    """Return the key of the exchange: a room's address, a nick's address in a room, or a person's address."""
    if archive != OWN:
        return archive
    sender, receiver = message.get("from", "") or own, message.get("to", "") or own
    other = receiver if bare(sender) == own else sender
    return f"{bare(other)}/{resource(other)}" if through_room(message, rooms) else bare(other)


def author_of(message: Element, archive: str, own: str, rooms: Collection[str], context: Mapping[str, str]) -> Identity:
    """Return the author.

    Args:
        message: As archived.
        archive: A room's address, or `OWN`.
        own: Our bare address.
        rooms: The rooms that we follow.
        context: What `Room.context` told.
    """
    sender = message.get("from", "") or own
    if archive == OWN and (bare(sender) == own or not through_room(message, rooms)):
        return Identity(id=bare(sender), handle=bare(sender))
    room, nick = bare(sender), resource(sender)
    # Only a room's archive strips what senders claim about their address (XEP-0313, section 5.1.2).
    item = message.find(q(MUC_USER, "x", "item")) if archive != OWN else None
    real = bare(item.get("jid", "")) if item is not None else ""
    known = occupant_id(message) if context.get("ids") else ""
    if _ours(archive, own, real, known, nick, context):
        return Identity(id=own, name=nick, handle=nick)
    author = real or (f"{room}#{known}" if known else f"{room}/{nick}" if nick else room)
    return Identity(id=author, name=nick, handle=nick)


def _ours(archive: str, own: str, real: str, known: str, nick: str, context: Mapping[str, str]) -> bool:
    if archive == OWN:
        return False
    if real:
        return real == own
    if known and context.get("me"):
        return known == context["me"]
    return bool(nick) and nick == context.get("nick")
