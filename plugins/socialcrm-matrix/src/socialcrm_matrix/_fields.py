"""Tolerant reading of JSON: an event's content is whatever its sender wrote, checked by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from socialcrm.errors import PayloadError

__all__ = ["link", "mapping", "millis", "moment", "number", "part", "required", "rows", "text_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field; empty where it is missing or no text."""
    value = mapping(body).get(key)
    return value if isinstance(value, str) else ""


def number(body: Any, key: str) -> int | None:
    """Return a whole number; ``None`` where it is missing or none."""
    value = mapping(body).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def required(body: Any, key: str) -> str:
    """Return a text field that must not be empty.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value:
        raise PayloadError(f"expected an event with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def moment(body: Any, key: str = "origin_server_ts") -> datetime:
    """Return a time in milliseconds since 1970 as aware UTC ("Room event format").

    Raises:
        PayloadError: It is missing, no number, or outside of what a calendar holds.
    """
    value = number(body, key)
    try:
        if value is not None:
            return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        pass
    raise PayloadError(f"the event's {key} is {mapping(body).get(key)!r:.80}, expected milliseconds since 1970")


def millis(at: datetime) -> int:
    """Return a time as milliseconds since 1970, as Matrix writes them."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def part(key: str) -> str:
    """Return an id as one part of a path: ids are chosen by strangers, and must not choose what is called."""
    return quote(key, safe="", errors="replace")


def link(*ids: str) -> str:
    """Return the address under which a browser shows a user, a room or an event ("Appendices", matrix.to navigation)."""
    return "https://matrix.to/#/" + "/".join(quote(one, safe="!@$:", errors="replace") for one in ids)
