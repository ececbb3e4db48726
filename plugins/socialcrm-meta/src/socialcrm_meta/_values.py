"""Reading what a payload may or may not hold. Pure, and never surprised: another shape reads as nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from socialcrm.types import utc

__all__ = ["ident", "mapping", "moment", "rows", "text", "unsettled"]

_MILLISECONDS = 100_000_000_000  # as seconds, this would be the year 5138


def text(value: object) -> str:
    """Return a text as it is, and anything else as empty."""
    return value if isinstance(value, str) else ""


def ident(value: object) -> str:
    """Return an id as text: Meta sends most as text and some as numbers."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, int) else text(value).strip()


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, and anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, or of an edge (``{"data": [...]}``)."""
    found = mapping(value).get("data") if isinstance(value, Mapping) else value
    if isinstance(found, list):
        yield from (row for row in found if isinstance(row, Mapping))


def moment(value: object) -> datetime | None:
    """Read a time to the second: seconds or milliseconds since 1970, or ISO 8601 with an offset; ``None`` for anything else.

    The Graph API tells seconds where webhooks tell milliseconds of the same event, so fractions are cut off.
    """
    try:
        if isinstance(value, str) and not value.strip().lstrip("-").isdigit():
            found = utc(datetime.fromisoformat(value.strip()))
            return found.replace(microsecond=0)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        seconds = float(value)
        return datetime.fromtimestamp(int(seconds / 1000 if abs(seconds) >= _MILLISECONDS else seconds), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def unsettled(told: str, now: datetime) -> str:
    """Return a mark where a time is too young to rely on, since more may happen within the same second; else nothing."""
    at = moment(told)
    return " ~" if at is not None and at > now - timedelta(minutes=1) else ""
