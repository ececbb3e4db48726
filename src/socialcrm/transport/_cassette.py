"""Records exchanges into a file and plays them back, in place of the network.

Invariant: no credential is written: fields, headers and literal values are redacted before the file exists. What is played
back is therefore matched on the redacted request.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from socialcrm.errors import ConflictError, SettingsError, StopError
from socialcrm.transport._redact import REDACTED, redact, sensitive

__all__ = ["Cassette"]

_VERSION = 1
# Differ from run to run, or describe a body that is kept decoded.
_DROPPED = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "host", "transfer-encoding", "user-agent"}
)


class Cassette(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An HTTP transport that plays a file, or records one; pass it to `open_client` or `open_async_client`.

    Playing, a request gets the first answer not yet played whose method, path and query (and body, if asked) are the same.

    Args:
        path: The file, JSON.
        record: Where to get the answers from, to write them down on ``close``; ``None`` plays the file.
        secrets: Returns the credentials in force, such as ``lambda: host.grant().values()``.
        match_body: Compare bodies too.
        replace: A recording may take the place of an older one.

    Raises:
        SettingsError: There is no such file to play, or it is no cassette.
        ConflictError: A recording would overwrite a file.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        record: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
        match_body: bool = False,
        replace: bool = False,
    ) -> None:
        self._path, self._record, self._match_body, self._replace = Path(path), record, match_body, replace
        self._look, self._known = secrets, set(secrets())
        self._lock = threading.Lock()
        self._taken: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._left: list[dict[str, Any]] = [] if record else self._load()
        if record:
            self._refuse_to_overwrite()

    @property
    def left(self) -> int:
        """How many recorded answers were not played yet."""
        return len(self._left)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a synchronous client."""
        request.read()
        if self._record is None:
            return self._play(request)
        if not isinstance(self._record, httpx.BaseTransport):
            raise SettingsError("this cassette records an asynchronous transport; use it with open_async_client")
        response = self._record.handle_request(request)
        try:
            response.read()
        finally:
            response.close()
        return self._take(request, response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an asynchronous client."""
        await request.aread()
        if self._record is None:
            return self._play(request)
        if not isinstance(self._record, httpx.AsyncBaseTransport):
            raise SettingsError("this cassette records a synchronous transport; use it with open_client")
        response = await self._record.handle_async_request(request)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return self._take(request, response)

    def close(self) -> None:
        """Write what was recorded."""
        if isinstance(self._record, httpx.BaseTransport):
            self._record.close()
        self._save()

    async def aclose(self) -> None:
        """Write what was recorded."""
        if isinstance(self._record, httpx.AsyncBaseTransport):
            await self._record.aclose()
        self._save()

    def _play(self, request: httpx.Request) -> httpx.Response:
        asked = self._clean_request(_request(request))
        with self._lock:
            for index, exchange in enumerate(self._left):
                if self._key(exchange["request"]) == self._key(asked):
                    return _response(self._left.pop(index)["response"])
        raise StopError(
            f"the cassette {self._path.name} has no answer left to {asked['method']} {asked['path']}"
            f"{'?' if asked['query'] else ''}{asked['query']}; record it again"
        )

    def _key(self, request: dict[str, Any]) -> tuple[Any, ...]:
        query = tuple(parse_qsl(request["query"], keep_blank_values=True))
        return request["method"], request["path"], query, request["body"] if self._match_body else None

    def _take(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        headers = [[name, value] for name, value in _headers(response.headers)]
        kept = {"status": response.status_code, "headers": headers, "body": response.content}
        with self._lock:
            self._known |= set(self._look())
            self._taken.append((_request(request), kept))
        return httpx.Response(response.status_code, headers=_headers(response.headers), content=response.content)

    def _save(self) -> None:
        with self._lock:
            taken, self._taken = self._taken, []
        if not taken:
            return
        self._known |= set(self._look())
        self._refuse_to_overwrite()
        exchanges = [{"request": self._clean_request(asked), "response": self._clean_response(got)} for asked, got in taken]
        text = json.dumps({"version": _VERSION, "exchanges": exchanges}, indent=2, sort_keys=True, ensure_ascii=False)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.part")
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(self._path)

    def _refuse_to_overwrite(self) -> None:
        if self._path.exists() and not self._replace:
            raise ConflictError(f"the cassette {self._path} exists; delete it, or record with replace=True")

    def _load(self) -> list[dict[str, Any]]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            exchanges = content["exchanges"] if content["version"] == _VERSION else None
        except FileNotFoundError:
            raise SettingsError(f"there is no cassette {self._path}; record it first, with record=...") from None
        except (ValueError, KeyError, TypeError):
            exchanges = None
        if not isinstance(exchanges, list):
            raise SettingsError(f"{self._path} is no cassette of version {_VERSION}; record it again")
        return exchanges

    def _clean_request(self, asked: dict[str, Any]) -> dict[str, Any]:
        form = asked["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded")
        body = self._fields(asked["body"].decode("utf-8", "replace")).encode() if form else asked["body"]
        return {
            "method": asked["method"],
            "host": asked["host"],
            "path": redact(asked["path"], self._known),
            "query": self._fields(asked["query"]),
            "headers": redact(asked["headers"], self._known),
            "body": self._body(body),
        }

    def _clean_response(self, got: dict[str, Any]) -> dict[str, Any]:
        headers = [[name, redact({name: value}, self._known)[name]] for name, value in got["headers"]]
        return {"status": got["status"], "headers": headers, "body": self._body(got["body"])}

    def _fields(self, query: str) -> str:
        fields = parse_qsl(query, keep_blank_values=True)
        return urlencode([(name, REDACTED if sensitive(name) else redact(value, self._known)) for name, value in fields])

    def _body(self, body: bytes) -> dict[str, str]:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(redact(body, self._known)).decode()}
        try:
            value = json.loads(text)
        except ValueError:
            return {"text": redact(text, self._known)}
        clean = redact(value, self._known)
        return {"text": text if clean == value else json.dumps(clean, ensure_ascii=False)}


def _request(request: httpx.Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "host": request.url.host,
        "path": request.url.path,
        "query": request.url.query.decode("ascii"),
        "headers": dict(_headers(request.headers)),
        "body": request.content,
    }


def _response(kept: dict[str, Any]) -> httpx.Response:
    body = kept["body"]
    content = base64.b64decode(body["base64"]) if "base64" in body else body["text"].encode()
    return httpx.Response(kept["status"], headers=[(name, value) for name, value in kept["headers"]], content=content)


def _headers(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.multi_items() if name.lower() not in _DROPPED]
