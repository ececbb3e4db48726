"""Tolerant reading of JSON fields; ids are numbers on the forum itself and addresses or UUIDs for what came from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from socialcrm.errors import PayloadError

__all__ = ["key", "mapping", "moment", "number", "rows", "word"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 500


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(body: Any, *path: str) -> list[Any]:
    """Return the list at a path of keys.

    Raises:
        PayloadError: There is none, so nothing can be said of what exists.
    """
    for name in path:
        body = mapping(body).get(name)
    if not isinstance(body, list):
        raise PayloadError(f"nodebb: expected a list at {'.'.join(path)}; check that 'server' is the forum's address")
    return body


def word(value: Any) -> str:
    """Return a text without space around it, empty where it is none."""
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> int:
    """Return a positive whole number, 0 where it is none; digits in a text count."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
    if isinstance(value, float) and value.is_integer() and value < 2**63:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0


def key(value: Any) -> str:
    """Return an id as text, empty where there is none: a number, or the address of a remote element."""
    if found := number(value):
        return str(found)
    text = word(value)
    return text if len(text) <= _LONGEST and not text.lstrip("-").isdigit() else ""


def moment(stamp: Any, iso: Any = None) -> datetime | None:
    """Return a time as aware UTC: milliseconds since 1970, or ISO 8601; ``None`` for none and for 0."""
    if (millis := number(stamp)) and millis < 253_402_300_000_000:
        return _EPOCH + timedelta(milliseconds=millis)
    try:
        found = datetime.fromisoformat(word(iso))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
