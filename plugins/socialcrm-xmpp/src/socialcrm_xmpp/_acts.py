"""What we can do to messages besides answering: retract, react, mark as read; and looking a person up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from socialcrm.connectors import Flow, Receipt
from socialcrm.errors import NotFound, RefusedError, UnsupportedError
from socialcrm.types import Identity
from socialcrm_xmpp._jid import bare
from socialcrm_xmpp._login import open_session
from socialcrm_xmpp._mam import archived, entry
from socialcrm_xmpp._names import FALLBACK, HINTS, MARKERS, PING, REACTIONS, RETRACT, SID, VCARD, q
from socialcrm_xmpp._people import exchange_of
from socialcrm_xmpp._refusals import stanza_refused
from socialcrm_xmpp._rooms import enter
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, build

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["look_up", "mark_read", "react", "retract"]


def retract(settings: XmppSettings, receipt: Receipt) -> Flow[None]:
    """Ask everybody to forget messages of ours (XEP-0424)."""
    archive = receipt.conversation if receipt.conversation in settings.followed else OWN
    if receipt.scope is not None:
        archive = receipt.scope

    def words(name: str) -> list[Element]:
        return [
            build("retract", {"id": name}, xmlns=RETRACT),
            build("fallback", {"for": RETRACT}, xmlns=FALLBACK),
            build("body", None, "This person took a message back, which this program can't show."),
        ]

    session = yield from open_session(settings)
    for id in receipt.ids:  # noqa: A001 - the contract's word
        yield from _about(session, settings, archive or OWN, id, words)
    yield from session.close()


def react(settings: XmppSettings, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the contract's word
    """React with an emoji (XEP-0444); an empty one takes all of ours back."""
    signs = [build("reaction", None, reaction)] if reaction else []
    session = yield from open_session(settings)
    yield from _about(session, settings, scope, id, lambda name: [build("reactions", {"id": name}, *signs, xmlns=REACTIONS)])
    yield from session.close()


def mark_read(settings: XmppSettings, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the contract's word
    """Tell that a message was displayed, and so all before it (XEP-0333)."""
    session = yield from open_session(settings)
    yield from _about(session, settings, scope, id, lambda name: [build("displayed", {"id": name}, xmlns=MARKERS)])
    yield from session.close()


def look_up(settings: XmppSettings, account: str) -> Flow[Identity]:
    """Look at somebody's card (XEP-0054).

    Raises:
        NotFound: It is an occupant whose address the room does not show, or there is no such person.
    """
    if "#" in account or "/" in account:
        raise NotFound(f"{account} is known in a room only, so nobody can be asked about them")
    session = yield from open_session(settings)
    try:
        answer = yield from session.ask(bare(account), build("vCard", xmlns=VCARD))
    except UnsupportedError as error:
        raise NotFound(f"{account} shows no card: {error}") from error
    yield from session.close()
    names = (answer.findtext(q(VCARD, "vCard", "FN")), answer.findtext(q(VCARD, "vCard", "NICKNAME")))
    url = (answer.findtext(q(VCARD, "vCard", "URL")) or "").strip()
    name = next((name.strip() for name in names if name and name.strip()), "")
    web = url if url.lower().startswith(("https://", "http://")) else ""
    return Identity(id=bare(account), handle=bare(account), name=name, url=web)


def _about(
    session: Session,
    settings: XmppSettings,
    archive: str,
    id: str,  # noqa: A002 - the contract's word
    words: Callable[[str], list[Element]],
) -> Flow[None]:
    """Send something about an archived message, by the name that its receivers know it under."""
    if archive != OWN:
        yield from enter(session, settings, archive)
        to, kind, name = archive, "groupchat", id
    else:
        message = archived((yield from entry(session, OWN, id)))
        name = message.get("id", "") if message is not None else ""
        if message is None or not name:
            raise RefusedError(f"{session.where}: the message {id} has no id of its sender's, so nothing can refer to it")
        to, kind = exchange_of(message, OWN, session.own, settings.followed), "chat"
    own = session.mark()
    extras = [build("origin-id", {"id": own}, xmlns=SID), build("store", xmlns=HINTS)]
    yield from session.say(build("message", {"type": kind, "to": to, "id": own}, *words(name), *extras))
    # Stanzas are processed in order (RFC 6120, section 10.1): once this is answered, a refusal has come.
    with suppress(UnsupportedError):
        yield from session.ask(archive, build("ping", xmlns=PING))
    if own in session.refused:
        raise stanza_refused(f"{session.where}: a message to {to}", session.refused[own])
