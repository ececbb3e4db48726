"""A WSGI application (PEP 3333): ``/{channel}`` takes that channel's webhooks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from socialcrm.errors import SocialCRMError
from socialcrm.webhooks._door import Door, Source
from socialcrm.webhooks._receive import LIMIT, Reply, plain, receive

__all__ = ["wsgi"]

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_log = logging.getLogger("socialcrm.webhooks")


def wsgi(source: Source, *, origin: str = "", limit: int = LIMIT) -> App:
    """Return an application to serve by itself (gunicorn, waitress, mod_wsgi) or to mount in Flask or Django.

    Args:
        source: A database's address, a `CRM`, or a callable that opens one.
        origin: Scheme and host as platforms call us (``https://hooks.example.com``), where a proxy hides them.
        limit: Bytes of the largest body to take.

    Example:
        >>> app = wsgi("sqlite:///acme.db")  # gunicorn module:app
    """
    door = Door(source, origin, limit)

    def app(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        reply = _answer(door, environ)
        listed = {**reply.headers, "content-length": str(len(reply.body))}
        start(f"{reply.status} {_phrase(reply.status)}", list(listed.items()))
        return [reply.body]

    return app


def _answer(door: Door, environ: Environ) -> Reply:
    # PEP 3333: the environment holds bytes as if they were Latin-1.
    channel = door.channel(environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"))
    if not channel:
        return plain(404)
    told = environ.get("CONTENT_LENGTH") or "0"
    size = int(told) if told.isascii() and told.isdigit() else 0
    if size > door.limit:
        return plain(413)
    body: bytes = environ["wsgi.input"].read(size)
    if len(body) < size:
        return plain(400)
    try:
        crm = door.crm()
    except SocialCRMError as error:
        _log.error("a webhook request came, and the workspace can't be opened: %s", error)
        return plain(503)
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    method, url = environ["REQUEST_METHOD"], _url(door, environ)
    return receive(crm, channel, method=method, url=url, headers=headers, body=body, limit=door.limit)


def _url(door: Door, environ: Environ) -> str:
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    path = quote(environ.get("SCRIPT_NAME", "").encode("latin-1") + environ.get("PATH_INFO", "").encode("latin-1"))
    query = environ.get("QUERY_STRING", "")
    return door.url(environ["wsgi.url_scheme"], host, path + (f"?{query}" if query else ""))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
