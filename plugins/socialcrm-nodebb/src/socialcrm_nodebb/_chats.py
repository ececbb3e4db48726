"""Chats: rooms by their latest message (``/api/v3/chats``), messages from the newest (``/api/v3/chats/{roomId}/messages``).

Invariant: a room's row is set only after everything down to what is known was brought. Messages are counted from the newest
by place, so new ones push others back, which only repeats them; they are never purged one by one, only marked as deleted.

Cursor rows: ``room:ID`` (largest message id and time of the last complete reading), ``rescanned``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import ForbiddenError
from socialcrm_nodebb._api import Api
from socialcrm_nodebb._fields import mapping, moment, number, rows
from socialcrm_nodebb._judge import Gone

__all__ = ["follow_chats", "messages"]

_ROOMS = 20


def follow_chats(api: Api, cursor: Cursor) -> Flow[None]:
    """Bring new chat messages, then look back for edits and deletions where that is due."""
    now = yield from Now()
    days, before = api.settings.recheck_days, moment(None, cursor.get("rescanned"))
    due = days > 0 and (before is None or now - before >= timedelta(minutes=api.settings.recheck_minutes))
    history = timedelta(days=api.settings.history_days or 36_500)
    start: int | None = 0
    done: set[int] = set()
    while start is not None:
        query = {"perPage": str(_ROOMS), **({"start": str(start)} if start else {})}
        found = rows((yield from api.get("/api/v3/chats", query)), "response", "rooms")
        for room in found:
            at = moment(mapping(mapping(room).get("teaser")).get("timestamp"))
            young = at is None or now - at <= timedelta(days=days)
            if at is not None and number(mapping(room).get("roomId")) not in done and now - at <= history:
                done.add(number(mapping(room).get("roomId")))
                yield from _room(api, room, cursor, due=due and young)
        start = start + len(found) if len(found) >= _ROOMS else None
    if due:
        yield from Batch([], {"rescanned": now.isoformat()})


def messages(api: Api, room: int, start: int = 0) -> Flow[list[Any]]:
    """Return some messages of a room, counted from the newest."""
    query = {"start": str(start)} if start else {}
    return rows((yield from api.get(f"/api/v3/chats/{room}/messages", query)), "response", "messages")


def _room(api: Api, room: Mapping[str, Any], cursor: Cursor, *, due: bool) -> Flow[None]:
    key, last = number(room.get("roomId")), number(mapping(room.get("teaser")).get("timestamp"))
    known, _, held = cursor.get(f"room:{key}", "").partition(":")
    if held == str(last) and not due:
        return
    context = {"room": str(key), **({"public": "1"} if room.get("public") is True else {})}
    start, top, deeper = 0, number(known), True
    while deeper:
        try:
            found = yield from messages(api, key, start)
        except (ForbiddenError, Gone):
            return  # we left the room, or it was closed: what it held stays as it is
        ids = [mid for row in found if (mid := number(mapping(row).get("messageId")) or number(mapping(row).get("mid")))]
        yield from Batch([Raw("message", row, context) for row in found])
        start += len(found)
        top = max([top, *ids])
        deeper = bool(ids) and (not known or min(ids) > number(known))
    yield from Batch([], {f"room:{key}": f"{top}:{last}"})
