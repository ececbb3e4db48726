"""Answering: posts, pictures, direct messages, reactions, on the server made from the lexicons."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Blob, Outgoing, Receipt
from socialcrm.errors import ForbiddenError, NotFound, SettingsError, TooLong, UnsupportedError
from socialcrm.types import Visibility

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


def message(server: Any, *parts: str, **more: Any) -> Outgoing:
    return Outgoing(**{"id": "o1", "conversation": "", "parts": parts, "at": server.now, **more})


def picture(folder: Path, **more: Any) -> Blob:
    path = folder / "pixel.png"
    path.write_bytes(b"picture")
    return Blob(**{"sha256": hashlib.sha256(b"picture").hexdigest(), "path": path, "size": 7, "mime": "image/png", **more})


def send(desk: Any, out: Outgoing, **settings: Any) -> Receipt:
    here = desk(**settings)
    return here.run(here.connector.send(out, {}))


def test_a_thread_answers_a_thread(server: Any, desk: Any) -> None:
    """Each part answers the one before, all name the thread's first post, and the question's language is kept."""
    mara = server.person("mara.example.org")
    root = server.post(mara, "Hallo", langs=["de"])
    asked = server.post(mara, "Und?", to=root, langs=["de"])
    receipt = send(desk, message(server, "Eins @mara.example.org", "Zwei https://example.com", reply_to=asked))
    first, second = (server.records[uri]["record"] for uri in receipt.ids)
    assert first["reply"] == {"root": server.ref(root), "parent": server.ref(asked)}
    assert second["reply"] == {"root": server.ref(root), "parent": server.ref(receipt.ids[0])}
    assert (first["langs"], first["createdAt"]) == (["de"], "2026-10-05T12:00:00.000Z")
    assert first["facets"][0]["features"][0]["did"] == mara
    assert second["facets"][0]["features"][0]["uri"] == "https://example.com"
    assert receipt.url == f"https://bsky.app/profile/{server.me}/post/{receipt.ids[0].rpartition('/')[2]}"


def test_sending_again_writes_once(server: Any, desk: Any) -> None:
    """The same reply sent twice from the beginning stands there once."""
    out = message(server, "One", "Two")
    assert send(desk, out).ids == send(desk, out).ids
    assert len(server.writes) == 2


def test_settle_finds_by_key(server: Any, desk: Any) -> None:
    """What was written is found, part by part; what was not certainly is not there."""
    here = desk()
    out = message(server, "One", "Two")
    assert here.run(here.connector.settle(out, {})) is None
    receipt = here.run(here.connector.send(out, {}))
    assert here.run(here.connector.settle(out, {})) is None
    kept = dict(here.host.cursor)
    assert here.run(here.connector.settle(out, {"part:0": kept["part:0"]})).ids == receipt.ids


def test_pictures(server: Any, desk: Any, tmp_path: Path) -> None:
    """A picture goes with the first part; what is none, or too large, is refused before anything is sent."""
    receipt = send(desk, message(server, "Look", "More", media=(picture(tmp_path),)))
    first, second = (server.records[uri]["record"] for uri in receipt.ids)
    assert first["embed"]["images"][0]["image"]["mimeType"] == "image/png"
    assert "embed" not in second
    assert server.blobs == [b"picture"]
    for odd in ({"mime": "video/mp4"}, {"size": 2_000_001}):
        with pytest.raises(UnsupportedError, match="pictures"):
            send(desk, message(server, "Look", id="o2", media=(picture(tmp_path, **odd),)))
    assert len(server.writes) == 2


def test_limits(server: Any, desk: Any) -> None:
    """300 graphemes pass, 301 do not; nor do 3001 bytes of fewer graphemes."""
    send(desk, message(server, "é" * 300))
    for text in ("é" * 301, FAMILY * 167):
        with pytest.raises(TooLong):
            send(desk, message(server, text, id="o2"))


def test_what_can_not_be_answered(server: Any, desk: Any) -> None:
    """A deleted question, and one whose author limits the answers, say so."""
    mara = server.person("mara.example.org")
    asked = server.post(mara, "?")
    server.closed.add(asked)
    with pytest.raises(ForbiddenError, match="limits who may answer"):
        send(desk, message(server, "!", reply_to=asked))
    server.delete(asked)
    with pytest.raises(NotFound, match="deleted it"):
        send(desk, message(server, "!", reply_to=asked))
    with pytest.raises(SettingsError, match="only reads"):
        send(desk, message(server, "!"), app_password=None)
    assert server.writes == []


def test_a_chat_is_answered_in_the_chat(server: Any, desk: Any) -> None:
    """A direct message is answered in its conversation, and found there if its outcome was unclear."""
    asked = server.said("c1", server.person("mara.example.org"), "psst")
    here = desk(chats=True)
    out = message(server, "Yes? https://example.com", "Yes.", reply_to=asked["id"], scope="c1", visibility=Visibility.PRIVATE)
    assert here.run(here.connector.settle(out, {})) is None
    receipt = here.run(here.connector.send(out, {}))
    assert (receipt.conversation, receipt.scope) == (None, None)
    assert [one["text"] for one in server.convos["c1"]["messages"]][1:] == ["Yes? https://example.com", "Yes."]
    assert here.run(here.connector.settle(out, {"part:0": receipt.ids[0]})).ids == receipt.ids
    assert server.sent == ["Yes? https://example.com", "Yes."]


def test_an_older_message_is_not_ours_to_settle(server: Any, desk: Any) -> None:
    """The same words said an hour before are another message."""
    mara = server.person("mara.example.org")
    server.said("c1", mara, "psst")
    server.said("c1", server.me, "Yes?")
    server.now += timedelta(hours=1)
    here = desk(chats=True)
    out = message(server, "Yes?", scope="c1", visibility=Visibility.PRIVATE)
    assert here.run(here.connector.settle(out, {})) is None


def test_a_post_can_be_answered_in_private(server: Any, desk: Any) -> None:
    """The answer goes into the conversation with the author, and the receipt says where."""
    mara = server.person("mara.example.org")
    asked = server.post(mara, "Help")
    receipt = send(desk, message(server, "Your number?", reply_to=asked, to=mara, visibility=Visibility.PRIVATE))
    (key,) = server.convos
    assert (receipt.conversation, receipt.scope) == (key, key)
    assert server.writes == []
    with pytest.raises(UnsupportedError, match="one account"):
        send(desk, message(server, "Your number?", reply_to=asked, visibility=Visibility.PRIVATE))


def test_reactions_and_read_marks(server: Any, desk: Any) -> None:
    """A like stands once, an emoji goes to a message, and read marks only move forward."""
    mara = server.person("mara.example.org")
    early, late = server.post(mara, "1", age=timedelta(hours=1)), server.post(mara, "2")
    said = server.said("c1", mara, "psst")
    here = desk()
    for _ in range(2):
        here.run(here.connector.react(late, "", "like"))
    assert len([uri for uri in server.records if "feed.like" in uri]) == 1
    with pytest.raises(UnsupportedError, match="'like'"):
        here.run(here.connector.react(late, "", "🎉"))
    here.run(here.connector.react(said["id"], "c1", "🎉"))
    here.run(here.connector.mark_read(said["id"], "c1"))
    assert [event["$type"].rpartition("#")[2] for event in server.events[1:]] == ["addReaction", "updateRead"]
    for key in (late, early):
        here.run(here.connector.mark_read(key, ""))
    assert server.seen_at == "2026-10-05T12:00:00.000Z"


def test_only_ours_is_taken_back(server: Any, desk: Any) -> None:
    """Another account's post can't be deleted by a mistaken receipt."""
    other = server.post(server.person("mara.example.org"), "mine")
    here = desk()
    with pytest.raises(UnsupportedError, match="posts of ours"):
        here.run(here.connector.retract(Receipt(ids=(other,))))
    assert other in server.records
