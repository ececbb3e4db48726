"""Lists of topics, read topic by topic: personal messages, categories, tags.

Invariant: a topic is read again when it has new posts and, for as long as it is young, once per recheck; its list of all post
ids (``post_stream.stream``) then counts off what is gone. Lists are ordered by activity and paged by number: a topic that
moves to the front pushes others back, which only repeats them; one that leaves pulls others forward, which is why every list
is read again from its beginning, down to the time of the last complete look less a day.

Cursor rows: ``list:PATH`` (when a list was last read whole), ``topic:ID`` (what we know of a topic), ``rescanned``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import ForbiddenError, PayloadError
from socialcrm_discourse._api import Api, Sight
from socialcrm_discourse._fields import mapping, moment, number, required, word
from socialcrm_discourse._judge import Gone
from socialcrm_discourse._walk import post_raw

__all__ = ["follow_lists", "read_posts"]

_CHUNK = 20
_TAIL = 100
"""Posts at a topic's end that are read again for edits."""
_OVERLAP = timedelta(days=1)


def follow_lists(api: Api, lists: Sequence[str], cursor: Cursor) -> Flow[None]:
    """Bring what is new in the topics of some lists, and look back where that is due.

    Args:
        api: The forum's.
        lists: Paths without ``.json``, such as ``/tag/router``.
        cursor: What earlier batches left.
    """
    now = yield from Now()
    sight = yield from api.sight()
    before = moment(cursor.get("rescanned"))
    days, minutes = api.settings.recheck_days, api.settings.recheck_minutes
    due = days > 0 and (before is None or now - before >= timedelta(minutes=minutes))
    done: dict[int, str] = {}
    for path in lists:
        since = _since(api, cursor.get(f"list:{path}"), now)
        page, more = 0, True
        while more:
            topics, more = yield from _page(api, path, page)
            for topic in topics:
                yield from _topic(api, topic, cursor, sight, done, due=due and _young(topic, now, days))
            more = more and any(_active(topic, now) >= since for topic in topics)
            page += 1
        yield from Batch([], {f"list:{path}": now.isoformat()})
    yield from _missing(api, cursor, sight, done, now)
    if due:
        yield from Batch([], {"rescanned": now.isoformat()})


def read_posts(api: Api, topic: Mapping[str, Any], ids: Sequence[int]) -> Flow[list[Any]]:
    """Return posts of a topic, by their ids (``/t/{id}/posts.json``), the first of which the topic brought along."""
    stream = mapping(topic.get("post_stream"))
    found = required(stream, "posts")
    have = {number(row.get("id")) for row in found if isinstance(row, Mapping)}
    rows = [row for row in found if not isinstance(row, Mapping) or number(row.get("id")) in ids or not number(row.get("id"))]
    wanted = [one for one in ids if one not in have]
    path = f"/t/{number(topic.get('id'))}/posts.json"
    for start in range(0, len(wanted), _CHUNK):
        chunk = [str(one) for one in wanted[start : start + _CHUNK]]
        body: dict[str, Any] = yield from api.get(path, {"post_ids[]": chunk, "include_raw": "true"})
        rows += required(body, "post_stream", "posts")
    return rows


def _page(api: Api, path: str, page: int) -> Flow[tuple[list[Mapping[str, Any]], bool]]:
    body = yield from api.get(f"{path}.json", {"page": str(page)} if page else {})
    rows = required(body, "topic_list", "topics")
    topics = [row for row in rows if isinstance(row, Mapping) and number(row.get("id"))]
    return topics, bool(topics) and bool(word(mapping(body.get("topic_list")).get("more_topics_url")))


def _topic(api: Api, topic: Mapping[str, Any], cursor: Cursor, sight: Sight, done: dict[int, str], *, due: bool) -> Flow[None]:
    key = number(topic.get("id"))
    state = f"{number(topic.get('highest_post_number'))}:{word(topic.get('bumped_at'))}"
    held = cursor.get(f"topic:{key}", "")
    last, _, known = held.partition(":")
    if key in done or (known == state and not due):
        done.setdefault(key, state)
        return
    done[key] = state
    try:
        yield from _read(api, key, number(last), state, sight)
    except Gone:
        yield from _gone(key, held)
    except ForbiddenError:
        # We were taken out of the conversation: what it held is not deleted, and may be shown to us again.
        yield from Batch([], {f"topic:{key}": None})


def _read(api: Api, key: int, last: int, state: str, sight: Sight) -> Flow[None]:
    body = yield from api.get(f"/t/{key}.json", {"include_raw": "true"})
    ids = [found for one in required(body, "post_stream", "stream") if (found := number(one))]
    created = moment(body.get("created_at"))
    if number(body.get("id")) != key or created is None or not ids:
        raise PayloadError(f"discourse: topic {key} came without id, time or posts; it is asked for again later")
    wanted = ids if not last else [one for one in ids if one > last or one in ids[:_CHUNK] or one in ids[-_TAIL:]]
    rows = yield from read_posts(api, body, wanted)
    places: dict[tuple[int, int], int] = {}
    yield from api.parents(rows, places)
    private = word(body.get("archetype")) == "private_message"
    category = number(body.get("category_id"))
    context = {"archetype": word(body.get("archetype")), "title": word(body.get("title")), "listed": "1"}
    if category in sight.limited:
        context["limited"] = "1"
    raws = [post_raw(row, sight, places, **context) for row in rows]
    census = {"topic": str(key), "private": private, "since": created.isoformat(), "ids": ids}
    yield from Batch([*raws, Raw("census", census)], {f"topic:{key}": f"{max(ids)}:{state}"})


def _gone(key: int, held: str) -> Flow[None]:
    raws = []
    if held:
        for private in (False, True):
            body: dict[str, Any] = {"topic": str(key), "private": private, "since": "1970-01-01T00:00:00+00:00", "ids": []}
            raws.append(Raw("census", body))
    yield from Batch(raws, {f"topic:{key}": None})


def _missing(api: Api, cursor: Cursor, sight: Sight, done: Mapping[int, str], now: datetime) -> Flow[None]:
    """Look at topics that we know and that the lists did not show: deleted, archived, moved elsewhere or only old."""
    days = api.settings.recheck_days
    for name in cursor:
        key = number(name.partition(":")[2]) if name.startswith("topic:") else 0
        if not key or key in done:
            continue
        _, _, state = cursor[name].partition(":")
        active = moment(state.partition(":")[2])
        if active is not None and now - active <= timedelta(days=days):
            listed = {"id": key, "highest_post_number": number(state.partition(":")[0]), "bumped_at": state.partition(":")[2]}
            yield from _topic(api, listed, cursor, sight, {}, due=True)
        else:
            yield from Batch([], {name: None})


def _since(api: Api, held: str | None, now: datetime) -> datetime:
    before, days = moment(held), api.settings.history_days
    young = now - timedelta(days=api.settings.recheck_days)
    if before is not None:
        return min(before - _OVERLAP, young)
    return min(now - timedelta(days=days), young) if days else datetime.min.replace(tzinfo=now.tzinfo)


def _active(topic: Mapping[str, Any], now: datetime) -> datetime:
    # A pinned topic stands before newer ones: its age says nothing of what follows it.
    if topic.get("pinned") is True:
        return now
    return moment(topic.get("bumped_at")) or moment(topic.get("last_posted_at")) or now


def _young(topic: Mapping[str, Any], now: datetime, days: int) -> bool:
    return now - (moment(topic.get("bumped_at")) or now) <= timedelta(days=days)
