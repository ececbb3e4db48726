"""Whether a page belongs to a list's archive."""

from __future__ import annotations

import re

from socialcrm.connectors import Answer
from socialcrm_mailinglist._pipermail import is_index
from socialcrm_mailinglist._place import locate

__all__ = ["recognise"]

_ENOUGH = 500_000
_HYPERKITTY = re.compile(rb"hyperkitty", re.IGNORECASE)
_PIPERMAIL = re.compile(
    rb"<!--beginarticle-->|by Pipermail \d|Pipermail \d[^<]*\(Mailman edition\)|archives are\s+currently empty", re.IGNORECASE
)


def recognise(url: str, page: Answer | None) -> dict[str, str] | None:
    """Return the settings that read a list's archive as a visitor; ``None`` if it is none, or that can't be told.

    HyperKitty's pages lie below ``/list/NAME@HOST/`` and name the software and its files; Pipermail's index links the text
    files of its months, its other pages end with its name.
    """
    place = locate(url)
    if page is None or page.status >= 400 or place is None:
        return None
    content = page.content[:_ENOUGH]
    if place.software == "hyperkitty":
        return {"archive": f"{place.origin}{place.root}/list/{place.list}/"} if _HYPERKITTY.search(content) else None
    if not is_index(content) and not _PIPERMAIL.search(content):
        return None
    return {"archive": f"{place.origin}{place.root}/"}
