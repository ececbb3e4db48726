"""Mail addresses and message ids: reading what strangers wrote, and normalising it.

An address is normalised to lower case as a whole. RFC 5321 lets a server tell ``Mara@`` from ``mara@``, but none that people
use does, while people type both. Plus tags stay: ``mara+shop@`` reaches a mailbox of its own on servers that know no tags, and
two people must never become one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from email.utils import getaddresses

from socialcrm_email._headers import clean

__all__ = ["Mailbox", "message_ids", "normal_address", "read_mailboxes"]

Mailbox = tuple[str, str]
"""A name to show (still encoded as it came) and a normalised address."""

_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+@[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+\Z")
_ID = re.compile(r"<\s*([^<>]{1,900}?)\s*>")
_BARE = re.compile(r"[^\s<>,;\"]{1,450}@[^\s<>,;\"]{1,450}")


def normal_address(address: str) -> str:
    """Return the address as we compare it: NFC, lower case, no trailing dot; empty if it is none.

    Args:
        address: An address without a name (RFC 5322 ``addr-spec``; RFC 6531 allows it beyond ASCII).
    """
    address = unicodedata.normalize("NFC", address.strip()).rstrip(".").lower()
    return address if len(address) <= 320 and _ADDRESS.match(address) else ""


def read_mailboxes(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """Return the mailboxes that address headers name, leaving out what is no address.

    Args:
        values: The headers' values, at most the first 64 KiB of each are read.
    """
    try:
        pairs = getaddresses([value[:65536] for value in values])
    except (RecursionError, IndexError):
        # The standard library recurses into comments within comments, without end.
        return ()
    return tuple((name, normal) for name, address in pairs if (normal := normal_address(address)))


def message_ids(value: str) -> tuple[str, ...]:
    """Return the message ids in a header without their angle brackets, in order, none twice (RFC 5322, 3.6.4).

    Args:
        value: ``Message-ID``, ``In-Reply-To`` or ``References``; folding inside an id is undone, prose is passed over.
    """
    value = value[:65536]
    found = ["".join(part.split()) for part in _ID.findall(value)] or _BARE.findall(value)
    return tuple(dict.fromkeys(clean(one) for one in found if one))
