"""Posting, settling and taking back, on the server in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from socialcrm.connectors import Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, RefusedError, ServerFault, SettingsError, UnclearError

Write = Callable[..., bytes]


def outgoing(world: Any, text: str = "It is here.", reply_to: str = "a1@example.com") -> Outgoing:
    return Outgoing(id="o1", conversation="", parts=(text,), reply_to=reply_to, to="mara@example.com", at=world.now)


def post(world: Any, message: Outgoing, **settings: Any) -> Any:
    return world.run(world.connector(**settings).send(message, {}))


def posted(world: Any) -> Any:
    return message_from_bytes(world.server.posted[-1], policy=policy.default)


def test_an_answer(world: Any, write: Write) -> None:
    """It follows the article in its groups, with its references, and comes back under the receipt's id and time."""
    world.server.add(write(1, head="References: <root@example.com>", groups="acme.general,acme.support,other.group"))
    receipt = post(world, outgoing(world, ".dot\nFrom me"), groups="acme.*", from_name="Ünter, Acme")
    got = posted(world)
    assert got["Newsgroups"] == "acme.general,acme.support"
    assert got["References"] == "<root@example.com> <a1@example.com>"
    assert (got["Subject"], got["Message-ID"]) == ("Re: My parcel", f"<{receipt.ids[0]}>")
    assert got["From"].addresses[0].display_name == "Ünter, Acme"
    (mine,) = [one for raw in world.fetch() for one in world.connector().parse(raw) if one.id == receipt.ids[0]]
    assert (mine.at, mine.parent, mine.text) == (receipt.at, "a1@example.com", ".dot\nFrom me")


def test_the_same_reply_again(world: Any, write: Write) -> None:
    """A second attempt finds the first one by its id and posts nothing."""
    world.server.add(write(1))
    first = post(world, outgoing(world))
    world.later(hours=1)
    assert post(world, outgoing(world)) == first
    assert len(world.server.posted) == 1


def test_a_lost_answer(world: Any, write: Write) -> None:
    """Where the answer to POST is lost, the outcome is unclear, and settling finds the article by its id."""
    world.server.add(write(1))
    world.server.lose_answer = True
    with pytest.raises(UnclearError):
        post(world, outgoing(world))
    assert world.intents == 1
    found = world.run(world.connector().settle(outgoing(world), {}))
    assert found.ids[0] in posted(world)["Message-ID"]


def test_what_certainly_was_not_posted(world: Any, write: Write) -> None:
    """A server that does not know the id never got the article; one behind a moderator may have."""
    world.server.add(write(1))
    assert world.run(world.connector().settle(outgoing(world), {})) is None
    world.server.status["acme.support"] = "m"
    with pytest.raises(UnclearError, match="moderator"):
        world.run(world.connector().settle(outgoing(world), {}))


def test_where_the_author_wants_the_answer(world: Any, write: Write) -> None:
    """Followup-To is obeyed within our groups; by mail or elsewhere nothing is posted."""
    world.server.add(write(1, groups="acme.support,acme.general", head="Followup-To: acme.general"))
    post(world, outgoing(world), groups="acme.*")
    assert posted(world)["Newsgroups"] == "acme.general"
    world.server.add(write(2, head="Followup-To: poster\nReply-To: mara@example.org"))
    with pytest.raises(RefusedError, match=r"write to mara@example\.org"):
        post(world, Outgoing(id="o2", conversation="", parts=("x",), reply_to="a2@example.com"))
    world.server.add(write(3, head="Followup-To: alt.elsewhere"))
    with pytest.raises(RefusedError, match=r"alt\.elsewhere"):
        post(world, Outgoing(id="o3", conversation="", parts=("x",), reply_to="a3@example.com"))
    assert len(world.server.posted) == 1


def test_an_article_that_is_gone(world: Any) -> None:
    """Where we follow one group, the answer goes there; of several, nobody can tell."""
    post(world, outgoing(world))
    assert posted(world)["Newsgroups"] == "acme.support"
    with pytest.raises(NotFound, match="gone"):
        post(world, Outgoing(id="o2", conversation="", parts=("x",), reply_to="a2@example.com"), groups="acme.*")


@pytest.mark.parametrize("asked", ["a1@example.com>\r\nPOST\r\n<x", "a b@example.com", "ü@example.com"])
def test_ids_that_are_no_ids(world: Any, asked: str) -> None:
    """What stands in a stranger's header never becomes a command or a header of ours."""
    post(world, outgoing(world, reply_to=asked))
    assert posted(world)["References"] is None
    assert world.server.commands.count("POST") == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [("440 not here", ForbiddenError), ("480 who are you", Exception), ("502 no", ForbiddenError)],
)
def test_posting_that_is_not_allowed(world: Any, write: Write, answer: str, error: type[Exception]) -> None:
    """It is told, and nothing is left unclear."""
    world.server.add(write(1))
    world.server.replies["POST"] = answer
    with pytest.raises(error):
        post(world, outgoing(world))
    assert world.intents == 0


@pytest.mark.parametrize(("told", "error"), [("441 437 too many groups", RefusedError), ("441 436 disk full", ServerFault)])
def test_an_article_that_is_refused(world: Any, write: Write, told: str, error: type[Exception]) -> None:
    """For good, or for now: the code within the text tells."""
    world.server.add(write(1))
    world.server.verdict = told
    with pytest.raises(error, match="441"):
        post(world, outgoing(world))


def test_long_lines_and_all_characters(world: Any, write: Write) -> None:
    """No line exceeds 998 octets, and what was written comes back."""
    world.server.add(write(1))
    text = "Grüße 👍🏽 " * 90 + "\n" + "x" * 3000
    receipt = post(world, outgoing(world, text))
    assert max(map(len, world.server.posted[-1].split(b"\r\n"))) <= 998
    (mine,) = [one for raw in world.fetch() for one in world.connector().parse(raw) if one.id == receipt.ids[0]]
    assert mine.text == text.replace(" \n", "\n")


def test_taking_back(world: Any, write: Write) -> None:
    """Our article is cancelled with its key; a stranger's is not, and without the key the refusal is told."""
    world.server.add(write(1))
    world.grant["cancel_secret"] = "guess"
    receipt = post(world, outgoing(world))
    wrong = {**world.grant, "cancel_secret": "another"}
    world.grant, right = wrong, world.grant
    with pytest.raises(RefusedError, match="Cancel-Key"):
        world.run(world.connector().retract(receipt))
    world.grant = right
    for _ in range(2):
        world.run(world.connector().retract(receipt))
    assert len(world.server.groups["acme.support"]) == 1
    with pytest.raises(RefusedError, match="none of ours"):
        world.run(world.connector().retract(Receipt(ids=("a1@example.com",))))


def test_who_we_are(world: Any) -> None:
    """Our address is the account; without one, or with a group that is not there, the settings are wrong."""
    assert world.run(world.connector().identify()).id == "help@example.org"
    for settings in ({"address": ""}, {"groups": "acme.gone"}, {"groups": ""}, {"server": ""}):
        with pytest.raises(SettingsError):
            world.run(world.connector(**settings).identify())


def test_our_reply_is_not_counted_off_at_once(world: Any, write: Write) -> None:
    """What was posted in the last minutes, or days where there is a moderator, is beyond the census."""
    world.server.add(write(1))
    (census,) = [raw.body for raw in world.fetch() if raw.kind == "census"]
    assert census["until"] == (world.now - timedelta(minutes=10)).isoformat()
    world.server.status["acme.support"] = "m"
    world.later(hours=2)
    (census,) = [raw.body for raw in world.fetch() if raw.kind == "census"]
    assert census["until"] == (world.now - timedelta(days=3)).isoformat()
