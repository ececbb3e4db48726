"""Runs flows on the calling thread."""

from __future__ import annotations

import logging
import socket
import ssl
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import attrs
import httpx
from tenacity import Retrying

from socialcrm.connectors import Answer, Connector, Flow
from socialcrm.errors import SocialCRMError
from socialcrm.transport._budget import Budget
from socialcrm.transport._client import OURS, open_client, shared_ssl_context
from socialcrm.transport._effects import (
    Ask,
    Block,
    Connect,
    Effect,
    Halt,
    HangUp,
    Push,
    Receive,
    Renew,
    Send,
    Sleep,
    Together,
    Tries,
    Work,
    ask,
    play,
)
from socialcrm.transport._errors import FOREIGN, translate
from socialcrm.transport._exchange import Channel, renew
from socialcrm.transport._host import Host
from socialcrm.transport._policy import Policy
from socialcrm.transport._receive import Body
from socialcrm.transport._request import build, place
from socialcrm.transport._sockets import connect, hang_up, push, receive
from socialcrm.transport._steps import Steps

__all__ = ["Driver", "Folder", "Run", "finish"]

R = TypeVar("R")
T = TypeVar("T")

_log = logging.getLogger("socialcrm.transport")


class Folder:
    """Where saved bodies go: the given folder, or a temporary one that is removed on ``close``."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __call__(self) -> Path:
        """Return the folder, made if need be."""
        if self._path is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="socialcrm-")
            self._path = Path(self._temporary.name)
        self._path.mkdir(parents=True, exist_ok=True)
        return self._path

    def close(self) -> None:
        """Remove what is temporary."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = self._path = None


class Run:
    """One run of one flow on this thread: performs its steps' effects.

    Args:
        channel: What it shares with other runs.
        tls: Which authorities streams trust.
        send: Makes one HTTP exchange.
    """

    def __init__(self, channel: Channel, tls: ssl.SSLContext, send: Callable[[Send], Answer]) -> None:
        self._channel, self._tls, self._send = channel, tls, send
        self._steps = Steps(channel, tls)
        self._lines: set[socket.socket] = set()

    def drive(self, flow: Flow[R]) -> R:
        """Run the flow to its end; its connections are closed then.

        Raises:
            Halt: The host failed or asked to stop.
        """
        try:
            return play(flow, lambda step: play(self._steps.work(step), self._perform))
        finally:
            for line in self._lines:
                hang_up(line)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Ask():
                return ask(effect.func, *effect.args)
            case Block():
                return effect.func(*effect.args)
            case Send():
                return self._send(effect)
            case Sleep():
                return self._channel.policy.sleep(effect.seconds)
            case Tries():
                rules = self._channel.policy.rules(repeatable=effect.repeatable)
                return Retrying(sleep=self._channel.policy.sleep, **rules)(lambda: play(effect.attempt(), self._perform))
            case Renew():
                inner = Run(attrs.evolve(self._channel, renewing=True), self._tls, self._send)
                return renew(self._channel, effect.used, inner.drive)
            case Together():
                return self._together(effect)
            case Connect():
                line = connect(effect.host, effect.port, effect.timeout)
                self._lines.add(line)
                return line
            case Receive():
                return receive(effect.line, effect.timeout)
            case Push():
                return push(effect.line, effect.data)
            case HangUp():
                self._lines.discard(effect.line)
                return hang_up(effect.line)

    def _together(self, effect: Together) -> list[Any]:
        def outcome(make: Callable[[], Work[T]]) -> T | BaseException:
            try:
                return play(make(), self._perform)
            except (Exception, Halt) as error:  # noqa: BLE001 - handed on as a result, to be raised in order
                return error

        workers = max(1, min(self._channel.policy.parallel, len(effect.works)))
        with ThreadPoolExecutor(workers, thread_name_prefix="socialcrm-all") as pool:
            return list(pool.map(outcome, effect.works))


class Driver:
    """Runs a connector's flows, synchronously. May be used by several threads.

    Args:
        connector: Whose flows.
        host: Who runs them.
        client: An HTTP client to use, which stays open; by default one is opened, and closed with the driver.
        budget: The channel's rate budgets, if several drivers share them.
        policy: Attempts, seconds, bytes.
        ssl_context: Which authorities to trust, for calls and for streams.
        folder: Where saved bodies go; by default a temporary folder that lives as long as the driver.
    """

    def __init__(
        self,
        connector: Connector[Any],
        host: Host,
        *,
        client: httpx.Client | None = None,
        budget: Budget | None = None,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        ssl_context: ssl.SSLContext | None = None,
        folder: Path | None = None,
    ) -> None:
        self._channel = Channel(connector=connector, host=host, budget=budget or Budget(policy.clock), policy=policy)
        self._tls = ssl_context or shared_ssl_context()
        self._own = client is None
        self._client = client or open_client(ssl_context=self._tls)
        self._folder = Folder(folder)

    def run(self, flow: Flow[R]) -> R:
        """Run a flow to its end.

        Args:
            flow: Fresh from the connector. It is closed whatever happens.

        Returns:
            What the flow returns; ``None`` where the host asked a live flow to stop.

        Raises:
            SocialCRMError: What the flow did not catch; or, whatever its type, what the host raised.
        """
        return finish(partial(Run(self._channel, self._tls, self._send).drive, flow))

    def close(self) -> None:
        """Close what the driver opened, and remove its temporary files."""
        if self._own:
            self._client.close()
        self._folder.close()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _send(self, effect: Send) -> Answer:
        outcome = self._try(effect)
        if isinstance(outcome, SocialCRMError):
            raise outcome
        return outcome

    def _try(self, effect: Send) -> Answer | SocialCRMError:
        # Returns its error: raised here, its traceback would hold the signed request.
        call, policy, started = effect.call, self._channel.policy, self._channel.policy.clock()
        token = OURS.set(True)
        try:
            request = build(self._client, effect.url, effect.signed)
            response = self._client.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                with Body(call, response, policy, self._folder, started) as body:
                    for piece in response.iter_bytes():
                        body.add(piece)
                    _log.debug("%s %d in %.3f s", place(call), response.status_code, policy.clock() - started)
                    return body.answer()
            finally:
                response.close()
        except FOREIGN as error:
            return translate(error, f"{self._channel.connector.info.platform}: {place(call)}")
        except SocialCRMError as error:
            return error.with_traceback(None)
        finally:
            OURS.reset(token)


def finish(drive: Callable[[], R]) -> R:
    """Run, and let a host's error come out as it is."""
    try:
        return drive()
    except Halt as halt:
        error = halt.error
    if error is not None:
        raise error
    return cast("R", None)
