"""Who is working on something: a claim that ends with its holder.

A lease names its host, process and a token. On the same host a lease of a process that is gone is free at once, so that work
goes on right after a crash; one of another host is free once it is old.
"""

from __future__ import annotations

import os
import secrets
import socket
from types import TracebackType

__all__ = ["Lease", "held"]

_OLD = 10 * 60 * 1_000_000
_active: set[str] = set()


class Lease:
    """A claim of this process, for the length of a ``with`` block."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"

    def __enter__(self) -> Lease:
        _active.add(self.name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _active.discard(self.name)


def held(name: str, since: int | None, now: int) -> bool:
    """Tell whether somebody still works under a lease.

    Args:
        name: The lease, empty for none.
        since: When it was taken or last renewed, in microseconds UTC.
        now: Our time, in microseconds UTC.
    """
    if not name or since is None:
        return False
    host, pid, _ = name.rsplit(":", 2)
    if host != socket.gethostname():
        return now - since < _OLD
    if int(pid) == os.getpid():
        return name in _active
    return _alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
