"""One process that works on a store, and may be killed by SIGKILL at any of its function calls.

Run as ``python _mortal.py URL VERB DIE_AT``: does ``sync`` or ``flush``, counts the calls that Python makes meanwhile on all
threads, and kills itself at number ``DIE_AT`` (0: never). Prints what it did and how many calls it took.
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
from typing import Any

__all__ = ["calls", "work"]


def work(url: str, verb: str, die_at: int = 0, *, environ: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """Let another process work; returns its report, or ``None`` if it died.

    Args:
        url: The store.
        verb: ``sync`` or ``flush``.
        die_at: At which of its calls it is killed; 0 for never.
        environ: Variables to set.
    """
    command = [sys.executable, __file__, url, verb, str(die_at)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **(environ or {})})
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def calls(url: str, verb: str) -> int:
    """Do the work undisturbed; returns how many calls it took."""
    report = work(url, verb)
    assert report is not None
    return int(report["calls"])


def _count(die_at: int) -> list[int]:
    calls = [0]

    def profile(_frame: object, _event: str, _arg: object) -> None:
        calls[0] += 1
        if calls[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)
    return calls


def _main(url: str, verb: str, die_at: int) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    import _board

    import socialcrm

    with socialcrm.open(url, plugins=_board.plugins()) as crm:
        crm.plugins.load()
        calls = _count(die_at)
        report = crm.sync() if verb == "sync" else crm.flush()
        sys.setprofile(None)
        threading.setprofile(None)
        print(json.dumps({"told": str(report), "calls": calls[0]}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
