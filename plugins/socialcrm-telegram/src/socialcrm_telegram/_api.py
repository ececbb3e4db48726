"""Calls of the Bot API: JSON by POST, and the token that belongs into the path ("Making requests": ``/bot<token>/METHOD``).

Invariant: no flow, error, log line or cassette ever holds the token. Flows name a method only (``/getMe``); `sign` alone makes
the real path of it, after everything that is shown to people was made.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from attrs import evolve

from socialcrm.connectors import Blob, Call, Flow

__all__ = ["ask", "bucket_of", "photo", "sign", "tell", "upload"]

FILES = "/file/"
_PHOTO = 10 * 1024 * 1024
"""Bytes of the largest picture that is taken as one ("sendPhoto")."""


def ask(method: str, fields: Mapping[str, Any] = MappingProxyType({}), *, timeout: float = 30) -> Flow[Any]:
    """Call a method that only reads, or that may be repeated, and return its result."""
    answer = yield from Call("POST", f"/{method}", json=dict(fields), bucket=method, timeout=timeout, repeatable=True)
    return answer.json(dict).get("result")


def tell(method: str, chat: int, fields: Mapping[str, Any], *, repeatable: bool = False) -> Flow[Any]:
    """Call a method that changes something in a chat, and return its result."""
    answer = yield from Call("POST", f"/{method}", json=dict(fields), bucket=bucket_of(chat), repeatable=repeatable)
    return answer.json(dict).get("result")


def upload(method: str, chat: int, fields: Mapping[str, str], files: Mapping[str, Blob]) -> Flow[Any]:
    """Send a file along ("Sending files": multipart)."""
    answer = yield from Call("POST", f"/{method}", form=fields, files=files, bucket=bucket_of(chat), timeout=300)
    return answer.json(dict).get("result")


def bucket_of(chat: int) -> str:
    """Return the rate budget of a chat."""
    return f"chat {chat}"


def photo(blob: Blob) -> bool:
    """Tell whether a file is sent as a picture, which everybody sees at once, or as a document."""
    mime = blob.mime if blob.mime != "application/octet-stream" else mimetypes.guess_type(blob.name)[0]
    return mime in ("image/jpeg", "image/png", "image/webp") and blob.size <= _PHOTO


def sign(call: Call, token: str) -> Call:
    """Return the call with the token in its path; a link to elsewhere stays as it is."""
    if not token or not call.path.startswith("/"):
        return call
    key = quote(token, safe=":")
    if call.path.startswith(FILES):
        return evolve(call, path=f"/file/bot{key}/{call.path.removeprefix(FILES)}")
    return evolve(call, path=f"/bot{key}{call.path}")
