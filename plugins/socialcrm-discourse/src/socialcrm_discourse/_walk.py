"""The latest posts of the whole forum, newest first, down to what is known (``/posts.json?before=``).

Invariant: a walk never leaves out a post that was there all along. Posts are walked by id, never by place, so what arrives or
disappears moves nothing. Two kinds of servers are told apart by what they do: newer ones give the next 50 posts *below*
``before``; older ones give those of the 50 *ids up to* ``before`` that we may see, ``before`` included, so that a page may
be empty although older posts exist.

Cursor rows: ``known`` (largest id of the last complete walk), ``top`` and ``below`` (where an unfinished walk began and
stands), ``rescanned``, ``categories`` and ``floor`` (what we could see, and since when), ``again:ID`` (a post to look at).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import PayloadError
from socialcrm_discourse._api import Api, Sight
from socialcrm_discourse._fields import moment, number, required
from socialcrm_discourse._judge import Gone

__all__ = ["follow_posts", "post_raw"]

_WINDOW = 50
_EPOCH = "1970-01-01T00:00:00+00:00"


def follow_posts(api: Api, cursor: Cursor) -> Flow[None]:
    """Bring new posts, then look back for edits and deletions where that is due."""
    now = yield from Now()
    sight = yield from api.sight()
    known: dict[tuple[int, int], int] = {}
    yield from _new(api, cursor, now, sight, known)
    yield from _again(api, cursor, now, sight, known)
    if _due(api, now, cursor):
        yield from _rescan(api, cursor, now, sight, known)


def post_raw(row: Any, sight: Sight, known: Mapping[tuple[int, int], int], **context: str) -> Raw:
    """Return a post with what it does not say itself: the id of what it answers, whether everybody can read it."""
    if not isinstance(row, Mapping):
        return Raw("post", row, context)
    parent = known.get((number(row.get("topic_id")), number(row.get("reply_to_post_number"))), 0)
    if parent:
        context["parent"] = str(parent)
    if number(row.get("category_id")) in sight.limited:
        context["limited"] = "1"
    return Raw("post", row, context)


@define
class _Pages:
    """Page after page, newest first, from below an id; remembers what kind of server this is."""

    api: Api
    below: int
    inclusive: bool = False

    def next(self) -> Flow[list[Any] | None]:
        """Return the next rows, possibly none, or ``None`` at the end."""
        params = {"before": str(self.below)} if self.below else {}
        body = yield from self.api.get("/posts.json", params)
        rows = required(body, "latest_posts")
        ids = [found for row in rows if (found := _id(row))]
        if rows and not ids:
            raise PayloadError("discourse: the latest posts came without ids; check the forum's version")
        self.inclusive = self.inclusive or (self.below > 0 and self.below in ids)
        older = [one for one in ids if not self.below or one < self.below]
        if older:
            self.below = min(older)
        elif self.inclusive and self.below > _WINDOW:
            self.below -= _WINDOW
        else:
            return None
        return [row for row in rows if not _id(row) or _id(row) in older]


def _new(api: Api, cursor: Cursor, now: datetime, sight: Sight, known: dict[tuple[int, int], int]) -> Flow[None]:
    last, top = number(cursor.get("known")), number(cursor.get("top"))
    pages = _Pages(api, number(cursor.get("below")))
    days = api.settings.history_days
    oldest = now - timedelta(days=days) if days and not last else None
    began = top
    while pages.below != 1:
        rows = yield from pages.next()
        if rows is None:
            break
        fresh = [row for row in rows if not 0 < _id(row) <= last]
        began = began or max((_id(row) for row in rows), default=0)
        yield from api.parents(fresh, known)
        if fresh:
            patch = {"top": str(began), "below": str(pages.below)}
            yield from Batch([post_raw(row, sight, known) for row in fresh], patch)
        if pages.below <= last or (oldest is not None and _earliest(rows, now) < oldest):
            break
    if began > last or "top" in cursor:
        yield from Batch([], {"known": str(max(began, last)), "top": None, "below": None})


def _again(api: Api, cursor: Cursor, now: datetime, sight: Sight, known: dict[tuple[int, int], int]) -> Flow[None]:
    """Look at posts that the webhook told were recovered: now they are there, whatever was said before."""
    for key in (key for key in cursor if key.startswith("again:")):
        raws = []
        try:
            row = yield from api.get(f"/posts/{number(key.partition(':')[2])}.json")
            yield from api.parents([row], known)
            # Nothing in the post is newer than its deletion was, but that it is shown now.
            raws.append(post_raw(row, sight, known, seen=now.isoformat()))
        except Gone:
            raws = []
        yield from Batch(raws, {key: None})


def _due(api: Api, now: datetime, cursor: Cursor) -> bool:
    before = moment(cursor.get("rescanned"))
    waited = before is None or now - before >= timedelta(minutes=api.settings.recheck_minutes)
    return api.settings.recheck_days > 0 and waited


def _rescan(api: Api, cursor: Cursor, now: datetime, sight: Sight, known: dict[tuple[int, int], int]) -> Flow[None]:
    since = now - timedelta(days=api.settings.recheck_days)
    found: list[Any] = []
    pages = _Pages(api, 0)
    while pages.below != 1:
        rows = yield from pages.next()
        if rows is None:
            break
        found += rows
        if rows and _earliest(rows, now) < since:
            break
    yield from api.parents(found, known)
    for chunk in _chunks(found):
        yield from Batch([post_raw(row, sight, known) for row in chunk])
    floor = _floor(cursor, sight, now)
    ids = sorted({_id(row) for row in found} - {0})
    body = {"since": max(since, floor).isoformat(), "until": now.isoformat(), "ids": ids}
    seen = ",".join(map(str, sorted(sight.categories)))
    rows_ = {"rescanned": now.isoformat(), "categories": seen, "floor": floor.isoformat()}
    # A walk that began after this one's first page may know newer posts than it: those are not counted off.
    yield from Batch([Raw("census", body)] if ids else [], rows_)


def _floor(cursor: Cursor, sight: Sight, now: datetime) -> datetime:
    """Return since when we see at least what we see now: posts in a category that was lost are not counted off."""
    before = {number(one) for one in cursor.get("categories", "").split(",")} - {0}
    floor = moment(cursor.get("floor")) or moment(_EPOCH) or now
    return floor if before <= sight.categories else now


def _id(row: Any) -> int:
    return number(row.get("id")) if isinstance(row, Mapping) else 0


def _earliest(rows: list[Any], now: datetime) -> datetime:
    times = (moment(row.get("created_at")) for row in rows if isinstance(row, Mapping))
    return min((one for one in times if one is not None), default=now)


def _chunks(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), 100):
        yield rows[start : start + 100]
