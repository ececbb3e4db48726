"""Runs flows on an event loop (asyncio)."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import attrs
import httpx
from tenacity import AsyncRetrying

from socialcrm.connectors import Answer, Connector, Flow
from socialcrm.errors import SocialCRMError, Unreachable
from socialcrm.transport._aio_sockets import Line, connect
from socialcrm.transport._budget import Budget
from socialcrm.transport._client import OURS, open_async_client, shared_ssl_context
from socialcrm.transport._driver import Folder, Run
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
    aplay,
    ask,
)
from socialcrm.transport._errors import FOREIGN, translate
from socialcrm.transport._exchange import Channel, renew
from socialcrm.transport._host import Host
from socialcrm.transport._policy import Policy
from socialcrm.transport._receive import Body
from socialcrm.transport._request import build, place
from socialcrm.transport._steps import Steps

__all__ = ["AsyncDriver"]

R = TypeVar("R")

_log = logging.getLogger("socialcrm.transport")


class AsyncDriver:
    """Runs a connector's flows on an event loop. The host's methods that may block run on worker threads.

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
        client: httpx.AsyncClient | None = None,
        budget: Budget | None = None,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        ssl_context: ssl.SSLContext | None = None,
        folder: Path | None = None,
    ) -> None:
        self._channel = Channel(connector=connector, host=host, budget=budget or Budget(policy.clock), policy=policy)
        self._tls = ssl_context or shared_ssl_context()
        self._own = client is None
        self._client = client or open_async_client(ssl_context=self._tls)
        self._folder = Folder(folder)
        self._renewals = asyncio.Lock()

    async def run(self, flow: Flow[R]) -> R:
        """Run a flow to its end; cancelling closes it where it stands. Arguments, result and errors as `Driver.run`."""
        try:
            return await _Run(self._channel, self._tls, self._send, self._renewals).drive(flow)
        except Halt as halt:
            error = halt.error
        if error is not None:
            raise error
        return cast("R", None)

    async def close(self) -> None:
        """Close what the driver opened, and remove its temporary files."""
        if self._own:
            await self._client.aclose()
        self._folder.close()

    async def __aenter__(self) -> AsyncDriver:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, effect: Send) -> Answer:
        outcome = await self._try(effect)
        if isinstance(outcome, SocialCRMError):
            raise outcome
        return outcome

    async def _try(self, effect: Send) -> Answer | SocialCRMError:
        # Returns its error: raised here, its traceback would hold the signed request.
        call, policy, started = effect.call, self._channel.policy, self._channel.policy.clock()
        token = OURS.set(True)
        try:
            async with asyncio.timeout(call.timeout):
                request = build(self._client, effect.url, effect.signed)
                response = await self._client.send(request, stream=True, auth=None, follow_redirects=False)
                try:
                    with Body(call, response, policy, self._folder, started) as body:
                        async for piece in response.aiter_bytes():
                            body.add(piece)
                        _log.debug("%s %d in %.3f s", place(call), response.status_code, policy.clock() - started)
                        return body.answer()
                finally:
                    await response.aclose()
        except TimeoutError:
            return Unreachable(f"{place(call)}: no whole answer within {call.timeout} s; it is tried again later")
        except FOREIGN as error:
            return translate(error, f"{self._channel.connector.info.platform}: {place(call)}")
        except SocialCRMError as error:
            return error.with_traceback(None)
        finally:
            OURS.reset(token)


class _Run:
    """One run of one flow on the event loop: performs its steps' effects."""

    def __init__(self, channel: Channel, tls: ssl.SSLContext, send: Callable[[Send], Any], renewals: asyncio.Lock) -> None:
        self._channel, self._tls, self._send, self._renewals = channel, tls, send, renewals
        self._steps = Steps(channel, tls)
        self._lines: set[Line] = set()

    async def drive(self, flow: Flow[R]) -> R:
        async def perform(step: Any) -> Any:
            return await aplay(self._steps.work(step), self._perform)

        try:
            return await aplay(flow, perform)
        finally:
            for line in self._lines:
                await line.close()

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Ask():
                return await asyncio.to_thread(ask, effect.func, *effect.args)
            case Block():
                return await asyncio.to_thread(effect.func, *effect.args)
            case Send():
                return await self._send(effect)
            case Sleep():
                return await self._channel.policy.asleep(effect.seconds)
            case Tries():
                return await self._tries(effect)
            case Renew():
                return await self._renew(effect)
            case Together():
                return await self._together(effect)
            case Connect():
                line = await connect(effect.host, effect.port, effect.timeout)
                self._lines.add(line)
                return line
            case Receive():
                return await effect.line.receive(effect.timeout)
            case Push():
                return await effect.line.push(effect.data)
            case HangUp():
                self._lines.discard(effect.line)
                return await effect.line.close()

    async def _tries(self, effect: Tries) -> Any:
        async def attempt() -> Any:
            return await aplay(effect.attempt(), self._perform)

        policy = self._channel.policy
        return await AsyncRetrying(sleep=policy.asleep, **policy.rules(repeatable=effect.repeatable))(attempt)

    async def _renew(self, effect: Renew) -> None:
        """Renew on one thread, since the host's lock may belong to the thread that takes it.

        Only the exchanges themselves come back to the loop. So neither the lock nor a renewal that waits for it can starve
        another one of threads, and a cancelled flow does not lose a renewed grant.
        """
        loop = asyncio.get_running_loop()

        def send(inner: Send) -> Answer:
            return cast("Answer", asyncio.run_coroutine_threadsafe(self._send(inner), loop).result())

        run = Run(attrs.evolve(self._channel, renewing=True), self._tls, send)
        async with self._renewals:
            await asyncio.to_thread(partial(renew, self._channel, effect.used, run.drive))

    async def _together(self, effect: Together) -> list[Any]:
        gate = asyncio.Semaphore(self._channel.policy.parallel)

        async def outcome(make: Callable[[], Work[Any]]) -> Any:
            async with gate:
                return await aplay(make(), self._perform)

        return await asyncio.gather(*map(outcome, effect.works), return_exceptions=True)
