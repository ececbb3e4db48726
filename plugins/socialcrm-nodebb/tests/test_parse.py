"""What posts and chat messages mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Direction, Interaction, Kind, Moderation, Visibility
from socialcrm_nodebb import NodeBBConnector, NodeBBSettings

CONNECTOR = NodeBBConnector(NodeBBSettings(server="https://forum.example.com", categories=("5",), staff=("4",)))
POST: dict[str, Any] = {
    "pid": 4, "tid": 11, "uid": 2, "toPid": "3", "timestamp": 1772359200000, "content": "<p>It <b>broke</b> &amp; smokes</p>\n",
    "user": {"uid": 2, "username": "mara", "displayname": "Mara", "userslug": "mara"}, "deleted": 0,
}  # fmt: skip


def read(context: dict[str, str] | None = None, /, *, kind: str = "post", **fields: Any) -> Interaction:
    (item,) = CONNECTOR.parse(Raw(kind, POST | fields, context or {"tid": "11", "main": "1"}))
    assert isinstance(item, Interaction)
    return item


def test_a_post_keeps_what_it_says() -> None:
    """Id, author, topic, parent, time, text and address come from the post."""
    item = read()
    assert (item.id, item.conversation, item.parent, item.kind) == ("4", "11", "3", Kind.REPLY)
    assert (item.author.id, item.author.name, item.author.url) == ("2", "Mara", "https://forum.example.com/user/mara")
    assert (item.text, item.url) == ("It broke & smokes", "https://forum.example.com/post/4")
    assert item.at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_the_first_post_has_the_title() -> None:
    """The topic's main post is a post with a subject."""
    item = read({"main": "4", "title": "My router"}, toPid=None)
    assert (item.kind, item.subject, item.parent) == (Kind.POST, "My router", None)


def test_guests_are_not_one_person() -> None:
    """Guests share the number 0; neither it nor their handle makes them one."""
    guest = {"uid": 0, "username": "Passer-by", "displayname": "Passer-by"}
    one, other = read(uid=0, user=guest), read(uid=0, user=guest, pid=5)
    assert one.author.id != other.author.id
    assert (one.author.name, one.author.handle, one.author.url) == ("Passer-by", "", "")


def test_remote_users_are_known_by_their_address() -> None:
    """What came from elsewhere keeps its addresses as ids."""
    item = read(pid="https://example.social/notes/1", uid="https://example.social/mara", url="https://example.social/@mara/1")
    assert (item.id, item.author.id) == ("https://example.social/notes/1", "https://example.social/mara")
    assert item.url == "https://example.social/@mara/1"


@pytest.mark.parametrize("deleted", [1, True])
def test_a_soft_deleted_post_is_taken_down(deleted: Any) -> None:
    """Topics say 1, lists say true."""
    assert read(deleted=deleted).moderation is Moderation.REMOVED


def test_an_edit_has_its_time() -> None:
    """Milliseconds and ISO 8601 both tell it; 0 is no edit."""
    assert read(edited=1772359260000).edited_at == datetime(2026, 3, 1, 10, 1, tzinfo=UTC)
    assert read(editedISO="2026-03-01T10:01:00.000Z").edited_at == datetime(2026, 3, 1, 10, 1, tzinfo=UTC)
    assert read(edited=0, editedISO="").edited_at is None


def test_categories_that_were_not_asked_for_bring_nothing() -> None:
    """A post of another category is no interaction of ours; one for members is limited."""
    assert list(CONNECTOR.parse(Raw("post", POST, {"cid": "6"}))) == []
    assert read({"cid": "5", "limited": "1"}).visibility is Visibility.LIMITED


def test_chat_messages_are_private() -> None:
    """A chat message lives in the scope chat and its room; a system message is other; staff of ours is outbound."""
    row = {"mid": 9, "messageId": 9, "roomId": "7", "fromuid": 4, "content": "Hello", "fromUser": {"username": "ana"}}
    item = read(kind="message", **row)
    assert (item.id, item.scope, item.conversation, item.kind) == ("9", "chat", "room:7", Kind.MESSAGE)
    assert (item.visibility, item.direction) == (Visibility.PRIVATE, Direction.OUTBOUND)
    assert read(kind="message", **row, system=1).kind is Kind.OTHER


def test_links_and_uploads_are_kept() -> None:
    """A link shows its address, a picture and an upload are attachments."""
    item = read(
        content='<a href="/topic/1">here</a> <img src="/assets/uploads/files/a.png" alt="a">'
        '<a href="/assets/uploads/files/b.pdf">b.pdf</a><script>x()</script>'
    )
    assert item.text.startswith("here (https://forum.example.com/topic/1) a")
    assert "x()" not in item.text
    assert [one.url.rpartition("/")[2] for one in item.attachments] == ["a.png", "b.pdf"]


def test_what_can_t_be_placed_is_told() -> None:
    """Without id or time a post raises PayloadError."""
    for body in ({}, [], {"pid": 1}, {"pid": -1, "timestamp": 1772359200000}):
        with pytest.raises(PayloadError):
            list(CONNECTOR.parse(Raw("post", body)))
