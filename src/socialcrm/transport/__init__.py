"""Drives connector flows, synchronously and on an event loop. The only room that knows an HTTP client.

A flow yields a step; the shared logic turns it into effects; a driver performs them and sends back what came. ::

    with Driver(connector, Host({"token": "..."})) as driver:
        account = driver.run(connector.identify())

Each name is loaded when it is first used: opening a database loads no HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socialcrm.transport._aio import AsyncDriver
    from socialcrm.transport._budget import Budget
    from socialcrm.transport._cassette import Cassette
    from socialcrm.transport._client import open_async_client, open_client, open_ssl_context
    from socialcrm.transport._driver import Driver
    from socialcrm.transport._host import Host
    from socialcrm.transport._local import Local, fields_of
    from socialcrm.transport._policy import Policy
    from socialcrm.transport._redact import redact, sensitive

__all__ = [
    "AsyncDriver",
    "Budget",
    "Cassette",
    "Driver",
    "Host",
    "Local",
    "Policy",
    "fields_of",
    "open_async_client",
    "open_client",
    "open_ssl_context",
    "redact",
    "sensitive",
]

_HOMES = {
    "AsyncDriver": "_aio",
    "Budget": "_budget",
    "Cassette": "_cassette",
    "Driver": "_driver",
    "Host": "_host",
    "Local": "_local",
    "Policy": "_policy",
    "fields_of": "_local",
    "open_async_client": "_client",
    "open_client": "_client",
    "open_ssl_context": "_client",
    "redact": "_redact",
    "sensitive": "_redact",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"socialcrm.transport.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'socialcrm.transport' has no attribute {name!r}")
