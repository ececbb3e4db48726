"""Byte streams over real sockets on loopback: reading, TLS, StartTLS, rest."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from socialcrm.connectors import Conn, Flow, Grant, Open, Outgoing, Read, Receipt, Sent, StartTLS, Write
from socialcrm.errors import PayloadError, PluginError, SettingsError, UnclearError, Unreachable
from socialcrm.transport import Host, Policy

from .conftest import Runner
from .servers import Server, read_line

REAL = Policy(attempts=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def says(*pieces: bytes) -> Callable[[socket.socket], None]:
    def talk(line: socket.socket) -> None:
        for piece in pieces:
            line.sendall(piece)

    return talk


def reading(url: str, *reads: dict[str, Any]) -> Flow[list[Any]]:
    conn = yield from Open(url)
    found = []
    for read in reads:
        found.append((yield from Read(conn, **read)))  # noqa: PERF401 - a step can't stand in a comprehension
    return found


def test_the_three_ways_of_reading(run: Runner) -> None:
    """Up to a delimiter, so many bytes, or what is there; then empty for ever once the other side has closed."""
    with Server(says(b"one\r\ntw", b"o\r\n", b"12345rest")) as server:
        found = run(
            reading(f"tcp://localhost:{server.port}", {}, {}, {"size": 5}, {"until": None}, {"until": None}, {}, {"size": 1}),
            policy=REAL,
        )
    assert found[:3] == [b"one\r\n", b"two\r\n", b"12345"]
    assert b"".join(found[3:]) == b"rest"
    assert found[-2:] == [b"", b""]


def test_a_delimiter_may_come_in_two_pieces(run: Runner) -> None:
    """What was searched before is searched again where a delimiter may begin."""

    def talk(line: socket.socket) -> None:
        line.sendall(b"a" * 10 + b"\r")
        read_line(line)
        line.sendall(b"\nb\r\n")

    def flow() -> Flow[Any]:
        conn = yield from Open(f"tcp://localhost:{server.port}")
        early = yield from Read(conn, timeout=0.05)
        yield from Write(conn, b"go\r\n")
        return early, (yield from Read(conn)), (yield from Read(conn))

    with Server(talk) as server:
        assert run(flow(), policy=REAL) == (None, b"a" * 10 + b"\r\n", b"b\r\n")


def test_a_read_that_runs_out_of_time_loses_nothing(run: Runner) -> None:
    """``None`` when the time is up; what comes later is there for the next read."""

    def talk(line: socket.socket) -> None:
        for _ in range(3):
            read_line(line)
            line.sendall(b"pong\r\n")

    def flow() -> Flow[list[Any]]:
        conn = yield from Open(f"tcp://localhost:{server.port}")
        found: list[Any] = []
        for _ in range(3):
            found.append((yield from Read(conn, timeout=0.02)))
            yield from Write(conn, b"ping\r\n")
            found.append((yield from Read(conn)))
        return found

    with Server(talk) as server:
        assert run(flow(), policy=REAL) == [None, b"pong\r\n"] * 3


def test_a_stream_holds_a_bounded_amount(run: Runner) -> None:
    """A line without end does not fill the memory; nor does a promise of too much."""
    policy = Policy(attempts=1, buffer=1000)
    with Server(says(b"x" * 5000)) as server, pytest.raises(PayloadError, match="more than 1000 bytes"):
        run(reading(f"tcp://localhost:{server.port}", {}), policy=policy)
    with Server(says(b"")) as server, pytest.raises(PayloadError, match="more than 1000 bytes"):
        run(reading(f"tcp://localhost:{server.port}", {"size": 1001}), policy=policy)


def test_tls_is_spoken_and_verified(run: Runner, authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A large answer and a large question go through TLS whole."""
    big = b"y" * 3_000_000

    def talk(line: socket.socket) -> None:
        line.sendall(b"hello\r\n")
        got = 0
        while got < len(big):
            got += len(line.recv(65536))
        line.sendall(big + b"\r\n")

    def flow() -> Flow[Any]:
        conn = yield from Open(f"tls://localhost:{server.port}")
        greeting = yield from Read(conn)
        yield from Write(conn, big)
        return greeting, (yield from Read(conn)), (yield from Read(conn))

    with Server(talk, tls=serving(authority)) as server:
        assert run(flow(), policy=REAL, ssl_context=trusting) == (b"hello\r\n", big + b"\r\n", b"")


@pytest.mark.parametrize(
    ("host", "name", "known"),
    [("localhost", "localhost", False), ("localhost", "other.example.com", True), ("127.0.0.1", "localhost", True)],
)
def test_a_certificate_that_cant_be_verified_is_a_setting_to_fix(
    run: Runner, authority: trustme.CA, trusting: ssl.SSLContext, host: str, name: str, known: bool
) -> None:
    """An unknown authority or another host's name: the connection is refused, and not tried again."""
    server = Server(says(b"x"), tls=serving(authority, name))
    with server, pytest.raises(SettingsError, match="certificate can't be verified"):
        run(reading(f"tls://{host}:{server.port}", {}), ssl_context=trusting if known else None)


def starttls(port: int) -> Flow[Any]:
    conn = yield from Open(f"tcp://localhost:{port}")
    yield from Write(conn, b"STARTTLS\r\n")
    ready = yield from Read(conn)
    yield from StartTLS(conn)
    yield from Write(conn, b"WHO\r\n")
    return ready, (yield from Read(conn))


@pytest.mark.parametrize("injected", [b"", b"OK injected\r\n"])
def test_what_came_in_clear_is_thrown_away_at_starttls(
    run: Runner, authority: trustme.CA, trusting: ssl.SSLContext, injected: bytes
) -> None:
    """A line that an attacker put behind the go-ahead, in clear, is never read as if it had come encrypted."""

    def talk(line: socket.socket) -> None:
        assert read_line(line) == b"STARTTLS\r\n"
        line.sendall(b"OK begin\r\n" + injected)
        with serving(authority).wrap_socket(line, server_side=True) as safe:
            assert read_line(safe) == b"WHO\r\n"
            safe.sendall(b"OK genuine\r\n")

    with Server(talk) as server:
        assert run(starttls(server.port), policy=REAL, ssl_context=trusting) == (b"OK begin\r\n", b"OK genuine\r\n")
    assert server.errors == []


def test_starttls_verifies_the_host_name(run: Runner, authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """A certificate for another name ends the connection before anything is sent."""

    def talk(line: socket.socket) -> None:
        read_line(line)
        line.sendall(b"OK\r\n")
        with serving(authority, "other.example.com").wrap_socket(line, server_side=True) as safe:
            safe.recv(1)

    with Server(talk) as server, pytest.raises(SettingsError, match="certificate"):
        run(starttls(server.port), policy=REAL, ssl_context=trusting)


def test_nobody_listens(run: Runner) -> None:
    """A connect that fails is tried again, and then says that nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=f"localhost:{port}.*[Rr]efused") as caught:
        run(reading(f"tcp://localhost:{port}"), policy=run.time.policy(attempts=3))
    assert caught.value.processed is False
    assert run.time.slept == [1, 2]


@pytest.mark.parametrize("url", ["tcp://localhost", "ftp://localhost:21", "nonsense"])
def test_an_address_that_cant_be_opened(run: Runner, url: str) -> None:
    """The message says which ones can."""
    with pytest.raises(SettingsError, match="give tcp://host:port"):
        run(reading(url))


def test_a_connection_belongs_to_its_flow(run: Runner) -> None:
    """Another flow's connection is unknown."""
    with pytest.raises(PluginError, match="not opened by this flow"):
        run(iter(Read(Conn("x"))))


def test_a_credential_is_written_without_the_flow_seeing_it(run: Runner) -> None:
    """A callable makes the bytes from the grant, at the last moment."""
    seen = []

    def login(grant: Grant) -> bytes:
        return f"LOGIN {grant['token']}\r\n".encode()

    def flow() -> Flow[None]:
        conn = yield from Open(f"tcp://localhost:{server.port}")
        yield from Write(conn, login)

    with Server(lambda line: seen.append(read_line(line))) as server:
        run(flow(), policy=REAL, host=Host({"token": "canary"}))
    assert seen == [b"LOGIN canary\r\n"]


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(("repeatable", "error"), [(True, Unreachable), (False, UnclearError)])
def test_a_reset_after_an_unrepeatable_write_is_unclear(run: Runner, repeatable: bool, error: type[Exception]) -> None:
    """Until something was read again, nobody knows whether the other side acted; the intent was stored before."""

    def talk(line: socket.socket) -> None:
        read_line(line)
        reset(line)

    def flow() -> Flow[Any]:
        conn = yield from Open(f"tcp://localhost:{server.port}")
        yield from Write(conn, b"SEND\r\n", repeatable=repeatable)
        return (yield from Read(conn))

    host = Host()
    with Server(talk) as server, pytest.raises(error) as caught:
        run(flow(), policy=REAL, host=host)
    assert type(caught.value) is error
    assert len(host.intents) == (not repeatable)


class Live(Host):
    """Has one message to send, and stops when it was sent."""

    message = Outgoing(id="1", conversation="c", parts=("hello",))

    def __init__(self) -> None:
        super().__init__()
        self.queue = [self.message]
        self.looks = 0

    def outgoing(self) -> Outgoing | None:
        return self.queue.pop() if self.queue else None

    def stopping(self) -> bool:
        self.looks += 1
        return bool(self.results) and self.looks > 4


def test_an_idle_read_hands_in_messages_and_stops(run: Runner) -> None:
    """At rest, the host's message comes as the read's result; a stop closes the flow and run returns nothing."""
    closed: list[bool] = []

    def talk(line: socket.socket) -> None:
        assert read_line(line) == b"hello\r\n"
        line.sendall(b"ok\r\n")
        assert line.recv(1) == b""

    def flow() -> Flow[None]:
        try:
            conn = yield from Open(f"tcp://localhost:{server.port}")
            while True:
                got = yield from Read(conn, idle=True)
                if isinstance(got, Outgoing):
                    yield from Write(conn, got.parts[0].encode() + b"\r\n")
                    assert (yield from Read(conn)) == b"ok\r\n"
                    yield from Sent(got, Receipt(ids=("7",)))
        finally:
            closed.append(True)

    host = Live()
    with Server(talk) as server:
        assert run(flow(), policy=Policy(poll=0.01), host=host) is None
    assert host.results == [(Live.message, Receipt(ids=("7",)))]
    assert closed == [True]
    assert server.errors == []


def test_a_read_that_is_not_idle_is_left_alone(run: Runner) -> None:
    """In the middle of something, neither a message nor a stop comes in between."""
    with Server(says(b"x\r\n")) as server:
        host = Live()
        assert run(reading(f"tcp://localhost:{server.port}", {}), policy=REAL, host=host) == [b"x\r\n"]
    assert (host.looks, len(host.queue)) == (0, 1)


def test_a_step_while_closing_is_the_plugins_error(run: Runner) -> None:
    """A flow that is stopped has no more say; the message tells the author where the step must not stand."""

    class Stopping(Host):
        def stopping(self) -> bool:
            return True

    def flow() -> Flow[None]:
        conn = yield from Open(f"tcp://localhost:{server.port}")
        try:
            yield from Read(conn, idle=True)
        finally:
            yield from Write(conn, b"QUIT\r\n")

    with Server(says(b"")) as server, pytest.raises(PluginError, match="no place in 'finally'"):
        run(flow(), policy=REAL, host=Stopping())
