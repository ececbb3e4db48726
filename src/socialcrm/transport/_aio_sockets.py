"""Plain sockets on an event loop; errors are translated."""

from __future__ import annotations

import asyncio
import socket

from socialcrm.errors import SocialCRMError
from socialcrm.transport._errors import translate

__all__ = ["Line", "connect"]

_CHUNK = 64 * 1024
_PATIENCE = 60.0


async def connect(host: str, port: int, timeout: float) -> Line:
    """Open a TCP connection, trying the host's addresses in order.

    Raises:
        Unreachable: There is none to be had; nothing was sent.
    """
    try:
        async with asyncio.timeout(timeout):
            return Line(await _first(host, port))
    except OSError as error:
        failure = translate(error, f"{host}:{port}", connecting=True)
    raise failure


async def _first(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


class Line:
    """A connection. A receive that runs out of time goes on in the background, so that no byte is ever lost."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pending: asyncio.Task[bytes] | None = None

    async def receive(self, timeout: float) -> bytes | None:
        """Receive what comes within so many seconds: ``b""`` at the end, ``None`` for nothing."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._recv())
        done, _ = await asyncio.wait({self._pending}, timeout=timeout)
        if not done:
            return None
        task, self._pending = self._pending, None
        error = task.exception()
        if isinstance(error, OSError):
            raise _failure(error)
        return task.result()

    async def push(self, data: bytes) -> None:
        """Send all of the bytes."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_sendall(self._sock, data)
        except OSError as error:
            failure = _failure(error)
        else:
            return
        raise failure

    async def close(self) -> None:
        """Close, after the background receive has let go of the socket."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait({self._pending})
        self._sock.close()

    async def _recv(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, _CHUNK)


def _failure(error: OSError) -> SocialCRMError:
    return translate(error, "the connection")
