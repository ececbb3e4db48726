"""The demo's world: its invented week, its process, and how its database is recognised.

Invariant: a file without our mark is never taken for a demo's database, so it is never replaced.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from socialcrm.errors import SettingsError

__all__ = ["DATA", "NOW", "is_demo", "options", "prepare"]

DATA = Path(__file__).parent / "_demo_data"
NOW = datetime(2026, 10, 12, 9, 0, tzinfo=UTC)
"""The demo's clock stands on the Monday after its week."""

_MARK = 0x53434D44
_MARK_AT = 68
"""Where a SQLite file holds its application id ("Database File Format", section 1.3)."""


def is_demo(path: Path) -> bool:
    """Tell whether a file is a database that the demo made."""
    try:
        with path.open("rb") as file:
            head = file.read(_MARK_AT + 4)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[_MARK_AT:] == _MARK.to_bytes(4, "big")


def prepare(path: Path, *, fresh: bool) -> None:
    """Make sure that a demo's database is there.

    Args:
        path: Where.
        fresh: Replace the one that an earlier demo left.

    Raises:
        SettingsError: There is something that no demo made, or nothing can be written there.
    """
    if path.exists() and not is_demo(path):
        raise SettingsError(f"{path} is there and no demo made it, so it stays; name another file: socialcrm demo --keep PATH")
    try:
        if fresh:
            for old in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                old.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        try:
            connection.execute(f"PRAGMA application_id = {_MARK}")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"the demo can't write {path} ({error}); go to a folder of yours, or use --keep PATH") from error


def options() -> dict[str, Any]:
    """Return how a demo's database is opened: its clock stands still, and Larkwire's playbook is in force."""
    from socialcrm import Playbook, Severity

    within = {
        Severity.URGENT: timedelta(hours=1),
        Severity.HIGH: timedelta(hours=8),
        Severity.NORMAL: timedelta(days=2),
        Severity.LOW: timedelta(days=7),
    }
    return {"clock": lambda: NOW, "playbook": Playbook(name="larkwire", respond_within=within)}
