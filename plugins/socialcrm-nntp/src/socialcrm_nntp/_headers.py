"""Reading articles that anybody may have written: headers, addresses, message ids, dates.

The standard library parses them under a policy of our own: ``policy.default`` raises on malformed addresses and ids. Here a
header is text, whatever its bytes were, and each field is read by a function that returns nothing rather than raise.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import getaddresses, parsedate_to_datetime

from socialcrm.errors import PayloadError

__all__ = ["clean", "group_names", "header", "message_ids", "normal_address", "read_date", "read_message", "sender", "words"]

_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+@[^\s<>()\[\]\\,;:\"@\x00-\x1f\x7f]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_GROUP = re.compile(r"[^\s,;:*?!\[\]\\\x00-\x20\x7f]{1,497}\Z")
_ID = re.compile(r"<\s*([^<>]{1,900}?)\s*>")
_SPACES = re.compile(r"\s+")
_OLDEST = datetime(1971, 1, 1, tzinfo=UTC)
_READ = 65536


class _AsText(Compat32):
    """Hands headers out as text: UTF-8 where the bytes are, as most of Usenet writes it today, else Latin-1."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        raw = value.encode("utf-8", "surrogateescape")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")


_POLICY = _AsText()


def read_message(data: bytes) -> Message:
    """Parse an article.

    Raises:
        PayloadError: There is no header at all, or its parts are nested too deeply to read.
    """
    try:
        message = BytesParser(policy=_POLICY).parsebytes(data)
    except RecursionError:
        raise PayloadError("an article nests its parts too deeply to be read; look at the raw article") from None
    if not message.keys():
        raise PayloadError(f"{len(data)} bytes that are no article: it has no header; look at the raw article")
    return message


def header(message: Message, name: str) -> str:
    """Return a header as it came, on one line; empty where it is missing."""
    return _SPACES.sub(" ", str(message.get(name) or "")[:_READ]).strip()


def words(value: str) -> str:
    """Decode encoded words (RFC 2047), on one line; what can't be decoded stays as it came."""
    if "=?" not in value:
        return clean(value)
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return clean(value)
    return _SPACES.sub(" ", "".join(_piece(piece, charset) for piece, charset in pieces)).strip()


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return clean(piece)
    try:
        return clean(piece.decode(charset or "ascii"))
    except (LookupError, UnicodeError):
        return clean(piece.decode("utf-8", "replace"))


def clean(text: str) -> str:
    """Return text that can be stored anywhere: no control characters but tab and newlines, no lone surrogates."""
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode()


def normal_address(address: str) -> str:
    """Return an address as we compare it: NFC, lower case, no trailing dot; empty if it is none."""
    address = unicodedata.normalize("NFC", address.strip()).rstrip(".").lower()
    return address if len(address) <= 320 and _ADDRESS.match(address) else ""


def sender(value: str) -> tuple[str, str]:
    """Return who wrote: the name as it came, and the normalised address, each empty where ``From`` does not tell."""
    try:
        pairs = getaddresses([value])
    except (RecursionError, IndexError):
        # The standard library recurses into comments within comments, without end.
        return "", ""
    return next(((name, normal) for name, address in pairs if (normal := normal_address(address))), (value, ""))


def message_ids(value: str) -> tuple[str, ...]:
    """Return the message ids in a header without their angle brackets, in order, none twice (RFC 5536, section 3.1.3)."""
    found = ("".join(part.split()) for part in _ID.findall(value))
    return tuple(dict.fromkeys(clean(one) for one in found if one))


def group_names(value: str) -> tuple[str, ...]:
    """Return the groups in ``Newsgroups`` or ``Followup-To``, none twice, without what is no name (RFC 5536, section 3.1.4)."""
    names = (name.strip() for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if _GROUP.match(name)))[:100]


def read_date(value: str) -> datetime | None:
    """Return a date (RFC 5536, section 3.1.1) in UTC; ``None`` if it is none or lies before 1971. No zone is taken as UTC."""
    try:
        when = parsedate_to_datetime(value[:200])
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when >= _OLDEST else None
