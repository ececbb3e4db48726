"""Real servers on loopback, in a thread: for HTTP, and for byte streams."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing._platform import Session, Streams
from socialcrm.transport import fields_of

__all__ = ["listening", "serving"]

_LOOPBACK = "127.0.0.1"
_CHUNK = 64 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def serving(answer: Callable[[Incoming], Answer], *, clock: Callable[[], datetime] = _utc_now) -> Iterator[str]:
    """Serve HTTP on a free port of loopback, and stop whatever happens.

    Args:
        answer: Answers a request; an `OSError` breaks the connection off.
        clock: The time, aware UTC.

    Yields:
        The server's address, such as ``http://127.0.0.1:40001``.
    """

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            query = self.path.partition("?")[2]
            request = Incoming(
                method=self.command,
                url=f"http://{self.headers.get('host', _LOOPBACK)}{self.path}",
                query=fields_of(query),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(size),
                at=clock(),
            )
            try:
                told = answer(request)
            except OSError:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(told.content)))
            self.end_headers()
            self.wfile.write(told.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            return

    server = ThreadingHTTPServer((_LOOPBACK, 0), Handler)
    with _running(server):
        yield f"http://{_LOOPBACK}:{server.server_address[1]}"


@contextmanager
def listening(streams: Streams, happen: Callable[[], None] = lambda: None) -> Iterator[dict[str, int]]:
    """Listen on free ports of loopback, one for each stream server, and stop whatever happens.

    Args:
        streams: The servers, by name.
        happen: Called before what came is taken; an `OSError` breaks the connection off there.

    Yields:
        The ports, by name.
    """
    with ExitStack() as stack:
        ports = {}
        for name, begin in streams.items():
            server = _Listener((_LOOPBACK, 0), _talker(begin, happen))
            stack.enter_context(_running(server))
            ports[name] = server.server_address[1]
        yield ports


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _talker(begin: Callable[[], Session], happen: Callable[[], None]) -> type[socketserver.BaseRequestHandler]:
    class Talker(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            line: socket.socket = self.request
            session = begin()
            try:
                line.sendall(session.greet())
                while not session.closed and (data := line.recv(_CHUNK)):
                    happen()
                    line.sendall(session.feed(data))
            except OSError:
                return  # the client is gone, or is meant to find us gone

    return Talker


@contextmanager
def _running(server: socketserver.TCPServer) -> Iterator[None]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
