"""Plain sockets on the calling thread; errors are translated."""

from __future__ import annotations

import socket

from socialcrm.transport._errors import translate

__all__ = ["connect", "hang_up", "push", "receive"]

_CHUNK = 64 * 1024
_PATIENCE = 60.0


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """Open a TCP connection.

    Raises:
        Unreachable: There is none to be had; nothing was sent.
    """
    try:
        return socket.create_connection((host, port), timeout)
    except OSError as error:
        failure = translate(error, f"{host}:{port}", connecting=True)
    raise failure


def receive(line: socket.socket, timeout: float) -> bytes | None:
    """Receive what comes within so many seconds: ``b""`` at the end, ``None`` for nothing."""
    try:
        line.settimeout(max(timeout, 0.001))
        return line.recv(_CHUNK)
    except TimeoutError:
        return None
    except OSError as error:
        failure = translate(error, "the connection")
    raise failure


def push(line: socket.socket, data: bytes) -> None:
    """Send all of the bytes."""
    try:
        line.settimeout(_PATIENCE)
        line.sendall(data)
    except OSError as error:
        failure = translate(error, "the connection")
    else:
        return
    raise failure


def hang_up(line: socket.socket) -> None:
    """Close."""
    line.close()
