"""Looking again: what was edited, removed, approved or deleted since we saw it.

Reddit announces none of it, and wants what was deleted there to be deleted here ("Reddit Data API Wiki": remove any content
that was deleted from Reddit; the terms give 48 hours). So every post and comment that we saw is looked up by ``/api/info``, a
hundred a call: hourly for two days, daily after that. Only a tombstone (the author *and* the words gone) is a deletion. What is
not answered at all may be in a subreddit that was closed: it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm_reddit._fields import mapping, text_of
from socialcrm_reddit._walk import Patch, Rows, apply, children_of, seen_rows

__all__ = ["due", "recheck"]

_TOGETHER = 100
_EVERY = timedelta(hours=1)
_YOUNG = timedelta(days=2)
_DAY = timedelta(days=1)


def due(held: Mapping[str, str], now: datetime, row: str = "checked", every: timedelta = _EVERY) -> bool:
    """Whether it is time for the next look."""
    return held.get(row, "") <= (now - every).isoformat(timespec="seconds")


def recheck(held: Rows, now: datetime, window: timedelta, kept: timedelta) -> Flow[None]:
    """Look up what was seen within the window, and deliver what changed.

    Args:
        held: The stream's cursor rows; kept in step.
        now: The time.
        window: For how long a thing is looked up.
        kept: For how long its row is kept, so that a walk knows it: at least as long.
    """
    stamp = now.isoformat(timespec="seconds")
    daily = due(held, now, "daily", _DAY)
    seen = {row[5:]: _time(value) for row, value in held.items() if row.startswith("seen:")}
    edge = now.timestamp() - window.total_seconds()
    expired: Patch = {f"seen:{name}": None for name, at in seen.items() if at < now.timestamp() - kept.total_seconds()}
    young = now.timestamp() - _YOUNG.total_seconds()
    names = [name for name, at in seen.items() if at >= edge and name[:3] in ("t1_", "t3_") and (daily or at >= young)]
    for start in range(0, len(names), _TOGETHER):
        yield from _look(names[start : start + _TOGETHER], held)
    patch: Patch = {**expired, "checked": stamp, **({"daily": stamp} if daily else {})}
    yield from Batch([], patch)
    apply(patch, held)


def _time(value: str) -> float:
    at = value.partition(" ")[0]
    return float(at) if at.isdigit() else 0.0


def _look(names: list[str], held: Rows) -> Flow[None]:
    """Look up at most a hundred things (GET /api/info) and keep what is not as it was."""
    answer = yield from Call("GET", "/api/info", params={"id": ",".join(names), "raw_json": "1"})
    asked, changed = set(names), []
    patch: Patch = {}
    for child in children_of(answer.json(dict, "data")):
        name = text_of(mapping(mapping(child).get("data")), "name")
        rows = seen_rows([child], 0.0)
        if name in asked and rows and rows[f"seen:{name}"] != held.get(f"seen:{name}"):
            changed.append(Raw("thing", child))
            patch |= rows
    if changed:
        yield from Batch(changed, patch)
        apply(patch, held)
