"""Tolerant reading of JSON fields: X leaves out what is empty, and has renamed much since 2021."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from socialcrm.errors import PayloadError

__all__ = ["either", "mapping", "moment", "part", "required", "rows", "text_of", "when"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def part(key: str) -> str:
    """Return an id as one part of a path: it must not choose what is called."""
    return quote(key, safe="")


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing or null; a whole number becomes its digits."""
    value = mapping(body).get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def either(body: Any, *keys: str) -> Any:
    """Return the first of these fields that holds anything: today's name first, older ones after it."""
    return next((value for key in keys if (value := mapping(body).get(key)) not in (None, "", [], {})), None)


def required(body: Any, key: str) -> str:
    """Return a text field that must not be empty.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value:
        raise PayloadError(f"expected an object with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def moment(text: str) -> datetime | None:
    """Read a time, aware, in UTC; ``None`` where it is none.

    X writes ISO 8601 (API v2), ``Wed Feb 05 08:39:31 +0000 2020`` (1.1) and milliseconds since 1970 (messages of 1.1).
    """
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        if text[:3].isalpha():
            name, month, day, clock, zone, year = text.split()
            return parsedate_to_datetime(f"{name}, {day} {month} {year} {clock} {zone}").astimezone(UTC)
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def when(body: Any, *keys: str) -> datetime | None:
    """Return the first of these fields that is a time."""
    return next((at for key in keys if (at := moment(text_of(body, key))) is not None), None)
