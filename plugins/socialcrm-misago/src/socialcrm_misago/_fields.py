"""Tolerant reading of JSON fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from socialcrm.errors import PayloadError

__all__ = ["mapping", "moment", "number", "numbers", "objects", "rows", "word"]


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
        raise PayloadError(f"misago: expected a list at {'.'.join(path)}; check that 'server' is the forum's address")
    return body


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, none where it is no list."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def word(value: Any) -> str:
    """Return a text without space around it, empty where it is none."""
    return value.strip() if isinstance(value, str) else ""


def number(value: Any) -> int:
    """Return a positive whole number, 0 where it is none; digits in a text count."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else 0


def numbers(value: Any) -> set[int]:
    """Return the positive whole numbers of a list."""
    return {found for one in value if (found := number(one))} if isinstance(value, list) else set()


def moment(value: Any) -> datetime | None:
    """Return an ISO 8601 time as aware UTC; one without a zone counts as UTC; ``None`` where it is none."""
    try:
        found = datetime.fromisoformat(word(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
