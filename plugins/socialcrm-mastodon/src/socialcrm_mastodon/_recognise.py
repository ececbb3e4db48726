"""Whether an address is a hashtag's page on a Mastodon server: that is what can be read without an account."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from socialcrm.connectors import Answer
from socialcrm.connectors.sites import read_site

__all__ = ["recognise"]

_TAG = re.compile(r"^/tags?/([^/]+)/?$")


def recognise(url: str, page: Answer | None) -> dict[str, str] | None:
    """Return the settings that follow the hashtag; ``None`` if the page is none of Mastodon's, or of no hashtag."""
    if page is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    tag = _TAG.match(parts.path)
    ours = "mastodon" in page.headers.get("server", "").lower()
    if tag is None or not (ours or _says_so(page)):
        return None
    return {"server": f"{parts.scheme}://{parts.netloc}", "hashtags": unquote(tag.group(1))}


def _says_so(page: Answer) -> bool:
    site = read_site(page)
    return "mastodon" in site.ids or site.generator.lower().startswith("mastodon")
