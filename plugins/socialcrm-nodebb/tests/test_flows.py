"""Reading and writing, against the invented forum."""

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
    RefusedError,
    SettingsError,
    UnclearError,
    UnsupportedError,
)
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Interaction, Moderation, Secret, Visibility
from socialcrm_nodebb import NodeBBConnector, NodeBBSettings

TEXT = "We are sorry, and we are looking into it."


class Desk:
    """A connector and a forum that belong together."""

    def __init__(self, forum: Any, token: str = "", **settings: Any) -> None:
        access = {"token": Secret(token)} if token else {}
        self.connector = NodeBBConnector(NodeBBSettings(server="https://forum.example.com", **access, **settings))
        self.forum, self.host = forum, Host({"token": token} if token else {})
        self.host.now = lambda: self.forum.now  # type: ignore[method-assign]  # the forum's time is the world's

    def run(self, flow: Any) -> Any:
        policy = Policy(attempts=1, sleep=lambda _: None)
        local = Local(self.forum.answer, clock=lambda: self.forum.now)
        with open_client(transport=local) as client:
            return Driver(self.connector, self.host, client=client, policy=policy).run(flow)

    def fetch(self, stream: str = "posts") -> list[Any]:
        self.host.batches.clear()
        self.run(self.connector.fetch(stream, dict(self.host.cursor)))
        return [item for batch in self.host.batches for raw in batch.raws for item in self.connector.parse(raw)]

    def message(self, text: str = TEXT, **fields: Any) -> Outgoing:
        given = {"id": "o1", "conversation": "11", "parts": (text,), "reply_to": "2", "to": "3", "at": self.forum.now}
        return Outgoing(**(given | fields))

    def send(self, **fields: Any) -> Any:
        return self.run(self.connector.send(self.message(**fields), {}))


@pytest.fixture
def desk(forums: Callable[..., Any], token: str) -> Desk:
    """Our user's desk on a forum with people."""
    return Desk(forums(), token)


def test_categories_for_members_are_limited(desk: Desk) -> None:
    """What guests can't read is limited; everything else is public."""
    found = {one.id: one.visibility for one in desk.fetch() if isinstance(one, Interaction)}
    assert found["6"] is Visibility.LIMITED
    assert {visibility for pid, visibility in found.items() if pid != "6"} == {Visibility.PUBLIC}


def test_a_guest_reads_without_a_token(forums: Callable[..., Any]) -> None:
    """Without a token public topics are read, chats are not asked for, and nothing can be written."""
    desk = Desk(forums())
    assert {one.id for one in desk.fetch() if isinstance(one, Interaction)} == {"1", "2", "3", "4", "5"}
    assert desk.fetch("chats") == []
    assert desk.run(desk.connector.identify()).id == "0"
    with pytest.raises(CredentialsError, match="guest"):
        desk.send()


def test_a_master_token_acts_for_our_user(forums: Callable[..., Any], master: str) -> None:
    """Every call of a master token names our user."""
    desk = Desk(forums(), master, uid=1)
    assert desk.run(desk.connector.identify()).id == "1"
    desk.send()
    assert all("_uid=1" in one.url or "_uid" in one.query for one in desk.forum.log)


def test_a_purge_between_pages_loses_nothing(forums: Callable[..., Any], token: str) -> None:
    """A post that is purged while its topic is read pulls others forward; the topic is read again."""
    desk = Desk(forums(size=2), token)
    forum, answer = desk.forum, desk.forum.answer

    class Purging:
        now, done = forum.now, False

        def answer(self, request: Any) -> Any:
            found = answer(request)
            if "/api/topic/11" in request.url and not self.done:
                self.done = True
                forum.posts.pop(2)
            return found

    desk.forum = Purging()
    found = {one.id for one in desk.fetch() if isinstance(one, Interaction) and one.conversation == "11"}
    assert found == {str(pid) for pid, row in forum.posts.items() if row["tid"] == 11}


def test_a_public_post_is_answered_in_private(desk: Desk) -> None:
    """A private answer goes into the chat with the author, which is made only if there is none."""
    receipt = desk.send(visibility=Visibility.PRIVATE)
    assert (receipt.scope, receipt.conversation) == ("chat", "room:72")
    assert desk.run(desk.connector.settle(desk.message(visibility=Visibility.PRIVATE), {})).ids == receipt.ids
    assert receipt.ids[0] in {one.id for one in desk.fetch("chats") if isinstance(one, Interaction)}
    again = desk.run(desk.connector.move_to_private(desk.message("And one more word on that"), {}))
    assert again.conversation == "room:72"
    with pytest.raises(RefusedError, match="registered"):
        desk.send(visibility=Visibility.PRIVATE, to="guest:post-3")
    with pytest.raises(RefusedError, match="1000 characters"):
        desk.send(visibility=Visibility.PRIVATE, parts=("x" * 1001,))


def test_a_chat_message_is_answered_in_its_room(desk: Desk) -> None:
    """An answer to a chat message goes where it came from, and can be taken back there."""
    receipt = desk.send(scope="chat", conversation="room:7", reply_to="1", to="2", visibility=Visibility.PRIVATE)
    assert (receipt.conversation, desk.forum.messages[3]["roomId"]) == ("room:7", "7")
    desk.run(desk.connector.retract(receipt))
    (item,) = [one for one in desk.fetch("chats") if one.id == receipt.ids[0]]
    assert item.moderation is Moderation.REMOVED


def test_a_queued_reply_stays_unclear(desk: Desk) -> None:
    """What waits in the queue is not sent again; once it is out, it is found."""
    desk.forum.queue = True
    with pytest.raises(UnclearError, match="queue"):
        desk.send()
    with pytest.raises(UnclearError, match="queue"):
        desk.run(desk.connector.settle(desk.message(), dict(desk.host.cursor)))
    pid = desk.forum.post(11, 1, TEXT, to=2, at=desk.forum.now + timedelta(minutes=5))
    assert desk.run(desk.connector.settle(desk.message(), dict(desk.host.cursor))).ids == (str(pid),)


def test_what_was_said_before_or_elsewhere_is_no_answer(desk: Desk) -> None:
    """The same words an hour ago, under another post or by others are not an unclear reply."""
    desk.forum.post(11, 1, TEXT, to=2, ago=1)
    desk.forum.post(11, 1, TEXT, to=1, ago=0)
    desk.forum.post(11, 3, TEXT, to=2, ago=0)
    assert desk.run(desk.connector.settle(desk.message(), {})) is None


def test_refusals_are_typed(desk: Desk) -> None:
    """Flood control is waited for, a locked topic is forbidden, a short text refused, in the forum's words."""
    desk.forum.fast = True
    with pytest.raises(RateLimited, match="once every 10") as waiting:
        desk.send()
    assert waiting.value.retry_after == 10
    desk.forum.fast = False
    with pytest.raises(RefusedError, match="longer post"):
        desk.send(parts=("Hi",))
    desk.forum.topics[11]["locked"] = True
    with pytest.raises(ForbiddenError, match="Topic locked"):
        desk.send()


def test_votes_marks_searches_and_profiles(desk: Desk) -> None:
    """A post can be voted up, its topic marked as read, posts found by words, and people looked up."""
    desk.run(desk.connector.react("2", "", "like"))
    desk.run(desk.connector.mark_read("2", ""))
    assert desk.forum.votes == ["2", "topic 11"]
    desk.run(desk.connector.search("router", {}))
    assert [raw.body["pid"] for batch in desk.host.batches for raw in batch.raws] == [1]
    assert desk.run(desk.connector.profile("2")).handle == "@mara"
    with pytest.raises(UnsupportedError):
        desk.run(desk.connector.react("2", "chat", "like"))


def test_settings_refuse_what_can_t_work() -> None:
    """A token over http, a master's uid without a token, and a category's name are told."""
    for settings in (
        {"server": "http://forum.example.com", "token": Secret("x")},
        {"server": "https://forum.example.com", "uid": 1},
        {"server": "https://forum.example.com", "categories": ("support",)},
        {"server": "https://u:p@forum.example.com"},
    ):
        with pytest.raises((ValueError, SettingsError)):
            NodeBBSettings(**settings)  # type: ignore[arg-type]  # wrong on purpose
