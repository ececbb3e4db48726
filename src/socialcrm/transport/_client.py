"""HTTP clients with safe defaults: verified TLS from 1.2, time-outs, no cookies, no redirects of their own."""

from __future__ import annotations

import contextvars
import functools
import logging
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

__all__ = ["OURS", "open_async_client", "open_client", "open_ssl_context", "shared_ssl_context"]

OURS: contextvars.ContextVar[bool] = contextvars.ContextVar("socialcrm_transport_exchange", default=False)
"""Set while a driver makes an exchange."""


class _Quiet(logging.Filter):
    """Drops what the HTTP client itself logs of our exchanges: whole addresses and headers, which may hold credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not OURS.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_Quiet())


def open_ssl_context() -> ssl.SSLContext:
    """Return a TLS context: certificates and host names verified, TLS 1.2 or newer (RFC 9325), system authorities too."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """Return the one that is used where none is given: reading all authorities takes some 30 ms."""
    return open_ssl_context()


def open_client(
    *,
    ssl_context: ssl.SSLContext | None = None,
    transport: httpx.BaseTransport | None = None,
    timeout: float = 30,
    proxy: str | None = None,
) -> httpx.Client:
    """Return a client for a `Driver`; close it after use.

    Args:
        ssl_context: Which authorities to trust; `open_ssl_context` by default.
        transport: In place of the network: a `Cassette`, or a handler in tests.
        timeout: Seconds for each of connect, write and read where a call does not say.
        proxy: Its address; by default what the environment says (``HTTPS_PROXY``).
    """
    return httpx.Client(transport=transport, proxy=proxy, **_options(ssl_context, timeout, networked=transport is None))


def open_async_client(
    *,
    ssl_context: ssl.SSLContext | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout: float = 30,
    proxy: str | None = None,
) -> httpx.AsyncClient:
    """Return a client for an `AsyncDriver`; the arguments are those of `open_client`."""
    return httpx.AsyncClient(transport=transport, proxy=proxy, **_options(ssl_context, timeout, networked=transport is None))


def _options(ssl_context: ssl.SSLContext | None, timeout: float, *, networked: bool) -> dict[str, Any]:
    return {
        "verify": ssl_context or (shared_ssl_context() if networked else True),
        "timeout": timeout,
        "follow_redirects": False,
        "limits": httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=15),
        "headers": {"User-Agent": f"socialcrm/{_version()}"},
        # A connector keeps no state, so neither does its client: a session cookie would be a second, hidden credential.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    }


def _version() -> str:
    try:
        return version("socialcrm")
    except PackageNotFoundError:
        return "0"
