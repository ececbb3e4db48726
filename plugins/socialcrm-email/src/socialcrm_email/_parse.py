"""From a raw message to what it means. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.message import Message
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Account,
    Delivery,
    Direction,
    Handle,
    HandleKind,
    Identity,
    Interaction,
    Item,
    Kind,
    Moderation,
    Visibility,
    from_micros,
)
from socialcrm_email._addresses import Mailbox, message_ids, normal_address, read_mailboxes
from socialcrm_email._authres import Vouching, vouching
from socialcrm_email._body import read_body
from socialcrm_email._headers import header, headers, read_date, read_message, words
from socialcrm_email._reply import split_reply
from socialcrm_email._reports import is_automatic, list_id, read_report
from socialcrm_email._settings import EmailSettings

__all__ = ["parse_raw", "stable_id"]

_KEPT_REFERENCES = 100


def parse_raw(raw: Raw, settings: EmailSettings) -> Iterator[Item]:
    """Say what a raw element means.

    Args:
        raw: Of kind ``message`` (bytes, with ``received``, ``folder``, ``archive``, ``size`` in its context), ``account``
            or ``unreadable``.
        settings: Our addresses, and whom we trust.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "account":
        yield _account(raw.body)
    elif raw.kind == "message" and isinstance(raw.body, bytes | str):
        data = raw.body if isinstance(raw.body, bytes) else raw.body.encode("utf-8", "surrogateescape")
        yield from _message(data, raw.context, settings)
    else:
        raise PayloadError(f"mail: a raw element of kind {raw.kind!r} can't be read: {_why(raw)}")


def _why(raw: Raw) -> str:
    told = raw.body.get("why") if isinstance(raw.body, Mapping) else None
    return str(told) if told else "its body is no message; a newer version of socialcrm-email may know it"


def _account(body: Any) -> Account:
    address = normal_address(str(body.get("address") or "")) if isinstance(body, Mapping) else ""
    if not address:
        raise PayloadError("mail: an account without an address; check the archive")
    return Account(id=address, handle=address, name=str(body.get("name") or ""))


def _message(data: bytes, context: Mapping[str, str], settings: EmailSettings) -> Iterator[Item]:
    message = read_message(data)
    labels = [label.strip() for label in words(header(message, "X-Gmail-Labels")).split(",") if label.strip()]
    if "Drafts" in labels:
        return
    id = stable_id(message, data)  # noqa: A001 - the contract's word
    at = _when(message, context)
    report = read_report(message)
    if report is not None:
        about, status, reason = report
        if status:
            yield Delivery(id=about, at=at, status=status, reason=reason)
        return
    yield _interaction(message, id, at, context, settings, labels)


def _interaction(
    message: Message,
    id: str,  # noqa: A002 - the contract's word
    at: datetime,
    context: Mapping[str, str],
    settings: EmailSettings,
    labels: list[str],
) -> Interaction:
    author, direction, moderation = _author(message, id, context, settings)
    body = read_body(message, id)
    text, quoted = split_reply(body.text)
    parents, references = message_ids(header(message, "In-Reply-To")), message_ids(header(message, "References"))
    parent = next((known for known in (*parents[:1], *reversed(references)) if known != id), None)
    references = tuple(reference for reference in references if reference != id)
    if len(references) > _KEPT_REFERENCES:
        references = (references[0], *references[1 - _KEPT_REFERENCES :])
    return Interaction(
        id=id,
        at=at,
        author=author,
        parent=parent,
        references=references,
        kind=Kind.OTHER if is_automatic(message) else Kind.EMAIL,
        direction=direction,
        visibility=Visibility.PRIVATE,
        moderation=Moderation.SPAM if "Spam" in labels else moderation,
        text=text,
        subject=words(header(message, "Subject")),
        quoted=quoted,
        attachments=body.attachments,
        extra=_extra(message, context, labels, cut=body.cut),
    )


def _author(
    message: Message,
    id: str,  # noqa: A002 - the contract's word
    context: Mapping[str, str],
    settings: EmailSettings,
) -> tuple[Identity, Direction | None, Moderation]:
    """Say who wrote it, whether that is us, and whether our server called it forged."""
    senders = read_mailboxes(headers(message, "From")) or read_mailboxes(headers(message, "Sender"))
    if not senders:
        name = words(header(message, "From"))
        return Identity(id=f"unknown:{id}", name=name), Direction.INBOUND if settings.own else None, Moderation.APPROVED
    vouched = Vouching.NONE
    if len(senders) == 1 and "archive" not in context:
        vouched = vouching(message, senders[0][1], settings.trusted_authserv_id)
    visitor = _form_visitor(message, senders[0], settings)
    if visitor is not None:
        return _identity(visitor, verified=False), Direction.INBOUND, Moderation.APPROVED
    ours = senders[0][1] in settings.own
    if ours and vouched is Vouching.FAIL:
        return _identity(senders[0], verified=False), Direction.INBOUND, Moderation.SPAM
    trusted = "archive" in context and settings.trust_senders and len(senders) == 1
    direction = None if not settings.own else Direction.OUTBOUND if ours else Direction.INBOUND
    return _identity(senders[0], verified=trusted or vouched is Vouching.PASS), direction, Moderation.APPROVED


def _form_visitor(message: Message, sender: Mailbox, settings: EmailSettings) -> Mailbox | None:
    """A web form of ours writes in our name, to us alone, and gives its visitor as Reply-To: the visitor is who wrote."""
    answers = read_mailboxes(headers(message, "Reply-To"))
    receivers = {address for _, address in read_mailboxes([*headers(message, "To"), *headers(message, "Cc")])}
    if sender[1] not in settings.own or len(answers) != 1 or answers[0][1] in settings.own:
        return None
    return answers[0] if receivers and receivers <= settings.own else None


def _identity(mailbox: Mailbox, *, verified: bool) -> Identity:
    name, address = mailbox
    handle = Handle(kind=HandleKind.EMAIL, value=address, verified=verified)
    shown = words(name)
    return Identity(id=address, name="" if shown.lower() == address else shown, handle=address, handles=(handle,))


def _extra(message: Message, context: Mapping[str, str], labels: list[str], *, cut: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for name, values in (("to", headers(message, "To")), ("cc", headers(message, "Cc"))):
        addresses = [address for _, address in read_mailboxes(values)]
        if addresses:
            extra[name] = addresses[:100]
    answers = [address for _, address in read_mailboxes(headers(message, "Reply-To"))]
    if answers:
        extra["reply_to"] = answers[:10]
    if is_automatic(message):
        extra["automatic"] = True
    if list_id(message):
        extra["list"] = words(list_id(message))
    if labels:
        extra["labels"] = labels
    if context.get("folder"):
        extra["folder"] = context["folder"]
    if context.get("size", "").isdecimal():
        extra["size"] = int(context["size"])
    if cut or "size" in extra:
        extra["truncated"] = True
    return extra


def stable_id(message: Message, data: bytes) -> str:
    """Return the Message-ID; without one, a digest of what no transport and no archive changes."""
    ids = message_ids(header(message, "Message-ID"))
    if ids:
        return words(ids[0])
    digest = hashlib.sha256()
    for name in ("From", "To", "Date", "Subject"):
        digest.update(f"{name}:{header(message, name)}\n".encode("utf-8", "surrogateescape"))
    body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    digest.update(b"\n".join(line.rstrip() for line in body[:4096].strip().split(b"\n")))
    return f"sha256:{digest.hexdigest()}"


def _when(message: Message, context: Mapping[str, str]) -> datetime:
    """Return when it was written: its own date, unless that is missing or lies after its arrival."""
    received = _received(message, context)
    told = read_date(header(message, "Date"))
    if told is not None and (received is None or told <= received + timedelta(days=1)):
        return told
    if received is None:
        raise PayloadError("a mail has neither a date nor a trace of when it arrived; look at the raw message")
    return received


def _received(message: Message, context: Mapping[str, str]) -> datetime | None:
    """Return when our server took it: as the folder says, else by the uppermost Received header."""
    told = context.get("received", "")
    if re.fullmatch(r"\d{1,17}", told):
        return from_micros(int(told))
    traces = headers(message, "Received")
    return read_date(traces[0].rpartition(";")[2]) if traces else None
