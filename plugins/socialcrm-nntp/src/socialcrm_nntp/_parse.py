"""From a raw article to what it means. Pure.

The same article may come by several groups, in several archives and with other lines that servers add; what it means is made
only of what its author wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.message import Message
from typing import Any
from urllib.parse import quote

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Handle, HandleKind, Identity, Interaction, Item, Kind, Visibility
from socialcrm_email.mail import clean, header, message_ids, normal_address, read_body, read_date, read_message, words
from socialcrm_nntp._headers import group_names, sender
from socialcrm_nntp._quotes import split_quotes
from socialcrm_nntp._rescan import read_census

__all__ = ["parse_raw"]

_KEPT_REFERENCES = 100


def parse_raw(raw: Raw, visibility: Visibility) -> Iterator[Item]:
    """Say what a raw element means.

    Args:
        raw: Of kind ``article`` (bytes; ``size`` in its context where only the beginning was fetched), ``census``, ``account``
            or ``unreadable``.
        visibility: Who can read the groups.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "account":
        yield _account(raw.body)
    elif raw.kind == "census":
        yield read_census(raw.body)
    elif raw.kind == "article" and isinstance(raw.body, bytes | str):
        data = raw.body if isinstance(raw.body, bytes) else raw.body.encode("utf-8", "surrogateescape")
        yield from _article(data, raw.context, visibility)
    else:
        told = raw.body.get("why") if isinstance(raw.body, Mapping) else None
        why = str(told) if told else "its body is no article; a newer version of socialcrm-nntp may know it"
        raise PayloadError(f"nntp: a raw element of kind {raw.kind!r} can't be read: {why}")


def _account(body: Any) -> Account:
    address = normal_address(str(body.get("address") or "")) if isinstance(body, Mapping) else ""
    if not address:
        raise PayloadError("nntp: an account without an address; check the channel's address")
    return Account(id=address, handle=address, name=str(body.get("name") or ""))


def _article(data: bytes, context: Mapping[str, str], visibility: Visibility) -> Iterator[Item]:
    message = read_message(data)
    at = _when(message)
    # A control message is for servers. What one takes back is seen by its absence: anybody can write one.
    if not header(message, "Control"):
        yield _interaction(message, _stable_id(message, data), at, context, visibility)


def _interaction(
    message: Message,
    id: str,  # noqa: A002 - the contract's word
    at: datetime,
    context: Mapping[str, str],
    visibility: Visibility,
) -> Interaction:
    body = read_body(message, id)
    text, quoted = split_quotes(body.text)
    references = [one for one in message_ids(header(message, "References")) if one != id]
    parents = references or [one for one in message_ids(header(message, "In-Reply-To"))[:1] if one != id]
    parent = parents[-1] if parents else None
    replaced = next(iter(message_ids(header(message, "Supersedes"))), "")
    if replaced and replaced != id and replaced not in references:
        references.append(replaced)
    if len(references) > _KEPT_REFERENCES:
        references = [references[0], *references[1 - _KEPT_REFERENCES :]]
    return Interaction(
        id=id,
        at=at,
        author=_author(message, id),
        parent=parent,
        references=tuple(references),
        kind=Kind.POST if parent is None else Kind.REPLY,
        visibility=visibility,
        text=text,
        subject=words(header(message, "Subject")),
        quoted=quoted,
        url=f"news:{quote(id, safe='@')}" if "@" in id else "",
        attachments=body.attachments,
        extra=_extra(message, context, replaced, cut=body.cut),
    )


def _author(message: Message, id: str) -> Identity:  # noqa: A002 - the contract's word
    """Say who wrote it. On Usenet nobody vouches for an address; one below ``.invalid`` (RFC 5536, 3.1.2) is nobody's."""
    name, address = sender(header(message, "From"))
    shown = words(name)[:500]
    if not address:
        return Identity(id=f"unknown:{id}", name=shown)
    if address.endswith(".invalid"):
        # Many hide behind the same one; the name keeps two people from becoming one.
        return Identity(id=f"{address} {shown.lower()}".strip(), name=shown or address, handle=address)
    handle = Handle(kind=HandleKind.EMAIL, value=address, verified=False)
    return Identity(id=address, name="" if shown.lower() == address else shown, handle=address, handles=(handle,))


def _extra(message: Message, context: Mapping[str, str], replaced: str, *, cut: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for name in ("Newsgroups", "Followup-To"):
        if found := group_names(header(message, name)):
            extra[name.lower().replace("-", "_")] = [clean(group) for group in found]
    _, answer = sender(header(message, "Reply-To"))
    if answer:
        extra["reply_to"] = answer
    for name in ("Organization", "Keywords", "Expires"):
        if told := words(header(message, name))[:500]:
            extra[name.lower()] = told
    if replaced:
        extra["supersedes"] = replaced
    if context.get("size", "").isdecimal():
        extra["size"] = int(context["size"])
    if cut or "size" in extra:
        extra["truncated"] = True
    return extra


def _stable_id(message: Message, data: bytes) -> str:
    """Return the Message-ID; without one (an old archive), a digest of what no server changes."""
    ids = message_ids(header(message, "Message-ID"))
    if ids:
        return ids[0]
    digest = hashlib.sha256()
    for name in ("From", "Newsgroups", "Date", "Subject"):
        digest.update(f"{name}:{header(message, name)}\n".encode("utf-8", "surrogateescape"))
    body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    digest.update(b"\n".join(line.rstrip() for line in body[:4096].strip().split(b"\n")))
    return f"sha256:{digest.hexdigest()}"


def _when(message: Message) -> datetime:
    """Return when it was written: its own date, else when a server took it in (RFC 5536, sections 3.1.1 and 3.2.7)."""
    for name in ("Date", "Injection-Date", "NNTP-Posting-Date"):
        told = read_date(header(message, name))
        if told is not None:
            return told
    raise PayloadError("an article has no date that can be read; look at the raw article")
