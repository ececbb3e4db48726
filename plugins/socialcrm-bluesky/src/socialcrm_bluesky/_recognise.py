"""Which pages of Bluesky's own app can be read without an account: a profile, a hashtag, a search."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

from socialcrm_bluesky._ids import is_did, is_handle

__all__ = ["recognise"]

_APP = ("bsky.app", "www.bsky.app")


def recognise(url: str) -> dict[str, list[str]] | None:
    """Return the settings that read what a page of the app shows; the address alone tells."""
    try:
        parts = urlsplit(url)
        home = parts.hostname in _APP
    except ValueError:
        return None
    words = [unquote(word) for word in parts.path.split("/") if word]
    if not home or not words:
        return None
    if words[0] == "profile" and len(words) > 1 and (is_handle(words[1].lower()) or is_did(words[1])):
        return {"profiles": [words[1]]}
    if words[0] == "hashtag" and len(words) > 1:
        return {"search": [f"#{words[1]}"]}
    asked = parse_qs(parts.query).get("q", [""])[0].strip()
    return {"search": [asked]} if words[0] == "search" and asked else None
