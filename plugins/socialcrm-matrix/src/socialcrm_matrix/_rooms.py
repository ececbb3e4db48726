"""What we know of a room: who can read it, and by what name people go there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, evolve, frozen

from socialcrm.connectors import Call, Flow
from socialcrm.errors import NotFound
from socialcrm.types import Visibility
from socialcrm_matrix._fields import mapping, number, part, text_of

__all__ = ["Room", "look", "names_of", "state_of"]


@frozen(kw_only=True)
class Room:
    """What decides who can read a room; kept as a row of the cursor.

    Args:
        join: Its join rule ("m.room.join_rules"); empty where unknown.
        history: Who sees what was written before they came ("m.room.history_visibility"); empty where unknown.
        joined: How many have joined, us included; ``None`` where unknown.
        invited: How many are invited.
        direct: Our account calls it a direct room ("m.direct").
        read: Its history was asked for: what comes now follows on it.
    """

    join: str = ""
    history: str = ""
    joined: int | None = None
    invited: int = 0
    direct: bool = False
    read: bool = False

    @classmethod
    def load(cls, row: str) -> Room:
        """Read a row of the cursor."""
        return cls(**json.loads(row)) if row else cls()

    def dump(self) -> str:
        """Return the row of the cursor."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in ("", None, False, 0)})

    @property
    def visibility(self) -> Visibility:
        """Who can read it: everybody where history is world-readable; only us and them in a closed room for two."""
        if self.history == "world_readable":
            return Visibility.PUBLIC
        pair = self.joined is not None and self.joined + self.invited <= 2
        if (self.direct or pair) and self.join not in ("public", "knock", "knock_restricted", "restricted"):
            return Visibility.PRIVATE
        return Visibility.LIMITED

    def learn(self, events: Iterable[Any], summary: Mapping[str, Any]) -> Room:
        """Return the room as state events and a summary of ``/sync`` leave it; counts that did not change are left out."""
        room = self
        for event in events:
            content = mapping(mapping(event).get("content"))
            if text_of(event, "type") == "m.room.join_rules":
                room = evolve(room, join=text_of(content, "join_rule"))
            elif text_of(event, "type") == "m.room.history_visibility":
                room = evolve(room, history=text_of(content, "history_visibility"))
        joined, invited = number(summary, "m.joined_member_count"), number(summary, "m.invited_member_count")
        joined = room.joined if joined is None else joined
        return evolve(room, joined=joined, invited=room.invited if invited is None else invited)


def names_of(events: Iterable[Any]) -> dict[str, tuple[str, str]]:
    """Return display name and picture by user id, from the membership events among these."""
    found = {}
    for event in events:
        if text_of(event, "type") == "m.room.member":
            content = mapping(event.get("content"))
            if text_of(content, "membership") == "join":
                found[text_of(event, "state_key")] = (text_of(content, "displayname"), text_of(content, "avatar_url"))
    return found


def state_of(room: str, kind: str, key: str = "") -> Flow[Mapping[str, Any]]:
    """Ask for the content of one state event; empty where the room has none ("room_state")."""
    path = f"/_matrix/client/v3/rooms/{part(room)}/state/{part(kind)}" + (f"/{part(key)}" if key else "")
    try:
        answer = yield from Call("GET", path)
    except NotFound:
        return {}
    return answer.json(dict)


def look(room: str) -> Flow[Room]:
    """Ask who can read a room now, where no ``/sync`` has told."""
    history = yield from state_of(room, "m.room.history_visibility")
    join = yield from state_of(room, "m.room.join_rules")
    answer = yield from Call("GET", f"/_matrix/client/v3/rooms/{part(room)}/joined_members")
    members = mapping(answer.json(dict, "joined")["joined"])
    return Room(history=text_of(history, "history_visibility"), join=text_of(join, "join_rule"), joined=len(members), read=True)
