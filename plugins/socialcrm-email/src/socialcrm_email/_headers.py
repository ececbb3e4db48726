"""Reading messages that anybody may have written.

The standard library's parser runs with a policy of our own instead of ``policy.default``, whose header classes raise
``IndexError`` or ``AttributeError`` on malformed addresses and ids. Here a header is text, whatever its bytes were, and each
field is read by a function that returns nothing rather than raise.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from email.utils import parsedate_to_datetime

from socialcrm.errors import PayloadError

__all__ = ["clean", "header", "headers", "read_date", "read_message", "words"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile(r"\s+")
_OLDEST = datetime(1971, 1, 1, tzinfo=UTC)


class _AsText(Compat32):
    """Hands headers out as text: UTF-8 where the bytes are (RFC 6532), else Latin-1."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        raw = value.encode("utf-8", "surrogateescape")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")


_POLICY = _AsText()


def read_message(data: bytes) -> Message:
    """Parse a message.

    Raises:
        PayloadError: There is no header at all, or its parts are nested too deeply to read.
    """
    try:
        message = BytesParser(policy=_POLICY).parsebytes(data)
    except RecursionError:
        raise PayloadError("a message nests its parts too deeply to be read; look at the raw message") from None
    if not message.keys():
        raise PayloadError(f"{len(data)} bytes that are no message: they have no header; look at the raw message")
    return message


def header(message: Message, name: str) -> str:
    """Return a header as it came, on one line; empty where it is missing."""
    return _SPACES.sub(" ", str(message.get(name) or "")).strip()


def headers(message: Message, name: str) -> list[str]:
    """Return every header of a name, the uppermost first."""
    return [_SPACES.sub(" ", str(value)).strip() for value in message.get_all(name) or []]


def words(value: str) -> str:
    """Decode encoded words (RFC 2047), on one line; what can't be decoded stays as it came."""
    value = value[:65536]
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


def read_date(value: str) -> datetime | None:
    """Return a date (RFC 5322, 3.3) in UTC; ``None`` if it is none or lies before 1971. Without a zone it is taken as UTC."""
    try:
        when = parsedate_to_datetime(value[:200])
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when >= _OLDEST else None
