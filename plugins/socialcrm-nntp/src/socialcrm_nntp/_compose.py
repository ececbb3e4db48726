"""A reply as an article (RFC 5536), under the same message id at every attempt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from socialcrm.connectors import Grant, Outgoing
from socialcrm.errors import SettingsError
from socialcrm_email.mail import flow, normal_address
from socialcrm_nntp._settings import NntpSettings

__all__ = ["cancel_article", "locked", "message_id", "own_address", "reply_article"]

_REPLY = re.compile(r"(?:re|aw|sv|vs|antw)\s*:", re.IGNORECASE)
_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,248}@[\x21-\x3b\x3d\x3f-\x7e]{1,248}\Z")
_REFERENCES = 21
_LINE = 998
"""RFC 5536, section 2.2 and RFC 5322, section 2.1.1: octets of one line without its end."""


def message_id(outgoing: str, address: str) -> str:
    """Return the message id of a reply of ours: made from its own id, so that servers refuse it when it comes twice."""
    digest = hashlib.sha256(f"{address}\n{outgoing}".encode()).hexdigest()
    try:
        domain = address.rpartition("@")[2].encode("idna").decode("ascii")
    except UnicodeError:
        domain = "news.invalid"
    return f"{digest[:40]}@{domain}"


def reply_article(
    message: Outgoing, settings: NntpSettings, *, groups: Sequence[str], thread: Sequence[str], subject: str, now: datetime
) -> bytes:
    """Write a reply down.

    Args:
        message: What to say.
        settings: Who we are.
        groups: Where it is posted.
        thread: The message ids that it follows, oldest first; empty for a new thread.
        subject: What it is about, without ``Re:``.
        now: Its date.

    Returns:
        The article, lines ended by CRLF, dots not yet doubled.

    Raises:
        SettingsError: We have no address.
    """
    sender = own_address(settings)
    known = [one for one in dict.fromkeys(thread) if _ID.match(one)]
    kept = known if len(known) <= _REFERENCES else [known[0], *known[1 - _REFERENCES :]]
    subject = " ".join(subject.split())[:500]
    if kept and not _REPLY.match(subject):
        subject = f"Re: {subject}".rstrip()
    text = flow("\n\n".join(message.parts).replace("\r\n", "\n").replace("\r", "\n"))
    body, encoding = _encoded(text)
    head = [
        f"From: {_mailbox(settings.from_name, sender)}",
        f"Newsgroups: {','.join(groups)}",
        f"Subject: {_folded(subject or '(no subject)', len('Subject: '))}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id(message.id, sender)}>",
        *(["References: " + "\r\n ".join(f"<{one}>" for one in kept)] if kept else []),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8; format=flowed",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def cancel_article(target: str, settings: NntpSettings, groups: Sequence[str], now: datetime) -> bytes:
    """Write the control message that takes an article of ours back (RFC 5537, section 5.3)."""
    sender = own_address(settings)
    head = [
        f"From: {_mailbox(settings.from_name, sender)}",
        f"Newsgroups: {','.join(groups)}",
        f"Subject: cmsg cancel <{target}>",
        f"Control: cancel <{target}>",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id(f'cancel {target}', sender)}>",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\nWithdrawn by its author.\r\n"


def locked(article: bytes, id: str, grant: Grant, *, opens: str = "") -> bytes:  # noqa: A002 - the contract's word
    """Add a Cancel-Lock (RFC 8315), and the Cancel-Key of an article to take back, if we hold a secret for that.

    Args:
        article: As composed.
        id: Its message id.
        grant: The credentials in force.
        opens: The message id of the article to take back.
    """
    secret = grant.get("cancel_secret")
    if not secret:
        return article
    lock = base64.b64encode(hashlib.sha256(_key(secret, id)).digest())
    lines = b"Cancel-Lock: sha256:" + lock + b"\r\n"
    if opens:
        lines += b"Cancel-Key: sha256:" + _key(secret, opens) + b"\r\n"
    return lines + article


def own_address(settings: NntpSettings) -> str:
    """Return the address that we write from.

    Raises:
        SettingsError: There is none.
    """
    sender = normal_address(settings.address)
    if not sender:
        raise SettingsError(f"nntp: {settings.address!r} is no address to post from; set 'address' in the channel's settings")
    if not sender.isascii():
        raise SettingsError(f"nntp: {sender!r} is not ASCII, and news servers take no such address; set another 'address'")
    return sender


def _key(secret: str, id: str) -> bytes:  # noqa: A002 - the contract's word
    return base64.b64encode(hmac.new(secret.encode(), f"<{id}>".encode(), hashlib.sha256).digest())


def _mailbox(name: str, address: str) -> str:
    shown = " ".join(name.split())[:200]
    if not shown:
        return address
    if not shown.isascii():
        return f"{_folded(shown, len('From: '))} <{address}>"
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def _folded(text: str, used: int) -> str:
    """Return a header's text in ASCII, folded (RFC 2047)."""
    charset = "ascii" if text.isascii() and text.isprintable() else "utf-8"
    return Header(text, charset, header_name="x" * max(1, used - 2)).encode(linesep="\r\n")


def _encoded(text: str) -> tuple[bytes, str]:
    """Return the body and its transfer encoding: 8 bit as Usenet likes it, base64 where a line would be too long."""
    data = text.encode("utf-8", "replace")
    if b"\0" in data or any(len(line) > _LINE - 1 for line in data.split(b"\n")):
        return base64.encodebytes(data.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n"), "base64"
    return data.replace(b"\n", b"\r\n") + b"\r\n", "8bit" if not data.isascii() else "7bit"
