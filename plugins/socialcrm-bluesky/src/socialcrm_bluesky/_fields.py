"""Tolerant reading of JSON fields: a record is whatever its author's program wrote."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm_bluesky._ids import instant

__all__ = ["kind_of", "mapping", "moment", "required", "rows", "sorted_at", "text_of"]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(body: Any, key: str) -> str:
    """Return a text field, empty where it is missing or no text."""
    value = mapping(body).get(key)
    return value if isinstance(value, str) else ""


def kind_of(body: Any) -> str:
    """Return what a typed object is, ``messageView`` for ``chat.bsky.convo.defs#messageView`` (spec "Data Model", $type)."""
    return text_of(body, "$type").rpartition("#")[2]


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
    """Return a time field as aware UTC.

    Raises:
        PayloadError: It is missing or no time.
    """
    found = instant(text_of(body, key))
    if found is None:
        raise PayloadError(f"the element's {key} is {mapping(body).get(key)!r:.80}, expected an ISO 8601 time with its offset")
    return found


def sorted_at(record: Any, view: Any) -> datetime:
    """Return a record's time: what its author claims, unless the server saw it earlier ("Timestamps", sortAt).

    Args:
        record: With ``createdAt``, which the author's program writes freely.
        view: With ``indexedAt``, when the server saw it; an archive has none.

    Raises:
        PayloadError: There is neither.
    """
    told = [at for at in (instant(text_of(record, "createdAt")), instant(text_of(view, "indexedAt"))) if at is not None]
    if not told:
        raise PayloadError("the element has neither createdAt nor indexedAt, at least one of them as an ISO 8601 time")
    return min(told)
