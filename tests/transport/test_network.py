"""HTTP over real sockets on loopback: what only a network does wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from socialcrm.connectors import Call, Flow, Step
from socialcrm.errors import SettingsError, UnclearError, Unreachable
from socialcrm.transport import AsyncDriver, Driver, Host, Policy

from .conftest import Place, Runner
from .servers import Server, read_request


def one(step: Step[Any]) -> Flow[Any]:
    return (yield from step)


def replies(data: bytes) -> Callable[[socket.socket], None]:
    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall(data)

    return talk


def origin(server: Server) -> Place:
    return Place(f"http://localhost:{server.port}")


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf"
CUT_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"
NO_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
NO_HTTP = b"220 mail.example.com ESMTP\r\n"


@pytest.mark.parametrize("broken", [b"", CUT, CUT_CHUNKS, NO_GZIP, NO_HTTP])
def test_a_broken_answer_is_asked_for_again(run: Runner, broken: bytes) -> None:
    """Half a body is never taken for a whole one."""
    with Server(replies(broken), replies(WHOLE)) as server:
        answer = run(one(Call("GET", "/a")), connector=origin(server), policy=run.time.policy())
    assert answer.content == b"done"


@pytest.mark.parametrize("broken", [b"", CUT])
def test_a_broken_answer_to_a_post_is_unclear(run: Runner, broken: bytes) -> None:
    """It may have been processed, so it is not sent again."""
    with Server(replies(broken)) as server, pytest.raises(UnclearError) as caught:
        run(one(Call("POST", "/a")), connector=origin(server))
    assert isinstance(caught.value.__cause__, Unreachable)
    assert caught.value.__cause__.processed is None


def test_a_silent_server_runs_out_of_time(run: Runner) -> None:
    """The call's time-out ends the wait."""

    def talk(line: socket.socket) -> None:
        read_request(line)
        line.recv(1)

    with Server(talk) as server, pytest.raises(Unreachable, match=r"no .*answer"):
        run(one(Call("GET", "/a", timeout=0.1)), connector=origin(server), policy=Policy(attempts=1))


def test_the_user_agent_names_the_library(run: Runner) -> None:
    """Platforms want to know who calls; nothing else about this machine is told."""
    seen = []

    def talk(line: socket.socket) -> None:
        seen.append(read_request(line).decode().lower())
        line.sendall(WHOLE)

    with Server(talk) as server:
        run(one(Call("GET", "/a")), connector=origin(server))
    assert "user-agent: socialcrm/" in seen[0]
    assert "python" not in seen[0]


def test_a_token_with_a_line_break_is_never_sent(run: Runner) -> None:
    """It would begin another header; the message does not quote it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = Place(f"http://localhost:{listener.getsockname()[1]}")
        with pytest.raises(SettingsError, match="line breaks") as caught:
            run(one(Call("POST", "/a")), connector=place, host=Host({"token": "canary\nX: y"}))
    assert "canary" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_a_driver_opens_and_closes_its_own_client() -> None:
    """Without a client given, one is opened; the driver is a context manager."""
    with Server(replies(WHOLE)) as server, Driver(origin(server), Host()) as driver:
        assert driver.run(one(Call("GET", "/a"))).content == b"done"


def test_an_async_driver_opens_and_closes_its_own_client() -> None:
    """As the synchronous one does."""
    import asyncio

    async def main(port: int) -> bytes:
        async with AsyncDriver(Place(f"http://localhost:{port}"), Host()) as driver:
            answer = await driver.run(one(Call("GET", "/a")))
            return bytes(answer.content)

    with Server(replies(WHOLE)) as server:
        assert asyncio.run(main(server.port)) == b"done"
