from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Kind, Visibility
from socialcrm_x._ids import id_at, time_of
from socialcrm_x._parse import parse

AT = datetime(2026, 10, 5, 11, tzinfo=UTC)
FIRST, SECOND = id_at(AT), id_at(AT + timedelta(minutes=9))
MARA = {"id": "42", "username": "mara", "name": "Mara"}


def post(includes=None, **more):
    body = {"id": FIRST, "text": "hi", "author_id": "42", "created_at": "2026-10-05T11:00:00.000Z", **more}
    (item,) = parse(Raw("post", {"data": body, "includes": {"users": [MARA], **(includes or {})}}))
    return item


def test_a_reply_with_everything():
    """Mentions before the answer are cut, links written out, files apart, entities decoded."""
    urls = [{"url": "https://t.co/a", "expanded_url": "https://example.com/long"},
            {"url": "https://t.co/b", "expanded_url": "https://x.com/mara/status/1/photo/1", "media_key": "3_1"}]  # fmt: skip
    media = [{"media_key": "3_1", "type": "photo", "url": "https://pbs.example.com/a.jpg", "alt_text": "A router"}]
    item = post(
        {"media": media},
        text="@acme see https://t.co/a &amp; this https://t.co/b",
        display_text_range=[6, 40],
        entities={"urls": urls},
        attachments={"media_keys": ["3_1"]},
        referenced_posts=[{"type": "replied_to", "id": "77"}],
        conversation_id="70",
        lang="und",
    )
    assert (item.text, item.parent, item.conversation) == ("see https://example.com/long & this", "77", "70")
    assert (item.kind, item.author.handle, item.language) == (Kind.REPLY, "@mara", "")
    assert item.attachments[0].description == "A router"


@pytest.mark.parametrize("name", ["note_post", "note_tweet"])
def test_a_long_post_is_read_whole(name):
    """The text of a long post is not its beginning."""
    assert post(text="beginning…", **{name: {"text": "the whole story"}}).text == "the whole story"


@pytest.mark.parametrize("name", ["edit_history_post_ids", "edit_history_tweet_ids"])
def test_a_later_version_is_an_edit_of_the_first(name):
    """The id is the first version's, the time of the wording its own."""
    item = post(**{"id": SECOND, "created_at": "2026-10-05T11:09:00.000Z", name: [FIRST, SECOND]})
    assert (item.id, item.at, item.edited_at) == (FIRST, AT, AT + timedelta(minutes=9))


def test_a_reply_to_a_later_version_answers_the_first():
    """Whichever version is answered, the parent is the first one where X tells."""
    other = {"id": SECOND, "edit_history_tweet_ids": [FIRST, SECOND]}
    assert post({"tweets": [other]}, id="9", referenced_tweets=[{"type": "replied_to", "id": SECOND}]).parent == FIRST


def test_quotes_and_reposts():
    """A quoted text is kept apart; a repost is a reaction without words."""
    quoted = {"id": "7", "text": "old words"}
    item = post({"posts": [quoted]}, referenced_posts=[{"type": "quoted", "id": "7"}])
    assert (item.kind, item.text, item.quoted, item.extra) == (Kind.POST, "hi", "old words", {"quote": {"id": "7"}})
    shared = post(text="RT @acme: x", referenced_posts=[{"type": "retweeted", "id": "7"}])
    assert (shared.kind, shared.text, shared.parent) == (Kind.REACTION, "", "7")


def test_polls_films_and_limited_audiences():
    """Choices follow the text, the best film is chosen, posts for followers are limited."""
    films = [{"content_type": "video/mp4", "bit_rate": n, "url": f"https://v.example.com/{n}.mp4"} for n in (1, 9, 5)]
    media = [{"media_key": "7_1", "type": "video", "variants": films}]
    item = post(
        {"polls": [{"id": "p", "options": [{"label": "yes"}, {"label": "no"}]}], "media": media},
        attachments={"poll_ids": ["p"], "media_keys": ["7_1", "7_2"]},
        scopes={"followers": True},
    )
    assert (item.text, item.attachments[0].url) == ("hi\n- yes\n- no", "https://v.example.com/9.mp4")
    assert item.visibility is Visibility.LIMITED


def test_a_post_without_author_or_time_is_kept():
    """X's default fields tell neither: the id tells the time, and the author is nobody else's."""
    (item,) = parse(Raw("post", {"data": {"id": FIRST, "text": "hi"}}))
    assert (item.at, item.author.id) == (AT, f"author-of-{FIRST}")
    with pytest.raises(PayloadError):
        parse(Raw("post", {"data": {"id": "7", "text": "no time"}}))


def test_who_joins_a_group_says_nothing():
    """Only messages are interactions."""
    event = {"id": FIRST, "event_type": "ParticipantsJoin", "sender_id": "1"}
    assert list(parse(Raw("message", {"data": event}))) == []


@given(st.datetimes(datetime(2011, 1, 1), datetime(2060, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, microsecond=0)))
def test_ids_hold_times(at):
    """The time of the id of a time is that time."""
    assert time_of(id_at(at)) == at


def activity(kind, payload, includes=None):
    body = {"event_type": kind, "filter": {"user_id": "1"}, "payload": payload, "includes": includes or {}}
    return list(parse(Raw("activity", body)))


def test_the_activity_api():
    """Posts, deletions, messages, likes, encrypted messages; profile changes say nothing."""
    body = {"id": FIRST, "text": "@acme hi", "author_id": "42", "in_reply_to_tweet_id": "7"}
    (item,) = activity("post.reply.create", body, {"users": [{"data": MARA}]})
    assert (item.parent, item.author.name) == ("7", "Mara")
    assert activity("post.delete", {"id": "5"}) == [Deletion(id="5")]
    like = {"id": "h", "timestamp_ms": "1784927565236", "liked_tweet_id": "5", "liked_tweet_author_id": "1"}
    (liked,) = activity("like.create", like, {"users": [{"id": "1"}, MARA]})
    assert (liked.author.id, liked.parent, liked.kind) == ("42", "5", Kind.REACTION)
    assert activity("like.create", like) == []
    (mine,) = activity("like.create", {**like, "liked_tweet_author_id": "42"}, {"users": [MARA]})
    assert mine.author.id == "1"
    text = {"target": {"recipient_id": "1"}, "sender_id": "42", "message_data": {"text": "hello!"}}
    event = {"type": "message_create", "id": "8", "created_timestamp": "1784928224372", "message_create": text}
    (said,) = activity("dm.received", {"direct_message_events": [event], "users": {"42": {"data": MARA}}})
    assert (said.text, said.conversation, said.scope, said.author.name) == ("hello!", "1-42", "dm", "Mara")
    (sealed,) = activity("chat.received", {"id": "c", "sender_id": "42", "created_at_msec": "1784841183370"})
    assert (sealed.kind, sealed.visibility, sealed.text) == (Kind.OTHER, Visibility.PRIVATE, "")
    assert activity("profile.update.bio", {"before": "a", "after": "b"}) == []
