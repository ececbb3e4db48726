"""Tolerant reading of what Twilio sends: numbers as texts, times of RFC 2822, fields that may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from socialcrm.errors import PayloadError

__all__ = ["first", "mapping", "moment", "number", "required", "rows", "text_of"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; nothing where it is none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text_of(body: Any, *keys: str) -> str:
    """Return the first of these fields that holds a text; empty where none does. A number becomes its digits."""
    for key in keys:
        value = mapping(body).get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return ""


def number(body: Any, *keys: str) -> int:
    """Return a whole number, given as one or as digits; 0 where it is missing or of another kind."""
    value = text_of(body, *keys).strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else 0


def required(body: Any, *keys: str) -> str:
    """Return a text that must be there, under the first of these names that has one.

    Raises:
        PayloadError: It is not.
    """
    value = text_of(body, *keys)
    if not value:
        raise PayloadError(
            f"expected an object with {keys[0]!r}, got {type(body).__name__} without; it can't be told from others"
        )
    return value


def moment(value: Any) -> datetime | None:
    """Return a time of RFC 2822 ("Fri, 24 May 2019 17:44:46 +0000") or ISO 8601 as aware UTC; ``None`` where it is neither."""
    if not isinstance(value, str) or not value:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def first(body: Any, *keys: str) -> datetime:
    """Return the first of these times that is there.

    Raises:
        PayloadError: None is.
    """
    for key in keys:
        if (found := moment(mapping(body).get(key))) is not None:
            return found
    raise PayloadError(f"expected a time in {' or '.join(keys)}, found none; it can't be put in order")
