"""What is embedded in a post: pictures, videos, link cards, quoted posts (lexicons ``app.bsky.embed.*``).

A view shows an embed with its addresses; the record holds the same one with references to files only. Views come with
posts, records alone with notifications and archives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.types import Attachment
from socialcrm_bluesky._fields import kind_of, mapping, rows, text_of
from socialcrm_bluesky._ids import address
from socialcrm_bluesky._text import readable

__all__ = ["attachments", "cards", "quote"]


def quote(view: Any, record: Any) -> tuple[str, dict[str, Any]]:
    """Return a quoted post's text, and what we keep of the link.

    Args:
        view: The embed's view; empty where there is none.
        record: The embed in the record.
    """
    shown, told = mapping(mapping(view).get("record")), mapping(mapping(record).get("record"))
    # With media, the quote is one level deeper (lexicon ``app.bsky.embed.recordWithMedia``).
    shown, told = mapping(shown.get("record")) or shown, mapping(told.get("record")) or told
    uri = text_of(shown, "uri") or text_of(told, "uri")
    if not uri:
        return "", {}
    value = mapping(shown.get("value"))
    text = readable(text_of(value, "text"), value.get("facets"))
    state = {"viewNotFound": "not found", "viewBlocked": "blocked", "viewDetached": "detached"}.get(kind_of(shown), "")
    where = address(uri)
    author = text_of(mapping(shown.get("author")), "did") or (where.authority if where is not None else "")
    return text, {"quote": {"uri": uri, "author": author, **({"state": state} if state else {})}}


def cards(text: str, view: Any, record: Any) -> Iterator[str]:
    """Yield the link card of a post as title and address, where its text does not hold the address already."""
    for embed in (mapping(view), mapping(record)):
        card = mapping(embed.get("external")) or mapping(mapping(embed.get("media")).get("external"))
        uri = text_of(card, "uri")
        if uri:
            if uri not in text:
                yield f"{text_of(card, 'title')}\n{uri}".strip()
            return


def attachments(view: Any, record: Any, did: str, server: str) -> Iterator[Attachment]:
    """Yield pictures and videos: where the view says, else where the author's server keeps them.

    Args:
        view: The embed's view; empty where there is none.
        record: The embed in the record.
        did: Whose files they are.
        server: The author's server, which serves files by ``com.atproto.sync.getBlob``; empty where it is not known.
    """
    shown = [_shown(item) for item in _media(view)]
    kept = list(_media(record))
    for number in range(max(len(shown), len(kept))):
        item = kept[number] if number < len(kept) else {}
        blob = mapping(item.get("image")) or mapping(item.get("video"))
        url = shown[number][0] if number < len(shown) else _served(blob, did, server)
        if url:
            alt = shown[number][1] if number < len(shown) else text_of(item, "alt")
            size = blob.get("size")
            yield Attachment(
                url=url,
                mime=text_of(blob, "mimeType") or "application/octet-stream",
                size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
                description=alt or text_of(item, "alt"),
            )


def _media(embed: Any) -> Iterator[Mapping[str, Any]]:
    body = mapping(embed)
    body = mapping(body.get("media")) or body
    yield from (mapping(item) for item in [*rows(body.get("images")), *rows(body.get("items"))])
    if body.get("video") or body.get("playlist"):
        yield body


def _shown(item: Mapping[str, Any]) -> tuple[str, str]:
    return text_of(item, "fullsize") or text_of(item, "playlist") or text_of(item, "thumb"), text_of(item, "alt")


def _served(blob: Mapping[str, Any], did: str, server: str) -> str:
    """A file's address by its content (lexicon ``com.atproto.sync.getBlob``)."""
    ref = blob.get("ref")
    cid = text_of(ref, "$link") or (ref if isinstance(ref, str) else "") or text_of(blob, "cid")
    return f"{server}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}" if cid and server else ""
