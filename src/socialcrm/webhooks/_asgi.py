"""An ASGI application (ASGI specification 3.0, HTTP and lifespan): ``/{channel}`` takes that channel's webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from socialcrm.errors import SocialCRMError
from socialcrm.webhooks._door import Door, Source
from socialcrm.webhooks._receive import LIMIT, Reply, plain, receive

__all__ = ["asgi"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

_log = logging.getLogger("socialcrm.webhooks")


def asgi(source: Source, *, origin: str = "", limit: int = LIMIT) -> App:
    """Return an application to serve by itself (uvicorn, hypercorn on asyncio) or to mount in Starlette, FastAPI or Django.

    Args:
        source: A database's address, a `CRM`, or a callable that opens one. What it opens is closed with the server.
        origin: Scheme and host as platforms call us (``https://hooks.example.com``), where a proxy hides them.
        limit: Bytes of the largest body to take.

    Example:
        >>> app = asgi("sqlite:///acme.db")  # uvicorn module:app
    """
    door = Door(source, origin, limit)

    async def app(scope: Message, take: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(door, take, send)
        elif scope["type"] == "http":
            reply = await _answer(door, scope, take)
            if reply is not None:
                await _send(reply, send)
        else:
            raise ValueError(f"webhooks come by HTTP, not by {scope['type']}")

    return app


async def _live(door: Door, take: Receive, send: Send) -> None:
    while True:
        message = await take()
        if message["type"] == "lifespan.startup":
            try:
                await asyncio.to_thread(door.crm)
            except SocialCRMError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
        else:
            await asyncio.to_thread(door.close)
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _answer(door: Door, scope: Message, take: Receive) -> Reply | None:
    """Return the answer; nothing where the client went away before its request was whole."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    channel = door.channel(path.removeprefix(root) if path.startswith(root + "/") else path)
    if not channel:
        return plain(404)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    if _declared(headers) > door.limit:
        return plain(413)
    parts, size, more = [], 0, True
    while more:
        message = await take()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > door.limit:
            return plain(413)

    def work() -> Reply:
        try:
            crm = door.crm()
        except SocialCRMError as error:
            _log.error("a webhook request came, and the workspace can't be opened: %s", error)
            return plain(503)
        method, url, body = scope["method"], _url(door, scope, headers), b"".join(parts)
        return receive(crm, channel, method=method, url=url, headers=headers, body=body, limit=door.limit)

    return await asyncio.to_thread(work)


def _url(door: Door, scope: Message, headers: Iterable[tuple[str, str]]) -> str:
    host = next((value for name, value in headers if name.lower() == "host"), "localhost")
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string", b"")
    target = (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")
    return door.url(scope.get("scheme", "http"), host, target)


def _declared(headers: Iterable[tuple[str, str]]) -> int:
    told = next((value for name, value in headers if name.lower() == "content-length"), "0")
    return int(told) if told.isascii() and told.isdigit() else 0


async def _send(reply: Reply, send: Send) -> None:
    listed = {**reply.headers, "content-length": str(len(reply.body))}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in listed.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
