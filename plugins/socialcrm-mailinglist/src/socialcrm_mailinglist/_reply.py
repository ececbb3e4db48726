"""Answering the list or one of its members, by mail, and finding out whether an answer arrived.

The mail plugin writes and hands in the letter; its Message-ID is made from the reply's own id, so it is known beforehand, and
it is the id that the archive shows.
"""

from __future__ import annotations

import base64
import hashlib

import attrs

from socialcrm.connectors import Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import RefusedError, SettingsError
from socialcrm.types import Visibility
from socialcrm_email import mail
from socialcrm_mailinglist import _hyperkitty, _pipermail
from socialcrm_mailinglist._parse import hash_in
from socialcrm_mailinglist._settings import MailingListSettings

__all__ = ["message_id_hash", "send", "settle"]

_PRIVATE = "private"


def message_id_hash(id: str) -> str:  # noqa: A002 - the contract's word
    """Return a message id's hash, by which HyperKitty addresses mails (Mailman wiki: "Stable URLs", X-Message-ID-Hash)."""
    return base64.b32encode(hashlib.sha1(id.encode()).digest()).decode("ascii")  # noqa: S324 - names things, guards nothing


def send(settings: MailingListSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Hand a reply in: to the list, or to its author's address where it is private.

    Raises:
        SettingsError: The list's address is not known.
        RefusedError: The archive hides the author's address, so there is nobody to write to.
    """
    if message.visibility is Visibility.PRIVATE:
        if not mail.normal_address(message.to):
            raise RefusedError(f"mailing list: the archive hides the address of {message.to!r}; answer on the list instead")
        return _private((yield from mail.send_reply(settings.mail, message, cursor)), message)
    if not settings.post:
        raise SettingsError("mailing list: the list's address is not known; set 'list' to the address that one writes to")
    return (yield from mail.send_reply(settings.mail, attrs.evolve(message, to=settings.post), cursor))


def settle(settings: MailingListSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Find out whether a reply was sent: by the progress that was stored, else by its message id in the archive.

    Raises:
        UnclearError: The archive lacks it, which proves nothing: it may be in a queue, or wait for a moderator.
    """
    place, sender = settings.place, mail.normal_address(settings.address)
    if message.visibility is Visibility.PRIVATE:
        return _private((yield from mail.settle_reply(settings.mail, message, cursor)), message)
    id = mail.message_id(message.id, sender)  # noqa: A001 - the contract's word
    if place is not None and place.software == "hyperkitty":
        found = yield from _hyperkitty.find(place, message_id_hash(id))
        if found is not None:
            return Receipt(ids=(id,), conversation=hash_in(found.get("thread")) or None, at=message.at)
    elif place is not None and (yield from _pipermail.find(place, id)):
        return Receipt(ids=(id,), at=message.at)
    return (yield from mail.settle_reply(settings.mail, message, cursor))


def _private(receipt: Receipt, message: Outgoing) -> Receipt:
    """What is said in private stands in no archive: it has ids and a conversation of its own."""
    return attrs.evolve(receipt, scope=_PRIVATE, conversation=f"{_PRIVATE}:{mail.normal_address(message.to)}")
