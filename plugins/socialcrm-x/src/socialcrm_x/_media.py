"""Uploading files for posts and messages ("Media upload", "Chunked Media Upload", "Best practices")."""

from __future__ import annotations

from collections.abc import Sequence

from socialcrm.connectors import Batch, Blob, Call, Cursor, Flow
from socialcrm.errors import PayloadError, UnsupportedError
from socialcrm_x._fields import mapping, part, required

__all__ = ["check", "upload"]

_IMAGE = 5 * 1024 * 1024
"""The largest image ("Best practices": 5 MB)."""

_SEGMENT = 5 * 1024 * 1024
"""The most that one segment of an upload is given: a flow reads no files, so a longer film can't be cut."""

_IMAGES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/pjpeg")


def check(media: Sequence[Blob], *, private: bool) -> None:
    """Refuse what X would refuse, before anything is sent.

    Raises:
        UnsupportedError: Too many, too large or of another kind.
    """
    moving = [blob for blob in media if blob.mime not in _IMAGES]
    if private and len(media) > 1:
        raise UnsupportedError(f"x: a direct message takes one file, got {len(media)}; send them one by one")
    if moving and len(media) > 1:
        raise UnsupportedError("x: a film or an animated image stands alone in a post; send it by itself")
    for blob in media:
        if blob.mime != "image/gif" and blob.mime not in _IMAGES and not blob.mime.startswith("video/"):
            raise UnsupportedError(f"x: {blob.name} is {blob.mime}; X takes images and films")
        most = _IMAGE if blob.mime in _IMAGES else _SEGMENT
        if blob.size > most:
            raise UnsupportedError(f"x: {blob.name} has {blob.size} bytes, at most {most} can be sent; make it smaller")


def upload(media: Sequence[Blob], cursor: Cursor, *, private: bool) -> Flow[list[str]]:
    """Upload what an earlier attempt did not, and return the media ids.

    Raises:
        RefusedError: X can't process a file.
    """
    ids = []
    for place, blob in enumerate(media):
        row = f"media:{place}"
        key = cursor.get(row)
        if key is None:
            key = yield from (_image(blob, private) if blob.mime in _IMAGES else _film(blob, private))
            yield from Batch([], {row: key})
        ids.append(key)
    return ids


def _image(blob: Blob, private: bool) -> Flow[str]:
    # What nobody attaches expires, so that uploading it once more does no harm: all calls here are repeatable.
    form = {"media_category": "dm_image" if private else "tweet_image"}
    answer = yield from Call(
        "POST", "/2/media/upload", form=form, files={"media": blob}, bucket="media", timeout=300, repeatable=True
    )
    return _id(answer.json(dict))


def _film(blob: Blob, private: bool) -> Flow[str]:
    kind = ("dm" if private else "tweet") + ("_gif" if blob.mime == "image/gif" else "_video")
    begin = {"media_type": blob.mime, "total_bytes": blob.size, "media_category": kind}
    answer = yield from Call("POST", "/2/media/upload/initialize", json=begin, bucket="media", repeatable=True)
    key = _id(answer.json(dict))
    yield from Call(
        "POST", f"/2/media/upload/{part(key)}/append", form={"segment_index": "0"}, files={"media": blob},
        bucket="media-append", timeout=600, repeatable=True,
    )  # fmt: skip
    answer = yield from Call("POST", f"/2/media/upload/{part(key)}/finalize", bucket="media", repeatable=True)
    if mapping(answer.json(dict).get("data")).get("processing_info"):
        yield from Call("GET", "/2/media/upload", params={"media_id": key, "command": "STATUS"}, bucket="media-status")
    return key


def _id(body: object) -> str:
    try:
        return required(mapping(body).get("data"), "id")
    except PayloadError:
        raise PayloadError("x: the upload answered no media id; check that the address is X's API") from None
