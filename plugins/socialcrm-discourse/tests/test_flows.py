"""Reading and writing, against the invented forum."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Blob, Call, Incoming, Outgoing
from socialcrm.errors import CredentialsError, ForbiddenError, RateLimited, RefusedError, UnclearError, VerificationError
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Census, Interaction, Secret, Visibility
from socialcrm_discourse import DiscourseConnector, DiscourseSettings
from socialcrm_discourse._judge import NewUserLimit, TooShort, TooSimilar

TEXT = "We are sorry, and we are looking into it."


class Desk:
    """A connector and a forum that belong together."""

    def __init__(self, forum: Any, key: str = "", **settings: Any) -> None:
        access = {"username": "acme", "api_key": Secret(key)} if key else {}
        self.connector = DiscourseConnector(DiscourseSettings(server="https://forum.example.com", **access, **settings))
        self.forum, self.host = forum, Host({"api_key": key} if key else {})
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
        given = {"id": "o1", "conversation": "11", "parts": (text,), "reply_to": "14", "to": "3", "at": self.forum.now}
        return Outgoing(**(given | fields))

    def send(self, **fields: Any) -> Any:
        message = self.message(**fields)
        return self.run(self.connector.send(message, {}))


@pytest.fixture
def desk(forums: Callable[..., Any], key: str) -> Desk:
    """Our user's desk on a forum with people."""
    return Desk(forums(), key)


def test_replies_know_what_they_answer(desk: Desk) -> None:
    """The number that a post answers becomes that post's id, across pages too."""
    desk.forum.size = 1
    found = {one.id: one.parent for one in desk.fetch() if isinstance(one, Interaction)}
    assert found == {"7": None, "14": "7", "21": None, "28": "14", "35": "28"}


def test_a_visitor_reads_without_a_key(forums: Callable[..., Any]) -> None:
    """Without a key public posts are read, messages are not asked for, and nothing can be written."""
    desk = Desk(forums(), recheck_days=0)
    assert len([one for one in desk.fetch() if isinstance(one, Interaction)]) == 5
    assert desk.fetch("messages") == []
    assert desk.run(desk.connector.identify()).id == "0"
    with pytest.raises(CredentialsError, match="visitor"):
        desk.send()


def test_a_forum_for_members_says_so(forums: Callable[..., Any]) -> None:
    """Where visitors see nothing, the error says that a key is needed."""
    with pytest.raises(CredentialsError, match="members only"):
        Desk(forums(closed=True)).fetch()


def test_a_wrong_key_is_told(forums: Callable[..., Any]) -> None:
    """A key that the forum does not know is refused with what to check."""
    with pytest.raises(ForbiddenError, match="check that the key is valid"):
        Desk(forums(), "another-key").fetch()


def test_older_servers_hide_nothing_behind_an_empty_page(empty: Callable[..., Any], key: str) -> None:
    """Versions that page by 50 ids give empty pages where others wrote in private; older posts still arrive."""
    forum = empty(old=True)
    topic, secret = forum.topic(), forum.topic("x", members=(2, 3))
    forum.post(topic, 2, "First of all posts", key=3, ago=30)
    for number in range(4, 190):
        forum.post(secret, 3, f"Between us {number}", key=number, ago=20)
    forum.post(topic, 3, "Long after the first", key=190, ago=2)
    desk = Desk(forum, key, recheck_days=0)
    assert {one.id for one in desk.fetch() if isinstance(one, Interaction)} == {"3", "190"}


def test_a_lost_category_deletes_nothing(desk: Desk) -> None:
    """Posts of a category that we may not see any more are not counted off."""
    topic = desk.forum.topic("Lounge", category=6)
    desk.forum.post(topic, 2, "Among members only", ago=3)
    found = desk.fetch()
    assert [one.visibility for one in found if isinstance(one, Interaction) and one.conversation == str(topic)] == [
        Visibility.LIMITED,
        Visibility.LIMITED,
    ]
    desk.forum.lost = True
    desk.forum.now += timedelta(hours=2)
    (census,) = [one for one in desk.fetch() if isinstance(one, Census)]
    assert census.since == desk.forum.now


def test_tags_are_followed_topic_by_topic(desk: Desk) -> None:
    """With tags, topics are read whole, with what the list of posts does not show, and counted off one by one."""
    desk.connector = DiscourseConnector(
        DiscourseSettings(server="https://forum.example.com", username="acme", api_key=Secret("x"), tags=("router",))
    )
    desk.forum.topics[11]["tags"] = ["router"]
    desk.forum.post(11, 1, "Between colleagues", ago=1, post_type=4)
    found = desk.fetch()
    assert {one.conversation for one in found if isinstance(one, Interaction)} == {"11"}
    assert {one.scope for one in found} == {"", "staff"}
    assert [one.parent for one in found if isinstance(one, Interaction)][:4] == [None, "7", "14", "28"]


def test_a_public_post_is_answered_in_private(desk: Desk) -> None:
    """A private answer to a public post is a new personal message to its author, in the scope of messages."""
    receipt = desk.send(visibility=Visibility.PRIVATE)
    assert (receipt.scope, desk.forum.topics[int(receipt.conversation)]["members"]) == ("private", (1, 3))
    message = desk.message(visibility=Visibility.PRIVATE)
    assert desk.run(desk.connector.settle(message, {})).ids == receipt.ids
    assert receipt.ids[0] in {one.id for one in desk.fetch("messages") if isinstance(one, Interaction)}
    moved = desk.run(desk.connector.move_to_private(desk.message("Another text, also in private", reply_to="7"), {}))
    assert moved.scope == "private"


def test_a_reply_in_the_queue_is_unclear_until_it_is_out(desk: Desk) -> None:
    """What waits for moderators is neither sent nor sent again; once it is out, it is found."""
    desk.forum.queue = True
    with pytest.raises(UnclearError, match="moderators"):
        desk.send()
    held = dict(desk.host.cursor)
    with pytest.raises(UnclearError, match="waits"):
        desk.run(desk.connector.settle(desk.message(), held))
    desk.forum.pending.clear()
    with pytest.raises(UnclearError, match="turned"):
        desk.run(desk.connector.settle(desk.message(), held))
    out = desk.forum.post(11, 1, TEXT, to=2, at=desk.forum.now + timedelta(minutes=5))
    assert desk.run(desk.connector.settle(desk.message(), held)).ids == (str(out),)


def test_the_same_text_said_before_is_no_answer(desk: Desk) -> None:
    """What we said elsewhere or an hour ago is not taken for an unclear reply."""
    desk.forum.post(11, 1, TEXT, to=2, ago=1)
    desk.forum.post(12, 1, TEXT, ago=0)
    assert desk.run(desk.connector.settle(desk.message(), {})) is None
    with pytest.raises(TooSimilar):
        desk.send()


def test_a_file_is_uploaded_once(desk: Desk, tmp_path: Path) -> None:
    """A picture goes up first, its place in the text is kept, and a second attempt does not upload it again."""
    path = tmp_path / "a.png"
    path.write_bytes(b"png")
    blob = Blob(sha256=hashlib.sha256(b"png").hexdigest(), path=path, size=3, mime="image/png", name="a]|.png")
    desk.send(media=(blob,))
    assert desk.forum.received() == [f"{TEXT}\n\n![a.png](upload://a.png)"]
    desk.forum.log.clear()
    cursor = dict(desk.host.cursor)
    desk.run(desk.connector.send(desk.message("A second text with it", media=(blob,)), cursor))
    assert not [one for one in desk.forum.log if one.url.endswith("/uploads.json")]


def test_what_can_t_be_answered_is_refused_before_any_post(desk: Desk) -> None:
    """A deleted post, a line of an export and a chat message can't be answered."""
    desk.forum.posts[14]["user_deleted"] = True
    with pytest.raises(RefusedError, match="deleted"):
        desk.send()
    with pytest.raises(RefusedError, match="no post's id"):
        desk.send(reply_to="11/2")


def test_likes_marks_searches_and_profiles(desk: Desk) -> None:
    """A post can be liked and marked as read, found by its words, and its author looked up."""
    desk.run(desk.connector.react("14", "", "like"))
    desk.run(desk.connector.mark_read("14", ""))
    assert desk.forum.liked == [14, 11]
    desk.run(desk.connector.search("router", {}))
    assert [raw.body["id"] for batch in desk.host.batches for raw in batch.raws] == [7]
    assert desk.run(desk.connector.profile("2")).handle == "@mara"
    assert desk.run(desk.connector.profile("@mara")).id == "2"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Body is too short (minimum is 20 characters)", TooShort),
        ("Body is too similar to what you recently posted", TooSimilar),
        ("Sorry, new users can only put 2 links in a post.", NewUserLimit),
        ("Der Text ist zu kurz", RefusedError),
    ],
)
def test_refusals_are_typed(desk: Desk, said: str, error: type[Exception]) -> None:
    """What the forum's rules refuse says so in the forum's own words."""
    answer = Answer(status=422, content=json.dumps({"errors": [said]}).encode())
    found = desk.connector.judge(Call("POST", "/posts.json"), answer).error
    assert type(found) is error
    assert said in str(found)


def test_a_rate_limit_says_how_long(desk: Desk) -> None:
    """The longer of the body's and the header's waits counts, and the limiter is named."""
    body = json.dumps({"errors": ["Slow down"], "error_type": "rate_limit", "extras": {"wait_seconds": 33}}).encode()
    headers = {"retry-after": "20", "discourse-rate-limit-error-code": "admin_api_key_rate_limit"}
    verdict = desk.connector.judge(Call("GET", "/posts.json"), Answer(status=429, headers=headers, content=body))
    assert isinstance(verdict.error, RateLimited)
    assert (verdict.error.retry_after, verdict.rest) == (33.0, {"default": 33.0})
    assert "admin_api_key_rate_limit" in str(verdict.error)


def test_a_recovered_post_comes_back(desk: Desk) -> None:
    """A webhook of a recovered post makes the stream look at it again, and what stands there now counts."""
    secret = "twelve-or-more"
    desk.connector = DiscourseConnector(DiscourseSettings(webhook_secret=Secret(secret)))
    body = json.dumps({"post": {"id": 14, "created_at": "2026-03-01T10:00:00Z"}}).encode()
    code = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-discourse-event-signature": f"sha256={code}", "x-discourse-event": "post_recovered"}
    request = Incoming(
        method="POST", url="https://us.example.org", headers=headers, body=body, at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    poke = desk.connector.receive(request).batches[1]
    assert (poke.stream, poke.cursor) == ("posts", {"again:14": "recovered"})
    desk = Desk(desk.forum, recheck_days=0)
    desk.host.cursor.update({"known": "99", "again:14": "recovered"})
    (item,) = desk.fetch()
    assert (item.id, item.edited_at) == ("14", desk.forum.now)
    assert "again:14" not in desk.host.cursor


def test_a_ping_is_answered_and_no_secret_is_no_way_in(desk: Desk) -> None:
    """The test request of the set-up is answered; without a secret nothing is believed."""
    request = Incoming(method="POST", url="https://us.example.org", body=b'{"ping": "OK"}', at=desk.forum.now)
    with pytest.raises(VerificationError, match="webhook_secret"):
        desk.connector.receive(request)


def test_a_long_topic_is_read_in_pieces(desk: Desk) -> None:
    """Posts beyond the first twenty are asked for by their ids, with their source, and replies know their parents."""
    topic = desk.forum.topic("A long story", members=(1, 2))
    for number in range(1, 46):
        desk.forum.post(topic, 1 + number % 2, f"Part {number} of the story", to=number - 1, ago=100 - number)
    found = {one.subject or one.text: one for one in desk.fetch("messages") if isinstance(one, Interaction)}
    assert len([one for one in found.values() if one.conversation == str(topic)]) == 45
    assert found["Part 45 of the story"].parent == found["Part 44 of the story"].id
    assert all("<" not in one.text for one in found.values())
    desk.forum.log.clear()
    desk.fetch("messages")
    assert not [one for one in desk.forum.log if "/t/" in one.url]


def test_a_topic_that_is_gone_is_counted_off_and_one_that_is_closed_to_us_is_not(desk: Desk) -> None:
    """A deleted conversation takes its messages with it; one that we were taken out of only ends."""
    desk.fetch("messages")
    desk.forum.topics[13]["members"] = (2,)
    desk.forum.now += timedelta(hours=2)
    assert desk.fetch("messages") == []
    desk.forum.topics[13]["members"] = (1, 2)
    desk.fetch("messages")
    desk.forum.topics[13]["deleted"] = True
    desk.forum.now += timedelta(hours=2)
    assert ("private", "13", frozenset()) in [(one.scope, one.conversation, one.ids) for one in desk.fetch("messages")]
