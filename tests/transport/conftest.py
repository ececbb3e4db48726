"""A connector, a clock and both drivers; every test that asks for ``run`` runs twice, once on each."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from socialcrm.connectors import Call, Capabilities, Connector, ConnectorInfo, Flow, Grant, NoSettings, Step
from socialcrm.transport import AsyncDriver, Budget, Driver, Host, Policy, open_async_client, open_client

ORIGIN = "https://social.example.com"
TOKEN = "canary-token-1"

Handler = Callable[[httpx.Request], httpx.Response]


class Place(Connector[NoSettings]):
    """An invented platform. Its flow is what the test gives."""

    info = ConnectorInfo(platform="place", capabilities=Capabilities(renew=True))

    def __init__(self, origin: str = ORIGIN) -> None:
        super().__init__(NoSettings())
        self._origin = origin

    @property
    def origin(self) -> str:
        return self._origin

    def renew(self, grant: Grant) -> Flow[Grant]:
        answer = yield from Call("POST", "/oauth/token", form={"refresh_token": grant.get("refresh", "")}, auth=False)
        return {**grant, "token": answer.json()["access_token"]}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def policy(self, **changes: Any) -> Policy:
        return Policy(random=lambda: 1.0, sleep=self.sleep, asleep=self.asleep, clock=self.clock, **changes)


@attrs.frozen(kw_only=True)
class Runner:
    """Runs a flow on one of the two drivers, against a handler in this process or the real loopback."""

    kind: str
    time: Time

    def __call__(
        self,
        flow: Flow[Any],
        handler: Handler | None = None,
        *,
        connector: Connector[Any] | None = None,
        host: Host | None = None,
        policy: Policy | None = None,
        budget: Budget | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: Any = None,
        folder: Path | None = None,
        look: Callable[[Any], None] = lambda result: None,
    ) -> Any:
        options: dict[str, Any] = {
            "policy": policy or self.time.policy(),
            "budget": budget,
            "ssl_context": ssl_context,
            "folder": folder,
        }
        connector, host = connector or Place(), host or Host({"token": TOKEN})
        transport = transport or (httpx.MockTransport(handler) if handler else None)

        def sync() -> Any:
            client = open_client(transport=transport, ssl_context=ssl_context)
            with client, Driver(connector, host, client=client, **options) as driver:
                result = driver.run(flow)
                look(result)
                return result

        async def on_loop() -> Any:
            client = open_async_client(transport=transport, ssl_context=ssl_context)
            async with client, AsyncDriver(connector, host, client=client, **options) as driver:
                result = await driver.run(flow)
                look(result)
                return result

        return sync() if self.kind == "sync" else asyncio.run(on_loop())


def echo(request: httpx.Request) -> httpx.Response:
    """Answer with what was asked."""
    return httpx.Response(
        200, json={"method": request.method, "url": str(request.url), "body": request.content.decode("latin-1")}
    )


def one(step: Step[Any]) -> Flow[Any]:
    """Return a flow of one step."""
    return (yield from step)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Runner:
    return Runner(kind=request.param, time=Time())
