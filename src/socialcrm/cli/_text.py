"""What customers wrote, made safe for a terminal.

Invariant: nothing that came from outside can move the cursor, colour the screen, change the direction of what follows or
pass for our own layout.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

__all__ = ["clean", "one_line", "span", "when"]

_JOINERS = "\u200c\u200d"
_HIDDEN = {"Cc": "\ufffd", "Cs": "\ufffd", "Zl": " ", "Zp": " ", "Cf": ""}


def clean(text: str, *, lines: bool = False) -> str:
    """Return a text without control characters, escape sequences' beginnings, direction marks and lone surrogates.

    Joiners stay: emoji and several scripts are written with them.

    Args:
        text: Anything.
        lines: Keep line ends and make tabs spaces; otherwise they become spaces, so that it stays one line.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return "".join(_shown(char, lines=lines) for char in text)


def _shown(char: str, *, lines: bool) -> str:
    if char == "\n":
        return char if lines else " "
    if char in _JOINERS:
        return char
    return _HIDDEN.get(unicodedata.category(char), char)


def one_line(text: str) -> str:
    """Return a text in one line, runs of white space as one space."""
    return " ".join(clean(text).split())


def when(at: datetime, now: datetime | None = None) -> str:
    """Return a time for people: ``Tue 6 Oct 16:20``, with the year unless it is within half a year of ``now``."""
    near = now is not None and abs(now - at) < timedelta(days=180)
    return f"{at:%a} {at.day} {at:%b %H:%M}" if near else f"{at:%a} {at.day} {at:%b %Y %H:%M}"


def span(length: timedelta) -> str:
    """Return a length of time for people: ``12 min``, ``5 h``, ``3 days``."""
    minutes = max(int(length.total_seconds()), 0) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
