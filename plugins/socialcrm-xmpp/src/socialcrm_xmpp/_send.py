"""Sending, and finding out whether something was sent.

Every part carries an id made of `Outgoing.id`, as the stanza's own and as its origin id (XEP-0359), and asks to be stored
(XEP-0334). It counts as sent when the archive shows it: that also tells the id under which fetching brings it. `settle` looks
in the same place.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from socialcrm.connectors import Batch, Cursor, Flow, Outgoing, Receipt, Sent
from socialcrm.errors import RetryError, SocialCRMError, UnclearError, UnsupportedError
from socialcrm_xmpp._jid import bare
from socialcrm_xmpp._login import open_session
from socialcrm_xmpp._mam import archived, keeps_all, page, stamp_of
from socialcrm_xmpp._names import CLIENT, HINTS, MUC_USER, REPLY, SID, q
from socialcrm_xmpp._place import Place, home_of, place_of
from socialcrm_xmpp._refs import names_of
from socialcrm_xmpp._refusals import stanza_refused
from socialcrm_xmpp._rooms import enter
from socialcrm_xmpp._session import OWN, Session
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, build

__all__ = ["hand_over", "send_reply", "settle_reply", "stanza_id"]

_SKEW = timedelta(days=1)
_PAGES = 100
_LOOKS = 4


def stanza_id(message: Outgoing, part: int) -> str:
    """Return our id of one part: the same at every attempt."""
    return f"{message.id}.{part}"


def send_reply(settings: XmppSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Send a reply over a session of its own."""
    session = yield from open_session(settings)
    receipt = yield from _deliver(session, settings, message, cursor)
    yield from session.close()
    return receipt


def hand_over(session: Session, settings: XmppSettings, message: Outgoing) -> Flow[None]:
    """Send a reply over a live session, and report what became of it."""
    outcome: Receipt | Exception
    try:
        outcome = yield from _deliver(session, settings, message, {})
    except SocialCRMError as error:
        outcome = error
    yield from Sent(message, outcome)


def _deliver(session: Session, settings: XmppSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    place = yield from place_of(session, settings, message)
    ids = []
    for number, text in enumerate(message.parts):
        key = f"part:{number}"
        found = cursor.get(key)
        if found is None:
            yield from session.say(_stanza(message, number, text, place), repeatable=False)
            found = yield from _confirmed(session, settings, message, number, place)
            yield from Batch([], {key: found})
        ids.append(found)
    return _receipt(message, ids, place.archive, place.conversation)


def settle_reply(settings: XmppSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Look for the first part that is not known yet in the archive that would hold it.

    Raises:
        UnclearError: The archive does not keep everything, so that nothing follows from not finding it.
    """
    ids = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    archive, person = home_of(message)
    if len(ids) < len(message.parts):
        session = yield from open_session(settings)
        if archive != OWN:
            yield from enter(session, settings, archive)
        found = yield from _find(session, settings, archive, person, stanza_id(message, len(ids)), message.at)
        if found is None and archive == OWN and not (yield from _certain(session, person)):
            raise UnclearError(
                f"{session.where}: the archive does not keep everything, so whether the reply left can't be told; switch "
                "archiving on for everybody, or look at another device before it is sent again"
            )
        yield from session.close()
        if found is None:
            return None
        yield from Batch([], {f"part:{len(ids)}": found})
        ids.append(found)
    if len(ids) < len(message.parts):
        return None
    return _receipt(message, ids, archive, bare(person) if person else None)


def _certain(session: Session, person: str) -> Flow[bool]:
    try:
        return (yield from keeps_all(session, person))
    except UnsupportedError:
        return False


def _stanza(message: Outgoing, number: int, text: str, place: Place) -> Element:
    id = stanza_id(message, number)  # noqa: A001 - the protocol's word
    children = [build("body", None, text), build("origin-id", {"id": id}, xmlns=SID), build("store", xmlns=HINTS)]
    if place.archive != OWN and message.reply_to:
        author = f"{place.to}/{message.to_handle}" if message.to_handle else ""
        children.append(build("reply", {"id": message.reply_to, "to": author}, xmlns=REPLY))
    if place.through_room:
        children.append(build("x", xmlns=MUC_USER))
    return build("message", {"type": place.kind, "to": place.to, "id": id}, *children)


def _confirmed(session: Session, settings: XmppSettings, message: Outgoing, number: int, place: Place) -> Flow[str]:
    id = stanza_id(message, number)  # noqa: A001 - the protocol's word
    try:
        for look in range(_LOOKS):
            if look:
                yield from session.pause(1)
            found = yield from _find(session, settings, place.archive, place.person, id, message.at)
            if id in session.refused:
                raise stanza_refused(f"{session.where}: the message to {place.to}", session.refused[id])
            if found is not None:
                return found
    except RetryError as error:
        raise UnclearError(
            f"{session.where}: the connection broke off before the archive showed the message to {place.to}; it is looked for "
            "before it is sent again"
        ) from error
    raise UnclearError(
        f"{session.where}: the archive does not show the message to {place.to}; it is looked for before it is sent again"
    )


def _find(
    session: Session,
    settings: XmppSettings,
    archive: str,
    person: str,
    id: str,  # noqa: A002 - the protocol's word
    at: datetime | None,
) -> Flow[str | None]:
    """Return the archive's id of a message of ours; looks from the newest back to a day before the reply was queued."""
    before = ""
    for _ in range(_PAGES):
        found = yield from page(session, archive, settings.page_size, before=before, person=person)
        for result in reversed(found.results):
            message, stamp = archived(result), stamp_of(result)
            if message is not None and id in names_of(message) and _ours(session, archive, message):
                return result.get("id")
            if at is not None and stamp is not None and stamp < at - _SKEW:
                return None
        if found.complete or found.results[0].get("id") == before:
            return None
        before = found.results[0].get("id", "")
    raise UnclearError(f"{session.where}: {_PAGES} pages of the archive do not show whether a reply left; look there by hand")


def _ours(session: Session, archive: str, message: Element) -> bool:
    if archive == OWN:
        return bare(message.get("from", "") or session.own) == session.own
    return message.get("type") == "groupchat" and message.find(q(CLIENT, "body")) is not None


def _receipt(message: Outgoing, ids: list[str], archive: str, conversation: str | None) -> Receipt:
    moved = archive != message.scope
    return Receipt(ids=tuple(ids), conversation=conversation if moved else None, scope=archive if moved else None)
