"""Websockets over real sockets on loopback."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.utils import accept_key

from socialcrm.connectors import Flow, Open, Read, Write
from socialcrm.errors import CredentialsError, PayloadError, ServerFault, Unreachable
from socialcrm.transport import Host, Policy

from .conftest import Place, Runner
from .servers import Server, read_request

REAL = Policy(attempts=1)


@contextmanager
def serving(talk: Callable[[ServerConnection], None], tls: ssl.SSLContext | None = None, check: Any = None) -> Iterator[int]:
    with serve(talk, "127.0.0.1", 0, ssl=tls, process_request=check) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join(10)


def echo(line: ServerConnection) -> None:
    for message in line:
        line.send(message if isinstance(message, str) else [message[:3], message[3:]])


def test_messages_go_and_come(run: Runner) -> None:
    """One write is one text message; one read is one message, whatever frames it came in."""

    def talk(line: ServerConnection) -> None:
        line.send("first")
        line.send("")
        line.ping()
        line.send([b"in ", b"three ", b"frames"])
        line.send(str(line.recv()) + "!")
        line.close()

    def flow() -> Flow[list[Any]]:
        conn = yield from Open(f"ws://localhost:{port}/live")
        found = [(yield from Read(conn)), (yield from Read(conn))]
        yield from Write(conn, "grüße".encode())
        return [*found, (yield from Read(conn)), (yield from Read(conn)), (yield from Read(conn))]

    with serving(talk) as port:
        assert run(flow(), policy=REAL) == [b"first", b"in three frames", "grüße!".encode(), b"", b""]


def test_a_quiet_socket_gives_none(run: Runner) -> None:
    """When the time is up and no message came."""

    def talk(line: ServerConnection) -> None:
        line.recv()

    def flow() -> Flow[Any]:
        conn = yield from Open(f"ws://localhost:{port}/")
        quiet = yield from Read(conn, timeout=0.02)
        yield from Write(conn, b"bye")
        return quiet, (yield from Read(conn))

    with serving(talk) as port:
        assert run(flow(), policy=REAL) == (None, b"")


def test_a_message_beyond_the_limit_is_refused(run: Runner) -> None:
    """A huge message does not fill the memory."""

    def talk(line: ServerConnection) -> None:
        try:
            line.send("x" * 5000)
            line.recv()
        except ConnectionClosed:
            return

    def flow() -> Flow[Any]:
        conn = yield from Open(f"ws://localhost:{port}/")
        return (yield from Read(conn))

    with serving(talk) as port, pytest.raises(PayloadError, match="more than 1000 bytes"):
        run(flow(), policy=Policy(attempts=1, buffer=1000))


@pytest.mark.parametrize(("own", "auth", "expected"), [(True, True, "Bearer canary"), (True, False, None), (False, True, None)])
def test_the_handshake_is_signed_for_the_own_origin(run: Runner, own: bool, auth: bool, expected: str | None) -> None:
    """As a GET to the same scheme, host and port; never elsewhere."""
    seen: list[tuple[str, str | None, str | None]] = []

    def check(line: ServerConnection, request: Request) -> None:
        seen.append((request.path, request.headers.get("Authorization"), request.headers.get("X-Client")))

    def flow() -> Flow[None]:
        yield from Open(f"ws://localhost:{port}/live?stream=user", headers={"X-Client": "1"}, auth=auth)

    with serving(echo, check=check) as port:
        place = Place(f"http://localhost:{port}" if own else "http://social.example.com")
        run(flow(), connector=place, host=Host({"token": "canary"}), policy=REAL)
    assert seen == [("/live?stream=user", expected, "1")]


@pytest.mark.parametrize(("status", "error"), [(401, CredentialsError), (503, ServerFault)])
def test_a_refused_handshake_is_judged_like_any_answer(run: Runner, status: int, error: type[Exception]) -> None:
    """The connector's judge says what the status means; what passes is tried again."""
    asked = []

    def check(line: ServerConnection, request: Request) -> Response:
        asked.append(1)
        return line.respond(status, "no")

    def flow() -> Flow[None]:
        yield from Open(f"ws://localhost:{port}/")

    with serving(echo, check=check) as port, pytest.raises(error):
        run(flow(), policy=run.time.policy(attempts=2))
    assert len(asked) == (2 if status == 503 else 1)


def test_websockets_over_tls(run: Runner) -> None:
    """``wss`` verifies the certificate and speaks as ``ws`` does."""
    authority, trusting, server = trustme.CA(), ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(trusting)
    authority.issue_cert("localhost").configure_cert(server)

    def flow() -> Flow[Any]:
        conn = yield from Open(f"wss://localhost:{port}/")
        yield from Write(conn, b"x" * 200_000)
        return (yield from Read(conn))

    with serving(echo, tls=server) as port:
        assert run(flow(), policy=REAL, ssl_context=trusting) == b"x" * 200_000


def test_messages_that_come_with_the_handshake_are_not_lost(run: Runner) -> None:
    """A server may greet at once: its first messages lie in the same bytes as the handshake's answer."""

    def talk(line: socket.socket) -> None:
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", read_request(line))
        assert key is not None
        accepted = accept_key(key[1].decode())
        head = f"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accepted}"
        line.sendall(head.encode() + b"\r\n\r\n" + b"\x81\x02hi" + b"\x01\x02ag" + b"\x80\x03ain")

    def flow() -> Flow[Any]:
        conn = yield from Open(f"ws://localhost:{server.port}/")
        return (yield from Read(conn)), (yield from Read(conn)), (yield from Read(conn))

    with Server(talk) as server:
        assert run(flow(), policy=REAL) == (b"hi", b"again", b"")


@pytest.mark.parametrize("reply", [b"", b"220 mail.example.com\r\n", b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\r\n"])
def test_what_is_no_handshake_is_an_error(run: Runner, reply: bytes) -> None:
    """A server that speaks something else, or answers with the wrong key, is not taken for a websocket."""

    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall(reply)

    def flow() -> Flow[None]:
        yield from Open(f"ws://localhost:{server.port}/")

    with Server(talk) as server, pytest.raises(Unreachable, match="handshake"):
        run(flow(), policy=REAL)
