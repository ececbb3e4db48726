"""What elements mean. Everybody in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Kind, Moderation, Visibility
from socialcrm_bluesky import BlueskyConnector, BlueskySettings

CONNECTOR = BlueskyConnector(BlueskySettings())
MARA = {"did": "did:plc:mara", "handle": "mara.example.org", "displayName": " Mara ", "followersCount": 999_999}
URI = "at://did:plc:mara/app.bsky.feed.post/3kaaaaaaaaaaa"


def items(kind: str, body: Any) -> list[Any]:
    return list(CONNECTOR.parse(Raw(kind, body)))


def post(text: str = "Hello", embed: Any = None, view: Any = None, **more: Any) -> dict[str, Any]:
    record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-10-05T12:00:00.000Z", "langs": ["de", "en"]}
    record |= {"embed": embed} if embed else {}
    body = {"uri": URI, "cid": "bafy", "author": MARA, "record": record, "indexedAt": "2026-10-05T12:00:05.000Z", **more}
    return body | ({"embed": view} if view else {})


def test_a_post() -> None:
    """All that the platform tells finds its place, and the number of followers finds none."""
    (one,) = items("post", post())
    assert (one.id, one.text, one.kind, one.language, one.conversation) == (URI, "Hello", Kind.POST, "de", URI)
    assert (one.author.id, one.author.name, one.author.handle) == ("did:plc:mara", "Mara", "@mara.example.org")
    assert one.at == datetime(2026, 10, 5, 12, tzinfo=UTC)
    assert one.url == "https://bsky.app/profile/did:plc:mara/post/3kaaaaaaaaaaa"
    assert (one.visibility, one.direction) == (Visibility.PUBLIC, None)
    assert "999" not in repr(one)


def test_a_time_in_the_future_is_not_believed() -> None:
    """The server's time counts where the author claims a later one, or none that can be read."""
    seen = datetime(2026, 10, 5, 12, 0, 5, tzinfo=UTC)
    for claimed in ("2036-01-01T00:00:00Z", "yesterday", None):
        body = post()
        body["record"]["createdAt"] = claimed
        assert items("post", body)[0].at == seen


def test_pictures_and_quotes() -> None:
    """A view tells where the pictures are and what the quoted post says."""
    blob = {"$type": "blob", "ref": {"$link": "bafkrei"}, "mimeType": "image/png", "size": 17}
    images = {"$type": "app.bsky.embed.images", "images": [{"image": blob, "alt": "a screen"}]}
    quoted = {"uri": "at://did:plc:acme/app.bsky.feed.post/3kb", "cid": "bafy"}
    embed = {"$type": "app.bsky.embed.recordWithMedia", "record": {"record": quoted}, "media": images}
    shown = {
        "$type": "app.bsky.embed.record#viewRecord",
        **quoted,
        "author": {"did": "did:plc:acme"},
        "value": {"text": "Buy!"},
    }
    media = {"images": [{"thumb": "https://cdn.example.com/t", "fullsize": "https://cdn.example.com/f", "alt": "a screen"}]}
    (one,) = items("post", post(embed=embed, view={"record": {"record": shown}, "media": media}))
    (picture,) = one.attachments
    assert (picture.url, picture.mime, picture.size, picture.description) == (
        "https://cdn.example.com/f",
        "image/png",
        17,
        "a screen",
    )
    assert one.quoted == "Buy!"
    assert one.extra["quote"] == {"uri": quoted["uri"], "author": "did:plc:acme"}


@pytest.mark.parametrize(
    ("kind", "state"), [("viewNotFound", "not found"), ("viewBlocked", "blocked"), ("viewDetached", "detached")]
)
def test_a_quote_that_is_gone(kind: str, state: str) -> None:
    """A quoted post that can't be seen leaves its address, and why."""
    shown = {"$type": f"app.bsky.embed.record#{kind}", "uri": "at://did:plc:acme/app.bsky.feed.post/3kb"}
    (one,) = items("post", post(view={"$type": "app.bsky.embed.record#view", "record": shown}))
    assert one.quoted == ""
    assert one.extra["quote"]["state"] == state


def test_link_cards_and_videos() -> None:
    """A card follows the text that does not hold its address; a video is where its playlist is."""
    card = {"external": {"uri": "https://example.com/a", "title": "The news", "description": "x"}}
    assert items("post", post("Look", embed=card))[0].text == "Look\n\nThe news\nhttps://example.com/a"
    assert items("post", post("https://example.com/a", embed=card))[0].text == "https://example.com/a"
    video = {
        "$type": "app.bsky.embed.video#view",
        "cid": "b",
        "playlist": "https://video.example.com/p.m3u8",
        "alt": "it blinks",
    }
    (one,) = items("post", post(view=video))
    assert [(file.url, file.description) for file in one.attachments] == [("https://video.example.com/p.m3u8", "it blinks")]


@pytest.mark.parametrize(
    ("label", "state"),
    [
        ({"src": "did:plc:mod", "val": "spam"}, Moderation.SPAM),
        ({"src": "did:plc:mod", "val": "!takedown"}, Moderation.REMOVED),
        ({"src": "did:plc:mod", "val": "spam", "neg": True}, Moderation.APPROVED),
        ({"src": "did:plc:mara", "val": "!hide"}, Moderation.APPROVED),
        ({"src": "did:plc:mod", "val": "graphic-media"}, Moderation.APPROVED),
    ],
)
def test_labels(label: dict[str, Any], state: Moderation) -> None:
    """A moderation service's word counts until it takes it back, the author's own does not."""
    assert items("post", post(labels=[label]))[0].moderation is state


def test_reposts() -> None:
    """A repost is a reaction of whom it is by; a pinned post is a post."""
    by = {"did": "did:plc:omar", "handle": "handle.invalid"}
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": by, "uri": "at://did:plc:omar/app.bsky.feed.repost/1"}
    reason["indexedAt"] = "2026-10-05T13:00:00Z"
    (one,) = items("feed", {"post": post(), "reason": reason})
    assert (one.kind, one.author.id, one.author.handle, one.parent) == (Kind.REACTION, "did:plc:omar", "", URI)
    (two,) = items("feed", {"post": post(), "reason": {"$type": "app.bsky.feed.defs#reasonPin"}})
    assert two.id == URI


def test_unknown_notifications() -> None:
    """A reason that nobody knows is kept as something other, with its name."""
    body = {
        "uri": "at://did:plc:mara/org.example.thing/1",
        "author": MARA,
        "reason": "waved",
        "indexedAt": "2026-10-05T12:00:00Z",
    }
    (one,) = items("notification", body | {"record": {"$type": "org.example.thing"}})
    assert (one.kind, one.extra) == (Kind.OTHER, {"type": "waved"})


@pytest.mark.parametrize(
    "kind", ["post", "feed", "notification", "notified", "record", "log", "message", "account", "deleted", "doubt"]
)
@pytest.mark.parametrize("body", [None, [], "x", {}, {"uri": ""}, {"uri": URI}])
def test_what_can_not_be_read(kind: str, body: Any) -> None:
    """An element without what identifies it raises PayloadError and nothing else."""
    try:
        assert items(kind, body) == [] or kind in ("deleted", "log")
    except PayloadError:
        return
