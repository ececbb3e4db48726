"""Plain text from bodies, and how long a text of ours may be."""

from __future__ import annotations

import json
import re

from socialcrm.connectors import TextLimit, Unit

__all__ = ["LIMIT", "unquote", "weigh"]

_FALLBACK = re.compile(r"\A((?:> ?(?:\* )?<@[^\n]*)(?:\n>[^\n]*)*)\n\n?")
"""How clients quoted what they answer before version 1.13: "Rich replies", fallbacks for rich replies."""


def unquote(body: str) -> tuple[str, str]:
    """Split the quotation that older clients put before a reply off.

    Returns:
        The reply, and the quoted text without its marks; the latter empty where there is none.
    """
    found = _FALLBACK.match(body)
    if found is None:
        return body, ""
    quoted = "\n".join(line.removeprefix(">").removeprefix(" ") for line in found.group(1).split("\n"))
    return body[found.end() :], quoted


def weigh(text: str) -> int:
    """Return a text's bytes as an event holds it: escaped for JSON, the rest UTF-8 ("Canonical JSON")."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")) - 2


LIMIT = TextLimit(32_000, Unit.WEIGHTED, weigh)
"""An event may hold 65,536 bytes with everything that the server adds ("Size limits"); half of it is for the text."""
