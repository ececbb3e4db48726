"""Answering, on an invented homeserver."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Blob, Call, Outgoing, Receipt
from socialcrm.errors import NotFound, SettingsError, UnclearError, UnsupportedError
from socialcrm.types import Visibility

ME, MARA, OMAR = "@acme:example.org", "@mara:example.com", "@omar:example.org"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def outgoing(room: str, *parts: str, **more: Any) -> Outgoing:
    told = {"id": "o1", "conversation": room, "scope": room, "to": MARA, "visibility": Visibility.LIMITED, "at": NOON}
    return Outgoing(parts=parts or ("Sorry!",), **{**told, **more})


def contents(server: Any, room: str) -> list[Any]:
    return [event["content"] for event in server.rooms[room] if event["type"] == "m.room.message" and event["sender"] == ME]


def test_a_reply_names_what_it_answers_and_whom(bench: Any) -> None:
    """The first part answers the question and mentions the one who wrote; each further part answers the one before."""
    room = bench.server.room(ME, MARA, OMAR)
    asked = bench.server.say(room, MARA, "Hello?")
    receipt = bench.run(bench.connector.send(outgoing(room, "One", "Two", reply_to=asked, references=(asked,)), {}))
    first, second = contents(bench.server, room)
    assert first["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
    assert first["m.mentions"] == {"user_ids": [MARA]}
    assert second["m.relates_to"] == {"m.in_reply_to": {"event_id": receipt.ids[0]}}
    assert (receipt.conversation, receipt.scope, len(receipt.ids)) == (None, None, 2)


def test_an_answer_in_a_thread_stays_there(bench: Any) -> None:
    """The root comes with the references of the question."""
    room = bench.server.room(ME, MARA, OMAR)
    root = bench.server.say(room, OMAR, "News")
    relation = {"rel_type": "m.thread", "event_id": root}
    asked = bench.server.say(room, MARA, "Hello?", **{"m.relates_to": relation})
    bench.run(bench.connector.send(outgoing(room, reply_to=asked, references=(root, asked)), {}))
    (content,) = contents(bench.server, room)
    assert content["m.relates_to"] == {**relation, "is_falling_back": False, "m.in_reply_to": {"event_id": asked}}


def test_sent_again_it_is_the_same_event(bench: Any) -> None:
    """The transaction id is made of the reply's id and the part."""
    room = bench.server.room(ME, MARA, OMAR)
    first = bench.run(bench.connector.send(outgoing(room), {}))
    assert bench.run(bench.connector.send(outgoing(room), {})) == first
    assert bench.run(bench.connector.send(outgoing(room, id="o2"), {})) != first
    assert len(bench.server.said) == 2


@pytest.mark.parametrize("remembers", [True, False])
def test_an_unclear_answer_is_found(bench: Any, remembers: bool) -> None:
    """By its transaction id; where the server forgot that, by its words and what they answer; never somebody else's."""
    room = bench.server.room(ME, MARA, OMAR)
    asked = bench.server.say(room, MARA, "Hello?")
    message = outgoing(room, reply_to=asked)
    bench.server.say(room, OMAR, "Sorry!", **{"m.relates_to": {"m.in_reply_to": {"event_id": asked}}})
    assert bench.run(bench.connector.settle(message, {})) is None
    sent = bench.run(bench.connector.send(message, {}))
    if not remembers:
        bench.server.rooms[room][-1]["unsigned"] = {}
    bench.run(bench.connector.send(outgoing(room, "Something else", id="o2"), {}))
    assert bench.run(bench.connector.settle(message, {})).ids == sent.ids
    assert bench.run(bench.connector.settle(outgoing(room, id="o3"), {})) is None


def test_an_encrypted_room_gets_nothing(bench: Any) -> None:
    """What we sent there its server could read."""
    room = bench.server.room(ME, MARA)
    bench.server.put(room, "m.room.encryption", MARA, {"algorithm": "m.megolm.v1.aes-sha2"}, state="")
    with pytest.raises(UnsupportedError, match="encrypted"):
        bench.run(bench.connector.send(outgoing(room), {}))
    assert bench.server.said == []


def test_a_private_answer_in_a_room_for_two_stays(bench: Any) -> None:
    """The room is private already."""
    room = bench.server.room(ME, MARA)
    receipt = bench.run(bench.connector.send(outgoing(room, visibility=Visibility.PRIVATE), {}))
    assert (receipt.conversation, len(contents(bench.server, room))) == (None, 1)


def test_a_private_answer_opens_a_room_and_uses_it_again(bench: Any) -> None:
    """Where others would read it, it goes to a room for two, which our account then calls direct."""
    room = bench.server.room(ME, MARA, OMAR)
    asked = bench.server.say(room, MARA, "Hello?")
    message = outgoing(room, reply_to=asked, references=(asked,), visibility=Visibility.PRIVATE)
    first = bench.run(bench.connector.send(message, {}))
    again = bench.run(bench.connector.move_to_private(outgoing(room, id="o2"), {}))
    assert first.conversation == first.scope == again.conversation != room
    assert bench.server.direct == {MARA: [first.conversation]}
    assert bench.server.membership(first.conversation, MARA) == "invite"
    assert contents(bench.server, room) == []
    assert "m.relates_to" not in contents(bench.server, first.conversation)[0]


def test_a_room_whose_creation_stayed_unclear_is_found(bench: Any) -> None:
    """Its creation event says for which reply it was made; the answer goes there, and no second room is opened."""
    room = bench.server.room(ME, MARA, OMAR)
    message = outgoing(room, visibility=Visibility.PRIVATE)
    flow = bench.connector.send(message, {})
    made: list[str] = []

    def dying() -> Any:
        step = next(flow)
        while not made:
            try:
                answer = yield step
            except NotFound as error:
                step = flow.throw(error)
                continue
            if isinstance(step, Call) and step.path.endswith("/createRoom"):
                made.append(answer.json()["room_id"])
                return
            step = flow.send(answer)

    bench.run(dying())
    assert bench.run(bench.connector.settle(message, {})) is None
    receipt = bench.run(bench.connector.send(message, dict(bench.host.cursor)))
    assert [receipt.conversation] == made
    assert (bench.server.direct, len(bench.calls("POST", "/createRoom"))) == ({MARA: made}, 1)


def test_files_follow_the_text(bench: Any, tmp_path: Path) -> None:
    """Each is uploaded, then sent; what was uploaded before a crash is not uploaded again."""
    room = bench.server.room(ME, MARA, OMAR)
    path = tmp_path / "plan.png"
    path.write_bytes(b"picture")
    blob = Blob(sha256=hashlib.sha256(b"picture").hexdigest(), path=path, size=7, mime="image/png", name="plan.png")
    message = outgoing(room, media=(blob,))
    receipt = bench.run(bench.connector.send(message, {}))
    assert len(receipt.ids) == 2
    file = contents(bench.server, room)[-1]
    assert (file["msgtype"], file["url"], file["info"]) == (
        "m.image",
        "mxc://example.org/media1",
        {"mimetype": "image/png", "size": 7},
    )
    assert bench.server.files == {"mxc://example.org/media1": b"picture"}
    assert bench.run(bench.connector.send(message, dict(bench.host.cursor))) == receipt
    assert len(bench.calls("POST", "/upload")) == 1


def test_an_answer_that_names_no_event_is_unclear(bench: Any) -> None:
    """The message may be there."""
    flow = bench.connector.send(outgoing("!r:example.org"), {})
    assert next(flow).path.endswith("/state/m.room.encryption")
    assert flow.send(Answer(status=200, content=b"{}")).method == "PUT"
    with pytest.raises(UnclearError):
        flow.send(Answer(status=200, content=b"<html>"))


def test_a_private_answer_needs_somebody(bench: Any) -> None:
    """Without a user id nobody can be invited."""
    with pytest.raises(SettingsError, match="user id"):
        bench.run(bench.connector.move_to_private(outgoing("", to=""), {}))


def test_reactions_receipts_and_taking_back(bench: Any) -> None:
    """Each may be done twice; taking back takes every part."""
    room = bench.server.room(ME, MARA, OMAR)
    asked = bench.server.say(room, MARA, "Hello?")
    sent = bench.run(bench.connector.send(outgoing(room, "One", "Two"), {}))
    for _ in range(2):
        bench.run(bench.connector.react(asked, room, "👍"))
        bench.run(bench.connector.mark_read(asked, room))
        bench.run(bench.connector.retract(Receipt(ids=(*sent.ids, "$gone"), conversation=room)))
    assert sum(event["type"] == "m.reaction" for event in bench.server.rooms[room]) == 1
    assert bench.server.reads == [(room, asked)] * 2
    assert [one for one in contents(bench.server, room) if one] == []
    with pytest.raises(SettingsError, match="room"):
        bench.run(bench.connector.retract(Receipt(ids=("$x",))))


def test_who_somebody_is(bench: Any) -> None:
    """Our own id, and the profile of others."""
    assert bench.run(bench.connector.identify()).id == ME
    who = bench.run(bench.connector.profile(MARA))
    assert (who.id, who.name, who.avatar) == (MARA, "Mara", "mxc://example.org/face")
