"""Aware UTC times, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attrs import Attribute

__all__ = ["aware", "from_micros", "micros", "utc"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(value: datetime) -> datetime:
    """Return the same moment in UTC.

    Args:
        value: An aware time, in any zone.

    Raises:
        ValueError: The time is naive, so nobody can say which moment it means.
    """
    zone = value.tzinfo
    if zone is UTC:
        return value
    if zone is None or value.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone; give an aware time, in UTC for example")
    return value.astimezone(UTC)


def aware(_instance: Any, attribute: Attribute[Any], value: datetime | None) -> None:
    """Refuse a naive time in an attrs field."""
    if value is not None and value.tzinfo is None:
        raise ValueError(f"{attribute.name} has no time zone; give an aware time, in UTC for example")


def micros(value: datetime) -> int:
    """Return the microseconds since 1970-01-01 UTC: how the store keeps a time."""
    delta = value - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_micros(value: int) -> datetime:
    """Return the UTC time that `micros` made the number from."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
