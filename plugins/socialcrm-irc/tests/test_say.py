"""Replies: once, to the right person, within the line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from socialcrm.connectors import Outgoing
from socialcrm.errors import ForbiddenError, NotFound, RefusedError, SettingsError, UnclearError
from socialcrm.types import Direction, Visibility

PUBLIC = Outgoing(id="o1", conversation="#support mara", parts=("Here it is.",), to="mara", to_handle="mara")
PRIVATE = Outgoing(
    id="o2", conversation="private mara", parts=("Here it is.",), to="mara", to_handle="mara", visibility=Visibility.PRIVATE
)


def privmsgs(network: Any) -> list[bytes]:
    return [line for line in network.intents if b"PRIVMSG" in line]


def test_a_reply_in_the_channel(old: Any, desk: Callable[..., Any]) -> None:
    """It begins with the customer's nick, and its id is the same that a watching connection makes of the line."""
    connector = desk()
    receipt = old.run(connector.send(PUBLIC, {}))
    assert privmsgs(old) == [b"PRIVMSG #support :mara: Here it is.\r\n"]
    user = old.sessions[-1].user
    old.script = [lambda: old.tell(f":acme-re!~{user}@desk.example.org PRIVMSG #support :mara: Here it is.")]
    old.run(connector.fetch("live", {}))
    (line,) = [raw for raw in old.raws if raw.kind == "line"]
    (item,) = connector.parse(line)
    assert (item.id, item.text, item.direction) == (receipt.ids[0], "Here it is.", Direction.OUTBOUND)


def test_parts_that_were_sent_stay_sent(network: Any, desk: Callable[..., Any]) -> None:
    """An attempt goes on behind the part that the last one ended with."""
    message = attrs.evolve(PUBLIC, parts=("one", "two", "three"))
    receipt = network.run(desk().send(message, {"part:0": "m77"}))
    assert [line.rpartition(b":")[2] for line in privmsgs(network)] == [b" two\r\n", b" three\r\n"]
    assert receipt.ids[0] == "m77"
    assert network.cursor.keys() == {"part:1", "part:2"}


@pytest.mark.parametrize(
    ("masks", "accounts", "error"),
    [
        ({"mara": "thief@elsewhere.example.com"}, {}, RefusedError),
        ({"mara": "thief@elsewhere.example.com"}, {"mara": "Thief"}, RefusedError),
        ({}, {}, NotFound),
    ],
)
def test_a_private_message_goes_to_nobody_else(
    network: Any, desk: Callable[..., Any], masks: Any, accounts: Any, error: type[Exception]
) -> None:
    """Whoever has the nick now has to be the account that wrote, or nothing is sent."""
    network.masks, network.accounts = masks, accounts
    with pytest.raises(error):
        network.run(desk().send(PRIVATE, {}))
    assert not privmsgs(network)


def test_a_private_message_to_a_mask(old: Any, desk: Callable[..., Any]) -> None:
    """Somebody without an account is known by user name and host, whatever their nick is."""
    message = attrs.evolve(PRIVATE, to="marlene!~mara@home.example.com")
    assert old.run(desk().send(message, {})).conversation == "private marlene!~mara@home.example.com"
    assert privmsgs(old) == [b"PRIVMSG mara :Here it is.\r\n"]


def test_a_refusal_is_no_riddle(network: Any, desk: Callable[..., Any]) -> None:
    """What the server refuses before the PONG certainly was not said: the intent is settled, the reason told."""
    network.refuse["PRIVMSG"] = "404 #support :Cannot send to channel (+m)"
    with pytest.raises(ForbiddenError, match="moderated"):
        network.run(desk().send(PUBLIC, {}))
    assert [batch.cursor for batch in network.batches] == [{}]


def test_silence_after_the_line_is_unclear(network: Any, desk: Callable[..., Any]) -> None:
    """Without an answer nobody knows whether the line was said."""
    network.silent = True
    with pytest.raises(UnclearError):
        network.run(desk().send(PUBLIC, {}))


def test_an_unclear_reply_is_found_in_the_history(network: Any, desk: Callable[..., Any]) -> None:
    """Where the server keeps a history the reply is found there; what is not found stays unclear."""
    message = attrs.evolve(PUBLIC, at=network.now)
    with pytest.raises(UnclearError):
        network.run(desk().settle(message, {}))
    receipt = network.run(desk().send(message, {}))
    assert network.run(desk().settle(message, {})).ids == receipt.ids
    later = attrs.evolve(message, id="o9", at=network.now + timedelta(hours=1))
    with pytest.raises(UnclearError):
        network.run(desk().settle(later, {}))


def test_a_text_can_not_become_a_command(network: Any, desk: Callable[..., Any]) -> None:
    """Line ends, NUL and control characters of a text do not reach the server."""
    message = attrs.evolve(PUBLIC, parts=("one\r\nQUIT :two\0\x01DCC\x01",), to_handle="mara\r\nQUIT")
    network.run(desk().send(message, {}))
    assert privmsgs(network)[0].endswith(b"PRIVMSG #support :one QUIT :twoDCC\r\n")


def test_the_limit_is_what_the_server_passes_on(desk: Callable[..., Any]) -> None:
    """A text at the limit fits into 512 bytes with the longest prefix, address and channel."""
    limit = desk(channels=("#support", "#" + "x" * 49)).text_limit
    text = "ä" * (limit.size // 2)
    prefix = f":acme-re!{'u' * 11}@{'h' * 64} PRIVMSG #{'x' * 49} :{'n' * 30}: {text}\r\n"
    assert limit.measure(text) == limit.size // 2 * 2
    assert len(prefix.encode()) <= 512


def test_lines_are_paced(old: Any, desk: Callable[..., Any]) -> None:
    """After the burst each line waits its turn, and the connection is read meanwhile."""
    message = attrs.evolve(PUBLIC, parts=tuple(f"part {number}" for number in range(8)))
    start = old.now
    old.run(desk(pace=2.0, burst=4).send(message, {}))
    assert old.now - start >= timedelta(seconds=2 * (8 - 4))


def test_no_credentials_in_clear(desk: Callable[..., Any]) -> None:
    """Without encryption no password goes anywhere but to this machine."""
    with pytest.raises(ValueError, match="unencrypted"):
        desk(security="plain", password="hunter2-hunter2")
    with pytest.raises(SettingsError, match="no server"):
        next(desk(host="").identify())
