"""Websocket messages on a byte stream (RFC 6455), by the sans-I/O protocol of ``websockets`` (extra ``live``)."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from socialcrm.connectors import Answer
from socialcrm.errors import SettingsError, Unreachable
from socialcrm.transport._effects import Work
from socialcrm.transport._errors import broken_off
from socialcrm.transport._wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.http11 import Response

__all__ = ["Socket"]

# The library logs handshakes with all their headers; ours may be signed.
_SILENT = logging.getLogger("socialcrm.transport.frames")
_SILENT.disabled = True


class Socket:
    """A websocket over a `Wire`. Its methods are works.

    Args:
        wire: Connected, and secured for ``wss``.
        url: The address to ask for.
        headers: Of the handshake, signed where that is due.
    """

    def __init__(self, wire: Wire, url: str, headers: Mapping[str, str]) -> None:
        try:
            from websockets.client import ClientProtocol
            from websockets.frames import Opcode
            from websockets.uri import parse_uri
        except ImportError:
            raise SettingsError(f"{wire.name} needs the extra: pip install 'socialcrm[live]'") from None
        self.wire = wire
        self._data = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
        self._protocol = ClientProtocol(parse_uri(url), max_size=wire.limit, logger=_SILENT)
        self._headers = headers
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []

    @property
    def closed(self) -> bool:
        """Whether no further message can come."""
        return self.wire.closed or self._protocol.close_expected()

    def greet(self, timeout: float) -> Work[Answer]:
        """Shake hands; the answer is 101 where the other side agreed.

        Raises:
            Unreachable: What came is no handshake.
        """
        request = self._protocol.connect()
        request.headers.update(self._headers)
        self._protocol.send_request(request)
        yield from self._flush()
        while True:
            if not (yield from self.wire.fill(timeout)) or (self.wire.closed and not self.wire.plain):
                raise Unreachable(
                    f"{self.wire.name}: the websocket handshake broke off; it is tried again later", processed=False
                )
            response = self._feed()
            if response is not None:
                headers = {name.lower(): value for name, value in response.headers.raw_items()}
                return Answer(status=response.status_code, headers=headers, content=bytes(response.body or b""))
            if self._protocol.handshake_exc is not None:
                raise Unreachable(f"{self.wire.name}: the answer is no websocket handshake; check the address", processed=False)

    def agreed(self) -> bool:
        """Say whether the handshake's answer was right in every detail."""
        return self._protocol.handshake_exc is None

    def write(self, data: bytes) -> Work[None]:
        """Send one text message."""
        from websockets.exceptions import InvalidState

        try:
            self._protocol.send_text(data)
        except InvalidState:
            failure = broken_off(self.wire.name, "the websocket is closed")
        else:
            yield from self._flush()
            return
        raise failure

    def fill(self, timeout: float) -> Work[bool]:
        """Wait for bytes, answer pings and closes; say whether the other side did anything before the time was up."""
        if not (yield from self.wire.fill(timeout)):
            return False
        self._feed()
        yield from self._flush()
        return True

    def take(self, until: bytes | None, size: int | None) -> bytes | None:
        """Return the next message that is not empty, if one is there."""
        while self._messages:
            if message := self._messages.popleft():
                return message
        return None

    def _feed(self) -> Response | None:
        """Hand over what came: the first messages may come together with the handshake's answer."""
        from websockets.frames import Frame
        from websockets.http11 import Response

        if self.wire.plain:
            self._protocol.receive_data(bytes(self.wire.plain))
            self.wire.plain.clear()
        if self.wire.closed:
            self._protocol.receive_eof()
        response = None
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                response = event
            elif isinstance(event, Frame) and event.opcode in self._data:
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._parts))
                    self._parts.clear()
        return response

    def _flush(self) -> Work[None]:
        for data in self._protocol.data_to_send():
            if data:
                yield from self.wire.write(data)
