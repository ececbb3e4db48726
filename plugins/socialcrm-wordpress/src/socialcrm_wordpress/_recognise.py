"""Whether a page is a WordPress site's (REST API Handbook: "Discovery")."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from socialcrm.connectors import Answer
from socialcrm.connectors.sites import read_site

__all__ = ["recognise"]

_API = "https://api.w.org/"
_HEADER = re.compile(r'<([^<>]+)>\s*;[^,]*rel="?https://api\.w\.org/"?')


def recognise(page: Answer | None) -> dict[str, str] | None:
    """Return the settings that read the site as a visitor; ``None`` if it does not say where its API is.

    A site says so in a ``Link`` header and in a link element, both with the relation ``https://api.w.org/``.
    """
    if page is None:
        return None
    header = _HEADER.search(page.headers.get("link", ""))
    root = header.group(1) if header is not None else read_site(page).links.get(_API, "")
    try:
        parts = urlsplit(root)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    site, _, last = parts.path.rstrip("/").rpartition("/")
    plain = parts.query.startswith("rest_route=")
    rest_root = "/?rest_route=/" if plain else f"/{last}/"
    return {"server": f"{parts.scheme}://{parts.netloc}{site}", "rest_root": rest_root}
