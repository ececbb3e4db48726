"""What Facebook's elements mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Attachment,
    Deletion,
    Delivery,
    Direction,
    Edit,
    Interaction,
    Item,
    Kind,
    Moderation,
    Secret,
    Visibility,
)
from socialcrm_facebook import FacebookConnector, FacebookSettings

TIME = 1772452800
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTEXT = {"account": "100", "time": str(TIME + 30), "object": "page"}
PERSON = {"id": "7", "name": "Mara"}


def parse(kind: str, body: Any, context: dict[str, str] | None = None) -> list[Item]:
    connector = FacebookConnector(FacebookSettings(page_id="100", token=Secret(lambda: "token-1")))
    return list(connector.parse(Raw(kind, body, CONTEXT if context is None else context)))


def one(kind: str, body: Any, context: dict[str, str] | None = None) -> Interaction:
    (found,) = parse(kind, body, context)
    assert isinstance(found, Interaction)
    return found


def feed(verb: str, item: str = "comment", **value: Any) -> dict[str, Any]:
    told = {"item": item, "verb": verb, "comment_id": "501_9", "post_id": "100_501", "parent_id": "501_8", "from": PERSON}
    return {"field": "feed", "value": {**told, "created_time": TIME, "message": "Hello", **value}}


def event(**told: Any) -> dict[str, Any]:
    return {"sender": {"id": "977"}, "recipient": {"id": "100"}, "timestamp": TIME * 1000, **told}


def test_a_comment_of_the_feed() -> None:
    """A new comment has the post as its conversation and the comment that it answers as its parent."""
    found = one("change", feed("add"))
    assert (found.id, found.conversation, found.parent) == ("501_9", "100_501", "501_8")
    assert (found.author.id, found.author.name, found.kind, found.at) == ("7", "Mara", Kind.REPLY, NOON)
    assert found.edited_at is None


def test_an_edit_is_newer_than_what_it_edits() -> None:
    """The time of the notification is that of the edit."""
    assert one("change", feed("edited")).edited_at == datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("verb", "stands"), [("hide", Moderation.REMOVED), ("unhide", Moderation.APPROVED)])
def test_hiding_is_moderation(verb: str, stands: Moderation) -> None:
    """A hidden comment is taken down revocably, and stays what it is."""
    found = one("change", feed(verb))
    assert (found.moderation, found.text) == (stands, "Hello")
    assert found.edited_at is not None


def test_a_removal_is_a_deletion() -> None:
    """remove deletes the comment; of a post, the post."""
    assert parse("change", feed("remove"))[0] == Deletion(id="501_9", at=datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC))
    assert parse("change", feed("remove", "status", comment_id=None))[0].id == "100_501"


def test_hiding_without_words_takes_none_away() -> None:
    """A notification of hiding that brings no words changes none; the stream is poked instead."""
    body = feed("hide")
    del body["value"]["message"]
    assert parse("change", body) == []


def test_a_visitors_post() -> None:
    """A visitor's post begins a conversation of its own."""
    found = one("change", feed("add", "photo", comment_id=None, link="https://e.example.com/1.jpg"))
    assert (found.kind, found.id, found.conversation, found.parent) == (Kind.POST, "100_501", "100_501", None)
    assert found.attachments == (Attachment(url="https://e.example.com/1.jpg"),)


def test_an_unknown_author_is_nobody_else() -> None:
    """Without an author, each comment has an author of its own that stays the same."""
    told = {"id": "501_9", "created_time": TIME, "message": "x"}
    first, second = one("comment", told, {}), one("comment", {**told, "id": "501_10"}, {})
    assert first.author.id == one("comment", told, {}).author.id != second.author.id


def test_likes_come_and_go() -> None:
    """A reaction is one; taking it back deletes the same."""
    found = one("change", feed("add", "reaction", reaction_type="love"))
    assert (found.kind, found.parent, found.text) == (Kind.REACTION, "501_9", "love")
    assert parse("change", feed("remove", "reaction"))[0].id == found.id


def test_a_recommendation_is_a_review() -> None:
    """A recommendation has an id of its own scope, and its verdict as an extra."""
    value = {"item": "rating", "verb": "add", "open_graph_story_id": "55", "reviewer_id": "7", "reviewer_name": "Mara"}
    told = {**value, "review_text": "Fast", "recommendation_type": "positive", "created_time": TIME}
    found = one("change", {"field": "ratings", "value": told})
    assert (found.id, found.scope, found.kind, found.text, found.author.id) == ("55", "review", Kind.REVIEW, "Fast", "7")
    row = {"created_time": TIME, "review_text": "Fast", "open_graph_story": {"id": "55"}, "reviewer": {"id": "7"}}
    assert (one("rating", row).id, one("rating", row).scope) == (found.id, found.scope)


def test_a_message_and_its_echo() -> None:
    """Both sides of an exchange have the customer's key; an echo is ours."""
    theirs = one("messaging", event(message={"mid": "m_1", "text": "Hi"}))
    ours = one(
        "messaging",
        {
            "sender": {"id": "100"},
            "recipient": {"id": "977"},
            "timestamp": TIME * 1000,
            "message": {"mid": "m_2", "is_echo": True},
        },
    )
    assert theirs.conversation == ours.conversation == "dm:977"
    assert (theirs.direction, ours.direction, theirs.visibility) == (None, Direction.OUTBOUND, Visibility.PRIVATE)


def test_the_api_tells_the_same_message() -> None:
    """A message that came by webhook and by the Conversations API is one, to the second."""
    row = {"id": "m_1", "created_time": "2026-03-02T12:00:00+0000", "from": {"id": "977"}, "to": {"data": [{"id": "100"}]}}
    api, hook = (
        one("message", {**row, "message": "Hi"}, {"account": "100"}),
        one("messaging", event(message={"mid": "m_1", "text": "Hi"})),
    )
    assert (api.id, api.at, api.conversation, api.author.id) == (hook.id, hook.at, hook.conversation, hook.author.id)


def test_an_edited_message() -> None:
    """message_edit is a new wording."""
    assert parse("messaging", event(message_edit={"mid": "m_1", "text": "Hello", "num_edit": 1})) == [
        Edit(id="m_1", at=NOON, text="Hello")
    ]


def test_reactions_to_messages_come_and_go() -> None:
    """react is an interaction, unreact deletes it."""
    found = one("messaging", event(reaction={"mid": "m_1", "action": "react", "emoji": "❤", "reaction": "love"}))
    gone = parse("messaging", event(reaction={"mid": "m_1", "action": "unreact"}))
    assert (found.kind, found.parent, found.text) == (Kind.REACTION, "m_1", "❤")
    assert gone[0].id == found.id


def test_deliveries_name_their_messages() -> None:
    """A delivery is one for each message; a watermark alone says nothing about one."""
    (found,) = parse("messaging", event(delivery={"mids": ["m_1"], "watermark": TIME * 1000}))
    assert found == Delivery(id="m_1", at=NOON, status="delivered")
    assert parse("messaging", event(read={"watermark": TIME * 1000})) == []


def test_attachments_of_a_message() -> None:
    """Files keep their address; a place becomes words."""
    files = [
        {"type": "image", "payload": {"url": "https://e.example.com/1.jpg"}},
        {"type": "location", "payload": {"coordinates": {"lat": 1.5, "long": 2}}},
    ]
    found = one("messaging", event(message={"mid": "m_1", "attachments": files}))
    assert [one.url for one in found.attachments] == ["https://e.example.com/1.jpg"]
    assert found.text == "1.5, 2"


@pytest.mark.parametrize("field", ["live_videos", "leadgen"])
def test_what_nobody_knows_is_kept(field: str) -> None:
    """An unknown field becomes an interaction of kind other, by the Page itself where nobody else is named."""
    found = one("change", {"field": field, "value": {"id": "1"}})
    assert (found.kind, found.author.id, found.extra["field"]) == (Kind.OTHER, "100", field)


@pytest.mark.parametrize("body", [None, [], {"field": "feed"}, {"field": "feed", "value": []}])
def test_what_is_no_change_is_told(body: Any) -> None:
    """A change without field or value raises PayloadError."""
    with pytest.raises(PayloadError):
        parse("change", body)


def test_a_wrapped_messaging_event() -> None:
    """A messaging event within changes, as test notifications have it, is one."""
    assert one("change", {"field": "messages", "value": event(message={"mid": "m_1", "text": "Hi"})}).id == "m_1"
