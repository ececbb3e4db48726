"""Sessions, step by step, against the server in memory: logging in, references, sending, acting, staying in touch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Batch, Conn, Now, Open, Outgoing, Read, Receipt, Sent, StartTLS, Write
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RefusedError,
    SettingsError,
    SocialCRMError,
    UnclearError,
    Unreachable,
)
from socialcrm.types import Deletion, Edit, Hole, Visibility
from socialcrm_xmpp import XmppConnector

OWN, ROOM = "team@example.org", "help@rooms.example.org"
NOW = datetime(2026, 3, 1, 13, tzinfo=UTC)
EDIT = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
GONE = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'/>"


class Hand:
    """Steps a flow by hand against the server in memory; what the flow itself wrote lies in ``seen``."""

    def __init__(self, world: Any, session: Any, script: list[Any] | None = None) -> None:
        self.world, self.session, self.script = world, session, script or []
        self.batches: list[Batch] = []
        self.sent: list[Sent] = []
        self.seen, self.inbox, self.opened = b"", b"", ""

    def run(self, flow: Any) -> Any:
        outcome, error = None, None
        try:
            while True:
                step = flow.throw(error) if error is not None else flow.send(outcome)
                outcome, error = None, None
                try:
                    outcome = self.do(step)
                except SocialCRMError as failure:
                    error = failure
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def do(self, step: Any) -> Any:
        match step:
            case Open():
                self.opened = step.url
                return Conn("0123456789abcdef0123456789abcdef")
            case StartTLS():
                self.inbox = b""
            case Write():
                data = step.data if isinstance(step.data, bytes) else step.data({"password": self.world.password})
                self.seen += step.data if isinstance(step.data, bytes) else b""
                self.inbox += self.session.feed(data)
            case Read():
                return self.read(step)
            case Batch():
                self.batches.append(step)
            case Sent():
                self.sent.append(step)
            case Now():
                return NOW
        return None

    def read(self, step: Read) -> Any:
        if self.inbox:
            data, self.inbox = self.inbox, b""
            return data
        if step.idle and self.script:
            event = self.script.pop(0)
            return event() if callable(event) else event
        return b"" if step.idle else None


@pytest.fixture
def hand(world: Any) -> Callable[..., Hand]:
    import sys

    kind = sys.modules[type(world).__module__].Session
    return lambda *script: Hand(world, kind(world), list(script))


def items(connector: XmppConnector, hand: Hand) -> list[Any]:
    return [item for batch in hand.batches for raw in batch.raws for item in connector.parse(raw)]


def message(**changes: Any) -> Outgoing:
    given: dict[str, Any] = {
        "id": "out1",
        "conversation": "mara@example.com",
        "parts": ("Hi & <bye>",),
        "to": "mara@example.com",
    }
    return Outgoing(**{**given, "visibility": Visibility.PRIVATE, "at": NOW, **changes})


def test_logging_in(connector: XmppConnector, hand: Any, world: Any) -> None:
    """With STARTTLS and SCRAM we learn who we are, and the flow never sees the password."""
    world.tls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    one = hand()
    assert one.run(connector.identify()).id == OWN
    assert one.opened == "tcp://example.org:5222"
    assert b"SCRAM-SHA-256" in one.seen
    assert b"<response" not in one.seen


@pytest.mark.parametrize(
    ("attribute", "value", "error"),
    [
        ("tls", "", SettingsError),
        ("mechanisms", ["X-OWN"], SettingsError),
        ("forge", "v=Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2VkMTI=", CredentialsError),
        ("greeting", "HTTP/1.1 400 Bad Request", SocialCRMError),
        ("refuses", {"bind": "not-allowed"}, ForbiddenError),
    ],
)
def test_log_ins_that_fail(connector: XmppConnector, hand: Any, world: Any, attribute: str, value: Any, error: Any) -> None:
    """No encryption, no safe mechanism, a server that can't prove itself, another protocol: each is told."""
    world.tls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    setattr(world, attribute, value)
    with pytest.raises(error):
        hand().run(connector.identify())


def test_plain_needs_encryption(hand: Any, world: Any, build_settings: Any) -> None:
    """PLAIN is said within TLS, and never in clear."""
    world.mechanisms = ["PLAIN"]
    assert hand().run(XmppConnector(build_settings(security="tls")).identify()).id == OWN
    with pytest.raises(SettingsError, match="PLAIN"):
        hand().run(XmppConnector(build_settings(security="plain", host="127.0.0.1")).identify())


@pytest.fixture
def clear(build_settings: Any) -> XmppConnector:
    return XmppConnector(build_settings(security="tls"))


def test_only_the_author_may_change_a_message(clear: XmppConnector, hand: Any, world: Any) -> None:
    """Corrections and retractions by others change nothing; the author's own do, however the pages fall."""
    first = world.chat("One", id="m1")
    spoken = world.say("Two", id="o1")
    world.chat("Hijacked", sender="mallory@example.com", inner=EDIT.format("m1"))
    world.say("", nick="lena", inner=GONE.format(spoken))
    world.chat("First", inner=EDIT.format("m1"))
    world.say("", inner=GONE.format(spoken))
    one = hand()
    one.run(clear.fetch("archives", {}))
    found = items(clear, one)
    assert [(item.id, item.text) for item in found if isinstance(item, Edit)] == [(first, "First")]
    assert [(item.id, item.scope) for item in found if isinstance(item, Deletion)] == [(spoken, ROOM)]


def test_what_a_fetch_finds_does_not_depend_on_where_it_began(clear: XmppConnector, hand: Any, world: Any) -> None:
    """A correction of something read long ago finds it in the archive."""
    first = world.chat("One", id="m1")
    for number in range(8):
        world.chat(f"Between {number}")
    one = hand()
    one.run(clear.fetch("archives", {}))
    cursor = {key: value for batch in one.batches for key, value in batch.cursor.items()}
    world.chat("First", inner=EDIT.format("m1"))
    other = hand()
    other.run(clear.fetch("archives", cursor))
    assert [(item.id, item.text) for item in items(clear, other)] == [(first, "First")]


def test_an_archive_that_expired(clear: XmppConnector, hand: Any, world: Any) -> None:
    """What is left is read, and a hole says what nobody could see."""
    world.chat("Left")
    one = hand()
    one.run(clear.fetch("archives", {"own": "2026-02-01T00:00:00Z gone"}))
    hole, left = items(clear, one)
    assert isinstance(hole, Hole)
    assert (hole.since.month, left.text) == (2, "Left")


def test_answers_of_others_do_not_count(clear: XmppConnector, hand: Any, world: Any) -> None:
    """A page that claims to come from our archive, and comes from somebody else, brings nothing."""
    world.chat("Real")
    one = hand()
    forged = "<message from='mallory@example.com'><result xmlns='urn:xmpp:mam:2' queryid='QUERY' id='f'>"
    forged += "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>Forged</body></message></forwarded>"
    answer = one.session.do_iq
    one.session.do_iq = lambda element: [
        f"{forged}</result></message>".replace("QUERY", _query(element)),
        *answer(element),
    ]
    one.run(clear.fetch("archives", {}))
    assert [item.text for item in items(clear, one)] == ["Real"]


def _query(element: Any) -> str:
    return str(element[0].get("queryid", ""))


def test_a_room_that_is_not_there(clear: XmppConnector, hand: Any, world: Any) -> None:
    """It is told, nothing is entered, and our own archive is still read."""
    world.chat("Still here")
    world.features = []
    one = hand()
    with pytest.raises(SettingsError, match="keeps no archive"):
        one.run(clear.fetch("archives", {}))
    assert [item.text for item in items(clear, one)] == ["Still here"]
    assert b"<presence" not in one.seen


def test_sending_and_settling(clear: XmppConnector, hand: Any, world: Any) -> None:
    """A reply is confirmed by the archive, escaped, and found again; what is not there is certainly not there."""
    assert hand().run(clear.settle(message(), {})) is None
    receipt = hand().run(clear.send(message(), {}))
    assert [one.findtext("{jabber:client}body") for one in world.sent] == ["Hi & <bye>"]
    assert hand().run(clear.settle(message(), {})) == receipt == Receipt(ids=("a0001",))
    world.default = "roster"
    with pytest.raises(UnclearError):
        hand().run(clear.settle(message(id="out2"), {}))


def test_what_is_refused(clear: XmppConnector, hand: Any, world: Any) -> None:
    """A bounce fails the reply; an archive that never shows it leaves it unclear."""
    world.refuses = {"message": "service-unavailable"}
    with pytest.raises(SocialCRMError, match="refused"):
        hand().run(clear.send(message(), {}))
    world.refuses = {}
    world.keep = lambda *_about: ""
    with pytest.raises((UnclearError, Unreachable)):
        hand().run(clear.send(message(), {}))


def test_a_private_answer_to_an_occupant(clear: XmppConnector, hand: Any, world: Any) -> None:
    """It goes to who has the occupant id now; to nobody who left, and to nobody known by a nick only."""
    said = message(scope=ROOM, conversation=ROOM, to=f"{ROOM}#o-lena", reply_to="a1")
    receipt = hand().run(clear.send(said, {}))
    assert (world.sent[0].get("to"), receipt.scope, receipt.conversation) == (f"{ROOM}/lena", "", f"{ROOM}/lena")
    for to, error in ((f"{ROOM}#o-gone", NotFound), (f"{ROOM}/lena", ForbiddenError)):
        with pytest.raises(error):
            hand().run(clear.send(message(scope=ROOM, conversation=ROOM, to=to), {}))
    assert len(world.sent) == 1


def test_acting_on_messages(clear: XmppConnector, hand: Any, world: Any) -> None:
    """Reactions and marks name a message as its receivers know it; what has no name is refused; cards are read."""
    private, nameless = world.chat("One", id="m1"), world.chat("Two")
    hand().run(clear.react(private, "", "👍"))
    hand().run(clear.mark_read("a77", ROOM))
    told = [(one.get("to"), one[0].tag.rpartition("}")[2], one[0].get("id")) for one in world.sent]
    assert told == [("mara@example.com", "reactions", "m1"), (ROOM, "displayed", "a77")]
    with pytest.raises(RefusedError):
        hand().run(clear.mark_read(nameless, ""))
    assert hand().run(clear.profile("mara@example.com")).name == "Mara Example"
    with pytest.raises(NotFound):
        hand().run(clear.profile(f"{ROOM}/omar"))


def test_staying_in_touch(clear: XmppConnector, hand: Any, world: Any) -> None:
    """What comes is read from the archive, under its id; a reply that is handed in leaves on the same connection."""
    world.chat("Before")

    def comes() -> bytes:
        world.chat("Now", id="n1")
        return b"<message from='mara@example.com/p' type='chat'><body>Now</body></message>"

    one = hand(
        comes,
        message(),
        b"<message from='mara@example.com/p'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        None,
    )
    with pytest.raises(Unreachable):
        one.run(clear.fetch("live", {}))
    assert [item.text for item in items(clear, one) if item.author.id != OWN] == ["Now"]
    assert [sent.receipt.ids for sent in one.sent] == [("a0003",)]


def test_being_put_out_of_a_room(clear: XmppConnector, hand: Any) -> None:
    """It ends the session, so that the room is entered again."""
    with pytest.raises(Unreachable, match="put us out"):
        hand(f"<presence from='{ROOM}/team' type='unavailable'/>".encode()).run(clear.fetch("live", {}))


def test_a_message_without_time_is_looked_for_anyway(clear: XmppConnector, hand: Any, world: Any) -> None:
    """Old messages end the search only where the reply's own time is known."""
    world.chat("Old")
    assert hand().run(clear.settle(message(at=None), {})) is None
    assert hand().run(clear.settle(message(at=NOW + timedelta(days=9)), {})) is None
