"""Threads by their latest post (``/api/threads/``, ``/api/private-threads/``), each read from its end.

Invariant: what changed is found wherever the walk was killed. The list is paged by the number of the latest post, downwards,
so that new posts move nothing. A thread is read when the list shows another state than the one kept for it, and its row is
written together with its posts. Edits and hidden posts show in no list: what was written in the last days is read again.

Posts may be moved to another thread while we read, so the walk is repeated until it finds nothing new (three times at most)
before everything is counted off at once (`Census`). Private threads are counted off one by one, as far as we still take part:
one that we were removed from looks like a deleted one.

Cursor rows: ``listed`` (when the list was last read whole), ``rescanned``, ``newest`` (largest number of a post), ``rights``
and ``floor`` (what we could see, and since when), ``thread:ID`` (its state, number of posts, largest number of a post).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm_misago._api import PRIVATE, Api, Sight
from socialcrm_misago._fields import mapping, moment, number, rows, word
from socialcrm_misago._judge import Gone
from socialcrm_misago._pages import Held, Reading, read_thread

__all__ = ["follow_threads"]

_OVERLAP = timedelta(days=1)
_EPOCH = "1970-01-01T00:00:00+00:00"
_PASSES = 3
_CHUNK = 100


@define
class _Walk:
    api: Api
    scope: str
    cursor: Cursor
    now: datetime
    sight: Sight
    due: bool
    newest: int
    categories: dict[int, str] = field(factory=dict)
    done: dict[int, str] = field(factory=dict)
    ids: dict[int, list[int]] = field(factory=dict)

    @property
    def since(self) -> datetime:
        """What was written from then on is looked at again."""
        return self.now - timedelta(days=self.api.settings.rescan_days)

    @property
    def bottom(self) -> datetime:
        """How far down the list is read."""
        before, days = moment(self.cursor.get("listed")), self.api.settings.history_days
        if before is not None:
            return min(before - _OVERLAP, self.since)
        return min(self.now - timedelta(days=days), self.since) if days else datetime.min.replace(tzinfo=self.now.tzinfo)


def follow_threads(api: Api, scope: str, sight: Sight, cursor: Cursor) -> Flow[None]:
    """Bring new posts, then look back for edits, moderation and deletions where that is due."""
    now = yield from Now()
    before, days = moment(cursor.get("rescanned")), api.settings.rescan_days
    due = days > 0 and (before is None or now - before >= timedelta(minutes=api.settings.rescan_minutes))
    walk = _Walk(api, scope, cursor, now, sight, due, number(cursor.get("newest")))
    settled = walk.newest
    for _ in range(_PASSES if due else 1):
        settled = walk.newest
        if not (yield from _pass(walk)):
            break
    yield from _end(walk, settled)


def _pass(walk: _Walk) -> Flow[bool]:
    """Read the lists once; tell whether a thread had changed."""
    changed = False
    filters = [{"category": one} for one in walk.api.settings.categories if walk.scope != PRIVATE] or [{}]
    for query in filters:
        changed = (yield from _list(walk, query)) or changed
        if walk.sight.unapproved and walk.scope != PRIVATE:
            changed = (yield from _list(walk, {**query, "list": "unapproved"})) or changed
    return changed


def _list(walk: _Walk, query: Mapping[str, str]) -> Flow[bool]:
    route = "/api/private-threads/" if walk.scope == PRIVATE else "/api/threads/"
    start, changed = 0, False
    while True:
        try:
            body = yield from walk.api.get(route, {**query, "start": str(start)} if start else query)
        except Gone:
            if start:
                return changed  # the threads from there on are gone, or were moved up by new posts
            raise
        threads = [row for row in rows(body, "results") if isinstance(row, Mapping)]
        for row in threads:
            changed = (yield from _visit(walk, row)) or changed
        times = [moment(row.get("last_post_on")) or walk.now for row in threads if not number(row.get("weight"))]
        following = number(body.get("next"))
        if not following or (start and following >= start) or min(times, default=walk.now) < walk.bottom:
            return changed
        start = following


def _visit(walk: _Walk, row: Mapping[str, Any]) -> Flow[bool]:
    """Read a thread where that is needed; tell whether it had changed."""
    thread = number(row.get("id"))
    state, again = _state(row), thread in walk.done
    if not thread or walk.done.get(thread) == state:
        return False
    held = _held(walk.cursor.get(f"thread:{thread}"))
    young = (moment(row.get("last_post_on")) or walk.now) >= walk.since
    walk.done[thread] = state
    # The list does not tell whether another post waits for approval beside those that did before.
    look = again or (walk.due and young) or row.get("has_unapproved_posts") is True
    if held is not None and held.state == state and not look:
        return False
    try:
        since = walk.since if walk.due else None
        found = yield from read_thread(
            walk.api, str(thread), walk.scope, held=held, since=since, pages=number(row.get("pages"))
        )
    except Gone:
        walk.ids[thread] = []
        yield from Batch([], {f"thread:{thread}": None})
        return True
    walk.ids[thread] = found.ids
    yield from _deliver(walk, thread, row, state, held, found)
    return held is None or held.state != state or again


def _deliver(walk: _Walk, thread: int, row: Mapping[str, Any], state: str, held: Held | None, found: Reading) -> Flow[None]:
    context = {"thread": str(thread), "scope": walk.scope, "title": word(found.thread.get("title")) or word(row.get("title"))}
    if found.complete and found.ids:
        context["first"] = str(found.ids[0])
    if walk.scope != PRIVATE and (yield from walk.api.limited(row, walk.categories)):
        context["limited"] = "1"
    raws = [Raw("post", one, context) for one in found.posts]
    top = max([*found.ids, held.top if held else 0])
    if walk.scope == PRIVATE and found.complete:
        body = {"thread": str(thread), "since": _EPOCH, "ids": found.ids, "newest": top}
        raws.append(Raw("census", body))
    walk.newest = max(walk.newest, top)
    for start in range(_CHUNK, len(raws), _CHUNK):
        yield from Batch(raws[start - _CHUNK : start])
    rest = raws[(max(0, len(raws) - 1) // _CHUNK) * _CHUNK :]
    yield from Batch(rest, {f"thread:{thread}": f"{state}|{found.count}|{top}", "newest": str(walk.newest)})


def _end(walk: _Walk, settled: int) -> Flow[None]:
    """Note that the list was read; where it was due, count off, and forget threads that the list does not show any more."""
    patch: dict[str, str | None] = {"listed": walk.now.isoformat()}
    raws = []
    if walk.due:
        floor = _floor(walk)
        for name in walk.cursor:
            if name.startswith("thread:") and number(name.partition(":")[2]) not in walk.done:
                patch[name] = None
        rights = " ".join(sorted(walk.sight.rights))
        patch |= {"rescanned": walk.now.isoformat(), "rights": rights, "floor": floor.isoformat()}
        if walk.scope != PRIVATE:
            ids = sorted({one for found in walk.ids.values() for one in found})
            raws = [Raw("census", {"since": max(walk.since, floor).isoformat(), "ids": ids, "newest": settled})]
    yield from Batch(raws, patch)


def _floor(walk: _Walk) -> datetime:
    """Return since when we see at least what we see now: posts that only a lost right showed are not counted off."""
    before = frozenset(walk.cursor.get("rights", "").split())
    floor = moment(walk.cursor.get("floor")) or moment(_EPOCH) or walk.now
    return floor if before <= walk.sight.rights else walk.now


def _state(row: Mapping[str, Any]) -> str:
    flags = "".join(str(int(row.get(name) is True)) for name in ("is_hidden", "is_unapproved", "has_unapproved_posts"))
    last = number(row.get("last_post")) or number(mapping(row.get("last_post")).get("id"))
    return f"{number(row.get('replies'))}.{last}.{flags}"


def _held(told: str | None) -> Held | None:
    state, _, rest = (told or "").partition("|")
    count, _, top = rest.partition("|")
    return Held(state=state, count=number(count), top=number(top)) if number(top) else None
