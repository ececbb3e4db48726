"""One process that works on a store, and may be killed by SIGKILL at any of its function calls.

Run as ``python _mortal.py URL VERB DIE_AT SINCE``: does ``sync`` or ``flush``, counts the calls that Python makes meanwhile on
all threads, from the first call of a function named ``SINCE`` on (empty: from the beginning), and kills itself at number
``DIE_AT`` (0: never). Prints what it did and how many calls it took.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["calls", "work"]


def work(
    url: str, verb: str, die_at: int = 0, *, since: str = "", environ: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Let another process work; returns its report, or ``None`` if it died.

    Args:
        url: The store.
        verb: ``sync`` or ``flush``.
        die_at: At which of its calls it is killed; 0 for never.
        since: The function whose first call begins the count.
        environ: Variables to set.
    """
    command = [sys.executable, __file__, url, verb, str(die_at), since]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **(environ or {})})
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def calls(url: str, verb: str, *, since: str = "") -> int:
    """Do the work undisturbed; returns how many calls it took."""
    report = work(url, verb, since=since)
    assert report is not None
    return int(report["calls"])


def _count(die_at: int, since: str) -> list[int]:
    calls = [0]
    begun = [not since]

    def profile(frame: FrameType, _event: str, _arg: object) -> None:
        if not begun[0]:
            begun[0] = frame.f_code.co_name == since
            return
        calls[0] += 1
        if calls[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)
    return calls


def _main(url: str, verb: str, die_at: int, since: str) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    import _board

    import socialcrm

    with socialcrm.open(url, plugins=_board.plugins()) as crm:
        crm.plugins.load()
        calls = _count(die_at, since)
        report = crm.sync() if verb == "sync" else crm.flush()
        sys.setprofile(None)
        threading.setprofile(None)
        print(json.dumps({"told": str(report), "calls": calls[0]}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
