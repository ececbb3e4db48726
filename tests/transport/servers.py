"""Small servers on loopback for one connection after the other; each runs what the test gives on a thread."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType


class Server:
    """Listens on a free port; ``talk`` serves one connection. What goes wrong there is raised on exit.

    Args:
        talk: Gets the connected socket; several, for one connection each.
        tls: Speak TLS from the first byte.
    """

    def __init__(self, *talk: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._talks, self._tls = talk, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.errors: list[Exception] = []

    def _serve(self) -> None:
        for talk in self._talks:
            try:
                sock, _ = self._listener.accept()
                sock.settimeout(10)
                with sock if self._tls is None else self._tls.wrap_socket(sock, server_side=True) as line:
                    talk(line)
            except OSError as error:
                self.errors.append(error)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()


def read_line(line: socket.socket) -> bytes:
    """Receive up to and with the end of a line."""
    data = b""
    while not data.endswith(b"\r\n"):
        data += line.recv(1)
    return data


def read_request(line: socket.socket) -> bytes:
    """Receive the head of an HTTP request."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += line.recv(1)
    return data
