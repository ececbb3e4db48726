"""Finding or opening the room in which we talk to one person alone ("Direct messaging")."""

from __future__ import annotations

from typing import Any

from socialcrm.connectors import All, Batch, Call, Flow
from socialcrm.errors import NotFound, PayloadError, UnclearError
from socialcrm.types import Visibility
from socialcrm_matrix._fields import mapping, part, rows, text_of
from socialcrm_matrix._rooms import look, state_of

__all__ = ["MARK", "create", "find", "lost", "remember", "who"]

MARK = "socialcrm.reply"
"""Key in the creation event of a room of ours: for which reply it was made, so that an unclear creation can be found."""

_AT_ONCE = 8


def who() -> Flow[str]:
    """Ask for our own user id ("whoami")."""
    answer = yield from Call("GET", "/_matrix/client/v3/account/whoami")
    return str(answer.json(dict, "user_id")["user_id"])


def find(me: str, them: str) -> Flow[str]:
    """Return a room that our account calls direct with them, where both are and nobody else; empty where there is none."""
    told = rows((yield from _direct_rooms(me)).get(them))
    if not told:
        return ""
    joined = yield from _joined()
    for room in reversed([one for one in told if isinstance(one, str) and one in joined]):
        member = yield from state_of(room, "m.room.member", them)
        if text_of(member, "membership") not in ("join", "invite") or (yield from state_of(room, "m.room.encryption")):
            continue
        if (yield from look(room)).visibility is Visibility.PRIVATE:
            return room
    return ""


def create(them: str, mark: str) -> Flow[str]:
    """Make a room for two and invite them ("create_room")."""
    body = {
        "preset": "trusted_private_chat",
        "is_direct": True,
        "invite": [them],
        "creation_content": {MARK: mark},
    }
    answer = yield from Call("POST", "/_matrix/client/v3/createRoom", json=body, timeout=60)
    try:
        room = text_of(answer.json(), "room_id")
    except PayloadError:
        room = ""
    if not room:
        raise UnclearError("matrix: /createRoom answered without room_id; it is looked for among our rooms")
    yield from Batch([], {"room": room})
    return room


def remember(me: str, them: str, room: str) -> Flow[None]:
    """Call a room direct in our account's data, as clients do; twice is once."""
    told = yield from _direct_rooms(me)
    if room not in rows(told.get(them)):
        content = {**told, them: [*rows(told.get(them)), room]}
        yield from Call("PUT", _account_data(me), json=content)


def lost(mark: str) -> Flow[str]:
    """Look among the rooms that we are in for one that was made for a reply; empty where there is none."""
    rooms = sorted((yield from _joined()))
    for start in range(0, len(rooms), _AT_ONCE):
        some = rooms[start : start + _AT_ONCE]
        calls = (Call("GET", f"/_matrix/client/v3/rooms/{part(room)}/state/m.room.create") for room in some)
        answers = yield from All(tuple(calls))
        for room, answer in zip(some, answers, strict=True):
            if text_of(answer.json(dict), MARK) == mark:
                return room
    return ""


def _joined() -> Flow[set[str]]:
    answer = yield from Call("GET", "/_matrix/client/v3/joined_rooms")
    return {one for one in rows(answer.json(dict, "joined_rooms")["joined_rooms"]) if isinstance(one, str)}


def _account_data(me: str) -> str:
    return f"/_matrix/client/v3/user/{part(me)}/account_data/m.direct"


def _direct_rooms(me: str) -> Flow[dict[str, Any]]:
    try:
        answer = yield from Call("GET", _account_data(me))
    except NotFound:
        return {}
    return dict(mapping(answer.json(dict)))
