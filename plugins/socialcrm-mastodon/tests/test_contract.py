"""The Mastodon connector keeps the contract, on an invented server."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_mastodon import MastodonConnector

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ME = "https://example.social/users/acme"


class Server:
    """The server of these tests: two people who mention us, and our own answer."""

    def __init__(self, mastodon: Any) -> None:
        self.mastodon = mastodon
        mara, omar = mastodon.account("mara", host="example.town"), mastodon.account("omar")
        self.mara = mara
        first = mastodon.mention(mara, "My line is dead", age=timedelta(hours=9))
        mastodon.mention(mara, "Since Monday", age=timedelta(hours=8), in_reply_to_id=first["id"])
        mastodon.status(mastodon.me, "We look into it", age=timedelta(hours=7), in_reply_to_id=first["id"])
        mastodon.mention(omar, "Is my order lost?", age=timedelta(hours=6), visibility="direct")
        mastodon.mention(omar, "Number 17", age=timedelta(hours=5), visibility="direct")
        self.start = set(mastodon.statuses)

    def answer(self, request: Incoming) -> Answer:
        """Answer as the server does."""
        asked = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        given = self.mastodon(asked)
        return Answer(status=given.status_code, headers=dict(given.headers), content=given.content)

    def texts(self) -> list[str]:
        """What was said to us or by us."""
        return [status["text"] for status in self.mastodon.statuses.values()]

    def received(self) -> list[str]:
        """What was posted through the API."""
        made = set(self.mastodon.keys.values())
        return [f"sent as {key}" for key in made]

    def edit(self) -> None:
        """Somebody changes a status."""
        status = list(self.mastodon.statuses.values())[1]
        status |= {"text": "Since Tuesday", "content": "<p>Since Tuesday</p>", "edited_at": "2026-10-05T12:30:00.000Z"}

    def delete(self) -> None:
        """Somebody takes a status back, and with it goes its notification."""
        key = min(self.start)
        del self.mastodon.statuses[key]
        self.mastodon.notifications = [one for one in self.mastodon.notifications if one["status"]["id"] != key]


def export(folder: Path) -> Path:
    note = {
        "id": f"{ME}/statuses/1",
        "published": "2026-10-05T12:00:01Z",
        "content": "<p>Good morning</p>",
        "to": ["as:Public"],
    }
    made = {"id": f"{ME}/statuses/1/activity", "type": "Create", "actor": ME, "published": note["published"], "object": note}
    actor = {"id": ME, "preferredUsername": "acme", "name": "Acme", "url": "https://example.social/@acme"}
    for name, content in (("actor.json", actor), ("outbox.json", {"orderedItems": [made]})):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("actor.json", "outbox.json"):
            archive.add(folder / name, name)
    return path


SITES = (
    ("https://example.social/tags/acme", Answer(status=200, content=b"<div class='app-holder' id='mastodon'></div>")),
    ("https://example.social/tags/d%C3%A9pannage", Answer(status=200, headers={"server": "Mastodon"})),
)


def test_a_hashtags_page_is_recognised() -> None:
    """The hashtag comes from the address; another page of such a server can't be read without an account."""
    assert MastodonConnector.recognise(*SITES[0]) == {"server": "https://example.social", "hashtags": "acme"}
    assert MastodonConnector.recognise(*SITES[1]) == {"server": "https://example.social", "hashtags": "dépannage"}
    assert MastodonConnector.recognise("https://example.social/about", SITES[0][1]) is None


class TestMastodon(ConnectorSuite):
    connector = MastodonConnector

    @pytest.fixture
    def scenario(self, mastodon: Any) -> Scenario:
        return Scenario(
            platform=lambda: Server(type(mastodon)()),
            settings={"server": "https://example.social", "token": "tok-3n-canary"},
            changes=(lambda server: server.mastodon.mention(server.mara, "One more"), Server.edit, Server.delete),
            archive=export,
            archived=("Good morning",),
            sites=SITES,
            now=NOON,
        )
