"""Following rooms, on an invented homeserver."""

from __future__ import annotations

import json
from typing import Any

import pytest

from socialcrm.connectors import Answer, Call, Now
from socialcrm.errors import CredentialsError, SettingsError, UnsupportedError
from socialcrm.types import Deletion, Edit, Hole, Interaction, Kind, Visibility
from socialcrm_matrix import MatrixConnector, MatrixSettings

ME, MARA, OMAR = "@acme:example.org", "@mara:example.com", "@omar:example.org"


def words(items: list[Any]) -> list[str]:
    return sorted({item.text for item in items if isinstance(item, Interaction)})


def test_a_gap_is_filled_after_the_cursor_has_a_row_for_it(bench: Any) -> None:
    """The place moves on together with the row that says what is missing; the row goes with the last page."""
    room = bench.server.room(ME, MARA)
    bench.sync()
    said = [bench.server.say(room, MARA, f"Line {number}") for number in range(10)]
    before = len(bench.host.batches)
    assert {item.id for item in bench.sync()} == set(said)
    first, *pages = bench.host.batches[before:]
    assert "since" in first.cursor
    assert json.loads(first.cursor[f"gap:{room}"])["to"] != first.cursor["since"]
    assert [page.cursor[f"gap:{room}"] is None for page in pages if f"gap:{room}" in page.cursor] == [False, False, True]
    assert f"gap:{room}" not in bench.host.cursor


def test_it_stops_when_the_token_stays(bench: Any) -> None:
    """An answer with the token that was asked for ends the flow: one call in a quiet hour."""
    bench.server.room(ME, MARA)
    bench.sync()
    bench.server.log.clear()
    assert bench.sync() == []
    assert len(bench.calls("GET", "/sync")) == 1


def test_a_token_that_moves_without_news_ends_it_too(bench: Any) -> None:
    """A busy server's token moves with what is filtered out: two answers without events are enough."""
    flow = bench.connector.fetch("rooms", {"since": "s0"})
    asked: list[Call] = []

    def given(step: Any) -> Any:
        if isinstance(step, Call):
            asked.append(step)
            return Answer(status=200, content=json.dumps({"next_batch": f"s{len(asked)}"}).encode())
        return bench.host.now() if isinstance(step, Now) else None

    step = next(flow)
    while step is not None and len(asked) < 9:
        try:
            step = flow.send(given(step))
        except StopIteration:
            step = None
    assert len(asked) == 2


def test_history_is_read_as_far_back_as_asked(bench: Any) -> None:
    """A room that we first see is read down to ``history_days``."""
    room = bench.server.room(ME, MARA)
    for age in range(40, 0, -1):
        bench.server.say(room, MARA, f"{age} days ago", age=24 * age)
    found = words(bench.sync())
    assert "30 days ago" in found
    assert "36 days ago" not in found


@pytest.mark.parametrize(("join", "accepted"), [("none", []), ("direct", ["!room1"]), ("all", ["!room1", "!room2"])])
def test_invitations(homeserver: Any, bench: Any, join: str, accepted: list[str]) -> None:
    """Only those invitations are accepted that the settings name; then what was said before comes too."""
    direct = homeserver.room(MARA, invited=ME)
    homeserver.say(direct, MARA, "Hello?")
    group = homeserver.room(OMAR)
    homeserver.put(group, "m.room.member", OMAR, {"membership": "invite"}, state=ME)
    mine = type(bench)(homeserver, join=join)
    items = mine.sync()
    joined = [room.partition(":")[0] for room in homeserver.rooms if homeserver.membership(room, ME) == "join"]
    assert joined == accepted
    assert words(items) == (["Hello?"] if accepted else [])


def test_an_invitation_that_fails_holds_up_nothing(bench: Any) -> None:
    """It is tried five times, and everything else arrives."""
    room = bench.server.room(ME, OMAR)
    gone = bench.server.room(MARA, invited=ME)
    bench.server.say(room, OMAR, "Hello")
    bench.host.cursor[f"invite:{gone}"] = "0"
    del bench.server.rooms[gone]
    assert words(bench.sync()) == ["Hello"]
    for _ in range(7):
        bench.sync()
    assert len(bench.calls("POST", "/join")) == 5
    assert not [key for key in bench.host.cursor if key.startswith("invite:")]


def test_only_the_author_edits(bench: Any) -> None:
    """An edit by somebody else is no edit, whether the original is on the same page or long ago."""
    room = bench.server.room(ME, MARA, OMAR)
    old = bench.server.say(room, MARA, "Old")
    bench.sync()
    bench.server.edit(room, OMAR, old, "Forged")
    bench.server.edit(room, MARA, old, "Newer")
    bench.server.edit(room, MARA, "$unknown", "Of nothing")
    items = bench.sync()
    assert [(item.id, item.text) for item in items if isinstance(item, Edit)] == [(old, "Newer")]
    assert {item.kind for item in items if isinstance(item, Interaction)} == {Kind.OTHER}
    assert words(items) == ["* Forged", "* Of nothing"]


@pytest.mark.parametrize(
    ("members", "join", "history", "told"),
    [
        ((ME, MARA), "invite", "shared", Visibility.PRIVATE),
        ((ME, MARA, OMAR), "invite", "shared", Visibility.LIMITED),
        ((ME, MARA), "public", "shared", Visibility.LIMITED),
        ((ME, MARA), "public", "world_readable", Visibility.PUBLIC),
        ((ME, MARA), "invite", "world_readable", Visibility.PUBLIC),
    ],
)
def test_visibility(bench: Any, members: tuple[str, ...], join: str, history: str, told: Visibility) -> None:
    """World-readable is public; a closed room for two is private; the rest is limited."""
    room = bench.server.room(*members, join=join, history=history)
    bench.server.say(room, MARA, "Hello")
    assert {item.visibility for item in bench.sync() if isinstance(item, Interaction)} == {told}


def test_a_room_that_our_account_calls_direct_is_private(bench: Any) -> None:
    """Also with three in it, whichever was told first, the room or that it is direct."""
    room = bench.server.room(ME, MARA, OMAR)
    bench.server.say(room, MARA, "Limited")
    bench.sync()
    bench.server.direct, bench.server.direct_at = {MARA: [room]}, 10**6
    bench.server.say(room, MARA, "Private")
    (item,) = (item for item in bench.sync() if isinstance(item, Interaction))
    assert item.visibility is Visibility.PRIVATE


def test_a_room_that_can_t_be_read_any_more_leaves_a_hole(bench: Any) -> None:
    """A gap in a room that we were put out of is recorded, and stops nothing."""
    room = bench.server.room(ME, MARA)
    bench.sync()
    bench.host.cursor[f"gap:{room}"] = json.dumps({"from": "s9", "to": "s1", "visibility": "private"})
    bench.server.put(room, "m.room.member", MARA, {"membership": "leave"}, state=ME)
    (hole,) = (item for item in bench.sync() if isinstance(item, Hole))
    assert "M_FORBIDDEN" in hole.reason
    assert f"room:{room}" not in bench.host.cursor


def test_what_was_said_before_we_left_arrives(bench: Any) -> None:
    """The part of a room up to our leaving comes with the leaving."""
    room = bench.server.room(ME, MARA)
    bench.sync()
    bench.server.say(room, MARA, "Good-bye")
    bench.server.put(room, "m.room.member", MARA, {"membership": "leave"}, state=ME)
    bench.server.say(room, MARA, "Alone at last")
    assert words(bench.sync()) == ["Good-bye"]


def test_a_redaction_takes_back(bench: Any) -> None:
    """What was taken back comes as a deletion of that id in that room."""
    room = bench.server.room(ME, MARA)
    key = bench.server.say(room, MARA, "Oops")
    bench.sync()
    bench.server.redact(room, MARA, key)
    assert [(item.id, item.scope) for item in bench.sync() if isinstance(item, Deletion)] == [(key, room)]


def test_searching(bench: Any) -> None:
    """Every page of what the server finds comes as the same elements that following brings."""
    room = bench.server.room(ME, MARA, join="public", history="world_readable")
    said = {bench.server.say(room, MARA, f"The router {number}") for number in range(7)}
    bench.run(bench.connector.search("router", {}))
    found = [item for batch in bench.host.batches for raw in batch.raws for item in bench.connector.parse(raw)]
    assert {item.id for item in found} == said
    assert {(item.visibility, item.author.name) for item in found} == {(Visibility.PUBLIC, "Mara")}


def test_a_renewed_token_is_kept_with_its_successor(bench: Any) -> None:
    """An expired token is exchanged once, and the new refresh token takes the old one's place."""
    bench.server.expire()
    bench.sync()
    assert bench.host.grant() == {"token": "syt-3n-canary-2", "refresh_token": "syr-3n-canary-2"}
    bench.server.expire()
    bench.server.refresh_tokens = set()
    with pytest.raises(CredentialsError, match="log in again"):
        bench.sync()


def test_what_is_missing_is_told(bench: Any) -> None:
    """No server, no such stream."""
    with pytest.raises(SettingsError, match="no server"):
        next(MatrixConnector(MatrixSettings()).fetch("rooms", {}))
    with pytest.raises(UnsupportedError, match="rooms"):
        next(bench.connector.fetch("posts", {}))
