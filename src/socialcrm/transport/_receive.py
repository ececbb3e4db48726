"""Collects the body of an HTTP answer, in memory or in a file, within bounds."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import unquote, urlsplit

import httpx

from socialcrm.connectors import Answer, Blob, Call
from socialcrm.errors import StoreError, Unreachable
from socialcrm.transport._errors import too_big
from socialcrm.transport._policy import Policy
from socialcrm.transport._request import place

__all__ = ["Body"]


class Body:
    """Takes an answer piece by piece. Use it as a context manager: an unfinished file is removed.

    Args:
        call: What was asked, unsigned.
        response: What came: its status and headers.
        policy: The bounds.
        folder: Where saved bodies go; made when the first one comes.
        started: When the exchange began, by the policy's clock.
    """

    def __init__(
        self, call: Call, response: httpx.Response, policy: Policy, folder: Callable[[], Path], started: float
    ) -> None:
        self._call, self._response, self._policy = call, response, policy
        self._deadline = started + call.timeout
        self._digest, self._size, self._pieces = hashlib.sha256(), 0, bytearray()
        # An error's body is for the connector's judge, even where a good answer would be saved.
        self._saving = call.save and response.status_code < 300
        self._limit = policy.saved if self._saving else policy.body
        self._file: IO[bytes] | None = None
        self._folder = folder
        self._done = False

    def __enter__(self) -> Body:
        if self._saving:
            with self._storing():
                self._file = tempfile.NamedTemporaryFile(dir=self._folder(), prefix="body-", delete=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
            if not self._done:
                Path(self._file.name).unlink(missing_ok=True)

    def add(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            PayloadError: The body is larger than the policy allows.
            Unreachable: The call's time is up.
            StoreError: It can't be saved.
        """
        self._size += len(piece)
        if self._size > self._limit:
            raise too_big(place(self._call), self._limit)
        if self._policy.clock() > self._deadline:
            raise Unreachable(f"{place(self._call)}: no whole answer within {self._call.timeout} s; it is tried again later")
        if self._file is None:
            self._pieces += piece
        else:
            self._digest.update(piece)
            with self._storing():
                self._file.write(piece)

    def answer(self) -> Answer:
        """Return the answer, whole.

        Raises:
            StoreError: It can't be saved.
        """
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        if self._file is None:
            return Answer(status=self._response.status_code, headers=headers, content=bytes(self._pieces))
        with self._storing():
            self._file.flush()
        self._done = True
        blob = Blob(
            sha256=self._digest.hexdigest(),
            path=Path(self._file.name),
            size=self._size,
            mime=headers.get("content-type", "application/octet-stream").partition(";")[0].strip(),
            name=unquote(urlsplit(self._call.path).path.rpartition("/")[2]) or "file",
        )
        return Answer(status=self._response.status_code, headers=headers, blob=blob)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{place(self._call)}: the answer can't be saved ({error.strerror}); make room, or give another folder"
            ) from error
