"""X's ids: they hold the time at which they were made ("X IDs": Snowflake), so an id bounds a search as a time would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["id_at", "number", "time_of"]

_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
"""Where Snowflake's milliseconds begin; an id's upper bits count from here, the lower 22 tell machine and sequence."""

_FIRST = 1 << 42
"""Smaller ids were counted, not made of the time (posts before November 2010, and many accounts)."""

_LARGEST = (1 << 63) - 1


def number(key: str) -> int:
    """Return an id as a number, 0 where it is none."""
    return int(key) if key.isascii() and key.isdigit() and len(key) <= 19 else 0


def time_of(key: str) -> datetime | None:
    """Return when an id was made; ``None`` where it does not tell."""
    value = number(key)
    return _EPOCH + timedelta(milliseconds=value >> 22) if _FIRST <= value <= _LARGEST else None


def id_at(at: datetime) -> str:
    """Return the smallest id that was made at a time."""
    passed = max(0, int((at - _EPOCH) / timedelta(milliseconds=1)))
    return str(min(_LARGEST, max(1, passed << 22)))
