"""What archived messages mean. Everybody here is invented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Edit, Hole, Interaction, Kind, Visibility
from socialcrm_xmpp import XmppConnector

OWN, ROOM = "team@example.org", "help@rooms.example.org"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def raw(inner: str, attributes: str = f"from='mara@example.com/phone' to='{OWN}' type='chat' id='m1'", **context: str) -> Raw:
    """Build a message of an archive."""
    message = f"<message xmlns='jabber:client' {attributes}>{inner}</message>"
    delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-03-01T13:00:00+01:00'/>"
    forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{delay}{message}</forwarded>"
    return Raw("message", f"<result xmlns='urn:xmpp:mam:2' id='a1'>{forwarded}</result>", {"own": OWN, **context})


def spoken(inner: str, **context: str) -> Raw:
    """Build a message of the room's archive."""
    return raw(inner, f"from='{ROOM}/omar' type='groupchat' id='o1'", archive=ROOM, **context)


def only(connector: XmppConnector, element: Raw) -> Any:
    (item,) = connector.parse(element)
    return item


def test_a_message_to_us(connector: XmppConnector) -> None:
    """It is private, its author is the bare address, and its id the archive's."""
    item = only(connector, raw("<body>Hello &lt;you&gt;</body>"))
    assert item == Interaction(
        id="a1", at=AT, author=item.author, conversation="mara@example.com", visibility=Visibility.PRIVATE, text="Hello <you>"
    )
    assert (item.author.id, item.author.handle) == ("mara@example.com", "mara@example.com")


def test_a_message_of_ours(connector: XmppConnector) -> None:
    """It belongs to the exchange with its receiver, with and without a sender's address."""
    for sender in (f"from='{OWN}/desk'", ""):
        item = only(connector, raw("<body>Hi</body>", f"{sender} to='Mara@Example.com/phone' type='chat'"))
        assert (item.author.id, item.conversation) == (OWN, "mara@example.com")


@pytest.mark.parametrize(
    ("inner", "context", "author"),
    [
        ("<x xmlns='http://jabber.org/protocol/muc#user'><item jid='Omar@example.com/pc'/></x>", {}, "omar@example.com"),
        ("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o7'/>", {"ids": "1"}, f"{ROOM}#o7"),
        ("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>", {}, f"{ROOM}/omar"),
        ("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o7'/>", {"ids": "1", "me": "o7"}, OWN),
        ("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o8'/>", {"ids": "1", "me": "o7", "nick": "omar"}, f"{ROOM}#o8"),
        ("", {"nick": "omar"}, OWN),
    ],
)
def test_who_an_occupant_is(connector: XmppConnector, inner: str, context: dict[str, str], author: str) -> None:
    """The real address, else an id that the room vouches for, else the nick; a nick proves nothing where ids are given."""
    item = only(connector, spoken(f"<body>Hello</body>{inner}", **context))
    assert (item.author.id, item.author.name, item.conversation, item.scope) == (author, "omar", ROOM, ROOM)


def test_who_can_read_a_room(connector: XmppConnector) -> None:
    """Only a room that says it is public makes public what is said there."""
    told = [only(connector, spoken("<body>Hello</body>", **context)).visibility for context in ({}, {"visibility": "public"})]
    assert told == [Visibility.LIMITED, Visibility.PUBLIC]


def test_a_whisper_in_a_room(connector: XmppConnector) -> None:
    """From nick to nick it is private, and what it claims about its sender's address is not believed."""
    x = "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='ceo@example.org/x'/></x>"
    item = only(connector, raw(f"<body>psst</body>{x}", f"from='{ROOM}/omar' to='{OWN}' type='chat'"))
    assert (item.author.id, item.conversation, item.visibility) == (f"{ROOM}/omar", f"{ROOM}/omar", Visibility.PRIVATE)


def test_corrections(connector: XmppConnector) -> None:
    """A correction edits its original; without one it stands for itself."""
    inner = "<body>Right</body><replace xmlns='urn:xmpp:message-correct:0' id='m0'/>"
    assert only(connector, raw(inner, target="a0")) == Edit(id="a0", at=AT, text="Right")
    assert only(connector, raw(inner)).text == "Right"


def test_retractions(connector: XmppConnector) -> None:
    """A retraction deletes what was found to be its author's own; a tombstone and an emptied entry delete themselves."""
    inner = "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/><body>fallback</body>"
    assert only(connector, raw(inner, target="a0")) == Deletion(id="a0", at=AT)
    assert list(connector.parse(raw(inner))) == []
    assert list(connector.parse(spoken(inner))) == []
    stone = "<retracted xmlns='urn:xmpp:message-retract:1' stamp='2026-03-01T12:05:00Z'/>"
    assert only(connector, raw(stone)) == Deletion(id="a1", at=AT.replace(minute=5))


@pytest.mark.parametrize(
    "inner",
    [
        "<retract xmlns='urn:xmpp:message-retract:1' id='a0'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract>",
        "<apply-to xmlns='urn:xmpp:fasten:0' id='a0'><moderated xmlns='urn:xmpp:message-moderate:0'/></apply-to>",
    ],
)
def test_moderation(connector: XmppConnector, inner: str) -> None:
    """What the room itself takes down is gone; an occupant who claims to moderate takes nothing down."""
    assert only(connector, raw(inner, f"from='{ROOM}' type='groupchat'", archive=ROOM)) == Deletion(id="a0", scope=ROOM, at=AT)
    assert not any(isinstance(item, Deletion) for item in connector.parse(spoken(inner)))


def test_reactions(connector: XmppConnector) -> None:
    """A reaction hangs on what it is about, and takes its author's former one away; an empty one only does the latter."""
    inner = "<reactions xmlns='urn:xmpp:reactions:0' id='a0'>{}</reactions>"
    gone, item = connector.parse(
        spoken(inner.format("<reaction>👍</reaction><reaction>🐢</reaction>"), previous="a5", target="a0")
    )
    assert (gone, item.kind, item.parent, item.text) == (Deletion(id="a5", scope=ROOM, at=AT), Kind.REACTION, "a0", "👍 🐢")
    assert only(connector, spoken(inner.format(""), previous="a5")) == Deletion(id="a5", scope=ROOM, at=AT)


def test_replies(connector: XmppConnector) -> None:
    """A reply has a parent, and what it quotes for older programs is not its text; odd spans cut nothing."""
    inner = "<body>&gt; Hello\nYes</body><reply xmlns='urn:xmpp:reply:0' id='a0'/>{}"
    fallback = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='{}' end='{}'/></fallback>"
    item = only(connector, spoken(inner.format(fallback.format(0, 8))))
    assert (item.parent, item.text, item.quoted) == ("a0", "Yes", "> Hello")
    assert only(connector, spoken(inner.format(fallback.format(-5, "9" * 5000)))).text == "> Hello\nYes"
    assert only(connector, raw(inner.format(""), target="a7")).parent == "a7"


def test_marks_and_bounces(connector: XmppConnector) -> None:
    """What a customer's program tells of our messages is a delivery; our own marks are nothing."""
    shown = "<displayed xmlns='urn:xmpp:chat-markers:0' id='t1'/>"
    assert only(connector, raw(shown, target="a0")) == Delivery(id="a0", at=AT, status="read")
    assert list(connector.parse(raw(shown, f"from='{OWN}/pc' to='mara@example.com'", target="a0"))) == []
    bounce = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    item = only(connector, raw(bounce, "from='mara@example.com' type='error' id='t1'", target="a0"))
    assert item == Delivery(id="a0", at=AT, status="failed", reason="item-not-found")


def test_files_and_what_nobody_knows(connector: XmppConnector) -> None:
    """Links of files are attachments, scripts are not; unknown payloads are kept, signs of typing are not."""
    oob = "<x xmlns='jabber:x:oob'><url>{}</url></x>"
    files = only(connector, raw(oob.format("https://example.com/up/a%20b.png") + oob.format("javascript:alert(1)"))).attachments
    assert [(one.name, one.mime) for one in files] == [("a b.png", "image/png")]
    assert only(connector, raw("<wish xmlns='urn:example:wish'/>")).kind is Kind.OTHER
    assert list(connector.parse(raw("<composing xmlns='http://jabber.org/protocol/chatstates'/>"))) == []
    assert list(connector.parse(raw("<body>x</body>", f"from='{ROOM}/omar' type='groupchat'"))) == []


def test_holes(connector: XmppConnector) -> None:
    """A hole says from when until when nobody could see."""
    body = {"archive": ROOM, "since": "2026-03-01T12:00:00+00:00", "at": "2026-03-02T12:00:00+00:00"}
    item = only(connector, Raw("hole", body))
    assert isinstance(item, Hole)
    assert (item.since, item.at, item.scope) == (AT, AT.replace(day=2), ROOM)


@pytest.mark.parametrize("body", [1, None, "", "<x>", "<!DOCTYPE a><a/>", "<result xmlns='urn:xmpp:mam:2'/>", "\ud83d"])
def test_what_can_t_be_read(connector: XmppConnector, body: Any) -> None:
    """It is told as PayloadError."""
    for kind in ("message", "hole"):
        with pytest.raises(PayloadError):
            list(connector.parse(Raw(kind, body)))
