"""Answering on Facebook: in public, once in private, within the window."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from socialcrm.connectors import Outgoing, Receipt
from socialcrm.errors import RefusedError, TooLong, UnsupportedError
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Secret, Visibility
from socialcrm_facebook import FacebookConnector, FacebookSettings
from socialcrm_meta import AlreadyAnswered, WindowClosed


class Desk:
    """A connector on an invented Page."""

    def __init__(self, world: Any, **settings: Any) -> None:
        self.world, self.page = world, world.busy()
        given = {"token": Secret(lambda: world.TOKEN), "app_secret": Secret(lambda: world.SECRET)}
        self.connector = FacebookConnector(FacebookSettings(page_id=world.PAGE, **given, **settings))
        self.comment = next(key for key, row in self.page.comments.items() if row.get("from", {}).get("id") == "7")
        self.post = next(iter(self.page.posts))

    def run(self, flow: Any) -> Any:
        host = Host({"token": self.world.TOKEN, "app_secret": self.world.SECRET})
        policy = Policy(sleep=lambda seconds: None)
        with open_client(transport=Local(self.page.answer)) as client:
            return Driver(self.connector, host, client=client, policy=policy).run(flow)

    def public(self, *parts: str, **told: Any) -> Outgoing:
        return Outgoing(**{"id": "o1", "conversation": self.post, "parts": parts, "reply_to": self.comment, **told})

    def direct(self, *parts: str, **told: Any) -> Outgoing:
        given = {"id": "o2", "conversation": "dm:977", "to": "977", "reply_to": "m_507", "visibility": Visibility.PRIVATE}
        return Outgoing(**{**given, "parts": parts, **told})

    def send(self, message: Outgoing, cursor: dict[str, str] | None = None) -> Receipt:
        found: Receipt = self.run(self.connector.send(message, cursor or {}))
        return found


@pytest.fixture
def desk(world: Any) -> Desk:
    return Desk(world)


def test_a_private_reply_goes_on_in_messenger(desk: Desk) -> None:
    """A comment answered in private names the exchange where its author will answer, by their page-scoped id."""
    receipt = desk.send(desk.public("Please tell us your number", visibility=Visibility.PRIVATE))
    assert receipt.conversation == "dm:97"
    assert receipt.ids[0] in desk.page.messages


def test_move_to_private_is_a_private_reply(desk: Desk) -> None:
    """move_to_private answers in private whatever visibility the reply had."""
    receipt = desk.run(desk.connector.move_to_private(desk.public("Hello"), {}))
    assert receipt.conversation == "dm:97"


def test_a_second_private_reply_is_refused(desk: Desk) -> None:
    """There is one private reply to a comment."""
    message = desk.public("Hello", visibility=Visibility.PRIVATE)
    desk.send(message)
    with pytest.raises(AlreadyAnswered):
        desk.send(message)
    assert desk.page.received() == ["Hello"]


def test_a_private_reply_in_parts_never_leaves(desk: Desk) -> None:
    """A private reply is one message, so one in parts is refused before anything is sent."""
    with pytest.raises(UnsupportedError):
        desk.send(desk.public("One", "Two", visibility=Visibility.PRIVATE))
    assert desk.page.received() == []


def test_a_late_private_reply_is_refused(desk: Desk) -> None:
    """After seven days there is no private reply."""
    desk.page.now += timedelta(days=8)
    with pytest.raises(WindowClosed):
        desk.send(desk.public("Hello", visibility=Visibility.PRIVATE))


@pytest.mark.parametrize(
    ("human", "hours", "arrives"), [(False, 20, True), (False, 30, False), (True, 30, True), (True, 200, False)]
)
def test_the_window_of_messages(world: Any, human: bool, hours: int, arrives: bool) -> None:
    """24 hours; seven days where the app has the feature Human Agent; never later."""
    desk = Desk(world, human_agent=human)
    desk.page.now += timedelta(hours=hours)
    if arrives:
        assert desk.send(desk.direct("Hello")).ids
    else:
        with pytest.raises(WindowClosed):
            desk.send(desk.direct("Hello"))
    assert desk.page.received() == (["Hello"] if arrives else [])


def test_a_long_text_to_a_comment_in_private_is_refused(world: Any) -> None:
    """Without Messenger a comment may be longer, a private reply may not."""
    desk = Desk(world, messages=False)
    assert desk.connector.text_limit.size == 8000
    with pytest.raises(TooLong) as told:
        desk.send(desk.public("x" * 2001, visibility=Visibility.PRIVATE))
    assert told.value.excess == 1


def test_a_message_is_not_answered_in_public(desk: Desk) -> None:
    """A message has no public answer."""
    with pytest.raises(UnsupportedError):
        desk.send(desk.direct("Hello", visibility=Visibility.PUBLIC))


@pytest.mark.parametrize("kind", ["public", "nested", "post", "private", "direct"])
def test_what_arrived_is_found(desk: Desk, kind: str) -> None:
    """settle finds the very answer by place, text and time, and says None where it is not."""
    nested = next(key for key, row in desk.page.comments.items() if row.get("parent"))
    message = {
        "public": desk.public("Hello  there"),
        "nested": desk.public("Hello  there", reply_to=nested),
        "post": desk.public("Hello  there", reply_to=desk.post),
        "private": desk.public("Hello  there", visibility=Visibility.PRIVATE),
        "direct": desk.direct("Hello  there"),
    }[kind]
    message = attrs.evolve(message, at=desk.page.now)
    assert desk.run(desk.connector.settle(message, {})) is None
    receipt = desk.send(message)
    found = desk.run(desk.connector.settle(message, {}))
    assert found is not None
    assert (found.ids, found.conversation or "") == (receipt.ids, receipt.conversation or (found.conversation or ""))


def test_the_same_words_elsewhere_are_another_answer(desk: Desk) -> None:
    """An answer under another comment is not taken for this one."""
    other = next(key for key, row in desk.page.comments.items() if "from" not in row)
    desk.send(desk.public("Hello", reply_to=other))
    assert desk.run(desk.connector.settle(desk.public("Hello", at=desk.page.now), {})) is None


def test_our_comments_are_taken_back_and_messages_are_not(desk: Desk) -> None:
    """retract deletes comments, twice harmlessly, and says that Messenger has no such thing."""
    receipt = desk.send(desk.public("Hello"))
    for _ in range(2):
        desk.run(desk.connector.retract(receipt))
    assert receipt.ids[0] not in desk.page.comments
    with pytest.raises(UnsupportedError):
        desk.run(desk.connector.retract(Receipt(ids=("m_1",))))


def test_likes_reactions_and_read_marks(desk: Desk) -> None:
    """Comments are liked; messages get reactions and read marks, addressed to who wrote them."""
    key = next(iter(desk.page.messages))
    desk.run(desk.connector.react(desk.comment, "", "like"))
    desk.run(desk.connector.react(key, "", "love"))
    desk.run(desk.connector.mark_read(key, ""))
    assert desk.page.liked == [desk.comment]
    assert [act["sender_action"] for act in desk.page.acts] == ["react", "mark_seen"]
    assert {act["recipient"]["id"] for act in desk.page.acts} == {"977"}
    with pytest.raises(UnsupportedError):
        desk.run(desk.connector.mark_read(desk.comment, ""))


def test_a_profile_is_looked_up(desk: Desk) -> None:
    """profile tells the name of somebody who wrote to us."""
    assert desk.run(desk.connector.profile("977")).name == "Mara Invented"


def test_another_page_is_refused(world: Any) -> None:
    """A token that can't see the Page is told, and no other account is taken for ours."""
    desk = Desk(world)
    desk.connector = FacebookConnector(attrs.evolve(desk.connector.settings, page_id="200"))
    with pytest.raises(Exception, match="200"):
        desk.run(desk.connector.identify())


@pytest.mark.parametrize("given", [{"page_id": "1"}, {"page_id": "acme", "token": Secret(lambda: "x")}, {"history_days": 0}])
def test_settings_that_can_t_work_are_refused(given: dict[str, Any]) -> None:
    """Settings say at once what to change."""
    with pytest.raises(ValueError, match=r"page_id|history_days"):
        FacebookSettings(**given)


def test_too_long_a_comment_is_refused_by_facebook(desk: Desk) -> None:
    """What the platform refuses is a typed refusal."""
    with pytest.raises(RefusedError):
        desk.send(desk.public("x" * 8001))
