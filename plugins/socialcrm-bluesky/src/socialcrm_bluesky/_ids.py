"""Names of the AT protocol: DIDs, handles, record keys, record addresses, times.

Syntax after atproto.com: specs "DID", "Handle", "Record Key", "Timestamp Identifiers (TIDs)", "AT URI", "NSID", and
"Data Model" for times. Lexical rules only: nothing here resolves a name.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from attrs import frozen

__all__ = ["Address", "address", "instant", "is_did", "is_handle", "is_record_key", "is_tid", "tid", "tid_for"]

_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
_HANDLE = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_NSID = re.compile(
    r"[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
    r"\.[a-zA-Z][a-zA-Z0-9]{0,62}"
)
_KEY = re.compile(r"[a-zA-Z0-9._:~-]{1,512}")
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_ADDRESS = re.compile(r"at://([^/]+)(?:/([^/]+)(?:/([^/]+))?)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,20})?(?:Z|[+-]\d\d:\d\d)")
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"


def is_did(text: str) -> bool:
    """Whether a text is a DID (spec "DID"; at most 2048 characters)."""
    return len(text) <= 2048 and _DID.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    """Whether a text is a handle (spec "Handle"; a host name of at most 253 characters)."""
    return len(text) <= 253 and _HANDLE.fullmatch(text) is not None


def is_record_key(text: str) -> bool:
    """Whether a text is a record key (spec "Record Key")."""
    return text not in (".", "..") and _KEY.fullmatch(text) is not None


def is_tid(text: str) -> bool:
    """Whether a text is a timestamp identifier (spec "Timestamp Identifiers (TIDs)")."""
    return _TID.fullmatch(text) is not None


@frozen
class Address:
    """A record's address, ``at://AUTHORITY/COLLECTION/KEY``; the last parts are empty where they are left out.

    Args:
        authority: A DID, or a handle.
        collection: The kind of record, an NSID.
        key: The record's key.
    """

    authority: str
    collection: str = ""
    key: str = ""


def address(text: str) -> Address | None:
    """Read an AT URI; ``None`` where it is none (spec "AT URI", the restricted syntax that Lexicon uses)."""
    found = _ADDRESS.fullmatch(text) if len(text) <= 8192 else None
    if found is None:
        return None
    authority, collection, key = found[1], found[2] or "", found[3] or ""
    whole = (is_did(authority) or is_handle(authority)) and (not collection or _is_nsid(collection))
    return Address(authority, collection, key) if whole and (not key or is_record_key(key)) else None


def _is_nsid(text: str) -> bool:
    return len(text) <= 317 and _NSID.fullmatch(text) is not None


def instant(text: str) -> datetime | None:
    """Read a time as aware UTC; ``None`` where it is none (spec "Lexicon", string format ``datetime``)."""
    if _TIME.fullmatch(text) is None or text.endswith("-00:00"):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def tid(micros: int, clock: int) -> str:
    """Return the TID of a time and a clock number.

    Args:
        micros: Microseconds since 1970, below 2**53.
        clock: 0 to 1023; tells two of the same microsecond apart.
    """
    value = (micros & (2**53 - 1)) << 10 | clock & 1023
    return "".join(_DIGITS[value >> shift & 31] for shift in range(60, -1, -5))


def tid_for(seed: str, at: datetime | None) -> str:
    """Return the TID that belongs to a seed: the same at each attempt, so that writing a record twice writes it once.

    Args:
        seed: What is unique for ever.
        at: The time it shall show, to the millisecond; ``None`` for one made of the seed.
    """
    digest = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    clock, rest = digest & 1023, digest >> 10
    # Without a time: some microsecond of 2024, in the past for every server.
    millis = 1_704_067_200_000 + rest // 1000 % 31_536_000_000 if at is None else int(at.timestamp() * 1000)
    return tid(millis * 1000 + rest % 1000, clock)
