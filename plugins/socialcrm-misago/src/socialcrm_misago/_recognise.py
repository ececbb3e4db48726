"""Whether a web address is a Misago forum that shows its threads to guests."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from socialcrm.connectors import Answer
from socialcrm.connectors.sites import read_site

__all__ = ["recognise"]

_HOME = re.compile(rb'"MISAGO_PATH":\s*"(/[^"\\\s?#]{0,200})"')


def recognise(url: str, page: Answer | None) -> dict[str, str] | None:
    """Return the settings that read the forum as a guest; ``None`` if it is none.

    The signs: each page has an element ``misago-container``, and tells its scripts where the forum begins (``MISAGO_PATH``).
    """
    if page is None or page.status >= 400 or "misago-container" not in read_site(page).ids:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        return None
    home = _HOME.search(page.content)
    folder = home[1].decode("utf-8", "replace").rstrip("/") if home else ""
    return {"server": f"{parts.scheme}://{parts.netloc}{folder}"}
