"""Whether a web address is a NodeBB forum that shows its posts to visitors."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from socialcrm.connectors import Answer

__all__ = ["recognise"]

_INSIDE = re.compile(r"(?:/topic/|/category/|/user/|/recent).*")
"""What follows the forum's own folder in the address of one of its pages."""


def recognise(url: str, page: Answer | None) -> dict[str, str] | None:
    """Return the settings that read the forum as a visitor; ``None`` if it is none.

    The sign: NodeBB names itself in the header ``X-Powered-By``.
    """
    if page is None or page.status >= 400 or not page.headers.get("x-powered-by", "").lower().startswith("nodebb"):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        return None
    return {"server": f"{parts.scheme}://{parts.netloc}{_INSIDE.sub('', parts.path).rstrip('/')}"}
