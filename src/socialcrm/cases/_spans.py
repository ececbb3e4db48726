"""Spans of time as people write them: ``90m``, ``1h30m``, ``14d``."""

from __future__ import annotations

import re
from datetime import timedelta

from socialcrm.errors import PlaybookError

__all__ = ["read_span", "show_span"]

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([wdhms])")


def read_span(value: object) -> timedelta:
    """Return a span written as ``90m``, ``1h30m`` or ``14d``.

    Raises:
        PlaybookError: It is not one.
    """
    told = value.strip() if isinstance(value, str) else ""
    parts = _SPAN.findall(told)
    if not parts or _SPAN.sub("", told).strip():
        raise PlaybookError(f"{value!r} is not a span of time; write '90m', '1h30m' or '14d' (w, d, h, m, s)")
    return timedelta(seconds=sum(float(amount) * _UNITS[unit] for amount, unit in parts))


def show_span(span: timedelta) -> str:
    """Return a span as `read_span` reads it."""
    micros = int(span / timedelta(microseconds=1))
    whole, rest = divmod(micros, 1_000_000)
    told = ""
    for unit in "dhm":
        amount, whole = divmod(whole, _UNITS[unit])
        told += f"{amount}{unit}" if amount else ""
    seconds = f"{whole}.{rest:06}".rstrip("0").rstrip(".")
    return told + (f"{seconds}s" if seconds != "0" or not told else "")
