"""What posts, chat messages and lines of an export mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Census, Direction, Interaction, Kind, Moderation, Visibility
from socialcrm_discourse import DiscourseConnector, DiscourseSettings

CONNECTOR = DiscourseConnector(DiscourseSettings(server="https://forum.example.com", categories=("support/5",)))
POST: dict[str, Any] = {
    "id": 15, "topic_id": 11, "post_number": 2, "post_type": 1, "user_id": 2, "username": "mara", "name": None,
    "created_at": "2026-03-01T10:00:00.000Z", "updated_at": "2026-03-01T10:00:00.000Z", "version": 1, "category_id": 5,
    "raw": "It *broke*", "cooked": "<p>It <em>broke</em></p>", "reply_to_post_number": 1,
}  # fmt: skip


def read(context: dict[str, str] | None = None, /, **fields: Any) -> Interaction:
    (item,) = CONNECTOR.parse(Raw("post", POST | fields, context or {}))
    assert isinstance(item, Interaction)
    return item


def test_a_post_keeps_what_it_says() -> None:
    """Id, author's number, topic, parent, text as typed and address come from the post and its context."""
    item = read({"parent": "14"})
    assert (item.id, item.scope, item.conversation, item.parent, item.kind) == ("15", "", "11", "14", Kind.REPLY)
    assert (item.author.id, item.author.handle, item.author.name) == ("2", "@mara", "mara")
    assert (item.text, item.url) == ("It *broke*", "https://forum.example.com/t/11/2")
    assert (item.visibility, item.moderation, item.edited_at) == (Visibility.PUBLIC, Moderation.APPROVED, None)


def test_a_whisper_is_internal() -> None:
    """A whisper is private, ours, and no message of anybody's."""
    item = read(post_type=4)
    assert (item.kind, item.visibility, item.direction) == (Kind.OTHER, Visibility.PRIVATE, Direction.OUTBOUND)
    assert item.scope == "staff"


def test_a_small_action_and_an_unknown_post_type_are_other() -> None:
    """What nobody wrote is kept as other; an unknown type is not taken for public."""
    item = read(post_type=3, raw="", cooked="", action_code="closed.enabled")
    assert (item.kind, item.text, item.visibility) == (Kind.OTHER, "[closed.enabled]", Visibility.PUBLIC)
    assert read(post_type=9).visibility is Visibility.PRIVATE


@pytest.mark.parametrize("where", [{"topic_archetype": "private_message"}, {}])
def test_a_personal_message_is_private(where: dict[str, str]) -> None:
    """Whether the webhook or the topic tells: personal messages are private and live in their own scope."""
    item = read({} if where else {"archetype": "private_message"}, **where, category_id=None)
    assert (item.kind, item.visibility, item.scope) == (Kind.MESSAGE, Visibility.PRIVATE, "private")


@pytest.mark.parametrize(
    ("fields", "moderation"),
    [
        ({"deleted_at": "2026-03-01T11:00:00Z"}, Moderation.REMOVED),
        ({"user_deleted": True}, Moderation.REMOVED),
        ({"hidden": True, "hidden_reason_id": 1}, Moderation.REMOVED),
        ({"hidden": True, "hidden_reason_id": 3}, Moderation.SPAM),
    ],
)
def test_what_was_taken_down_is_kept_as_taken_down(fields: dict[str, Any], moderation: Moderation) -> None:
    """Deleted and hidden posts can be recovered, so they are moderated and not gone."""
    assert read(**fields).moderation is moderation


def test_an_edit_is_known_by_version_or_time() -> None:
    """An edit within the grace period leaves the version and moves the time; a deletion is later than both."""
    assert read(updated_at="2026-03-01T10:02:00Z").edited_at == datetime(2026, 3, 1, 10, 2, tzinfo=UTC)
    assert read(updated_at="2026-03-01T10:00:00.400Z").edited_at is None
    assert read(deleted_at="2026-03-01T11:00:00Z").edited_at == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_quotes_are_told_apart() -> None:
    """Quoted text, nested or left open, is no text of the author's."""
    raw = '[quote="tomasz, post:1, topic:11"]\nOld [quote]older[/quote] words\n[/quote]\n\nNew words'
    item = read(raw=raw)
    assert item.text == "New words"
    assert "older" in item.quoted


def test_without_the_source_html_becomes_text() -> None:
    """Links keep their address, emoji their name, uploads become attachments, quotes are told apart."""
    cooked = (
        '<aside class="quote"><div class="title">tomasz:</div><blockquote><p>Old</p></blockquote></aside>'
        '<p>See <a href="/t/11">this</a> <img class="emoji" alt=":wrench:" src="/w.png">&amp; more</p>'
        '<p><a class="attachment" href="/uploads/short-url/a.pdf">bill.pdf</a> (12 KB)</p><img src="/uploads/x.png" alt="x">'
    )
    item = read(raw=None, cooked=cooked)
    assert item.text.startswith("See this (https://forum.example.com/t/11) :wrench:& more")
    assert item.quoted.endswith("Old")
    assert [one.url.rpartition("/")[2] for one in item.attachments] == ["a.pdf", "x.png"]


def test_the_source_counts_only_if_it_is_text() -> None:
    """A plugin's structured source is left alone; the HTML is read."""
    assert read(raw=[{"type": "paragraph"}]).text == "It broke"


def test_restricted_categories_are_limited_and_others_left_out() -> None:
    """A category that not everybody may read is limited; one that was not asked for brings nothing."""
    assert read({"limited": "1"}).visibility is Visibility.LIMITED
    assert list(CONNECTOR.parse(Raw("post", POST | {"category_id": 6}))) == []


def test_nobody_is_one_person() -> None:
    """Posts of deleted users are not taken for one author's."""
    assert read(user_id=None).author.id != read(user_id=None, id=16).author.id
    assert read(user_id=-1, username="system").author.id == "-1"


def test_a_post_without_id_or_time_is_told() -> None:
    """What can't be placed raises PayloadError, whatever else it holds."""
    for body in ({}, [], {"id": 1}, {"id": True, "created_at": "2026-03-01T10:00:00Z"}):
        with pytest.raises(PayloadError):
            list(CONNECTOR.parse(Raw("post", body)))


def test_a_chat_message_is_private_unless_its_channel_is_open() -> None:
    """Chat messages live in their own scope; a category's channel is for members."""
    row = {"id": 4, "created_at": "2026-03-01T10:00:00Z", "message": "Hi", "user": {"id": 2, "username": "mara"}}
    for kind, visibility in (("Category", Visibility.LIMITED), ("DirectMessage", Visibility.PRIVATE)):
        body = {"message": row, "channel": {"id": 3, "chatable_type": kind}}
        (item,) = CONNECTOR.parse(Raw("chat", body))
        assert isinstance(item, Interaction)
        assert (item.scope, item.conversation, item.text, item.visibility) == ("chat", "chat:3", "Hi", visibility)


def test_a_deleted_topic_counts_its_posts_off() -> None:
    """A topic event with a time of deletion takes back what the topic held, in both of its scopes."""
    body = {"id": 11, "created_at": "2026-03-01T10:00:00Z", "deleted_at": "2026-03-01T11:00:00Z"}
    found = list(CONNECTOR.parse(Raw("topic", body)))
    assert [(one.scope, one.conversation, one.ids) for one in found if isinstance(one, Census)] == [
        ("", "11", frozenset()),
        ("staff", "11", frozenset()),
    ]
    assert list(CONNECTOR.parse(Raw("topic", body | {"deleted_at": None}))) == []


def test_an_exported_message_is_never_public() -> None:
    """The export says "yes" in the forum's language; without a category a line is taken for private."""
    row = {"url": "https://forum.example.com/t/x/11/2", "created_at": "2026-03-01 10:00:00 UTC", "post_raw": "Hi"}
    for fields, visibility in (
        ({"is_pm": "Ναι", "categories": "-"}, Visibility.PRIVATE),
        ({"is_pm": "Yes", "categories": "Support"}, Visibility.PRIVATE),
        ({"is_pm": "Nein", "categories": "Support|Router"}, Visibility.PUBLIC),
    ):
        (item,) = CONNECTOR.parse(Raw("export", row | fields, {"user": "1"}))
        assert isinstance(item, Interaction)
        assert (item.visibility, item.id, item.direction) == (visibility, "11/2", Direction.OUTBOUND)
