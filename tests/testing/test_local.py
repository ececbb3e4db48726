"""The HTTP transport that asks a function of this process, and the CRM's bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import socialcrm
from socialcrm.connectors import (
    Answer,
    Call,
    Connector,
    ConnectorInfo,
    Flow,
    Incoming,
    NoSettings,
    PluginManager,
    Stream,
    hookimpl,
)
from socialcrm.errors import Unreachable
from socialcrm.transport import AsyncDriver, Driver, Host, Local, Policy, fields_of, open_async_client, open_client

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Place(Connector[NoSettings]):
    info = ConnectorInfo(platform="place", streams={"all": Stream()})

    @property
    def origin(self) -> str:
        return "https://place.example.com"

    def fetch(self, stream: str, cursor: object) -> Flow[None]:
        yield from Call("GET", "/things", params={"tag": ["a", "b"], "n": "1"})


class Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[NoSettings]]]:
        return [Place]


def place() -> Place:
    return Place(NoSettings())


def ask(answer: Callable[[Incoming], Answer], *, attempts: int = 1) -> None:
    policy = Policy(attempts=attempts, sleep=lambda _seconds: None)
    with open_client(transport=Local(answer, clock=lambda: NOON)) as client:
        Driver(place(), Host(), client=client, policy=policy).run(place().fetch("all", {}))


def test_a_request_arrives_as_the_contract_s_own_record() -> None:
    """The function gets method, address, query with repeated fields, headers in lower case, and the time."""
    seen: list[Incoming] = []

    def answer(request: Incoming) -> Answer:
        seen.append(request)
        return Answer(status=200)

    ask(answer)
    (request,) = seen
    assert (request.method, request.url) == ("GET", "https://place.example.com/things?tag=a&tag=b&n=1")
    assert request.query == {"tag": ["a", "b"], "n": "1"}
    assert request.headers["host"] == "place.example.com"
    assert request.at == NOON


@pytest.mark.parametrize(
    ("error", "processed"), [(ConnectionRefusedError, False), (TimeoutError, None), (ConnectionResetError, None)]
)
def test_a_function_can_play_a_broken_network(error: type[OSError], processed: bool | None) -> None:
    """A refused connection certainly processed nothing; a time-out and a reset may have."""

    def answer(_request: Incoming) -> Answer:
        raise error("no")

    with pytest.raises(Unreachable) as caught:
        ask(answer)
    assert caught.value.processed is processed


def test_it_serves_an_event_loop_too() -> None:
    """The asynchronous client gets the same answers."""
    seen: list[Incoming] = []

    def answer(request: Incoming) -> Answer:
        seen.append(request)
        return Answer(status=200)

    async def run() -> None:
        async with open_async_client(transport=Local(answer)) as client, AsyncDriver(place(), Host(), client=client) as driver:
            await driver.run(place().fetch("all", {}))

    asyncio.run(run())
    assert len(seen) == 1


def test_fields_of_keeps_empty_and_repeated_fields() -> None:
    """A field without value is empty text, a repeated one a list."""
    assert fields_of("a=&b=1&b=2") == {"a": "", "b": ["1", "2"]}


def test_a_crm_tries_as_often_as_its_policy_says() -> None:
    """The policy given to `open` bounds the attempts, and its sleep is used."""
    calls, slept = [], list[float]()

    def answer(request: Incoming) -> Answer:
        calls.append(request)
        return Answer(status=503)

    plugins = PluginManager(find=list)
    plugins.register(Plugin(), "place")
    policy = Policy(attempts=3, sleep=slept.append, random=lambda: 1.0)
    with open_client(transport=Local(answer)) as client:
        crm = socialcrm.open("sqlite:///:memory:", plugins=plugins, client=client, policy=policy)
        crm.channels.add("place", name="here")
        report = crm.sync(strict=False)
        crm.close()
    assert "503" in str(report.errors["here"])
    assert (len(calls), slept) == (3, [1.0, 2.0])
