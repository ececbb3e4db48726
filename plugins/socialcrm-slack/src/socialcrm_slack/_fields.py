"""Tolerant reading of JSON fields, and Slack's way to name a message: its channel, its thread, its ``ts``.

A ``ts`` is unique within its channel only ("Retrieving messages"). An item's scope is the channel (``C1``) for what stands in
the channel itself, and channel and thread (``C1:1700000000.000100``) for what stands in a thread: so a census of a channel
need not know its threads, and an answer knows where it belongs without asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from socialcrm.errors import PayloadError

__all__ = ["channel_of", "mapping", "moment", "number", "required", "root_of", "rows", "scope_of", "stamp", "text_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing or of another type; a number becomes its digits."""
    value = mapping(body).get(key)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def number(body: Any, key: str) -> int:
    """Return a whole number, 0 where it is missing or of another type."""
    value = mapping(body).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def required(body: Any, key: str) -> str:
    """Return a text field that must not be empty.

    Raises:
        PayloadError: It is missing, or this is no object.
    """
    value = text_of(body, key)
    if not value:
        raise PayloadError(f"expected an object with {key!r}, got {type(body).__name__} without; it can't be told from others")
    return value


def moment(ts: str) -> datetime:
    """Return a ``ts`` (seconds since 1970, a point, six digits) as aware UTC, exact to the microsecond.

    Raises:
        PayloadError: It is no ``ts``.
    """
    whole, _, part = ts.partition(".")
    try:
        if not (whole + part).isascii() or not (whole + part).isdigit():
            raise ValueError(ts)
        return _EPOCH + timedelta(seconds=int(whole), microseconds=int((part + "000000")[:6]))
    except (ValueError, OverflowError):
        raise PayloadError(f"expected a time like 1700000000.000100, got {ts!r:.60}") from None


def stamp(at: datetime) -> str:
    """Return a time as a ``ts``."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def scope_of(channel: str, ts: str, thread: str) -> str:
    """Return the scope of a message.

    Args:
        channel: Its channel's id.
        ts: Its own ``ts``.
        thread: Its ``thread_ts``; empty, or the same as ``ts`` for the one that began the thread.
    """
    return f"{channel}:{thread}" if thread and thread != ts else channel


def channel_of(scope: str) -> str:
    """Return the channel's id of a scope or of a conversation's key."""
    return scope.partition(":")[0]


def root_of(scope: str) -> str:
    """Return the ``thread_ts`` of a scope or of a conversation's key; empty where it names no thread."""
    return scope.partition(":")[2]
