"""Files, shares, stories and places in a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.types import Attachment
from socialcrm_meta._values import ident, mapping, rows, text

__all__ = ["attached", "filed"]

_UNKNOWN = "application/octet-stream"


def attached(value: object) -> tuple[tuple[Attachment, ...], dict[str, Any], str]:
    """Read the attachments of a webhook's message (Messenger Platform: messages webhook; Instagram: the same).

    Returns:
        The files; what the message is besides (a story mention, a shared post, a template); words for what is no file.
    """
    files: list[Attachment] = []
    extra: dict[str, Any] = {}
    words: list[str] = []
    for one in rows(value):
        kind, payload = text(one.get("type")) or "file", mapping(one.get("payload"))
        url = text(payload.get("url")) or text(one.get("url")) or text(one.get("URL"))
        title = text(payload.get("title")) or text(one.get("title"))
        if url:
            files.append(Attachment(url=url, name=title, description=kind))
        place = mapping(payload.get("coordinates"))
        if place:
            words.append(f"{ident(place.get('lat')) or place.get('lat')}, {ident(place.get('long')) or place.get('long')}")
        elif title and not url:
            words.append(title)
        if kind == "story_mention":
            extra["story_mention"] = True
        if kind not in ("image", "video", "audio", "file"):
            extra.setdefault("attached", []).append(kind)
    return tuple(files), extra, "\n".join(words)


def filed(row: Mapping[str, Any]) -> tuple[tuple[Attachment, ...], dict[str, Any]]:
    """Read the attachments, shares and story of a message as the Conversations API tells it (Graph API: Message)."""
    files = [_filed(one) for one in rows(row.get("attachments"))]
    files += [
        Attachment(url=text(one.get("link")), name=text(one.get("name")), description=text(one.get("description")))
        for one in rows(row.get("shares"))
    ]
    extra: dict[str, Any] = {}
    sticker = text(row.get("sticker"))
    if sticker:
        files.append(Attachment(url=sticker, description="sticker"))
    story = mapping(row.get("story"))
    for name, told in (("mention", "story_mention"), ("reply_to", "story_reply")):
        part = mapping(story.get(name))
        if part:
            extra[told] = ident(part.get("id")) or True
            files.append(Attachment(url=text(part.get("link")), description=told))
    return tuple(one for one in files if one.url), extra


def _filed(one: Mapping[str, Any]) -> Attachment:
    data = [mapping(one.get(name)) for name in ("image_data", "video_data")]
    url = next((text(part.get("url")) for part in data if text(part.get("url"))), "") or text(one.get("file_url"))
    size = one.get("size")
    return Attachment(
        url=url,
        mime=text(one.get("mime_type")) or _UNKNOWN,
        name=text(one.get("name")),
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
    )
