"""Following groups, step by step, on the server in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    ServerFault,
    SettingsError,
)

Write = Callable[..., bytes]


def numbers(raws: list[Any]) -> list[str]:
    return [raw.context["number"] for raw in raws if raw.kind == "article"]


def census(raws: list[Any]) -> Any:
    found = [raw.body for raw in raws if raw.kind == "census"]
    return found[0] if found else None


def test_only_what_is_new(world: Any, write: Write) -> None:
    """The second fetch brings what came since the first."""
    for number in (1, 2):
        world.server.add(write(number))
    assert numbers(world.fetch()) == ["1", "2"]
    world.server.add(write(3))
    assert numbers(world.fetch()) == ["3"]
    assert world.cursor["group:acme.support"] == "3"
    assert numbers(world.fetch()) == []


def test_a_group_that_counts_from_one_again(world: Any, write: Write) -> None:
    """Another article under a known number, or a lower highest number, means another group: it is read from its beginning."""
    for number in range(1, 4):
        world.server.add(write(number))
    world.fetch()
    for again in (range(11, 15), range(21, 23)):
        world.server.groups["acme.support"].clear()
        world.server.high.clear()
        for number in again:
            world.server.add(write(number))
        assert len(numbers(world.fetch())) == len(again)
        world.later(hours=3)
        assert census(world.fetch()) is None  # what the lost group held is not counted off


def test_a_server_that_lags_behind(world: Any, write: Write) -> None:
    """Where the highest number falls while the articles below are the same, nothing is read again."""
    for number in range(1, 6):
        world.server.add(write(number))
    world.fetch()
    world.server.high["acme.support"] = 4
    assert numbers(world.fetch()) == []
    world.server.high["acme.support"] = 5
    world.server.add(write(6))
    assert numbers(world.fetch()) == ["6"]


def test_an_empty_group_that_says_zeros(world: Any, write: Write) -> None:
    """An emptied group may report zeros (RFC 3977, section 6.1.1.2): we wait where we are."""
    world.server.add(write(1))
    world.fetch()
    world.server.groups["acme.support"].clear()
    world.server.high["acme.support"], world.server.low["acme.support"] = 0, 0
    assert numbers(world.fetch()) == []
    assert world.cursor["group:acme.support"] == "1"


def test_what_expired_is_not_taken_for_cancelled(world: Any, write: Write) -> None:
    """A census covers only what came after the last look at which the lowest article was still to come."""
    for number in range(1, 11):
        world.server.add(write(number))
    first = census(world.fetch())
    assert (len(first["ids"]), first["since"][:4]) == (10, "2026")
    world.server.expire("acme.support", 6)
    world.later(hours=2)
    assert census(world.fetch()) is None
    world.server.add(write(11, date=f"{world.now:%d %b %Y} 12:00:00 +0000"))
    world.fetch()
    world.later(days=3)
    later = census(world.fetch())
    assert "a11@example.com" in later["ids"]
    assert later["since"] > (world.now - timedelta(days=3)).isoformat()


def test_a_group_that_is_no_longer_followed(world: Any, write: Write) -> None:
    """Its rows are dropped, and what it held is not counted off with the others."""
    world.server.add(write(1))
    world.server.add(write(2, groups="acme.general"))
    assert census(world.fetch(groups="acme.*"))
    world.later(hours=2)
    assert census(world.fetch(groups="acme.support")) is None
    assert "group:acme.general" not in world.cursor


def test_patterns(world: Any, write: Write) -> None:
    """Groups are found by wildmats, the last that fits decides; one that fits nothing is told."""
    world.server.add(write(1, groups="acme.general"))
    assert numbers(world.fetch(groups="acme.*, !acme.support")) == ["1"]
    assert "GROUP acme.support" not in world.server.commands
    with pytest.raises(NotFound, match=r"other\.\*"):
        world.fetch(groups="other.*")


def test_one_missing_group_stops_no_other(world: Any, write: Write) -> None:
    """A group that is gone is told after all others were followed, and nothing is counted off."""
    world.server.add(write(1, groups="acme.general"))
    with pytest.raises(NotFound, match=r"acme\.gone"):
        world.fetch(groups="acme.gone,acme.general")
    raws = [raw for batch in world.batches for raw in batch.raws]
    assert numbers(raws) == ["1"]
    assert census(raws) is None


def test_history_and_long_articles(world: Any, write: Write) -> None:
    """The first fetch may be bounded, and of a long article only the header comes."""
    for number in range(1, 9):
        world.server.add(write(number, "x" * 9000 if number == 8 else "short"))
    raws = world.fetch(history=3, max_size=4096)
    assert numbers(raws) == ["6", "7", "8"]
    assert b"xxx" not in raws[2].body
    assert int(raws[2].context["size"]) > 9000


def test_log_in_and_starttls(world: Any, write: Write) -> None:
    """In transit mode the reader's mode is asked for first; the password leaves encrypted, and by no step that shows it."""
    world.server.add(write(1))
    world.server.needs_login = True
    world.server.labels = ["VERSION 2", "IHAVE", "MODE-READER"]
    assert numbers(world.fetch(security="starttls", username="acme", password="env:NEWS")) == ["1"]
    assert world.secured
    verbs = [command.split()[0] for command in world.server.commands]
    assert verbs[:6] == ["CAPABILITIES", "MODE", "CAPABILITIES", "STARTTLS", "CAPABILITIES", "AUTHINFO"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"greeting": "400 too busy"}, ServerFault),
        ({"greeting": "502 too many connections"}, RateLimited),
        ({"greeting": "502 go away"}, ForbiddenError),
        ({"greeting": "220 mail.example.com ESMTP"}, SettingsError),
        ({"greeting": "HTTP/1.1 400 Bad Request"}, SettingsError),
        ({"needs_login": True}, CredentialsError),
        ({"replies": {"GROUP": "403 the disk is broken"}}, ServerFault),
        ({"replies": {"ARTICLE": "400 closing"}}, ServerFault),
        ({"replies": {"LIST": "483 encrypt first"}}, SettingsError),
    ],
)
def test_refusals(world: Any, write: Write, change: dict[str, Any], error: type[Exception]) -> None:
    """Every refusal has its typed error, by its code."""
    world.server.add(write(1))
    for name, value in change.items():
        setattr(world.server, name, value)
    with pytest.raises(error, match="NNTP 127"):
        world.fetch()


def test_a_wrong_password(world: Any) -> None:
    """It is told without the password."""
    world.grant = {"password": "hunter2"}
    with pytest.raises(CredentialsError, match="password") as caught:
        world.fetch(username="acme", password="env:NEWS")
    assert "hunter2" not in str(caught.value)


def test_a_damaged_article_stops_no_other(world: Any, write: Write) -> None:
    """What the server will not hand out is passed on as that, and the rest follows."""
    world.server.add(write(1))
    world.server.replies["ARTICLE"] = "503 this one is damaged"
    (raw, _) = world.fetch()
    assert (raw.kind, raw.body["why"]) == ("unreadable", "503 this one is damaged")


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "news.example.com", "security": "plain", "username": "acme"},
        {"server": "nntp://news.example.com/"},
        {"security": "ssl"},
        {"port": 70000},
        {"address": "nobody"},
        {"groups": ("a\r\nPOST",)},
        {"rescan_days": -1},
    ],
)
def test_settings_that_can_not_work(world: Any, settings: dict[str, Any]) -> None:
    """A password in clear beyond loopback, and values that mean nothing, are refused at once."""
    with pytest.raises(ValueError, match=r"\w"):
        world.connector(**settings)
