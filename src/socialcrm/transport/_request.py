"""From a `Call` to an HTTP request. Pure; nothing here sends anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit, urlunsplit

import attrs
import httpx

from socialcrm.connectors import Answer, Blob, Call, Fields
from socialcrm.errors import PluginError, RefusedError, SettingsError, StoreError

__all__ = ["build", "follow", "own", "place", "target"]

_CHUNK = 64 * 1024


def target(origin: str, call: Call) -> str:
    """Return the address that a call means: its path below the origin, or its absolute link with its own query kept.

    The link's query stays as it is, byte by byte, since it may be part of a signature; ``params`` are added behind it.

    Raises:
        PluginError: The path is neither absolute nor begins with ``/``, or there is no origin to join it to.
        SettingsError: It is no address.
    """
    link = call.path
    if not link.lower().startswith(("http://", "https://")):
        if not link.startswith("/") or not origin:
            raise PluginError(
                f"{place(call)}: a path begins with '/' and is joined to the connector's origin (now {origin!r}), or is a "
                "whole link; mend the connector"
            )
        link = origin.rstrip("/") + link
    try:
        parts = urlsplit(link)
        httpx.URL(link)
    except (ValueError, httpx.InvalidURL):
        raise SettingsError(f"{call.method} can't be made: the address can't be read; check the channel's address") from None
    query = "&".join(filter(None, [parts.query, _encode(call.params)]))
    # Credentials in a link (user:password@) would be sent as Basic by the HTTP client; only `sign` adds credentials.
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", query, ""))


def own(origin: str, url: str) -> bool:
    """Say whether an address is on the connector's own origin: scheme, host and port (RFC 6454)."""
    return bool(origin) and _origin(origin) == _origin(url)


def place(call: Call) -> str:
    """Return what people may see of a call: its method and its path, without query and user information."""
    parts = urlsplit(call.path)
    host = parts.netloc.rpartition("@")[2]
    return f"{call.method} {f'{parts.scheme}://{host}' if host else ''}{parts.path}"


def follow(call: Call, url: str, answer: Answer) -> Call | None:
    """Return the call that a redirect leads to; ``None`` where there is none to follow.

    Only GET and HEAD are followed. The new call is judged for signing by its own address, so nothing is signed elsewhere.

    Raises:
        RefusedError: It leads from https to http.
    """
    location = answer.headers.get("location")
    if answer.status not in (301, 302, 303, 307, 308) or not location or call.method not in ("GET", "HEAD"):
        return None
    link = urljoin(url, location)
    if not link.lower().startswith("https://" if url.startswith("https://") else ("http://", "https://")):
        raise RefusedError(f"{place(call)}: it redirects to an address without TLS; check the channel's address")
    return attrs.evolve(call, path=link, params={})


def build(client: httpx.Client | httpx.AsyncClient, url: str, call: Call) -> httpx.Request:
    """Return the request for an address and a call that may be signed."""
    content: Any = call.content
    headers = dict(call.headers)
    if isinstance(content, Blob):
        names = {name.lower() for name in headers}
        headers |= {"Content-Length": str(content.size)}
        headers |= {} if "content-type" in names else {"Content-Type": content.mime}
        content = _pieces(content) if isinstance(client, httpx.Client) else _apieces(content)
    files = {name: (blob.name, _BlobFile(blob.path, blob.size), blob.mime) for name, blob in call.files.items()}
    return client.build_request(
        call.method,
        url,
        content=content,
        data=None if call.form is None else _lists(call.form),
        files=files or None,  # type: ignore[arg-type]  # httpx only seeks and reads
        json=call.json,
        headers=headers,
        # Shorter for the connection, so that a call that runs out of time there is known not to have been sent.
        timeout=httpx.Timeout(call.timeout, connect=min(15, call.timeout / 3), pool=call.timeout / 3),
    )


def _origin(url: str) -> tuple[str, str, int | None]:
    # By the HTTP client's own reading: what is compared is what will be called.
    parts = httpx.URL(url)
    return parts.scheme, parts.host, parts.port


def _encode(fields: Fields) -> str:
    return urlencode(_lists(fields), doseq=True, quote_via=quote, safe="")


def _lists(fields: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: value if isinstance(value, str) or value is None else list(value) for name, value in fields.items()}
    return {name: value for name, value in lists.items() if value is not None}


class _BlobFile:
    """A file that is open only while a piece of it is read: a retry starts anew and an interrupted one leaks nothing."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size, self._at = path, size, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                piece = file.read(size)
        except OSError as error:
            raise StoreError(f"the file {self._path} can't be read ({error.strerror}); it was not sent") from error
        self._at += len(piece)
        return piece


def _pieces(blob: Blob) -> Iterator[bytes]:
    file = _BlobFile(blob.path, blob.size)
    while piece := file.read(_CHUNK):
        yield piece


async def _apieces(blob: Blob) -> AsyncIterator[bytes]:
    for piece in _pieces(blob):
        yield piece
