"""Following all rooms: ``/sync`` brings what is new, ``/messages`` what it left out.

Invariant: the cursor passes nothing that is not durable. ``since`` moves in the same batch as the last events of an answer;
where the server shortened a room's timeline, that batch also holds a row ``gap:<room>`` with both ends of what is missing. Gaps
are filled, page by page, before the next ``/sync``; the row shrinks with every page and goes with the last. So a flow may be
killed anywhere, a gap however long is never begun anew, and a room has at most one.

Rows: ``since``; ``at`` (when that was); ``room:<id>`` (who can read it); ``gap:<id>``; ``invite:<id>`` (failed attempts).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from attrs import define, evolve, field

from socialcrm.connectors import Batch, Call, Flow, Now, Raw
from socialcrm.errors import ForbiddenError, NotFound, PayloadError, RefusedError, RetryError
from socialcrm.types import Visibility
from socialcrm_matrix._fields import mapping, millis, number, part, rows, text_of
from socialcrm_matrix._rooms import Room, names_of

__all__ = ["elements", "follow"]

_PAGE = 100
_BATCH = 300
_TRIES = 5
"""How often an invitation is tried: the room may be gone, and its server never heard of again."""

_MEMBERS = {"lazy_load_members": True, "include_redundant_members": True}
_NOTHING: Mapping[str, Any] = {"types": []}
_ROOM_FILTER = json.dumps({"limit": _PAGE, **_MEMBERS})
_SYNC_FILTER = json.dumps(
    {
        "presence": _NOTHING,
        "account_data": {"types": ["m.direct"]},
        "room": {
            "timeline": {"limit": _PAGE, **_MEMBERS},
            "state": {"types": ["m.room.member", "m.room.join_rules", "m.room.history_visibility"], **_MEMBERS},
            "ephemeral": _NOTHING,
            "account_data": _NOTHING,
        },
    }
)


@define
class _News:
    """What one answer of ``/sync`` brought, and the rows that it leads to."""

    held: Mapping[str, str]
    since: str
    cutoff: int
    raws: list[Raw] = field(factory=list)
    patch: dict[str, str | None] = field(factory=dict)

    def row(self, key: str) -> str:
        """Return a row as this answer leaves it."""
        return (self.patch[key] or "") if key in self.patch else self.held.get(key, "")

    def direct(self, events: list[Any]) -> None:
        """Take over which rooms are direct ("m.direct": room ids by user)."""
        for event in events:
            if text_of(event, "type") == "m.direct":
                told = {one for ids in mapping(event.get("content")).values() for one in rows(ids) if isinstance(one, str)}
                known = {key.removeprefix("room:") for key in self.held if key.startswith("room:")}
                for room in told | known:
                    was = Room.load(self.held.get(f"room:{room}", ""))
                    if was.direct != (room in told):
                        self.patch[f"room:{room}"] = evolve(was, direct=room in told).dump()

    def gap(self, room: str, visibility: Visibility, timeline: Mapping[str, Any], *, known: bool) -> None:
        """Remember what a shortened timeline left out: down to the last answer, or in a new room to the day we care for."""
        start = text_of(timeline, "prev_batch")
        if timeline.get("limited") is True and start:
            end = {"to": self.since} if known else {"until": self.cutoff}
            self.patch[f"gap:{room}"] = json.dumps({"from": start, "visibility": visibility.value, **end})


def follow(cursor: Mapping[str, str], server_join: str, history_days: int) -> Flow[None]:
    """Bring everything that is new in every room.

    It ends when ``/sync`` answers the token that was asked for, or twice brings nothing: a busy server's token moves with
    things that are filtered out.

    Args:
        cursor: Where an earlier flow left.
        server_join: Which invitations to accept: ``none``, ``direct`` or ``all``.
        history_days: How far back a new room is read; 0 for everything.
    """
    held = dict(cursor)
    now = yield from Now()
    cutoff = millis(now - timedelta(days=history_days)) if history_days else 0
    if "poke" in held:
        yield from _keep(held, [], {"poke": None})
    yield from _fill(held, now)
    quiet = 0
    while quiet < 2:
        since = held.get("since", "")
        news = yield from _ask(held, cutoff, server_join)
        moved = news.row("since") != since
        news.patch["at"] = str(millis(now))
        yield from _keep(held, news.raws, news.patch if moved or news.raws else {})
        yield from _fill(held, now)
        joined = yield from _accept(held)
        if not moved and not joined:
            return
        quiet = 0 if news.raws or joined else quiet + 1


def _keep(held: dict[str, str], raws: list[Raw], patch: Mapping[str, str | None]) -> Flow[None]:
    """Make elements durable, the cursor with the last of them."""
    for start in range(0, len(raws) - _BATCH, _BATCH):
        yield from Batch(raws[start : start + _BATCH])
    if raws or patch:
        yield from Batch(raws[(len(raws) - 1) // _BATCH * _BATCH if raws else 0 :], dict(patch))
    for key, value in patch.items():
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value


def _ask(held: Mapping[str, str], cutoff: int, join: str) -> Flow[_News]:
    """Ask once ("sync"), without waiting for something to happen."""
    since = held.get("since", "")
    params = {"filter": _SYNC_FILTER, "timeout": "0", "set_presence": "offline", **({"since": since} if since else {})}
    answer = yield from Call("GET", "/_matrix/client/v3/sync", params=params, bucket="sync", timeout=120)
    body = answer.json(dict, "next_batch")
    after = text_of(body, "next_batch")
    if not after:
        raise PayloadError("matrix: /sync answered without next_batch; check that server is a homeserver's API")
    news = _News(held, since, cutoff)
    if after != since:
        news.patch["since"] = after
    news.direct(rows(mapping(body.get("account_data")).get("events")))
    rooms = mapping(body.get("rooms"))
    for room, told in mapping(rooms.get("join")).items():
        yield from _room(news, room, mapping(told))
    for room, told in mapping(rooms.get("leave")).items():
        yield from _room(news, room, mapping(told))
        news.patch |= dict.fromkeys((f"room:{room}", f"invite:{room}"))
    for room, told in mapping(rooms.get("invite")).items():
        news.raws.append(Raw("invite", told, {"room": room}))
        if join == "all" or (join == "direct" and _is_direct(told)):
            news.patch[f"invite:{room}"] = "0"
    for room, told in mapping(rooms.get("knock")).items():
        news.raws.append(Raw("knock", told, {"room": room}))
    return news


def _is_direct(invited: Any) -> bool:
    """Tell whether an invitation is to talk alone ("m.room.member", is_direct)."""
    events = rows(mapping(mapping(invited).get("invite_state")).get("events"))
    return any(mapping(mapping(event).get("content")).get("is_direct") is True for event in events)


def _room(news: _News, key: str, told: Mapping[str, Any]) -> Flow[None]:
    timeline = mapping(told.get("timeline"))
    events = rows(timeline.get("events"))
    states = rows(mapping(told.get("state")).get("events")) + rows(mapping(told.get("state_after")).get("events"))
    states += [event for event in events if "state_key" in mapping(event)]
    before = Room.load(news.row(f"room:{key}"))
    room = before.learn(states, mapping(told.get("summary")))
    news.raws += yield from elements(key, room.visibility, events, names_of(states))
    news.gap(key, room.visibility, timeline, known=before.read and bool(news.since))
    news.patch[f"room:{key}"] = evolve(room, read=True).dump()
    if f"invite:{key}" in news.held:
        news.patch[f"invite:{key}"] = None


def elements(room: str, visibility: Visibility, events: list[Any], names: Mapping[str, tuple[str, str]]) -> Flow[list[Raw]]:
    """Return events with what they do not say themselves: their room, its readers, names, and who wrote what an edit names."""
    wrote = {text_of(event, "event_id"): text_of(event, "sender") for event in events}
    raws = []
    for event in events:
        name, avatar = names.get(text_of(event, "sender"), ("", ""))
        context = {"room": room, "visibility": visibility.value, "name": name, "avatar": avatar}
        target = _edited(event)
        if target:
            if target not in wrote:
                wrote[target] = yield from _writer(room, target)
            context["wrote"] = wrote[target]
        raws.append(Raw("event", event, {name: value for name, value in context.items() if value}))
    return raws


def _edited(event: Any) -> str:
    relation = mapping(mapping(mapping(event).get("content")).get("m.relates_to"))
    return text_of(relation, "event_id") if text_of(relation, "rel_type") == "m.replace" else ""


def _writer(room: str, event: str) -> Flow[str]:
    """Ask who wrote an event ("rooms", getOneRoomEvent); empty where it is not there for us."""
    try:
        answer = yield from Call("GET", f"/_matrix/client/v3/rooms/{part(room)}/event/{part(event)}")
    except (NotFound, ForbiddenError):
        return ""
    return text_of(answer.json(dict, "sender"), "sender")


def _fill(held: dict[str, str], now: datetime) -> Flow[None]:
    for key in [key for key in held if key.startswith("gap:")]:
        yield from _fill_gap(held, key, now)


def _fill_gap(held: dict[str, str], key: str, now: datetime) -> Flow[None]:
    """Walk a gap from its newer end to its older one ("message_pagination"); every page is kept with what is left."""
    room = key.removeprefix("gap:")
    while key in held:
        gap = json.loads(held[key])
        start, until = gap["from"], gap.get("until", 0)
        params = {"dir": "b", "from": start, "limit": str(_PAGE), "filter": _ROOM_FILTER}
        params |= {"to": gap["to"]} if "to" in gap else {}
        try:
            answer = yield from Call("GET", f"/_matrix/client/v3/rooms/{part(room)}/messages", params=params)
        except (ForbiddenError, NotFound) as error:
            yield from _keep(held, _hole(held, room, now, str(error)), {key: None})
            return
        page = answer.json(dict, "chunk")
        if not isinstance(page["chunk"], list):
            raise PayloadError(f"matrix: /messages of {room} answered no list; check that server is a homeserver's API")
        names = names_of(chain(page["chunk"], rows(page.get("state"))))
        raws = yield from elements(room, Visibility(gap["visibility"]), page["chunk"], names)
        end = text_of(page, "end")
        over = end in ("", start) or _older(page["chunk"], until)
        yield from _keep(held, raws, {key: None if over else json.dumps({**gap, "from": end})})


def _older(events: list[Any], until: int) -> bool:
    """Tell whether a page holds nothing any more from the days that we care for."""
    times = [number(event, "origin_server_ts") for event in events]
    return bool(until and times) and all(time is not None and time < until for time in times)


def _hole(held: Mapping[str, str], room: str, now: datetime, reason: str) -> list[Raw]:
    """Say that a part of a room can't be read any more: we left it, or were put out, before it was fetched."""
    since = held.get("since", "")
    body = {"id": f"{room} {since}", "since": int(held.get("at", "0")) or millis(now), "at": millis(now), "reason": reason}
    return [Raw("hole", body)]


def _accept(held: dict[str, str]) -> Flow[bool]:
    """Join the rooms that we are invited to; one that can't be joined holds up nothing and is tried again."""
    joined = False
    for key in [key for key in held if key.startswith("invite:")]:
        room, tries = key.removeprefix("invite:"), int(held[key]) + 1
        try:
            path = f"/_matrix/client/v3/rooms/{part(room)}/join"
            answer = yield from Call("POST", path, json={}, repeatable=True, bucket="join")
            answer.json(dict, "room_id")
        except (ForbiddenError, NotFound, RefusedError, RetryError, PayloadError):
            yield from _keep(held, [], {key: str(tries) if tries < _TRIES else None})
        else:
            joined = True
            yield from _keep(held, [], {key: None})
    return joined
