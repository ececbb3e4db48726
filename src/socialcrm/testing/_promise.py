"""How a broken promise is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NoReturn

__all__ = ["Broken", "broken", "check", "check_texts"]

_MOST = 5


class Broken(AssertionError):
    """A connector does not keep what the contract promises."""

    __module__ = "socialcrm.testing"


def broken(promise: str, usually: str, found: object = "") -> NoReturn:
    """Fail.

    Args:
        promise: What the contract promises.
        usually: How a connector usually breaks it.
        found: What was seen here.

    Raises:
        Broken: Always.
    """
    seen = f"\n  Seen here: {found}" if str(found) else ""
    raise Broken(f"\n  The contract promises: {promise}\n  A connector usually breaks it so: {usually}{seen}")


def check(kept: object, promise: str, usually: str, found: object = "") -> None:
    """Fail unless a promise is kept; arguments as `broken`."""
    if not kept:
        broken(promise, usually, found)


def check_texts(
    expected: Iterable[str], found: Counter[str], promise: str, usually: str, *, extra: Counter[str] | None = None
) -> None:
    """Fail unless what is held is what is there.

    Args:
        expected: The texts of what is there.
        found: Those of what is held.
        promise: What the contract promises.
        usually: How a connector usually breaks it.
        extra: What may be held besides.
    """
    wanted = Counter(expected)
    missing = list((wanted - found).elements())
    surplus = list((found - wanted - (extra or Counter())).elements())
    told = [f"{len(missing)} missing: {missing[:_MOST]}"] if missing else []
    told += [f"{len(surplus)} too many, or no longer so: {surplus[:_MOST]}"] if surplus else []
    check(not told, promise, usually, "; ".join(told))
