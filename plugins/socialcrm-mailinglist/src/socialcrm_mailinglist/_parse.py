"""From an archive's elements to what they mean. Pure.

A mail's id is its Message-ID, in every archive and in a member's mailbox alike; so what was loaded from an mbox and what is
fetched afterwards are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Attachment, Direction, Interaction, Item, Kind, Visibility, from_micros
from socialcrm_email import mail
from socialcrm_mailinglist._authors import Author, author_of, clear_address, identity
from socialcrm_mailinglist._settings import MailingListSettings
from socialcrm_mailinglist._text import read_scrubbed, split_text, strip_prefix

__all__ = ["hash_in", "parse_raw", "text_of"]

_REFERENCES = 100


@frozen(kw_only=True)
class _Mail:
    """What both kinds of archive tell of a mail."""

    id: str
    at: datetime
    author: Author
    subject: str
    text: str
    post: str
    parent: str | None = None
    references: tuple[str, ...] = ()
    conversation: str = ""
    url: str = ""
    automatic: bool = False
    attachments: tuple[Attachment, ...] = ()
    extra: Mapping[str, Any] = field(factory=dict)


def parse_raw(raw: Raw, settings: MailingListSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of kind ``email`` (HyperKitty's JSON), ``message`` (a mail's bytes, from Pipermail or an mbox) or ``account``.
        settings: The channel's.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "account":
        yield _account(raw.body)
    elif raw.kind == "email" and isinstance(raw.body, Mapping):
        yield _interaction(_from_json(raw.body, raw.context, settings), raw.context, settings)
    elif raw.kind == "message" and isinstance(raw.body, bytes | str):
        data = raw.body if isinstance(raw.body, bytes) else raw.body.encode("utf-8", "surrogateescape")
        yield _interaction(_from_bytes(data, raw.context, settings), raw.context, settings)
    else:
        raise PayloadError(f"mailing list: a raw element of kind {raw.kind!r} can't be read; a newer plugin may know it")


def text_of(value: object) -> str:
    """Return a JSON text without control characters; empty for anything else."""
    return mail.clean(value) if isinstance(value, str) else ""


def hash_in(link: object) -> str:
    """Return the last part of a link to a mail or thread of HyperKitty's API: its hash."""
    try:
        return unquote(urlsplit(text_of(link)).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""


def _account(body: Any) -> Account:
    address = mail.normal_address(text_of(body.get("address"))) if isinstance(body, Mapping) else ""
    if not address:
        raise PayloadError("mailing list: an account without an address; check the settings 'address' and 'staff'")
    return Account(id=address, handle=address)


def _from_json(body: Mapping[str, Any], context: Mapping[str, str], settings: MailingListSettings) -> _Mail:
    """Read a mail from HyperKitty's API (``/api/list/LIST/email/HASH/``)."""
    id, at = text_of(body.get("message_id")), _moment(body.get("date"))  # noqa: A001 - the contract's word
    if not id or at is None:
        raise PayloadError("mailing list: a mail without message_id or date; look at the raw element")
    given = body.get("sender")
    sender: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    name, post = text_of(body.get("sender_name")), context.get("list", "") or settings.post
    address = clear_address(text_of(sender.get("address")))
    shown = clear_address(name)
    author = Author(name="" if shown else name, address=address or shown)
    if author.address and author.address == post:
        author = Author(name=author.name.rpartition(" via ")[0] or author.name)
    place, hash = settings.place, text_of(body.get("message_id_hash"))  # noqa: A001 - HyperKitty's word
    return _Mail(
        id=id,
        at=at,
        author=author,
        subject=text_of(body.get("subject")),
        text=text_of(body.get("content")),
        post=post,
        parent=context.get("parent") or None,
        conversation=hash_in(body.get("thread")),
        url=place.page(hash) if place is not None and place.software == "hyperkitty" and hash else "",
        attachments=tuple(_attachments(body.get("attachments"))),
        extra={"mailman_id": text_of(sender["mailman_id"])} if sender.get("mailman_id") else {},
    )


def _attachments(rows: object) -> Iterator[Attachment]:
    for row in rows if isinstance(rows, list) else ():
        url = text_of(row.get("download")) if isinstance(row, Mapping) else ""
        if url:
            size = row.get("size")
            yield Attachment(
                url=url,
                mime=text_of(row.get("content_type")) or "application/octet-stream",
                name=text_of(row.get("name")),
                size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
            )


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text_of(value))
        return None if at.tzinfo is None else at
    except ValueError:
        return None


def _from_bytes(data: bytes, context: Mapping[str, str], settings: MailingListSettings) -> _Mail:
    """Read a mail from Pipermail's text, HyperKitty's export, or anybody's mbox."""
    message = mail.read_message(data)
    post = context.get("list", "") or settings.post or _list_post(message)
    id, at = mail.stable_id(message, data), _date(message, context)  # noqa: A001 - the contract's word
    body = mail.read_body(message, id)
    text, scrubbed = read_scrubbed(body.text)
    parents = mail.message_ids(mail.header(message, "In-Reply-To"))
    references = tuple(one for one in mail.message_ids(mail.header(message, "References")) if one != id)
    archived = mail.header(message, "Archived-At").strip("<> ")
    return _Mail(
        id=id,
        at=at,
        author=author_of(message, post),
        subject=mail.words(mail.header(message, "Subject")),
        text=text,
        post=post,
        parent=next((one for one in (*parents[:1], *reversed(references)) if one != id), None),
        references=references if len(references) <= _REFERENCES else (references[0], *references[1 - _REFERENCES :]),
        url=archived if archived.startswith(("https://", "http://")) else context.get("page", ""),
        automatic=mail.header(message, "Auto-Submitted").lower().partition(";")[0].strip() not in ("", "no"),
        attachments=(*body.attachments, *scrubbed),
        extra={"truncated": True} if body.cut or context.get("size") else {},
    )


def _date(message: Message, context: Mapping[str, str]) -> datetime:
    traces = mail.headers(message, "Received")
    arrived = mail.read_date(traces[0].rpartition(";")[2]) if traces else None
    at = mail.read_date(mail.header(message, "Date")) or arrived
    told = context.get("received", "")
    if at is None and told.isascii() and told.isdecimal() and len(told) <= 17:
        return from_micros(int(told))
    if at is None:
        raise PayloadError(f"mailing list: a mail without a date ({context.get('folder') or 'archive'}); look at the raw mail")
    return at


def _list_post(message: Message) -> str:
    """Return the list's address, as the list's own headers tell it (RFC 2369, RFC 2919)."""
    value = mail.header(message, "List-Post").replace("<mailto:", "<").partition("?")[0]
    boxes = mail.read_mailboxes([value if value.endswith(">") else f"{value}>"]) if "<" in value else ()
    if boxes:
        return boxes[0][1]
    name, _, host = mail.list_id(message).partition(".")
    return mail.normal_address(f"{name}@{host}")


def _interaction(told: _Mail, context: Mapping[str, str], settings: MailingListSettings) -> Interaction:
    text, quoted = split_text(told.text)
    names = {told.post.partition("@")[0], context.get("prefix", "").strip().strip("[]").lower()} - {""}
    limited = context.get("policy") == "private" or settings.private
    extra = {**told.extra, **({"list": told.post} if told.post else {})}
    return Interaction(
        id=told.id,
        at=told.at,
        author=identity(told.author, told.id),
        conversation=told.conversation,
        parent=told.parent if told.parent != told.id else None,
        references=told.references,
        kind=Kind.OTHER if told.automatic else Kind.EMAIL,
        direction=Direction.OUTBOUND if told.author.address and told.author.address in settings.ours else None,
        visibility=Visibility.LIMITED if limited else Visibility.PUBLIC,
        text=text,
        subject=strip_prefix(told.subject, frozenset(names)),
        quoted=quoted,
        url=told.url,
        attachments=told.attachments,
        extra=extra,
    )
