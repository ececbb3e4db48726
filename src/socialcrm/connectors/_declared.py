"""Whether a connector is what it declares: each capability has its method, and each method its capability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from socialcrm.connectors._connector import Connector

__all__ = ["disagreements"]

_METHODS = {
    "send": "send",
    "webhook": "receive",
    "archive": "load",
    "search": "search",
    "profile": "profile",
    "retract": "retract",
    "react": "react",
    "mark_read": "mark_read",
    "move_to_private": "move_to_private",
    "renew": "renew",
    "public": "recognise",
}


def disagreements(cls: type[Connector[Any]]) -> Iterator[tuple[str, str]]:
    """Say where a connector's declarations and its methods are not the same.

    Args:
        cls: The connector's class, with its ``info``.

    Yields:
        What is so, and what to do about it; nothing for a connector that is what it declares.
    """
    can = cls.info.capabilities
    pairs = [(getattr(can, name), f"capability {name!r}", method) for name, method in _METHODS.items()]
    for declared, what, method in [*pairs, (bool(cls.info.streams), "a stream", "fetch")]:
        implemented = _implements(cls, method)
        if declared and not implemented:
            yield f"it declares {what} but does not implement {method}()", "Implement it, or take the declaration back"
        if implemented and not declared:
            yield f"it implements {method}() but does not declare {what}", "Declare it: undeclared, it is never called"
    if can.send and not can.idempotent and not _implements(cls, "settle"):
        yield (
            "it sends but does not implement settle(), so an unclear reply stays unclear",
            "Implement it, or declare idempotent where the platform takes Outgoing.id as a key",
        )
    if can.send and not can.visibility:
        yield "it declares 'send' but no visibility, so every reply is refused", "Declare visibility=frozenset({…})"
    if (cls.info.streams or can.webhook or can.archive) and not _implements(cls, "parse"):
        yield "it does not implement parse()", "Implement it: without it nothing that is fetched is understood"


def _implements(cls: type[Connector[Any]], method: str) -> bool:
    return _plain(getattr(cls, method)) is not _plain(getattr(Connector, method))


def _plain(method: Any) -> Any:
    return getattr(method, "__func__", method)  # a class method is bound anew each time it is looked up
