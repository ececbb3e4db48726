"""Notices when a connector's own code looks at a clock or touches files and sockets."""

from __future__ import annotations

import _socket
import builtins
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from types import FrameType
from typing import Any

__all__ = ["noticing"]

_CLOCKS = {
    id(function)
    for function in (
        time.time,
        time.time_ns,
        time.monotonic,
        time.monotonic_ns,
        time.perf_counter,
        time.sleep,
        time.localtime,
        time.gmtime,
    )
}
_FILES = {id(function) for function in (builtins.open, io.open, os.open, os.listdir, os.scandir, os.unlink, os.mkdir)}
_IMPORTING = "<frozen importlib"
_ALLOWED = ("/logging/__init__.py", "/importlib/", "/hypothesis/")


@contextmanager
def noticing(seen: list[str]) -> Iterator[None]:
    """Write down which clock, file and socket is used within the block, by this thread.

    Imports, log records and what hypothesis measures itself are no business of the contract, although they read files or
    the clock.

    Args:
        seen: Gets one line for each use.
    """
    before = sys.getprofile()

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call" and (what := _forbidden(arg)) and not _excused(frame):
            seen.append(f"{what}, in {frame.f_code.co_name} of {frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}")

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def _forbidden(function: Any) -> str:
    if id(function) in _CLOCKS:
        return f"the clock, by time.{function.__name__}()"
    if id(function) in _FILES:
        return f"a file, by {function.__name__}()"
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, date) and function.__name__ in ("now", "utcnow", "today"):
        return f"the clock, by {'datetime' if issubclass(owner, datetime) else 'date'}.{function.__name__}()"
    if isinstance(owner, _socket.socket) or getattr(function, "__module__", "") == "_socket":
        return f"a socket, by {function.__name__}()"
    return ""


def _excused(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.endswith("socialcrm/testing/_probe.py"):
        name = frame.f_code.co_filename.replace("\\", "/")
        if name.startswith(_IMPORTING) or any(part in name for part in _ALLOWED):
            return True
        frame = frame.f_back
    return False
