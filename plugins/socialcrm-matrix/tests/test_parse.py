"""What events mean. Everybody in them is invented."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Deletion, Edit, Hole, Interaction, Kind, Visibility
from socialcrm_matrix import MatrixConnector, MatrixSettings

SERVER = "https://matrix.example.org"
ROOM, MARA = "!room:example.org", "@mara:example.com"


def parsed(content: Any, kind: str = "m.room.message", context: dict[str, str] | None = None, **more: Any) -> list[Any]:
    event = {"event_id": "$e1", "type": kind, "sender": MARA, "origin_server_ts": 1791000000123, "content": content, **more}
    raw = Raw("event", event, {"room": ROOM, **(context or {})})
    return list(MatrixConnector(MatrixSettings(server=SERVER)).parse(raw))


def one(content: Any, kind: str = "m.room.message", **more: Any) -> Any:
    (item,) = parsed(content, kind, **more)
    return item


def text(body: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more}


def test_a_message_is_all_that_it_says() -> None:
    """Id, room, time to the millisecond, author by user id, and an address for people."""
    item = one(text("Hello"), context={"name": "Mara", "avatar": "mxc://example.com/face", "visibility": "private"})
    assert (item.id, item.scope, item.conversation, item.text) == ("$e1", ROOM, ROOM, "Hello")
    assert item.at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1791000000123)
    assert (item.author.id, item.author.name, item.author.avatar) == (MARA, "Mara", "mxc://example.com/face")
    assert (item.kind, item.visibility, item.parent) == (Kind.MESSAGE, Visibility.PRIVATE, None)
    assert item.url == "https://matrix.to/#/!room:example.org/$e1"


@pytest.mark.parametrize(
    ("relation", "parent", "references"),
    [
        ({"m.in_reply_to": {"event_id": "$a"}}, "$a", ()),
        ({"rel_type": "m.thread", "event_id": "$root"}, "$root", ("$root",)),
        (
            {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True, "m.in_reply_to": {"event_id": "$last"}},
            "$root",
            ("$root",),
        ),
        ({"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$a"}}, "$a", ("$root",)),
        ({"rel_type": "org.example.odd", "event_id": "$a"}, None, ()),
        ("nonsense", None, ()),
    ],
)
def test_what_a_message_answers(relation: Any, parent: str | None, references: tuple[str, ...]) -> None:
    """A reply's parent is what it answers; in a thread the root, unless the reply is a real one and not a fallback."""
    item = one(text("Yes", **{"m.relates_to": relation}))
    assert (item.parent, item.references) == (parent, references)


def test_an_edit_by_the_author_is_an_edit() -> None:
    """The new words are those of ``m.new_content``, the time is that of the edit."""
    content = text("* new", **{"m.new_content": text("new"), "m.relates_to": {"rel_type": "m.replace", "event_id": "$e0"}})
    item = one(content, context={"wrote": MARA})
    assert isinstance(item, Edit)
    assert (item.id, item.scope, item.text, item.at.microsecond) == ("$e0", ROOM, "new", 123000)


@pytest.mark.parametrize("wrote", [{"wrote": "@acme:example.org"}, {"wrote": ""}, {}])
def test_an_edit_of_somebody_elses_words_changes_nothing(wrote: dict[str, str]) -> None:
    """It is kept as something that its sender said ("Event replacements", validity)."""
    content = text("* new", **{"m.new_content": text("new"), "m.relates_to": {"rel_type": "m.replace", "event_id": "$e0"}})
    item = one(content, context=wrote)
    assert isinstance(item, Interaction)
    assert (item.id, item.kind, item.author.id) == ("$e1", Kind.OTHER, MARA)


@pytest.mark.parametrize("where", [{"redacts": "$e0"}, {"content": {"redacts": "$e0"}}])
def test_a_redaction_is_a_deletion(where: dict[str, Any]) -> None:
    """Room versions before 11 name the event at the top, later ones in the content."""
    item = one(where.get("content", {}), "m.room.redaction", **{key: one for key, one in where.items() if key == "redacts"})
    assert item == Deletion(id="$e0", scope=ROOM, at=item.at)


def test_what_was_taken_back_before_we_came_is_a_deletion() -> None:
    """Its own event says why it is empty."""
    item = one({}, unsigned={"redacted_because": {"origin_server_ts": 1791000009000, "type": "m.room.redaction"}})
    assert isinstance(item, Deletion)
    assert item.id == "$e1"


def test_a_reaction() -> None:
    """Its text is its key, its parent what it is about."""
    item = one({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$e0", "key": "👍"}}, "m.reaction")
    assert (item.kind, item.text, item.parent) == (Kind.REACTION, "👍", "$e0")


def test_files() -> None:
    """A file is listed under the address that serves it to us; its name is no text, a caption is."""
    info = {"mimetype": "image/png", "size": 1234}
    url = "mxc://example.com/abc"
    item = one({"msgtype": "m.image", "body": "router.png", "url": url, "info": info})
    address = f"{SERVER}/_matrix/client/v1/media/download/example.com/abc"
    assert item.attachments == (Attachment(url=address, mime="image/png", name="router.png", size=1234),)
    assert item.text == ""
    captioned = one({"msgtype": "m.image", "body": "It blinks", "filename": "router.png", "url": url})
    assert (captioned.text, captioned.attachments[0].name) == ("It blinks", "router.png")
    sticker = one({"body": "A cat", "url": url, "info": {}}, "m.sticker")
    assert (sticker.kind, len(sticker.attachments)) == (Kind.MESSAGE, 1)
    hostile = one({"msgtype": "m.file", "body": "x", "url": "mxc://example.com/../../../_matrix/client/v3/logout"})
    assert "/../" not in hostile.attachments[0].url
    assert one({"msgtype": "m.file", "body": "x", "url": "https://example.net/x"}).attachments == ()


def test_old_quotations_are_split_off() -> None:
    """What clients put before a reply until version 1.13 is quoted, not said."""
    body = "> <@acme:example.org> Is it plugged in?\n> Really?\n\nOf course"
    item = one(text(body, **{"m.relates_to": {"m.in_reply_to": {"event_id": "$a"}}}))
    assert (item.text, item.quoted) == ("Of course", "<@acme:example.org> Is it plugged in?\nReally?")
    assert one(text("> a line that I quote\n\nYes")).text == "> a line that I quote\n\nYes"


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAE"}, Kind.OTHER),
        ("org.example.unknown", {"body": "?"}, Kind.OTHER),
        ("m.room.message", {"msgtype": "org.example.odd", "body": "?"}, Kind.OTHER),
        ("m.call.invite", {"call_id": "1", "version": "1"}, Kind.CALL),
        ("m.room.message", text("x"), Kind.MESSAGE),
        ("m.room.message", {"msgtype": "m.location", "body": "Here", "geo_uri": "geo:1,2"}, Kind.MESSAGE),
    ],
)
def test_kinds(kind: str, content: dict[str, Any], told: Kind) -> None:
    """What we have a word for has it; everything else that somebody sent is kept as other."""
    assert one(content, kind).kind is told


@pytest.mark.parametrize("kind", ["m.call.candidates", "m.key.verification.start"])
def test_signals_are_no_interactions(kind: str) -> None:
    """Machines talking among themselves are nobody's words."""
    assert parsed({}, kind) == []


def test_state_is_no_interaction() -> None:
    """Membership, names and rules of a room are not something that somebody said to us."""
    assert parsed({"membership": "join"}, "m.room.member", state_key=MARA) == []


@pytest.mark.parametrize("missing", ["event_id", "type", "sender", "origin_server_ts"])
def test_an_event_that_cannot_be_told_from_others_is_quarantined(missing: str) -> None:
    """Without id, type, sender or time, PayloadError."""
    with pytest.raises(PayloadError):
        parsed(text("x"), **{missing: None})


def test_what_is_no_event_of_a_room_is_no_interaction() -> None:
    """Typing and receipts have neither id nor time."""
    assert list(MatrixConnector(MatrixSettings()).parse(Raw("event", {"type": "m.typing", "content": {"user_ids": []}}))) == []


def test_a_time_beyond_the_calendar_is_quarantined() -> None:
    """A sender may write any number."""
    with pytest.raises(PayloadError):
        parsed(text("x"), origin_server_ts=10**18)


def test_a_hole() -> None:
    """What can't be read any more says from when until when."""
    raw = Raw("hole", {"id": "!r s1", "since": 1791000000000, "at": 1791000005000, "reason": "left"})
    (item,) = MatrixConnector(MatrixSettings()).parse(raw)
    assert isinstance(item, Hole)
    assert (item.at - item.since).total_seconds() == 5


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["body", "msgtype", "url", "info", "filename", "m.relates_to", "m.new_content", "file"]), ANY
    ),
    st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction", "m.sticker", "m.call.invite", "x"]),
)
def test_no_content_breaks_it(content: dict[str, Any], kind: str) -> None:
    """Whatever a sender puts into an event, items or PayloadError come out."""
    with suppress(PayloadError):
        assert all(item.id for item in parsed(content, kind))
