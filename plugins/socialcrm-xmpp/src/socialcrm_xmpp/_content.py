"""What a message says: its text without fallbacks, its files. Pure."""

from __future__ import annotations

import mimetypes
from urllib.parse import unquote, urlsplit

from socialcrm.types import Attachment
from socialcrm_xmpp._names import CLIENT, FALLBACK, OOB, REPLY, q
from socialcrm_xmpp._xml import Element

__all__ = ["attachments_of", "text_of"]


def text_of(message: Element) -> tuple[str, str]:
    """Return the text, and what was quoted in it for clients that can't show replies (XEP-0461, XEP-0428)."""
    body = message.findtext(q(CLIENT, "body")) or ""
    for fallback in message.iterfind(q(FALLBACK, "fallback")):
        if fallback.get("for") != REPLY:
            continue
        spans = [_span(part, len(body)) for part in fallback.iterfind(q(FALLBACK, "body"))]
        for start, end in spans[:1]:
            return (body[:start] + body[end:]).strip(), body[start:end].strip()
    return body, ""


def attachments_of(message: Element) -> tuple[Attachment, ...]:
    """Return the files that were sent as links (XEP-0066)."""
    found = []
    for one in message.iterfind(q(OOB, "x")):
        url = (one.findtext(q(OOB, "url")) or "").strip()
        if not url.lower().startswith(("https://", "http://", "aesgcm://")):
            continue
        name = _name(url)
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        found.append(Attachment(url=url, name=name, mime=mime, description=one.findtext(q(OOB, "desc")) or ""))
    return tuple(found)


def _name(url: str) -> str:
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _span(part: Element, size: int) -> tuple[int, int]:
    start, end = part.get("start", "0"), part.get("end", str(size))
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit() and len(start + end) < 20):
        return 0, 0
    return min(int(start), size), max(min(int(end), size), min(int(start), size))
