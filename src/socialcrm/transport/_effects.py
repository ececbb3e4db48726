"""What the shared logic asks of a driver, and the two loops that serve it.

The logic of every step is a generator (`Work`) that yields effects; it contains no I/O. The drivers differ only in how they
perform an effect: on this thread, or on an event loop. Connector flows are played by the same two loops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from socialcrm.connectors import Call, Grant
from socialcrm.errors import PluginError

__all__ = [
    "Ask",
    "Block",
    "Connect",
    "Effect",
    "Halt",
    "HangUp",
    "Push",
    "Receive",
    "Renew",
    "Send",
    "Sleep",
    "Together",
    "Tries",
    "Work",
    "aplay",
    "ask",
    "play",
]

T = TypeVar("T")


@frozen
class Ask:
    """Call a method of the host, which may block; its error halts the flow."""

    func: Callable[..., Any]
    args: tuple[Any, ...] = field(default=(), repr=False)


@frozen
class Block:
    """Call into a vendor's library, which may block; its error is thrown into the flow as it is."""

    func: Callable[..., Any]
    args: tuple[Any, ...] = field(default=(), repr=False)


@frozen
class Send:
    """Make one HTTP exchange. ``call`` is what may be shown; ``signed`` carries credentials and is never shown."""

    call: Call
    url: str = field(repr=False)
    signed: Call = field(repr=False)


@frozen
class Sleep:
    """Wait so many seconds."""

    seconds: float


@frozen
class Tries:
    """Play the work that ``attempt`` makes, again and again as the policy allows."""

    attempt: Callable[[], Work[Any]]
    repeatable: bool


@frozen
class Renew:
    """Renew the credentials, unless somebody did so since ``used`` was read."""

    used: Grant = field(repr=False)


@frozen
class Together:
    """Play several works at once; the result is a list of results and exceptions, in order."""

    works: tuple[Callable[[], Work[Any]], ...]


@frozen
class Connect:
    """Open a TCP connection; the result is the driver's own handle of it."""

    host: str
    port: int
    timeout: float


@frozen
class Receive:
    """Receive some bytes: ``b""`` when the other side has closed, ``None`` when the time is up."""

    line: Any = field(repr=False)
    timeout: float


@frozen
class Push:
    """Send all of these bytes."""

    line: Any = field(repr=False)
    data: bytes = field(repr=False)


@frozen
class HangUp:
    """Close a connection."""

    line: Any = field(repr=False)


Effect: TypeAlias = Ask | Block | Send | Sleep | Tries | Renew | Together | Connect | Receive | Push | HangUp
Work: TypeAlias = Generator[Effect, Any, T]


class Halt(BaseException):
    """Ends a flow that has no say in it: the host failed (``error``), or asked to stop (``None``)."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error


def ask(func: Callable[..., T], *args: Any) -> T:
    """Call a method of the host.

    Raises:
        Halt: It failed, in whatever way.
    """
    try:
        return func(*args)
    except Exception as error:
        raise Halt(error) from error


def play(work: Generator[Any, Any, T], perform: Callable[[Any], Any]) -> T:
    """Drive a generator to its end on this thread: errors are thrown in at its yield; it is always closed."""
    advance: Callable[[], Any] = lambda: next(work)  # noqa: E731 - rebound below
    try:
        while True:
            try:
                wish = advance()
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # what the generator returns
            try:
                value = perform(wish)
            except Exception as error:  # noqa: BLE001 - not swallowed: the generator gets it
                advance = _thrower(work, error)
            else:
                advance = _sender(work, value)
    finally:
        _close(work)


async def aplay(work: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    """Drive a generator to its end on the event loop: as `play` does."""
    advance: Callable[[], Any] = lambda: next(work)  # noqa: E731 - rebound below
    try:
        while True:
            try:
                wish = advance()
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # what the generator returns
            try:
                value = await perform(wish)
            except Exception as error:  # noqa: BLE001 - not swallowed: the generator gets it
                advance = _thrower(work, error)
            else:
                advance = _sender(work, value)
    finally:
        _close(work)


def _sender(work: Generator[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _thrower(work: Generator[Any, Any, Any], error: Exception) -> Callable[[], Any]:
    return lambda: work.throw(error)


def _close(work: Generator[Any, Any, Any]) -> None:
    try:
        work.close()
    except RuntimeError as error:
        raise PluginError(
            f"the flow {getattr(work, '__name__', work)} yields a step while it is closed; "
            "a step has no place in 'finally' or under 'except GeneratorExit'"
        ) from error
