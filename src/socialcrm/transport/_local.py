"""HTTP without a network: requests are answered by a function of this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx

from socialcrm.connectors import Answer, Incoming

__all__ = ["Local", "fields_of"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Local(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An HTTP transport that asks a function; pass it to `open_client` or `open_async_client`.

    Args:
        answer: Answers a request. `ConnectionRefusedError` means that nothing was sent; any other `OSError` that nobody
            knows what became of it.
        clock: The time, aware UTC.
    """

    def __init__(self, answer: Callable[[Incoming], Answer], *, clock: Callable[[], datetime] = _utc_now) -> None:
        self._answer, self._clock = answer, clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a synchronous client."""
        request.read()
        return self._respond(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an asynchronous client."""
        await request.aread()
        return self._respond(request)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        incoming = Incoming(
            method=request.method,
            url=str(request.url),
            query=fields_of(request.url.query.decode("ascii")),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.content,
            at=self._clock(),
        )
        try:
            answer = self._answer(incoming)
        except ConnectionRefusedError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        content = answer.blob.path.read_bytes() if answer.blob is not None else answer.content
        return httpx.Response(answer.status, headers=dict(answer.headers), content=content)


def fields_of(query: str) -> dict[str, str | list[str]]:
    """Return the fields of a query; one that is repeated as a list."""
    found = parse_qs(query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
