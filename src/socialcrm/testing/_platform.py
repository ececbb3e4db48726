"""The other side: what a connector talks to in a test, and what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from attrs import define, evolve, field

from socialcrm.connectors import Answer, Incoming

__all__ = ["FAULTS", "Fault", "Gate", "Platform", "Session", "Streams"]


class Platform(Protocol):
    """What stands on the other side. `socialcrm.testing.FakePlatform` is one; a plugin's own tests bring theirs."""

    def answer(self, request: Incoming) -> Answer:
        """Answer an HTTP request."""
        ...

    def texts(self) -> Sequence[str]:
        """Return the texts of what this account can read now, one for each element, in any order; not what was taken down."""
        ...

    def received(self) -> Sequence[str]:
        """Return the text of everything that was sent through this account's connector, one for each message."""
        ...


class Session(Protocol):
    """One connection of a byte stream, seen from the server."""

    closed: bool

    def greet(self) -> bytes:
        """Return what is said first; empty where the client speaks first."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take what came, in whatever pieces, and return what to say."""
        ...


Streams: TypeAlias = Mapping[str, Callable[[], Session]]
"""Servers by name, for a platform that speaks byte streams: ``{"imap": …, "smtp": …}``."""

Fault: TypeAlias = Callable[[Callable[[], Answer]], Answer]
"""What goes wrong with one exchange: gets the function that answers it properly."""


def _status(status: int, body: bytes = b'{"error": "no"}', **headers: str) -> Fault:
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _proceed: Answer(status=status, headers=told, content=body)


def _timeout(_proceed: Callable[[], Answer]) -> Answer:
    raise TimeoutError("no answer came")


def _lost_answer(proceed: Callable[[], Answer]) -> Answer:
    proceed()
    raise TimeoutError("it was processed, and no answer came")


def _reset(proceed: Callable[[], Answer]) -> Answer:
    proceed()
    raise ConnectionResetError("it was processed, and the connection broke off")


def _refused(_proceed: Callable[[], Answer]) -> Answer:
    raise ConnectionRefusedError("nobody listens")


def _truncated(proceed: Callable[[], Answer]) -> Answer:
    whole = proceed()
    return evolve(whole, content=whole.content[: len(whole.content) // 2])


def _html(_proceed: Callable[[], Answer]) -> Answer:
    page = b"<!doctype html><title>Please log in</title><p>This network needs you to log in."
    return Answer(status=200, headers={"content-type": "text/html"}, content=page)


FAULTS: Mapping[str, Fault] = {
    "429 with Retry-After": _status(429, retry_after="30"),
    "429 without Retry-After": _status(429),
    "500": _status(500),
    "503 with an HTML page": _status(503, b"<html>down for maintenance</html>", content_type="text/html"),
    "a refused connection": _refused,
    "a time-out": _timeout,
    "a lost answer": _lost_answer,
    "a reset": _reset,
    "a truncated body": _truncated,
    "an HTML page with status 200": _html,
    "null with status 200": _status(200, b"null"),
    "an empty object with status 200": _status(200, b"{}"),
    "401": _status(401),
    "403": _status(403),
    "404": _status(404),
}
"""What can go wrong with an exchange, by a name for people."""


@define
class Gate:
    """Stands before a platform: counts exchanges, spoils some, and lets things happen in between.

    Args:
        answer: Answers properly.
        fault: Spoils exchanges from ``first`` on, ``times`` of them; ``None`` spoils none.
        first: The number of the first exchange to spoil, from 0.
        times: How many; ``None`` for all from there on, until `heal`.
        happen: Called before an exchange, with its number.
    """

    answer: Callable[[Incoming], Answer]
    fault: Fault | None = None
    first: int = 0
    times: int | None = None
    happen: Callable[[int], None] = lambda _number: None
    log: list[Incoming] = field(factory=list)

    def __call__(self, request: Incoming) -> Answer:
        """Answer a request, or spoil it."""
        number = len(self.log)
        self.log.append(request)
        self.happen(number)
        spoiled = self.fault is not None and number >= self.first
        if spoiled and (self.times is None or number < self.first + self.times):
            assert self.fault is not None  # noqa: S101 - said above
            return self.fault(lambda: self.answer(request))
        return self.answer(request)

    def spoil(self, fault: Fault | None, *, first: int = 0, times: int | None = None) -> None:
        """Spoil exchanges, counted from now on."""
        self.fault, self.first, self.times = fault, len(self.log) + first, times

    def heal(self) -> None:
        """Spoil nothing any more."""
        self.fault = None
