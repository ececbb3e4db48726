"""Following direct messages, on the server made from the lexicons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from socialcrm.types import Deletion, Kind, Visibility


def test_the_past_then_the_log(server: Any, desk: Any) -> None:
    """The first sync reads conversations back, later ones read the log; each message is known by its conversation."""
    mara = server.person("mara.example.org", "Mara")
    old = server.said("c1", mara, "psst")
    here = desk(chats=True)
    (first,) = here.sync("chats")
    assert (first.id, first.scope, first.conversation, first.text) == (old["id"], "c1", "c1", "psst")
    assert (first.kind, first.visibility, first.author.name) == (Kind.MESSAGE, Visibility.PRIVATE, "Mara")
    assert here.sync("chats") == []
    new = server.said("c1", mara, "still there?")
    assert [one.id for one in here.sync("chats")] == [new["id"]]
    assert [one.url.count("listConvos") for one in server.log].count(1) == 1


@pytest.mark.parametrize("size", [1, 2, 100])
def test_killed_anywhere_every_message_arrives(server: Any, desk: Any, killed: Any, size: int) -> None:
    """Whatever step the reading back dies at, and whatever is said meanwhile, the next sync brings the rest."""
    mara, omar = server.person("mara.example.org"), server.person("omar.example.net")
    for number in range(4):
        server.said("c1", mara, f"Mara {number}")
        server.said("c2", omar, f"Omar {number}")
    server.size = size
    for lives in range(1, 16):
        here = desk(chats=True)
        here.host.lives = lives
        try:
            here.sync("chats")
        except killed:
            server.said("c1", mara, f"Meanwhile {lives}")
        here.host.lives = None
        here.sync("chats")
        items = [item for batch in here.host.batches for raw in batch.raws for item in here.connector.parse(raw)]
        there = {one["id"] for convo in server.convos.values() for one in convo["messages"]}
        assert {item.id for item in items} == there


def test_reactions_and_deletions(server: Any, desk: Any) -> None:
    """A reaction belongs to its message and can be taken back; a deleted message is deleted; a read mark is nothing."""
    mara = server.person("mara.example.org")
    said = server.said("c1", mara, "psst")
    here = desk(chats=True)
    here.sync("chats")
    given = {"value": "👍", "sender": {"did": mara}, "createdAt": "2026-10-05T12:00:00.000Z"}
    server.event("logAddReaction", "c1", message=said, reaction=given, relatedProfiles=[])
    (reaction,) = here.sync("chats")
    assert (reaction.kind, reaction.parent, reaction.scope) == (Kind.REACTION, said["id"], "c1")
    server.event("logRemoveReaction", "c1", message=said, reaction=given)
    server.event("logReadConvo", "c1", message=said)
    assert here.sync("chats") == [Deletion(id=reaction.id, scope="c1")]
    gone = {"$type": "chat.bsky.convo.defs#deletedMessageView", "id": said["id"], "rev": "r9", "sender": {"did": mara}}
    server.event("logDeleteMessage", "c1", message={**gone, "sentAt": "2026-10-05T12:00:00.000Z"})
    assert here.sync("chats") == [Deletion(id=said["id"], scope="c1")]


def test_nobody_asked_for_chats(server: Any, desk: Any) -> None:
    """Without the setting, the chat service is never asked."""
    server.said("c1", server.person("mara.example.org"), "psst")
    assert desk().sync("chats") == []
    assert server.log == []


def test_history_ends_somewhere(server: Any, desk: Any) -> None:
    """Conversations are read back for the days that the settings give."""
    mara = server.person("mara.example.org")
    now = server.now
    server.size = 1
    for days in (40, 20, 10, 1):
        server.now = now - timedelta(days=days)
        server.said("c1", mara, str(days))
    server.now = now
    assert [item.text for item in desk(chats=True, history_days=5).sync("chats")] == ["1", "10"]
