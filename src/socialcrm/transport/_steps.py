"""What each step of a flow means, in effects. One source for both drivers; no I/O."""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from attrs import define

from socialcrm.connectors import (
    All,
    Answer,
    Batch,
    Blocking,
    Call,
    Conn,
    Now,
    Open,
    Outgoing,
    Read,
    Sent,
    StartTLS,
    Step,
    Write,
)
from socialcrm.errors import PluginError, RefusedError, SettingsError, SocialCRMError, UnclearError, Unreachable
from socialcrm.transport._effects import Ask, Block, Connect, Halt, HangUp, Together, Work, ask
from socialcrm.transport._exchange import Channel, Turn, exchange, persist, signed
from socialcrm.transport._frames import Socket
from socialcrm.transport._request import own, target
from socialcrm.transport._wire import Wire

__all__ = ["Steps"]

_PORTS = {"ws": 80, "wss": 443}
_SAFE = ("tls", "wss")

Stream: TypeAlias = Wire | Socket


@define
class _Open:
    stream: Stream
    host: str
    unclear: bool = False  # a step that can't be repeated was written, and nothing was read since

    @property
    def wire(self) -> Wire:
        return self.stream if isinstance(self.stream, Wire) else self.stream.wire


class Steps:
    """The steps of one run of one flow, and the connections that it opened.

    Args:
        channel: What it shares with other runs.
        tls: Which authorities streams trust.
    """

    def __init__(self, channel: Channel, tls: ssl.SSLContext) -> None:
        self._channel, self._tls = channel, tls
        self._open: dict[str, _Open] = {}

    def work(self, step: Step[Any]) -> Work[Any]:
        """Return the work of a step.

        Raises:
            PluginError: The flow yields something that is no step, or one that has no place here.
        """
        result = yield from self._meaning(step)
        ask(self._channel.host.progress, step)
        return result

    def _meaning(self, step: Step[Any]) -> Work[Any]:
        channel, host = self._channel, self._channel.host
        match step:
            case Call():
                return (yield from exchange(channel, step))
            case All():
                return (yield from self._all(step))
            case Batch() if not channel.renewing:
                return (yield Ask(host.commit, (step,)))
            case Now():
                return ask(host.now)
            case Blocking():
                return (yield from self._block(step))
            case Open():
                return (yield from self._connect(step))
            case StartTLS():
                found = self._find(step.conn)
                return (yield from found.wire.secure(self._tls, found.host, 30))
            case Write():
                return (yield from self._write(step))
            case Read():
                return (yield from self._read(step))
            case Sent():
                return (yield Ask(host.sent, (step.message, step.receipt)))
        raise PluginError(
            f"{channel.connector.info.platform}: the flow yields {type(step).__name__}, which is no step here; "
            "a flow yields steps with 'yield from', and a renewal commits nothing"
        )

    def _all(self, step: All) -> Work[tuple[Answer, ...]]:
        results = yield Together(tuple(partial(exchange, self._channel, call) for call in step.calls))
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            raise min(errors, key=_urgency)
        return tuple(results)

    def _block(self, step: Blocking[Any]) -> Work[Any]:
        turn = Turn(step, step.repeatable)

        def attempt() -> Work[Any]:
            yield from turn.announce(self._channel)
            return (yield Block(step.func, step.args))

        name = getattr(step.func, "__name__", type(step.func).__name__)
        return (yield from persist(self._channel, turn, attempt, f"{self._channel.connector.info.platform}: {name}"))

    def _connect(self, step: Open) -> Work[Conn]:
        parts = urlsplit(step.url)
        name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        turn = Turn(step, repeatable=True)
        stream = yield from persist(self._channel, turn, partial(self._dial, step, parts, name, turn), name)
        conn = Conn(ask(self._channel.host.nonce))
        self._open[conn.id] = _Open(stream, parts.hostname or "")
        return conn

    def _dial(self, step: Open, parts: SplitResult, name: str, turn: Turn) -> Work[Stream]:
        port = parts.port or _PORTS.get(parts.scheme)
        if parts.scheme not in ("tcp", "tls", "ws", "wss") or not parts.hostname or port is None:
            raise SettingsError(f"{name} can't be opened: give tcp://host:port, tls://host:port, ws://host or wss://host")
        line = yield Connect(parts.hostname, port, step.timeout)
        wire = Wire(line, name, self._channel.policy.buffer)
        try:
            if parts.scheme in _SAFE:
                yield from wire.secure(self._tls, parts.hostname, step.timeout)
            if parts.scheme in _PORTS:
                return (yield from self._greet(step, wire, turn))
        except SocialCRMError:
            yield HangUp(line)
            raise
        return wire

    def _greet(self, step: Open, wire: Wire, turn: Turn) -> Work[Socket]:
        channel, origin = self._channel, self._channel.connector.origin
        secure = step.url.lower().startswith("wss:")
        # As an address of HTTP, which is what a handshake is (RFC 6455, 4.1) and what `sign` and `judge` know.
        call = Call("GET", f"http{'s' if secure else ''}:{step.url.partition(':')[2]}", headers=step.headers)
        turn.used = (yield Ask(channel.host.grant)) if step.auth and own(origin, call.path) else None
        socket = self._socket(wire, call, turn, "wss" if secure else "ws")
        answer = yield from socket.greet(step.timeout)
        if answer.status != 101:
            verdict = channel.connector.judge(call, answer)
            channel.budget.rest(verdict.rest)
            raise verdict.error or RefusedError(
                f"{wire.name}: it answered the websocket handshake with {answer.status}; check the address"
            )
        if not socket.agreed():
            raise Unreachable(f"{wire.name}: the websocket handshake is wrong; check the address", processed=False)
        return socket

    def _socket(self, wire: Wire, call: Call, turn: Turn, scheme: str) -> Socket:
        ready = call if turn.used is None else signed(self._channel, call, turn.used)
        url = target(self._channel.connector.origin, ready)
        return Socket(wire, f"{scheme}:{url.partition(':')[2]}", ready.headers)

    def _write(self, step: Write) -> Work[None]:
        found = self._find(step.conn)
        data = step.data if isinstance(step.data, bytes) else step.data((yield Ask(self._channel.host.grant)))
        yield from Turn(step, step.repeatable).announce(self._channel)
        found.unclear = found.unclear or not step.repeatable
        yield from self._certain(found, found.stream.write(data))

    def _read(self, step: Read) -> Work[bytes | Outgoing | None]:
        found, channel = self._find(step.conn), self._channel
        deadline = channel.policy.clock() + step.timeout
        while True:
            piece = found.stream.take(step.until, step.size)
            if piece is not None:
                found.unclear = False
                return piece
            if found.stream.closed:
                return b""
            if step.idle:
                if ask(channel.host.stopping):
                    raise Halt
                message: Outgoing | None = yield Ask(channel.host.outgoing)
                if message is not None:
                    return message
            left = deadline - channel.policy.clock()
            if left <= 0:
                return None
            yield from self._certain(found, found.stream.fill(min(left, channel.policy.poll) if step.idle else left))

    def _certain(self, found: _Open, work: Work[Any]) -> Work[Any]:
        try:
            return (yield from work)
        except Unreachable as error:
            if not found.unclear:
                raise
            raise UnclearError(
                f"{found.wire.name}: what was sent last may or may not have been processed ({error}); look on the platform "
                "before it is sent again"
            ) from error

    def _find(self, conn: Conn) -> _Open:
        try:
            return self._open[conn.id]
        except KeyError:
            raise PluginError(
                f"{self._channel.connector.info.platform}: the connection {conn.id!r} was not opened by this flow; "
                "yield Open first"
            ) from None


def _urgency(error: BaseException) -> int:
    """Order the failures of an `All`: what was never foreseen, what is unclear, then the first one."""
    if not isinstance(error, SocialCRMError):
        return 0
    return 1 if isinstance(error, UnclearError) else 2
