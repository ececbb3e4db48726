"""Answering: comments, messages, modmail, and what is unclear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fake_reddit import AGENT, NOON, FakeReddit

from socialcrm.connectors import Answer, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, RateLimited, TooLong, UnclearError, UnsupportedError
from socialcrm.types import Visibility

Make = Callable[..., Any]
PRIVATE = Visibility.PRIVATE


def out(*parts: str, **more: Any) -> Outgoing:
    return Outgoing(id="o1", parts=parts, at=NOON, **{"conversation": "", **more})


@pytest.fixture
def asked(reddit: FakeReddit) -> str:
    """A customer's post."""
    return reddit.post(reddit.account("mara"), "Broken", "It is broken")


def test_a_long_comment_goes_on_under_its_first_part(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """Parts hang below each other, and each is kept in the cursor."""
    one = desk()
    receipt = one.run(one.connector.send(out("first", "second", reply_to=asked, conversation=asked), {}))
    first, second = (reddit.things[key]["data"] for key in receipt.ids)
    assert (first["parent_id"], second["parent_id"]) == (asked, receipt.ids[0])
    assert one.host.cursor == {"part:0": receipt.ids[0], "part:1": receipt.ids[1]}
    assert receipt.at == NOON


def test_what_the_cursor_knows_is_not_sent_again(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """A later attempt goes on after the part that stands."""
    one = desk()
    made = reddit.comment("acme", asked, "first")
    receipt = one.run(one.connector.send(out("first", "second", reply_to=asked), {"part:0": made}))
    assert receipt.ids[0] == made
    assert reddit.received() == ["second"]


def test_line_breaks_stay(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """Markdown would join two lines; two spaces keep them apart, and count."""
    one = desk()
    one.run(one.connector.send(out("Sorry!\nAna", reply_to=asked), {}))
    assert reddit.received() == ["Sorry!  \nAna"]
    assert one.connector.text_limit.measure("a\nb") == 5


def test_a_message_is_answered_as_a_message(reddit: FakeReddit, desk: Make) -> None:
    """Every part answers the customer's message: answering our own would write to ourselves."""
    asked = reddit.message(reddit.account("mara"), "acme", "Hello")
    one = desk()
    message = out("one", "two", reply_to=asked, scope="message", conversation=asked, visibility=PRIVATE)
    receipt = one.run(one.connector.send(message, {}))
    assert [reddit.things[key]["data"]["parent_id"] for key in receipt.ids] == [asked, asked]
    assert one.run(one.connector.settle(message, {})) is None
    assert one.host.cursor["part:0"] == receipt.ids[0]
    assert one.run(one.connector.settle(message, dict(one.host.cursor))).ids == receipt.ids


def test_a_message_is_never_answered_in_public(desk: Make) -> None:
    """The visibility has to be that of what is answered."""
    one = desk()
    with pytest.raises(UnsupportedError, match="nothing was sent"):
        one.run(one.connector.send(out("x", reply_to="t4_1", scope="message"), {}))
    with pytest.raises(UnsupportedError, match="nothing was sent"):
        one.run(one.connector.send(out("x", reply_to="t1_1", visibility=PRIVATE), {}))


def test_modmail_is_answered_in_its_conversation(reddit: FakeReddit, desk: Make) -> None:
    """An answer is no internal note, and is found again by its text."""
    talk = reddit.talk(reddit.account("mara"), "Why?")
    one = desk(modmail=True)
    message = out("Because.", reply_to=f"{talk}/x", scope="modmail", conversation=f"modmail:{talk}", visibility=PRIVATE)
    receipt = one.run(one.connector.send(message, {}))
    (item,) = [item for item in one.sync("modmail") if item.text == "Because."]
    assert receipt.ids == (item.id,)
    assert one.run(one.connector.settle(message, {})).ids == receipt.ids
    one.run(one.connector.mark_read(item.id, "modmail"))
    assert reddit.read == [talk]


@pytest.mark.parametrize("told", [{"to_handle": "u/mara"}, {"to": "t2_1001"}, {"to": "u/mara"}])
def test_something_public_is_answered_by_a_message(reddit: FakeReddit, desk: Make, asked: str, told: dict[str, str]) -> None:
    """The author is told by name, or by the account's id; the receipt names the scope of messages."""
    told = {key: reddit.accounts["mara"] if value.startswith("t2_") else value for key, value in told.items()}
    one = desk()
    message = out("In private", reply_to=asked, conversation=asked, visibility=PRIVATE, **told)
    receipt = one.run(one.connector.move_to_private(message, {}))
    (sent,) = [item for item in one.sync("inbox") if item.id in receipt.ids]
    assert (sent.scope, sent.conversation) == (receipt.scope, receipt.conversation)
    assert sent.extra["to"] == "mara"
    assert one.run(one.connector.settle(message, {})) == receipt


def test_a_message_that_does_not_show_is_unclear(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """Reddit's answer to a message names no id: if it can't be found, nobody sends it again blindly."""
    one = desk()
    message = out("In private", reply_to=asked, visibility=PRIVATE, to_handle="u/mara")
    hide = b'{"kind": "Listing", "data": {"children": [], "after": null}}'
    reddit.before = lambda request: Answer(status=200, content=hide) if "/message/sent" in request.url else None
    with pytest.raises(UnclearError, match="does not show"):
        one.run(one.connector.move_to_private(message, {}))
    reddit.before = lambda _request: None
    assert one.run(one.connector.settle(message, {})) is not None
    assert reddit.received() == ["In private"]


def test_a_deleted_author_gets_no_message(desk: Make) -> None:
    """'[deleted]' is nobody."""
    one = desk()
    with pytest.raises(NotFound, match="nobody"):
        one.run(one.connector.move_to_private(out("x", reply_to="t1_1", visibility=PRIVATE, to="deleted:t1_1"), {}))


def test_a_comment_that_does_not_show_is_unclear(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """Reddit may accept a comment and show nothing: it is looked for, not repeated."""
    empty = b'{"json": {"errors": [], "data": {"things": []}}}'
    reddit.before = lambda request: Answer(status=200, content=empty) if "/api/comment" in request.url else None
    one = desk()
    with pytest.raises(UnclearError, match="looked for"):
        one.run(one.connector.send(out("x", reply_to=asked), {}))


def test_settle_looks_at_parent_text_and_time(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """Another parent, other words or an older time are another comment."""
    other = reddit.post("mara", "Other", "text")
    reddit.comment("acme", asked, "Sorry!", age=timedelta(hours=1))
    reddit.comment("acme", other, "Sorry!", age=timedelta())
    reddit.comment("acme", asked, "Sorry?", age=timedelta())
    one, message = desk(), out("Sorry!", reply_to=asked)
    assert one.run(one.connector.settle(message, {})) is None
    mine = reddit.comment("acme", asked, "Sorry!  ", age=timedelta())
    assert one.run(one.connector.settle(message, {})).ids == (mine,)


def test_reddit_asks_to_wait(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """'Try again in 9 minutes' is a rate limit of 540 seconds, though the status is 200; nothing was sent."""
    words = "you are doing that too much. try again in 9 minutes."
    reddit.errors = [["RATELIMIT", words, "ratelimit"]] * 5
    one = desk()
    with pytest.raises(RateLimited) as caught:
        one.run(one.connector.send(out("x", reply_to=asked), {}))
    assert caught.value.retry_after == 540
    assert not reddit.received()


@pytest.mark.parametrize(
    ("code", "error"),
    [("THREAD_LOCKED", ForbiddenError), ("SUBREDDIT_NOTALLOWED", ForbiddenError), ("DELETED_COMMENT", NotFound)],
)
def test_refusals_are_typed(reddit: FakeReddit, desk: Make, asked: str, code: str, error: type[Exception]) -> None:
    """Reddit's codes say who has to do what."""
    reddit.errors = [[code, "words", "parent"]]
    one = desk()
    with pytest.raises(error, match=code):
        one.run(one.connector.send(out("x", reply_to=asked), {}))


def test_too_long_is_refused_before_the_network(reddit: FakeReddit, desk: Make) -> None:
    """The excess is exact."""
    one = desk()
    with pytest.raises(TooLong) as caught:
        one.run(one.connector.send(out("x" * 10_003, reply_to="t1_1"), {}))
    assert caught.value.excess == 3
    assert not reddit.log


def test_messages_are_not_taken_back(desk: Make) -> None:
    """Reddit can't."""
    one = desk()
    with pytest.raises(UnsupportedError, match="t4_1"):
        one.run(one.connector.retract(Receipt(ids=("t4_1",))))


def test_every_call_says_who_calls(reddit: FakeReddit, desk: Make) -> None:
    """The user agent goes with the renewal of the token, too; without a token, one is fetched first."""
    one = desk(token=None)
    assert one.run(one.connector.identify()).id == reddit.accounts["acme"]
    assert reddit.renewals == 1
    assert {request.headers["user-agent"] for request in reddit.log} == {AGENT}


def test_accounts_are_looked_up(reddit: FakeReddit, desk: Make) -> None:
    """By name or by fullname."""
    reddit.account("mara")
    one = desk()
    known = one.run(one.connector.profile("u/mara"))
    assert known == one.run(one.connector.profile(known.id))
    with pytest.raises(NotFound):
        one.run(one.connector.profile("u/nobody"))


def test_search_finds_posts(reddit: FakeReddit, desk: Make, asked: str) -> None:
    """The search of a flow brings what Reddit finds."""
    one = desk()
    one.run(one.connector.search("Broken", {}))
    assert [item.id for item in one.items] == [asked]
    one.run(one.connector.mark_read(asked, ""))
    assert reddit.read == [asked]
