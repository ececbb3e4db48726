"""A reply as a message (RFC 5322), the same at every attempt, byte for byte where it matters: its Message-ID."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime

from attrs import frozen

from socialcrm.connectors import Blob, Outgoing
from socialcrm.errors import RefusedError, SettingsError
from socialcrm_email._addresses import normal_address
from socialcrm_email._settings import EmailSettings

__all__ = ["Letter", "compose", "message_id"]

_REPLY = re.compile(r"(?:re|aw|sv|vs|antw)\s*:", re.IGNORECASE)
_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}\Z")
_REFERENCES = 30


class _Foldable(EmailPolicy):
    """Keeps message ids whole: the standard library encodes long ones as if they were prose; these fold between ids only."""

    def fold(self, name: str, value: str) -> str:
        if name.lower() in ("references", "in-reply-to", "message-id"):
            return f"{name}: " + "\r\n ".join(str(value).split()) + "\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in ("references", "in-reply-to", "message-id"):
            return self.fold(name, value).encode("ascii")
        return bytes(super().fold_binary(name, value))


_POLICY = _Foldable(linesep=SMTP.linesep)


@frozen(kw_only=True)
class Letter:
    """What goes into the envelope, and the envelope.

    Args:
        id: Its message id, without angle brackets.
        sender: Whom a bounce goes to: our address.
        receiver: Whom it goes to.
        data: The message, lines ended by CRLF, dots not yet doubled.
        international: Whether an address is not ASCII, so that the server must know SMTPUTF8 (RFC 6531).
    """

    id: str
    sender: str
    receiver: str
    data: bytes
    international: bool = False


def message_id(outgoing: str, address: str) -> str:
    """Return the message id of a reply of ours: made from its own id, so that it is the same at every attempt."""
    digest = hashlib.sha256(f"{address}\n{outgoing}".encode()).hexdigest()
    return f"{digest[:40]}@{_ascii_domain(address)}"


def compose(message: Outgoing, settings: EmailSettings, files: Sequence[tuple[Blob, bytes]] = ()) -> Letter:
    """Write a reply down.

    Args:
        message: What to say; ``to`` is the address that it goes to.
        settings: Who we are.
        files: What to attach, with its content.

    Raises:
        SettingsError: We have no address.
        RefusedError: The receiver's address is none.
    """
    sender, receiver = normal_address(settings.address), normal_address(message.to)
    if not sender:
        raise SettingsError(f"mail: {settings.address!r} is no address to send from; set 'address' in the channel's settings")
    if not receiver:
        raise RefusedError(f"mail: {message.to!r} is no mail address; answer somebody who has one")
    letter = EmailMessage(policy=_POLICY)
    letter["From"] = _mailbox(" ".join(settings.from_name.split()), sender)
    letter["To"] = _mailbox("", receiver)
    letter["Subject"] = _subject(message)
    if message.at is not None:
        letter["Date"] = format_datetime(message.at)
    id = message_id(message.id, sender)  # noqa: A001 - the contract's word
    letter["Message-ID"] = f"<{id}>"
    thread = [known for known in dict.fromkeys((*message.references, message.reply_to or "")) if _ID.match(known)]
    if message.reply_to in thread:
        letter["In-Reply-To"] = f"<{message.reply_to}>"
    if thread:
        kept = thread if len(thread) <= _REFERENCES else [thread[0], *thread[1 - _REFERENCES :]]
        letter["References"] = " ".join(f"<{known}>" for known in kept)
    # Quoted-printable keeps every line short and ASCII, so no server needs 8BITMIME for it.
    letter.set_content("\n\n".join(message.parts), cte="quoted-printable")
    for blob, content in files:
        main, _, sub = blob.mime.partition("/")
        letter.add_attachment(content, maintype=main, subtype=sub or "octet-stream", filename=" ".join(blob.name.split()))
    if files:
        # The same at every attempt, like the rest; the standard library would draw a random one.
        letter.set_boundary(f"=={id.partition('@')[0]}==")
    international = not (sender.isascii() and receiver.isascii())
    data = letter.as_bytes(policy=_POLICY.clone(utf8=international))
    return Letter(id=id, sender=sender, receiver=receiver, data=data, international=international)


def _mailbox(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)


def _subject(message: Outgoing) -> str:
    subject = " ".join(message.subject.split())[:500]
    if message.reply_to is None or _REPLY.match(subject):
        return subject
    return f"Re: {subject}".rstrip()


def _ascii_domain(address: str) -> str:
    domain = address.rpartition("@")[2]
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return "mail.invalid"
