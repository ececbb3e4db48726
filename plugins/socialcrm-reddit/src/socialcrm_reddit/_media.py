"""Pictures, videos, galleries and polls of a post. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.types import Attachment
from socialcrm_reddit._fields import mapping, rows, text_of

__all__ = ["attachments", "choices"]

_MIMES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "mp4": "video/mp4", "webm": "video/webm",
}  # fmt: skip


def choices(data: Mapping[str, Any]) -> list[str]:
    """Return the choices of a poll as lines; how many voted stays in the raw element."""
    options = (text_of(option, "text") for option in rows(mapping(data.get("poll_data")).get("options")))
    return [f"- {option}" for option in options if option]


def attachments(data: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return what a post shows: its gallery in order, its video, or the picture that it links to."""
    return tuple(_gallery(data)) or tuple(_single(data))


def _gallery(data: Mapping[str, Any]) -> Iterator[Attachment]:
    known = mapping(data.get("media_metadata"))
    order = [item for item in rows(mapping(data.get("gallery_data")).get("items")) if text_of(item, "media_id")]
    for item in order or [{"media_id": key} for key in known]:
        media = mapping(known.get(text_of(item, "media_id")))
        source = mapping(media.get("s"))
        url = text_of(source, "u") or text_of(source, "gif") or text_of(source, "mp4") or text_of(media, "hlsUrl")
        if url:
            mime = text_of(media, "m") or _mime(url)
            yield Attachment(url=url, mime=mime, name=_name(url), description=text_of(item, "caption"))


def _single(data: Mapping[str, Any]) -> Iterator[Attachment]:
    for key in ("secure_media", "media"):
        video = text_of(mapping(mapping(data.get(key)).get("reddit_video")), "fallback_url")
        if video:
            yield Attachment(url=video, mime="video/mp4", name=_name(video))
            return
    url = text_of(data, "url_overridden_by_dest") or text_of(data, "url")
    if url and data.get("is_self") is not True and _mime(url).startswith("image/"):
        yield Attachment(url=url, mime=_mime(url), name=_name(url))


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _mime(url: str) -> str:
    return _MIMES.get(_name(url).rpartition(".")[2].lower(), "application/octet-stream")
