"""Short ids for people, made from the integer keys: ``c3`` is case 3."""

from __future__ import annotations

from socialcrm.errors import NotFound

__all__ = ["PREFIXES", "number", "ref"]

PREFIXES = {"case": "c", "customer": "u", "identity": "p", "interaction": "i", "conversation": "t", "reply": "o"}
"""The letter of each kind of record."""


def ref(kind: str, key: int | None) -> str:
    """Return the short id of a key; empty for none."""
    return f"{PREFIXES[kind]}{key}" if key is not None else ""


def number(kind: str, short: str) -> int:
    """Return the key of a short id.

    Raises:
        NotFound: It is not the short id of such a record.
    """
    prefix = PREFIXES[kind]
    digits = short.removeprefix(prefix)
    if short.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 18:
        return int(digits)
    raise NotFound(f"{short!r} is no {kind}; a {kind}'s id looks like {prefix}12")
