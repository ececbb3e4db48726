"""What Instagram's elements mean, mentions, and answering."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from socialcrm.connectors import Outgoing, Raw
from socialcrm.errors import TooLong, UnclearError, UnsupportedError
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Deletion, Delivery, Interaction, Item, Kind, Moderation, Secret, Visibility
from socialcrm_instagram import InstagramConnector, InstagramSettings
from socialcrm_meta import WindowClosed

TIME = 1772452800
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCOUNT = "17841400000000001"
CONTEXT = {"account": ACCOUNT, "time": str(TIME), "object": "instagram"}


class StillHost(Host):
    """A host whose clock stands."""

    def now(self) -> datetime:
        return NOON


class Desk:
    """A connector on an invented account."""

    def __init__(self, world: Any, **settings: Any) -> None:
        self.world, self.account = world, world.busy()
        given = {"token": Secret(lambda: world.TOKEN), "app_secret": Secret(lambda: world.SECRET), "page_id": world.FBPAGE}
        self.connector = InstagramConnector(InstagramSettings(account_id=world.ACCOUNT, **{**given, **settings}))
        self.host = StillHost({"token": world.TOKEN, "app_secret": world.SECRET})
        self.comment, self.media = next(iter(self.account.comments)), next(iter(self.account.media))

    def run(self, flow: Any) -> Any:
        policy = Policy(sleep=lambda seconds: None)
        with open_client(transport=Local(self.account.answer)) as client:
            return Driver(self.connector, self.host, client=client, policy=policy).run(flow)

    def parse(self, kind: str, body: Any, context: dict[str, str] | None = None) -> list[Item]:
        return list(self.connector.parse(Raw(kind, body, CONTEXT if context is None else context)))

    def answer(self, *parts: str, **told: Any) -> Outgoing:
        return Outgoing(**{"id": "o1", "conversation": self.media, "parts": parts, "reply_to": self.comment, **told})


@pytest.fixture
def desk(world: Any) -> Desk:
    return Desk(world)


def event(**told: Any) -> dict[str, Any]:
    return {"sender": {"id": "977"}, "recipient": {"id": ACCOUNT}, "timestamp": TIME * 1000, **told}


def comment(**told: Any) -> dict[str, Any]:
    value = {"id": "18001", "text": "Nice", "media": {"id": "17901"}, "from": {"id": "7", "username": "mara"}, **told}
    return {"field": "comments", "value": value}


def test_a_comment_and_a_message_of_one_person_have_one_author(desk: Desk) -> None:
    """Ids are Instagram-scoped: the same in comments and in messages."""
    (first,) = desk.parse("change", comment(**{"from": {"id": "977", "username": "mara"}}))
    (second,) = desk.parse("messaging", event(message={"mid": "a", "text": "Hi"}))
    assert isinstance(first, Interaction)
    assert isinstance(second, Interaction)
    assert first.author.id == second.author.id


def test_a_user_name_alone_keys_nobody(desk: Desk) -> None:
    """Without an id, an author is shown by name and keyed by the comment."""
    told = {"id": "18001", "timestamp": "2026-03-01T00:00:00+0000", "text": "x", "username": "mara"}
    (found,) = desk.parse("comment", told, {"post": "17901"})
    assert isinstance(found, Interaction)
    assert (found.author.id, found.author.name) == ("unknown:18001", "mara")


def test_our_own_comment_is_ours_by_its_user(desk: Desk) -> None:
    """Only our own comments tell a user, whose id is our account's."""
    told = {"id": "18001", "timestamp": "2026-03-01T00:00:00+0000", "user": {"id": ACCOUNT}, "from": {"id": "555"}}
    (found,) = desk.parse("comment", told, {})
    assert isinstance(found, Interaction)
    assert found.author.id == ACCOUNT


def test_a_reply_answers_its_comment(desk: Desk) -> None:
    """A reply has the medium as its conversation and the comment as its parent; hidden is taken down."""
    (found,) = desk.parse("comment", {"id": "18", "timestamp": TIME, "hidden": True}, {"post": "17", "parent": "16"})
    assert isinstance(found, Interaction)
    assert (found.conversation, found.parent, found.moderation) == ("17", "16", Moderation.REMOVED)


def test_unsending_deletes(desk: Desk) -> None:
    """An unsent message is a deletion, also where it comes on the standby channel."""
    assert desk.parse("messaging", event(message={"mid": "a", "is_deleted": True})) == [Deletion(id="a", at=NOON)]


def test_story_replies_and_story_mentions(desk: Desk) -> None:
    """Both are messages that say which story; what Instagram can't show is kept as other."""
    story = {"story": {"id": "55", "url": "https://s.example.com/55"}}
    (reply,) = desk.parse("messaging", event(message={"mid": "a", "text": "Wow", "reply_to": story}))
    mention = [{"type": "story_mention", "payload": {"url": "https://s.example.com/66"}}]
    (named,) = desk.parse("messaging", event(message={"mid": "b", "attachments": mention}))
    (odd,) = desk.parse("messaging", event(message={"mid": "c", "is_unsupported": True}))
    assert isinstance(reply, Interaction)
    assert isinstance(named, Interaction)
    assert isinstance(odd, Interaction)
    assert (reply.kind, reply.extra["story_reply"]) == (Kind.MESSAGE, "55")
    assert (named.kind, named.extra["story_mention"], named.attachments[0].url) == (
        Kind.MESSAGE,
        True,
        "https://s.example.com/66",
    )
    assert odd.kind is Kind.OTHER


def test_seen_names_the_message(desk: Desk) -> None:
    """Instagram tells which message was read."""
    assert desk.parse("messaging", event(read={"mid": "a"})) == [Delivery(id="a", at=NOON, status="read")]


def test_a_mention_is_read_by_its_stream(desk: Desk, world: Any) -> None:
    """A mention's webhook has no words; it pokes the stream, which brings them and forgets the place."""
    change = {"field": "mentions", "value": {"media_id": "17", "comment_id": "18"}}
    body = json.dumps({"object": "instagram", "entry": [{"id": ACCOUNT, "time": TIME, "changes": [change]}]})
    hook = desk.connector.receive(world.signed(body.encode()))
    poked = next(batch for batch in hook.batches if batch.stream == "mentions")
    assert list(poked.cursor) == ["mention:17:18"]
    desk.account.elsewhere["18"] = {
        "id": "18",
        "text": "Ask @acme",
        "timestamp": "2026-03-01T00:00:00+0000",
        "username": "mara",
    }
    desk.run(desk.connector.fetch("mentions", dict(poked.cursor)))
    raws = [raw for batch in desk.host.batches for raw in batch.raws]
    (found,) = [item for raw in raws for item in desk.connector.parse(raw)]
    assert isinstance(found, Interaction)
    assert (found.id, found.scope, found.conversation, found.text) == ("18", "mention", "17", "Ask @acme")
    assert any(batch.cursor.get("mention:17:18", "") is None for batch in desk.host.batches)


def test_a_tag_is_a_post_elsewhere(desk: Desk) -> None:
    """A medium that tags us is a post in the scope of mentions."""
    desk.account.tags.append({"id": "17", "caption": "With @acme", "timestamp": "2026-03-02T00:00:00+0000", "username": "mara"})
    desk.run(desk.connector.fetch("mentions", {}))
    (raw,) = [raw for batch in desk.host.batches for raw in batch.raws]
    (found,) = desk.connector.parse(raw)
    assert isinstance(found, Interaction)
    assert (found.scope, found.kind, found.author.id) == ("mention", Kind.POST, "unknown:17")


def test_a_mention_is_answered_where_it_stands(desk: Desk) -> None:
    """The answer to a mention is a comment on somebody else's medium; whether it arrived can't be looked up."""
    desk.account.elsewhere["18"] = {"id": "18"}
    message = desk.answer("Hello", scope="mention", conversation="17", reply_to="18")
    assert desk.run(desk.connector.send(message, {})).ids == ("18009999",)
    with pytest.raises(UnclearError):
        desk.run(desk.connector.settle(message, {}))
    with pytest.raises(UnsupportedError):
        desk.run(desk.connector.send(attrs.evolve(message, visibility=Visibility.PRIVATE), {}))


@pytest.mark.parametrize("kind", ["comment", "medium", "private", "direct"])
def test_what_arrived_is_found(desk: Desk, kind: str) -> None:
    """settle finds the very answer, and says None where it is not."""
    message = {
        "comment": desk.answer("Hello"),
        "medium": desk.answer("Hello", reply_to=desk.media),
        "private": desk.answer("Hello", visibility=Visibility.PRIVATE),
        "direct": desk.answer("Hello", visibility=Visibility.PRIVATE, conversation="dm:977", reply_to="aWdfZ", to="977"),
    }[kind]
    message = attrs.evolve(message, at=desk.account.now)
    assert desk.run(desk.connector.settle(message, {})) is None
    receipt = desk.run(desk.connector.send(message, {}))
    assert desk.run(desk.connector.settle(message, {})).ids == receipt.ids


def test_the_window_is_24_hours_or_7_days(world: Any) -> None:
    """Without Human Agent the window closes after a day."""
    for human, hours, closed in ((False, 30, True), (True, 30, False), (True, 200, True)):
        desk = Desk(world, human_agent=human)
        desk.account.now += timedelta(hours=hours)
        message = desk.answer("Hello", visibility=Visibility.PRIVATE, conversation="dm:977", reply_to="aWdfZ", to="977")
        if closed:
            with pytest.raises(WindowClosed):
                desk.run(desk.connector.send(message, {}))
        else:
            assert desk.run(desk.connector.send(message, {})).ids


def test_a_message_counts_in_bytes(world: Any) -> None:
    """A private answer of 1,001 bytes is refused by one, before any network."""
    desk = Desk(world, messages=False)
    assert desk.connector.text_limit.size == 2200
    with pytest.raises(TooLong) as told:
        desk.run(desk.connector.send(desk.answer("ä" * 500 + "x", visibility=Visibility.PRIVATE), {}))
    assert told.value.excess == 1


def test_comments_are_not_liked_and_messages_are(desk: Desk) -> None:
    """The API has no likes of comments."""
    with pytest.raises(UnsupportedError):
        desk.run(desk.connector.react(desk.comment, "", "like"))
    desk.run(desk.connector.react(next(iter(desk.account.messages)), "", "love"))
    assert desk.account.acts[0]["payload"]["reaction"] == "love"


def test_instagram_login_speaks_to_its_own_host() -> None:
    """Without a Page the token is an Instagram user's, on its own host."""
    settings = InstagramSettings(account_id=ACCOUNT, token=Secret(lambda: "token-1"))
    assert InstagramConnector(settings).origin == "https://graph.instagram.com"
