"""Who wrote to a list, whatever the list and its archive made of the address.

Three things stand between us and an author. Archives hide addresses from harvesters: Pipermail writes ``mara at example.com``,
HyperKitty ``mara (a) example.com``; both are undone. Lists rewrite From for senders with a strict DMARC policy (RFC 7960,
Mailman: "DMARC mitigations"): "Mara via Talk <talk@…>", with the author in Reply-To, Cc or X-Original-From. And some archives
cut addresses ("ma...@example.com"). Where no address can be had, the name has to do: two people must never become one because
both wrote through the list's own address.
"""

from __future__ import annotations

import re
from email.message import Message

from attrs import frozen

from socialcrm.types import Handle, HandleKind, Identity
from socialcrm_email.mail import header, headers, normal_address, read_mailboxes, words

__all__ = ["Author", "author_of", "clear_address", "identity"]

_HIDDEN = re.compile(
    r"\s*\"?(?P<user>[^\s\"()<>,@]+)(?: at | ?\((?:a|at)\) ?)(?P<host>[^\s\"()<>,@]+)\"?\s*(?:\((?P<name>.*)\))?\s*\Z"
)
_VIA = re.compile(r"\s+via\s+.+\Z", re.IGNORECASE)
_CUT = re.compile(r"\.{3}|\u2026|\*{2}")


@frozen(kw_only=True)
class Author:
    """Who wrote.

    Args:
        name: As shown, without the "via List" that lists add; may be empty.
        address: Normalised; empty where it is hidden for good.
    """

    name: str = ""
    address: str = ""


def clear_address(shown: str) -> str:
    """Return the address that an archive shows in a disguise, normalised; empty if it is none, or cut."""
    found = _HIDDEN.match(shown)
    address = normal_address(f"{found['user']}@{found['host']}" if found is not None else shown)
    return "" if _CUT.search(address) else address


def author_of(message: Message, post: str) -> Author:
    """Return who wrote a mail that came over a list.

    Args:
        message: As archived.
        post: The list's own address, normalised; empty where it is not known.
    """
    shown = header(message, "From") or header(message, "Sender")
    hidden = _HIDDEN.match(shown)
    if hidden is not None:
        return Author(name=_plain(hidden["name"] or ""), address=clear_address(shown))
    boxes = read_mailboxes([shown])
    if not boxes:
        return Author(name=_plain(shown))
    name, address = _plain(boxes[0][0]), boxes[0][1]
    if not _is_rewritten(name, address, post, message):
        return Author(name=name, address="" if _CUT.search(address) else address)
    return Author(name=_VIA.sub("", name), address=_behind(message, {address, post}))


def _is_rewritten(name: str, address: str, post: str, message: Message) -> bool:
    return address == post or (bool(_VIA.search(name)) and address in _addresses(message, "List-Post", "Sender", "To", "Cc"))


def _addresses(message: Message, *names: str) -> set[str]:
    values = [value.replace("<mailto:", "<") for name in names for value in headers(message, name)]
    return {address for _, address in read_mailboxes(values)}


def _behind(message: Message, lists: set[str]) -> str:
    """Return the author's address where the list put it; empty if that is not certain."""
    for name in ("X-Original-From", "X-MailFrom", "Reply-To", "Cc"):
        found = [address for _, address in read_mailboxes(headers(message, name)) if address not in lists]
        if len(found) == 1:
            return found[0]
    return ""


def _plain(name: str) -> str:
    return words(name).strip().strip("\"'").strip()


def identity(author: Author, fallback: str) -> Identity:
    """Return the identity of an author: known by the address, else by the name.

    Args:
        author: Who.
        fallback: An id for somebody who has neither.
    """
    if author.address:
        name = "" if author.name.lower() == author.address else author.name
        handle = Handle(kind=HandleKind.EMAIL, value=author.address)
        return Identity(id=author.address, name=name, handle=author.address, handles=(handle,))
    name = " ".join(author.name.split())
    return Identity(id=f"name:{name.lower()}" if name else f"unknown:{fallback}", name=name)
