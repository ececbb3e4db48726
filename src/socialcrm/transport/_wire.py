"""A byte stream without I/O: its buffer, its TLS, its way of reading. Shared by threads and event loop.

TLS runs on memory buffers (``ssl.MemoryBIO``), so what a driver moves is bytes only, and what was received in clear is known
exactly when a stream changes to TLS: it is thrown away (RFC 3207 section 6, RFC 9051 section 6.2.1; CVE-2011-0411).
"""

from __future__ import annotations

import ssl
from typing import Any

from socialcrm.errors import Unreachable
from socialcrm.transport._effects import Push, Receive, Work
from socialcrm.transport._errors import broken_off, too_big, translate

__all__ = ["Wire"]

_CHUNK = 64 * 1024


class Wire:
    """One connection. Its methods are works: generators of effects.

    Args:
        line: The driver's handle of the connection.
        name: What people may see of it.
        limit: Bytes that may lie unread.
    """

    def __init__(self, line: Any, name: str, limit: int) -> None:
        self.line, self.name, self.limit = line, name, limit
        self.plain = bytearray()
        self.closed = False
        self._tls: ssl.SSLObject | None = None
        self._inbox, self._outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._seen = 0

    def secure(self, context: ssl.SSLContext, host: str, timeout: float) -> Work[None]:
        """Go on encrypted; the certificate must be good for the host name.

        Raises:
            SettingsError: The certificate can't be verified.
            Unreachable: The handshake failed.
        """
        self.plain.clear()
        self._seen = 0
        self._tls = context.wrap_bio(self._inbox, self._outbox, server_hostname=host)
        done = False
        while not done:
            done = self._shake()
            yield from self._flush()
            if not done:
                data = yield Receive(self.line, timeout)
                if not data:
                    raise Unreachable(
                        f"{self.name}: the TLS handshake broke off; check that this port speaks TLS", processed=False
                    )
                self._inbox.write(data)

    def write(self, data: bytes) -> Work[None]:
        """Send bytes."""
        if self._tls is None:
            yield Push(self.line, data)
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            failure = broken_off(self.name, type(error).__name__)
        else:
            yield from self._flush()
            return
        raise failure

    def fill(self, timeout: float) -> Work[bool]:
        """Wait for bytes; say whether the other side did anything (sent, or closed) before the time was up."""
        if self.closed:
            return True
        data = yield Receive(self.line, timeout)
        if data is None:
            return False
        if self._tls is None:
            self.plain += data
            self.closed = not data
        else:
            self._inbox.write(data) if data else self._inbox.write_eof()
            self._decrypt(self._tls)
            yield from self._flush()
        if len(self.plain) > self.limit:
            raise too_big(self.name, self.limit)
        return True

    def take(self, until: bytes | None, size: int | None) -> bytes | None:
        """Return what a read asks for, if it is there: up to and with a delimiter, so many bytes, or all."""
        if size is not None:
            if size > self.limit:
                raise too_big(self.name, self.limit)
            end = size if len(self.plain) >= size else -1
        elif until is not None:
            at = self.plain.find(until, max(0, self._seen - len(until) + 1))
            self._seen = len(self.plain)
            end = at + len(until) if at >= 0 else -1
        else:
            end = len(self.plain) or -1
        if end < 0:
            return None
        piece = bytes(self.plain[:end])
        del self.plain[:end]
        self._seen = 0
        return piece

    def _shake(self) -> bool:
        assert self._tls is not None  # noqa: S101 - set by the only caller
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            failure = translate(error, self.name, connecting=True)
        else:
            return True
        raise failure

    def _decrypt(self, tls: ssl.SSLObject) -> None:
        try:
            while piece := tls.read(_CHUNK):
                self.plain += piece
            self.closed = True
        except ssl.SSLWantReadError:
            return
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.closed = True
        except ssl.SSLError as error:
            failure = broken_off(self.name, type(error).__name__)
        else:
            return
        if not self.closed:
            raise failure

    def _flush(self) -> Work[None]:
        if self._outbox.pending:
            yield Push(self.line, self._outbox.read())
