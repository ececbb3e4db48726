"""Tolerant reading of JSON fields: Reddit leaves fields out by endpoint, by age of the element and by who asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from socialcrm.errors import PayloadError
from socialcrm.types import utc

__all__ = ["base36", "epoch", "fullname", "mapping", "moment", "part", "required", "rows", "seconds", "text_of"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing, null or of another kind."""
    value = mapping(body).get(key)
    return value if isinstance(value, str) else ""


def required(body: Any, key: str) -> str:
    """Return a text field that must not be empty.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value:
        raise PayloadError(f"expected an object with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def part(key: str) -> str:
    """Return a name or an id as one part of a path."""
    return quote(key, safe="")


def fullname(body: Any, prefix: str) -> str:
    """Return a thing's fullname (API documentation, "fullnames"): its type, an underscore, its id.

    Raises:
        PayloadError: It has neither ``name`` nor ``id``.
    """
    name = text_of(body, "name")
    return name if name.startswith(f"{prefix}_") and len(name) > 3 else f"{prefix}_{required(body, 'id')}"


def seconds(value: Any) -> float | None:
    """Return Unix seconds if the value is such a number, else ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 253_402_300_800 else None


def epoch(body: Any, key: str) -> datetime:
    """Return a field of Unix seconds as aware UTC.

    Raises:
        PayloadError: It is missing or no time.
    """
    value = seconds(mapping(body).get(key))
    if value is None:
        raise PayloadError(f"the element's {key} is {mapping(body).get(key)!r:.80}, expected Unix seconds")
    return datetime.fromtimestamp(value, UTC)


def moment(body: Any, key: str) -> datetime:
    """Return a field of ISO 8601 (modmail, exports) as aware UTC; exports write ``2024-05-18 04:35:32 UTC``.

    Raises:
        PayloadError: It is missing or no time.
    """
    try:
        value = datetime.fromisoformat(text_of(body, key).strip().replace(" UTC", "+00:00"))
        return utc(value if value.tzinfo else value.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise PayloadError(f"the element's {key} is {mapping(body).get(key)!r:.80}, expected an ISO 8601 time") from None


def base36(number: int) -> str:
    """Return a number as Reddit writes ids: modmail tells account ids in decimal."""
    digits = ""
    while number > 0:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"
