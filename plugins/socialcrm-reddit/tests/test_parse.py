"""What Reddit's things mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Direction, Kind, Moderation, Visibility
from socialcrm_reddit import RedditConnector, RedditSettings
from socialcrm_reddit._text import readable, same

CONNECTOR = RedditConnector(RedditSettings())
AT = 1791198000.0


def read(kind: str, around: dict[str, str] | None = None, **data: Any) -> list[Any]:
    base = {"id": "x1", "name": f"{kind}_x1", "author": "mara", "author_fullname": "t2_m", "created_utc": AT}
    return list(CONNECTOR.parse(Raw("thing", {"kind": kind, "data": {**base, **data}}, around or {})))


def test_the_shapes_of_a_comment_mean_the_same() -> None:
    """The inbox leaves out link_id and permalink, and tells them by context."""
    listed = {"body": "Hi", "parent_id": "t3_p1", "subreddit": "acme"}
    (one,) = read("t1", **listed, link_id="t3_p1", permalink="/r/acme/comments/p1/t/x1/", edited=False)
    (other,) = read("t1", **listed, was_comment=True, context="/r/acme/comments/p1/t/x1/?context=3", subject="comment reply")
    assert one == other
    assert (one.conversation, one.parent, one.kind, one.visibility) == ("t3_p1", "t3_p1", Kind.REPLY, Visibility.PUBLIC)


def test_edits_have_a_time() -> None:
    """'edited' is false, true (a very old edit) or Unix seconds."""
    assert read("t1", body="a", edited=AT + 60)[0].edited_at == datetime.fromtimestamp(AT + 60, UTC)
    assert read("t1", body="a", edited=True)[0].edited_at is None
    assert read("t1", body="a", edited=False)[0].edited_at is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("t1", {"author": "[deleted]", "body": "[deleted]"}),
        ("t3", {"author": "[deleted]", "selftext": "[deleted]", "title": "Still here"}),
        ("t3", {"author": "[deleted]", "selftext": "", "title": "A link", "removed_by_category": "deleted"}),
    ],
)
def test_tombstones_are_deletions(kind: str, data: dict[str, Any]) -> None:
    """The author and the words are gone, or Reddit says who took it away."""
    assert read(kind, **data) == [Deletion(id=f"{kind}_x1")]


def test_words_of_a_deleted_account_stay() -> None:
    """Each such author is somebody else; one who writes '[deleted]' deletes nothing."""
    (one,) = read("t1", author="[deleted]", author_fullname=None, body="Words")
    assert (one.author.id, one.text) == ("deleted:t1_x1", "Words")
    assert read("t1", body="[deleted]")[0].author.id == "t2_m"


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({}, Moderation.APPROVED),
        ({"body": "[removed]", "author": "[deleted]"}, Moderation.REMOVED),
        ({"body": "[ Removed by Reddit ]"}, Moderation.REMOVED),
        ({"banned_by": "ola"}, Moderation.REMOVED),
        ({"banned_by": True}, Moderation.SPAM),
        ({"spam": True, "banned_by": "ola"}, Moderation.SPAM),
        ({"banned_by": "AutoModerator"}, Moderation.HELD),
        ({"removed_by_category": "automod_filtered"}, Moderation.HELD),
        ({"removed_by_category": "moderator"}, Moderation.REMOVED),
        ({"removed_by_category": "reddit"}, Moderation.SPAM),
        ({"removed_by_category": "copyright_takedown"}, Moderation.REMOVED),
        ({"approved": True, "banned_by": None}, Moderation.APPROVED),
    ],
)
def test_moderation(data: dict[str, Any], state: Moderation) -> None:
    """Reddit's many words for it become ours."""
    (one,) = read("t1", **{"body": "Words", **data})
    assert one.moderation is state
    assert "removed" not in one.text.lower()


def test_visibility_is_honest() -> None:
    """Private subreddits are limited, messages private."""
    assert read("t1", body="a", subreddit_type="private")[0].visibility is Visibility.LIMITED
    assert read("t1", body="a", subreddit_type="restricted")[0].visibility is Visibility.PUBLIC
    assert read("t4", body="a", dest="acme")[0].visibility is Visibility.PRIVATE


def test_messages_thread_by_the_first() -> None:
    """A message knows the first of its exchange; a subreddit's message has no author but the subreddit."""
    (one,) = read("t4", body="a", first_message_name="t4_f", parent_id="t4_p", dest="acme", subject="re: Hi")
    assert (one.scope, one.conversation, one.parent, one.subject) == ("message", "t4_f", "t4_p", "re: Hi")
    (other,) = read("t4", body="a", author=None, author_fullname=None, subreddit="Phones", dest="acme")
    assert (other.conversation, other.author.id) == ("t4_x1", "r/phones")


def test_nested_replies_are_read() -> None:
    """Messages and comment trees carry their answers; 'more' is nobody's word."""
    inner = {"kind": "t4", "data": {"name": "t4_x2", "author": "mara", "created_utc": AT, "body": "inner"}}
    replies = {"kind": "Listing", "data": {"children": [inner, {"kind": "more", "data": {"id": "z"}}]}}
    assert [one.text for one in read("t4", body="outer", replies=replies)] == ["outer", "inner"]


def test_ours_are_outbound() -> None:
    """What a listing of ours shows is ours, even where its author is told by name only."""
    assert read("t4", {"direction": "outbound"}, body="a")[0].direction is Direction.OUTBOUND
    assert read("t4", body="a")[0].direction is None


def test_names_are_stable_keys() -> None:
    """Without a fullname the name is the key; both lead to the same verified profile."""
    known, named = read("t1", body="a")[0].author, read("t1", body="a", author_fullname=None)[0].author
    assert (known.id, named.id) == ("t2_m", "u/mara")
    assert known.handles == named.handles
    assert known.handles[0].verified


def test_posts_tell_what_they_show() -> None:
    """Galleries, videos, polls, links and crossposts."""
    picture = {"m": "image/png", "s": {"u": "https://i.example.com/m.png"}}
    gallery = {
        "gallery_data": {"items": [{"media_id": "m"}]},
        "media_metadata": {"m": picture},
    }
    (one,) = read(
        "t3", title="T", selftext="S", is_self=False, crosspost_parent_list=[{"title": "O", "selftext": "Orig"}], **gallery
    )
    assert (one.text, one.subject, one.quoted, one.conversation) == ("S", "T", "O\n\nOrig", "t3_x1")
    assert one.attachments[0].mime == "image/png"
    (poll,) = read(
        "t3", title="T", selftext="", is_self=True, poll_data={"options": [{"text": "Yes", "vote_count": 9}, {"text": "No"}]}
    )
    assert poll.text == "- Yes\n- No"
    video = {"reddit_video": {"fallback_url": "https://v.example.com/x.mp4"}}
    (clip,) = read("t3", title="T", is_self=False, url="https://v.example.com/x", secure_media=video)
    assert (clip.text, clip.attachments[0].mime) == ("https://v.example.com/x", "video/mp4")


def test_votes_stay_out() -> None:
    """Nothing tells how popular something is."""
    (one,) = read("t1", body="a", score=99_999, ups=99_999)
    assert "99999" not in repr(one)


def test_what_is_no_thing_is_told() -> None:
    """Only what can't be read raises; what we don't know is kept as other, or is nothing."""
    for body in ("text", {}, {"kind": "t1", "data": {"id": "x"}}):
        with pytest.raises(PayloadError):
            list(CONNECTOR.parse(Raw("thing", body)))
    assert read("t9", body="a")[0].kind is Kind.OTHER
    assert not read("t5")
    assert not list(CONNECTOR.parse(Raw("unheard", {})))


def test_modmail_knows_sides() -> None:
    """Moderators are ours, but not those of another subreddit; decimal ids are fullnames."""
    mods = {"name": "ola", "id": 56922862, "isMod": True}
    noon = "2026-10-05T12:00:00+00:00"
    lines = [
        {"id": "1", "bodyMarkdown": "a", "author": {"name": "mara", "id": 5}, "date": noon},
        {"id": "2", "bodyMarkdown": "b", "author": mods, "date": noon},
        {
            "id": "3",
            "bodyMarkdown": "c",
            "author": mods,
            "date": noon,
            "participatingAs": "participant_subreddit",
        },
        {"id": "4", "bodyMarkdown": "secret", "author": mods, "date": noon, "isInternal": True},
        {
            "id": "5",
            "bodyMarkdown": "d",
            "author": {"name": "[deleted]", "isDeleted": True},
            "date": noon,
        },
    ]
    body = {"conversation": {"id": "k", "subject": "S"}, "messages": {one["id"]: one for one in lines}}
    items: list[Any] = list(CONNECTOR.parse(Raw("modmail", body)))
    inbound, outbound = Direction.INBOUND, Direction.OUTBOUND
    assert [one.direction for one in items] == [inbound, outbound, inbound, inbound]
    assert [one.author.id for one in items] == ["t2_5", "t2_xw1ym", "t2_xw1ym", "deleted:k/5"]
    assert {(one.conversation, one.scope) for one in items} == {("modmail:k", "modmail")}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("**Bold** and *soft*, 2 * 3 * 4, snake_case_name", "Bold and soft, 2 * 3 * 4, snake_case_name"),
        (
            "[our page](https://example.com/a_b) https://example.com/c",
            "our page (https://example.com/a_b) https://example.com/c",
        ),
        ("[example.com](https://example.com/)", "https://example.com/"),
        ("a\\_b &amp; c&#x200B;d >!hidden!<", "a_b & cd hidden"),
        ("# Head\n\n> quoted\n\nline  \nnext\n\n\n\nend", "Head\n\n> quoted\n\nline\nnext\n\nend"),
    ],
)
def test_markdown_is_readable(source: str, text: str) -> None:
    """Marks go, words stay."""
    assert readable(source) == text


def test_sameness_is_of_words() -> None:
    """White space and entities may change on the way."""
    assert same("a &amp; b  \nc", "a & b\nc")
    assert not same("a b", "ab")
