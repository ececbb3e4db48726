"""Group patterns (wildmats, RFC 3977, section 4): ``acme.*,!acme.test``; the last pattern that fits decides."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["matches", "plain_names"]


def matches(patterns: Sequence[str], name: str) -> bool:
    """Say whether a group is meant."""
    for pattern in reversed(patterns):
        if _compiled(pattern.removeprefix("!")).match(name):
            return not pattern.startswith("!")
    return False


def plain_names(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns if they are names of groups, and nothing if one of them has to be looked up."""
    return () if any(set(pattern) & set("*?!") for pattern in patterns) else tuple(dict.fromkeys(patterns))


def _compiled(pattern: str) -> re.Pattern[str]:
    pieces = {"*": ".*", "?": "."}
    return re.compile("".join(pieces.get(one, re.escape(one)) for one in re.sub(r"\*+", "*", pattern)) + r"\Z", re.DOTALL)
