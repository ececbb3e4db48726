"""Tolerant reading of JSON fields: other servers leave out, null or change what Mastodon documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from socialcrm.errors import PayloadError

__all__ = ["mapping", "moment", "part", "required", "rows", "text_of"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def part(key: str) -> str:
    """Return an id as one part of a path: an archive may hold anything, and must not choose what is called."""
    return quote(key, safe="")


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing or null; a number becomes its digits (old archives)."""
    value = mapping(body).get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def required(body: Any, key: str) -> str:
    """Return a text field that must not be empty.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value:
        raise PayloadError(f"expected an object with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def moment(body: Any, key: str) -> datetime:
    """Return a time field as aware UTC; Mastodon writes ISO 8601 in UTC ("Datetime formats").

    Raises:
        PayloadError: It is missing or no time.
    """
    try:
        value = datetime.fromisoformat(text_of(body, key))
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise PayloadError(f"the element's {key} is {mapping(body).get(key)!r:.80}, expected an ISO 8601 time") from None
