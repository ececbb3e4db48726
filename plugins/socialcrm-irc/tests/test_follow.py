"""The live stream: who is who, what is whose, and when we were away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from socialcrm.connectors import Outgoing
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    RateLimited,
    SettingsError,
    SocialCRMError,
    Unreachable,
)
from socialcrm.types import Direction, Hole, Interaction, Kind, Visibility


def interactions(network: Any, connector: Any) -> list[Interaction]:
    return [item for item in network.items(connector) if isinstance(item, Interaction)]


def follow(network: Any, connector: Any) -> list[Interaction]:
    network.run(connector.fetch("live", dict(network.cursor)))
    return interactions(network, connector)


def test_what_is_said_arrives(network: Any, desk: Callable[..., Any]) -> None:
    """A line in a channel is public and its author's account is the id; a private one is private."""
    network.script = [
        lambda: network.say("mara", "Where is my parcel?"),
        lambda: network.say("jonas", "\x01ACTION waves\x01"),
        lambda: network.say("jonas", "psst", target="acme"),
    ]
    public, action, private = follow(network, desk())
    assert (public.id, public.author.id, public.author.handles[0].verified) == ("m2", "mara", True)
    assert (public.conversation, public.visibility, public.direction) == ("#support mara", Visibility.PUBLIC, Direction.INBOUND)
    assert (action.text, action.author.id) == ("* jonas waves", "jonas!jonas@office.example.com")
    assert (private.visibility, private.conversation) == (Visibility.PRIVATE, "private jonas!jonas@office.example.com")


def test_a_nick_changes_and_the_person_stays(old: Any, desk: Callable[..., Any]) -> None:
    """Without accounts a person keeps the mask of the first sight; whoever takes the old nick is somebody else."""
    old.script = [
        lambda: old.say("mara", "one"),
        lambda: old.tell(":mara!~mara@home.example.com NICK marlene"),
        lambda: old.tell(":marlene!~mara@home.example.com PRIVMSG #support :two"),
        lambda: old.tell(":mara!thief@elsewhere.example.com PRIVMSG #support :three"),
    ]
    one, two, three = follow(old, desk())
    assert one.author.id == two.author.id == "mara!~mara@home.example.com"
    assert (two.author.handle, three.author.id) == ("marlene", "mara!thief@elsewhere.example.com")
    assert len({one.id, two.id, three.id}) == 3


def test_an_addressed_line_answers(network: Any, desk: Callable[..., Any]) -> None:
    """A line that begins with somebody's nick answers their last one, and stays in its author's conversation."""
    network.script = [lambda: network.say("mara", "one"), lambda: network.say("jonas", "Mara: same here")]
    one, two = follow(network, desk())
    assert (two.parent, two.conversation) == (one.id, "#support jonas!jonas@office.example.com")


@pytest.mark.parametrize("mode", ["s", "i", "k", "p"])
def test_a_closed_channel_is_limited(network: Any, desk: Callable[..., Any], mode: str) -> None:
    """Where not everybody may come in, a line is for the members."""
    network.modes = f"+n{mode}"
    network.script = [lambda: network.say("mara", "one")]
    (one,) = follow(network, desk())
    assert one.visibility is Visibility.LIMITED


def test_notices_open_nothing(network: Any, desk: Callable[..., Any]) -> None:
    """A notice is kept as what programs write; a question of a program to a program is nobody's word."""
    network.script = [
        lambda: network.say("mara", "I am away", command="NOTICE"),
        lambda: network.say("mara", "\x01VERSION\x01", target="acme"),
    ]
    (notice,) = follow(network, desk())
    assert notice.kind is Kind.OTHER
    assert len(network.raws) == 2


def test_the_raw_keeps_the_bytes(old: Any, desk: Callable[..., Any]) -> None:
    """Invalid bytes are read as old clients mean them, and kept as they came."""
    line = b":mara!u@h PRIVMSG #support :caf\xe9 \x0304red"
    old.script = [lambda: old.sessions[-1].tell(line)]
    (one,) = follow(old, desk())
    assert one.text == "café red"
    assert network_bodies(old) == [line]


def network_bodies(network: Any) -> list[bytes]:
    return [raw.body for raw in network.raws if raw.kind == "line"]


def test_being_away_is_a_hole(old: Any, desk: Callable[..., Any]) -> None:
    """The first time nothing is missing; after an absence the time since the last batch is a hole."""
    follow(old, desk())
    assert old.items(desk()) == []
    old.now += timedelta(hours=2)
    follow(old, desk())
    (hole,) = old.items(desk())
    assert isinstance(hole, Hole)
    assert timedelta(hours=2) <= hole.at - hole.since < timedelta(hours=2, seconds=5)


def test_history_fills_the_absence(network: Any, desk: Callable[..., Any]) -> None:
    """A server with history is asked for what was said meanwhile, in the channel and in private; then there is no hole."""
    network.script = [lambda: network.say("mara", "before")]
    follow(network, desk())
    network.now += timedelta(hours=2)
    for number in range(120):
        network.say("mara", f"meanwhile {number}")
    network.say("jonas", "in private", target="acme")
    found = follow(network, desk())
    assert {one.text for one in found} == {"before", "in private", *(f"meanwhile {number}" for number in range(120))}
    assert not [item for item in network.items(desk()) if isinstance(item, Hole)]


def test_a_silent_server_is_given_up(old: Any, desk: Callable[..., Any]) -> None:
    """After 90 quiet seconds we ask; without an answer in 60 more the connection is opened again."""
    old.silent = True
    old.script = [None, None]
    follow(old, desk())
    assert b"PING socialcrm-alive\r\n" in old.written
    assert len(old.sessions) == 2


def test_ping_is_answered(old: Any, desk: Callable[..., Any]) -> None:
    """The server's question whether we are there is answered with its token."""
    old.script = [lambda: old.tell("PING :are you there")]
    follow(old, desk())
    assert b"PONG :are you there\r\n" in old.written


def test_a_taken_nick_is_taken_back(network: Any, desk: Callable[..., Any]) -> None:
    """If our nick is in use we come in under another, and take ours when it is free."""
    network.run(desk(nick="other").identify())
    network.sessions[-1].nick, network.sessions[-1].closed = "acme", False
    network.script = [lambda: network.tell(":acme!a@b QUIT :bye")]
    follow(network, desk())
    assert [line for line in network.written if line.startswith(b"NICK")][-2:] == [b"NICK acme1\r\n", b"NICK acme\r\n"]


def test_log_in_by_sasl(network: Any, desk: Callable[..., Any]) -> None:
    """The password goes out once, in SASL PLAIN, and a wrong one is told as that."""
    network.grant = {"password": "hunter2-hunter2"}
    network.run(desk(account="Acme", password="hunter2-hunter2").identify())
    assert b"AUTHENTICATE QWNtZQBBY21lAGh1bnRlcjItaHVudGVyMg==\r\n" in network.written
    network.grant = {"password": "wrong"}
    with pytest.raises(CredentialsError, match="SASL failed"):
        network.run(desk(account="Acme", password="wrong").identify())


def test_no_password_without_sasl(old: Any, desk: Callable[..., Any]) -> None:
    """Where the server has no SASL the password stays here, unless the settings name the services."""
    old.grant = {"password": "hunter2-hunter2"}
    with pytest.raises(SettingsError, match="no SASL"):
        old.run(desk(account="Acme", password="hunter2-hunter2").identify())
    assert not any(b"hunter2" in line for line in old.written)


@pytest.mark.parametrize(
    ("refused", "error"),
    [("474 #support :Cannot join channel (+b)", ForbiddenError), ("475 #support :Cannot join channel (+k)", CredentialsError)],
)
def test_closed_doors_are_told_apart(network: Any, desk: Callable[..., Any], refused: str, error: type[Exception]) -> None:
    """A ban and a wrong key are different things to mend."""
    network.refuse["JOIN"] = refused
    with pytest.raises(error, match="#support"):
        follow(network, desk())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Closing Link: (K-Lined)", ForbiddenError),
        ("Trying to reconnect too fast.", RateLimited),
        ("Bad password", CredentialsError),
        ("Closing Link: Server shutdown", Unreachable),
    ],
)
def test_last_words_are_understood(network: Any, desk: Callable[..., Any], words: str, error: type[SocialCRMError]) -> None:
    """What the server says before it hangs up decides what to do."""
    network.script = [lambda: network.tell(f"ERROR :{words}")]
    with pytest.raises(error):
        follow(network, desk())


def test_a_kick_is_followed_by_joining_again(network: Any, desk: Callable[..., Any]) -> None:
    """Kicked out, we come back once; banned, it is told."""
    network.script = [lambda: network.tell(":op!o@p KICK #support acme :out"), lambda: network.say("mara", "still here?")]
    (one,) = follow(network, desk())
    assert one.text == "still here?"
    network.script = [
        lambda: (network.refuse.update(JOIN="474 #support :banned"), network.tell(":op!o@p KICK #support acme :out"))
    ]
    with pytest.raises(ForbiddenError):
        follow(network, desk())


def test_a_reply_over_the_open_connection(network: Any, desk: Callable[..., Any]) -> None:
    """A message handed in is said at once, and comes back under the id of its receipt, in the customer's conversation."""
    network.script = [
        lambda: network.say("mara", "Where is it?"),
        Outgoing(id="o1", conversation="#support mara", parts=("Here.",), reply_to="m2", to="mara", to_handle="mara"),
    ]
    asked, answer = follow(network, desk())
    (sent,) = network.sent
    assert (answer.id, answer.text, answer.direction) == (sent.receipt.ids[0], "Here.", Direction.OUTBOUND)
    assert (answer.conversation, answer.author.id) == (asked.conversation, "acme!*@*")
    assert any(b"+draft/reply=m2" in line and line.endswith(b"PRIVMSG #support :mara: Here.\r\n") for line in network.intents)
