"""Topics by their latest post (``/api/recent``), each read page by page from its oldest post (``/api/topic/{tid}``).

Invariant: a reading never leaves out what was there all along. NodeBB pages by number. New posts stand at the end of a topic
and at the front of the list of topics: they only repeat elements. What is purged pulls others forward, so the number of
elements is watched: when it sank between two pages, the list goes one page back, and a topic is read again from its
beginning. The order is named in every call, because each user may prefer another one. A topic is counted off (`Census`) only
over the span that was read without a break.

Cursor rows: ``listed`` (when the list was last read whole), ``rescanned``, ``topic:TID`` (posts and time of the last one).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from attrs import define

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import CredentialsError, ForbiddenError, PayloadError
from socialcrm_nodebb._api import Api
from socialcrm_nodebb._fields import key, mapping, moment, number, rows, word
from socialcrm_nodebb._judge import Gone

__all__ = ["follow_topics", "tail"]

_OVERLAP = timedelta(days=1)
_WHOLE = 10
"""Pages of a topic that are read again whole; of a longer one, so many at its end."""
_TRIES = 5
_SORT = {"sort": "oldest_to_newest"}


@define
class _Walk:
    api: Api
    cursor: Cursor
    now: datetime
    due: bool
    public: dict[str, bool]
    done: set[str]


def follow_topics(api: Api, cursor: Cursor) -> Flow[None]:
    """Bring new posts, then look back for edits and deletions where that is due."""
    now = yield from Now()
    before, days = moment(None, cursor.get("rescanned")), api.settings.recheck_days
    due = days > 0 and (before is None or now - before >= timedelta(minutes=api.settings.recheck_minutes))
    walk = _Walk(api, cursor, now, due, {}, set())
    since, page, count, more = _since(api, cursor, now), 1, 0, True
    while more:
        query: dict[str, Any] = {"page": str(page)}
        if api.settings.categories:
            query["cid"] = list(api.settings.categories)
        body = yield from api.get("/api/recent", query)
        topics = [row for row in rows(body, "topics") if isinstance(row, Mapping) and key(row.get("tid"))]
        total = number(body.get("topicCount"))
        if total < count and page > 1:
            page, count = page - 1, total
            continue
        count = total
        for topic in topics:
            yield from _visit(walk, topic)
        oldest = min((_active(topic, now) for topic in topics if not topic.get("pinned")), default=now)
        pages = number(mapping(body.get("pagination")).get("pageCount"))
        more = bool(topics) and oldest >= since and (page < pages if pages else True)
        page += 1
    yield from Batch([], {"listed": now.isoformat()})
    yield from _missing(walk)
    if due:
        yield from Batch([], {"rescanned": now.isoformat()})


def tail(api: Api, tid: str, pages: int = 2) -> Flow[list[Any]]:
    """Return the posts at a topic's end."""
    first = yield from _page(api, tid, 1)
    last, found = _pages(first), []
    for number_ in range(max(1, last - pages + 1), last + 1):
        body = first if number_ == 1 else (yield from _page(api, tid, number_))
        found += rows(body, "posts")
    return found


def _visit(walk: _Walk, topic: Mapping[str, Any]) -> Flow[None]:
    tid = key(topic.get("tid"))
    if tid in walk.done:
        return
    walk.done.add(tid)
    state = f"{number(topic.get('postcount'))}:{number(topic.get('lastposttime'))}"
    held = walk.cursor.get(f"topic:{tid}")
    young = walk.now - _active(topic, walk.now) <= timedelta(days=walk.api.settings.recheck_days)
    if held == state and not (walk.due and young):
        return
    try:
        yield from _read(walk, tid, state, whole=held is None)
    except Gone:
        yield from _purged(tid, held)
    except (CredentialsError, ForbiddenError):
        if held is None:
            raise
        # A deleted topic, or one that was moved where we may not read: neither says that its posts are gone for good.
        yield from Batch([], {f"topic:{tid}": None})


def _read(walk: _Walk, tid: str, state: str, *, whole: bool) -> Flow[None]:
    for _ in range(_TRIES):
        found = yield from _pages_of(walk.api, tid, whole=whole)
        if found is not None:
            break
    else:
        raise PayloadError(f"nodebb: topic {tid} shrank while it was read, {_TRIES} times; it is read again later")
    body, posts, complete = found
    cid = key(body.get("cid"))
    limited = yield from walk.api.limited(cid, walk.public)
    context = {
        "tid": tid,
        "cid": cid,
        "main": key(body.get("mainPid")),
        "title": word(body.get("titleRaw") or body.get("title")),
    }
    if limited:
        context["limited"] = "1"
    raws = [Raw("post", row, context) for row in posts]
    times = [at for row in posts if (at := moment(mapping(row).get("timestamp"), mapping(row).get("timestampISO")))]
    if times:
        since = datetime.fromtimestamp(0, walk.now.tzinfo) if complete else min(times)
        ids = [pid for row in posts if (pid := key(mapping(row).get("pid")))]
        census = {"tid": tid, "since": since.isoformat(), "until": max(walk.now, *times).isoformat(), "ids": ids}
        raws.append(Raw("census", census))
    yield from Batch(raws, {f"topic:{tid}": state})


def _pages_of(api: Api, tid: str, *, whole: bool) -> Flow[tuple[dict[str, Any], list[Any], bool] | None]:
    """Return a topic with its posts, and whether they are all; ``None`` if it shrank meanwhile."""
    first = yield from _page(api, tid, 1)
    last, count, posts = _pages(first), number(first.get("postcount")), list(rows(first, "posts"))
    start = 2
    if not whole and last > _WHOLE:
        start, posts = last - _WHOLE + 1, []
    for place in range(start, last + 1):
        try:
            body = yield from _page(api, tid, place)
        except Gone:
            return None
        if number(body.get("postcount")) < count:
            return None
        posts += rows(body, "posts")
    return first, posts, start == 2


def _page(api: Api, tid: str, place: int) -> Flow[dict[str, Any]]:
    body = yield from api.get(f"/api/topic/{quote(tid, safe='')}", {**_SORT, "page": str(place)})
    rows(body, "posts")
    if key(body.get("tid")) != tid:
        raise PayloadError(f"nodebb: asked for topic {tid}, and another answer came; it is asked for again later")
    return body


def _pages(body: Mapping[str, Any]) -> int:
    return max(1, number(mapping(body.get("pagination")).get("pageCount")))


def _purged(tid: str, held: str | None) -> Flow[None]:
    body = {"tid": tid, "since": "1970-01-01T00:00:00+00:00", "ids": []}
    yield from Batch([Raw("census", body)] if held is not None else [], {f"topic:{tid}": None})


def _missing(walk: _Walk) -> Flow[None]:
    """Look at topics that we know and that the list did not show: deleted, purged, moved, or only old."""
    for name, held in walk.cursor.items():
        tid = name.removeprefix("topic:")
        if not name.startswith("topic:") or tid in walk.done:
            continue
        count, _, last = held.partition(":")
        at = moment(last)
        if at is not None and walk.now - at <= timedelta(days=walk.api.settings.recheck_days):
            if walk.due:
                yield from _visit(walk, {"tid": tid, "postcount": count, "lastposttime": last})
        else:
            yield from Batch([], {name: None})


def _active(topic: Mapping[str, Any], now: datetime) -> datetime:
    return moment(topic.get("lastposttime"), topic.get("lastposttimeISO")) or now


def _since(api: Api, cursor: Cursor, now: datetime) -> datetime:
    before, days = moment(None, cursor.get("listed")), api.settings.history_days
    young = now - timedelta(days=api.settings.recheck_days)
    if before is not None:
        return min(before - _OVERLAP, young)
    return min(now - timedelta(days=days), young) if days else datetime.min.replace(tzinfo=now.tzinfo)
