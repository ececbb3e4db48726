"""A reply is composed the same at every attempt, handed in once, and never blindly again."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Blob, Outgoing
from socialcrm.errors import (
    CredentialsError,
    RefusedError,
    ServerFault,
    SettingsError,
    TooLong,
    UnclearError,
    UnsupportedError,
)
from socialcrm_email import EmailSettings
from socialcrm_email._compose import compose


def outgoing(**changes):
    given = {
        "id": "o1",
        "conversation": "",
        "parts": ("Hello Mara,\n.a line with a dot\nbye",),
        "reply_to": "m2@example.com",
        "references": ("m1@example.com",),
        "to": "mara@example.com",
        "subject": "Parcel 2",
        "at": datetime(2024, 3, 1, 11, tzinfo=UTC),
    }
    return Outgoing(**{**given, **changes})


def written(message, **changes):
    letter = compose(message, EmailSettings(address="support@example.org", **changes))
    return letter, email.message_from_bytes(letter.data, policy=policy.default)


def test_a_reply_threads():
    """Subject, In-Reply-To, References and Date put the reply below what it answers."""
    letter, message = written(outgoing(), from_name="Support, the team")
    assert message["Subject"] == "Re: Parcel 2"
    assert message["In-Reply-To"] == "<m2@example.com>"
    assert message["References"].split() == ["<m1@example.com>", "<m2@example.com>"]
    assert message["Date"].datetime == datetime(2024, 3, 1, 11, tzinfo=UTC)
    assert message["From"].addresses[0].display_name == "Support, the team"
    assert message["To"] == "mara@example.com"
    assert message["Message-ID"] == f"<{letter.id}>"
    assert message.get_content().splitlines() == ["Hello Mara,", ".a line with a dot", "bye"]


def test_every_attempt_writes_the_same_bytes(tmp_path):
    """Message-ID, date and even the boundary between the parts do not change between attempts."""
    file = Blob(sha256="0", path=tmp_path / "a.png", size=3, mime="image/png", name="a.png")
    first, again = (
        compose(outgoing(media=(file,)), EmailSettings(address="support@example.org"), [(file, b"abc")]) for _ in range(2)
    )
    assert first.data == again.data
    assert compose(outgoing(id="o2"), EmailSettings(address="support@example.org")).id != first.id


def test_long_ids_stay_whole():
    """Message ids longer than a line are folded between, never within or encoded."""
    long = tuple(f"{'x' * 200}{number}@example.com" for number in range(50))
    letter, message = written(outgoing(references=long, reply_to=long[-1]))
    assert message["References"].split()[-1] == f"<{long[-1]}>"
    assert len(message["References"].split()) == 30
    assert b"=?" not in letter.data
    assert max(map(len, letter.data.split(b"\r\n"))) < 998


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_can_add_a_header(subject, name, reference, text):
    """Whatever subject, name, reference and text hold, the header has the fields that we wrote and no others."""
    _, message = written(outgoing(subject=subject, references=(reference,), parts=(text or "x",)), from_name=name)
    known = {"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"}
    assert set(message.keys()) - known == {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert len(message.keys()) == len(set(message.keys()))


@given(st.text())
def test_no_address_can_add_a_command(address):
    """What is no plain address is refused, so that no envelope command can hold a line break or a bracket."""
    try:
        letter, _ = written(outgoing(to=address + "@example.com"))
    except RefusedError:
        return
    assert not set(letter.receiver) & set("\r\n<> ,;")


def test_no_address_of_ours_no_mail():
    """Without an address of our own nothing is composed."""
    with pytest.raises(SettingsError, match="address"):
        compose(outgoing(), EmailSettings())


def test_the_server_gets_it_whole(world, build_connector):
    """Lines that begin with a dot survive, the envelope is right, and a copy lies in the sent folder."""
    receipt = world.run(build_connector().send(outgoing(), {}))
    ((sender, receiver, content),) = world.accepted
    assert sender.startswith("MAIL FROM:<support@example.org> SIZE=")
    assert receiver == "RCPT TO:<mara@example.com>"
    assert b"\r\n.a line with a dot\r\n" in content
    assert receipt.ids[0].encode() in content
    assert len(world.folders["Gesendet &- mehr"].mails) == 1
    assert world.intents == [b".\r\n"]


def test_a_server_that_saves_by_itself_is_not_doubled(world, build_connector):
    """Where the server stored our mail already, no second copy is put beside it."""
    world.stores_sent = True
    world.run(build_connector().send(outgoing(), {}))
    assert len(world.folders["Gesendet &- mehr"].mails) == 1


def test_a_failing_copy_is_no_failing_reply(world, build_connector):
    """The reply counts as sent although no copy could be kept."""
    world.greeting = "* BYE too busy"
    assert world.run(build_connector().send(outgoing(), {})).ids


def test_killed_anywhere_it_is_sent_at_most_once(world, build_connector, killed):
    """Killed before any step, and handled as the outbox does, the reply is accepted exactly once, or it is known as unclear."""
    connector, kill_at, unclear = build_connector(save_sent=False), 0, 0
    while True:
        world.accepted, world.cursor, world.intents = [], {}, []
        try:
            world.run(connector.send(outgoing(), {}), kill_at)
            break
        except killed:
            pass
        try:
            if world.intents:
                world.run(connector.settle(outgoing(), dict(world.cursor)))
            else:
                world.run(connector.send(outgoing(), dict(world.cursor)))
        except UnclearError:
            unclear += 1
        assert len(world.accepted) == 1, kill_at
        kill_at += 1
    assert unclear == 2


def test_a_lost_answer_is_unclear(world, build_connector):
    """A connection that ends between the dot and its answer leaves it open whether the reply was sent."""
    world.lose_after_dot = True
    with pytest.raises(UnclearError, match="sent folder"):
        world.run(build_connector().send(outgoing(), {}))
    assert world.cursor == {}


def test_a_connection_lost_after_the_answer_is_no_matter(world, build_connector):
    """Once the server has accepted the mail, an impolite end changes nothing."""
    world.drop_quit = True
    assert world.run(build_connector().send(outgoing(), {})).ids


def test_a_stored_send_is_not_repeated(world, build_connector):
    """With the progress in the cursor, sending and settling return the receipt without any network."""
    cursor = {"part:0": "kept@example.org"}
    assert world.run(build_connector().send(outgoing(), cursor)).ids == ("kept@example.org",)
    assert world.run(build_connector().settle(outgoing(), cursor)).ids == ("kept@example.org",)
    assert world.commands == []


def test_settling_finds_a_copy(world, build_connector):
    """A copy that the server kept proves that the reply was sent."""
    world.stores_sent = world.lose_after_dot = True
    with pytest.raises(UnclearError):
        world.run(build_connector().send(outgoing(), {}))
    receipt = world.run(build_connector().settle(outgoing(), {}))
    assert f"<{receipt.ids[0]}>".encode() in world.accepted[0][2]


def test_settling_without_a_trace_stays_unclear(world, build_connector):
    """No copy anywhere proves nothing, so the reply is never called unsent."""
    with pytest.raises(UnclearError):
        world.run(build_connector().settle(outgoing(), {}))
    with pytest.raises(UnclearError):
        world.run(build_connector(imap_host="").settle(outgoing(), {}))


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        ("greeting", "HTTP/1.1 400 Bad Request", SettingsError),
        ("greeting", "554 go away", RefusedError),
        ("EHLO", "421 busy", ServerFault),
        ("AUTH", "535 5.7.8 wrong", CredentialsError),
        ("AUTH", "454 4.7.0 later", ServerFault),
        ("MAIL", "530 5.7.0 log in first", CredentialsError),
        ("RCPT", "550 5.1.1 nobody here", RefusedError),
        ("RCPT", "451 4.7.1 greylisted", ServerFault),
        ("DATA", "452 no space", ServerFault),
        ("DOT", "554 5.7.1 looks like spam", RefusedError),
        ("DOT", "452 no space", ServerFault),
        ("RCPT", "what?", ServerFault.__base__),
    ],
)
def test_refusals_are_typed(world, build_connector, verb, reply, error):
    """4xx may be tried again, 5xx may not, and either way nothing was sent."""
    world.smtp_replies[verb] = reply
    with pytest.raises(error) as caught:
        world.run(build_connector().send(outgoing(), {}))
    assert not world.accepted
    assert not isinstance(caught.value, UnclearError)
    assert world.password not in str(caught.value)


def test_auth_login_works(world, build_connector):
    """A server that knows only the old LOGIN mechanism gets name and password one by one."""
    world.offers = ["mail.example.org", "AUTH LOGIN"]
    world.run(build_connector().send(outgoing(), {}))
    assert len(world.accepted) == 1
    world.grant = {"password": "wrong"}
    with pytest.raises(CredentialsError):
        world.run(build_connector().send(outgoing(id="o2"), {}))


def test_starttls_is_used_or_refused(world, build_connector):
    """With starttls the log-in follows the encryption; a server that offers none gets no password."""
    world.offers.append("STARTTLS")
    world.run(build_connector(smtp_security="starttls").send(outgoing(), {}))
    assert len(world.accepted) == 1
    world.offers.remove("STARTTLS")
    with pytest.raises(SettingsError, match="STARTTLS"):
        world.run(build_connector(smtp_security="starttls").send(outgoing(id="o2"), {}))


def test_too_long_is_told_before_any_data(world, build_connector):
    """A mail beyond the server's SIZE fails with the exact excess."""
    world.offers = ["mail.example.org", "SIZE 300", "AUTH PLAIN"]
    with pytest.raises(TooLong) as caught:
        world.run(build_connector().send(outgoing(), {}))
    assert caught.value.excess > 0
    assert world.intents == []


def test_international_addresses_need_the_server(world, build_connector):
    """An address beyond ASCII goes out with SMTPUTF8, or not at all."""
    with pytest.raises(UnsupportedError, match="SMTPUTF8"):
        world.run(build_connector().send(outgoing(to="mära@example.com"), {}))
    world.offers.insert(1, "SMTPUTF8")
    world.run(build_connector().send(outgoing(to="mära@example.com"), {}))
    assert "SMTPUTF8" in world.accepted[0][0]
    assert "To: mära@example.com".encode() in world.accepted[0][2]


def test_files_go_along(world, build_connector, tmp_path):
    """A file is read by a step and attached under its name."""
    path = tmp_path / "label.pdf"
    path.write_bytes(b"%PDF-")
    blob = Blob(sha256="0", path=path, size=5, mime="application/pdf", name="label.pdf")
    world.run(build_connector().send(outgoing(media=(blob,)), {}))
    message = email.message_from_bytes(world.accepted[0][2], policy=policy.default)
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("label.pdf", b"%PDF-")


def test_secrets_stay_out_of_the_flow(world, build_connector):
    """What the flow writes itself never holds the password, and the cursor holds the message id only."""
    receipt = world.run(build_connector().send(outgoing(), {}))
    assert not [data for data in world.seen_by_flow if b"AUTH PLAIN" in data or world.password.encode() in data]
    assert world.cursor == {"part:0": receipt.ids[0]}
