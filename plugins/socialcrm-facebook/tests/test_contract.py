"""The Facebook connector keeps the contract, on an invented Page."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_facebook import FacebookConnector

TIME = 1772452800  # 2026-03-02 12:00 UTC
PERSON = {"id": "7", "name": "Person 7"}


def change(verb: str, time: int = TIME, field: str = "feed", **value: Any) -> dict[str, Any]:
    """An entry with one change of a comment."""
    told = {"item": "comment", "comment_id": "501_900", "post_id": "100_501", "parent_id": "100_501", "from": PERSON}
    told |= {"verb": verb, "created_time": TIME - 60, **value}
    return {"id": "100", "time": time, "changes": [{"field": field, "value": told}]}


def event(time: int = TIME, **told: Any) -> dict[str, Any]:
    """An entry with one messaging event."""
    said = {"sender": {"id": "977"}, "recipient": {"id": "100"}, "timestamp": time * 1000, **told}
    return {"id": "100", "time": time * 1000, "messaging": [said]}


def body(*entries: Any) -> bytes:
    """A notification."""
    return json.dumps({"object": "page", "entry": entries}).encode()


ENTRIES = (
    change("add", message="Is anybody there?"),
    change("edited", TIME + 30, message="Is anybody there today?"),
    change("remove", TIME + 60),
    event(message={"mid": "m_9001", "text": "Hi"}),
)


def hook(world: Any) -> Webhook:
    query = {"hub.mode": "subscribe", "hub.verify_token": "canary-verify-1", "hub.challenge": "1158201444"}
    url = "https://us.example.org/hooks/facebook"
    return Webhook(
        sign=lambda content, at: world.signed(content, at),
        events=tuple(map(body, ENTRIES)),
        many=body(*ENTRIES),
        unknown=body({"id": "100", "time": TIME, "changes": [{"field": "unheard_of", "value": {"a": 1}}]}),
        header="x-hub-signature-256",
        challenge=(Incoming(method="GET", url=url, query=query, at=world.NOON), b"1158201444"),
    )


def export(folder: Path) -> Path:
    path = folder / "facebook.zip"
    told = {"participants": [{"name": "Mara"}, {"name": "Acme"}], "title": "Mara", "thread_path": "inbox/mara_1"}
    said = [
        {"sender_name": "Mara", "timestamp_ms": 1700000000000, "content": "My line is sl\u00c3\u00b6w"},
        {"sender_name": "Acme", "timestamp_ms": 1700000060000, "content": "We look into it"},
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("your_facebook_activity/messages/inbox/mara_1/message_1.json", json.dumps({**told, "messages": said}))
    return path


SAMPLES = (
    Raw(
        "post",
        {
            "id": "100_1",
            "created_time": "2026-03-01T00:00:00+0000",
            "attachments": {"data": [{"url": "https://e.example.com"}]},
        },
    ),
    Raw(
        "comment", {"id": "1_2", "created_time": "2026-03-01T00:00:00+0000", "is_hidden": True}, {"post": "100_1", "told": "x"}
    ),
    Raw("rating", {"created_time": "2026-03-01T00:00:00+0000", "review_text": "Good", "open_graph_story": {"id": "5"}}),
    Raw("message", {"id": "m_1", "created_time": "2026-03-01T00:00:00+0000", "sticker": "https://e.example.com/s.png"}, {}),
    Raw(
        "change",
        {"field": "ratings", "value": {"item": "rating", "open_graph_story_id": 5, "created_time": TIME}},
        {"time": "1"},
    ),
    Raw("change", {"field": "feed", "value": {"item": "reaction", "post_id": "100_1", "from": PERSON}}, {"time": str(TIME)}),
    Raw("messaging", event(reaction={"mid": "m_1", "action": "react", "emoji": "❤"})["messaging"][0], {"account": "100"}),
)


class TestFacebook(ConnectorSuite):
    connector = FacebookConnector

    @pytest.fixture
    def scenario(self, world: Any) -> Scenario:
        def gone(page: Any) -> None:
            del page.comments[next(iter(page.comments))]

        def edited(page: Any) -> None:
            list(page.comments.values())[1]["message"] = "Same here, since Tuesday!"

        return Scenario(
            platform=world.busy,
            settings={
                "page_id": world.PAGE,
                "token": world.TOKEN,
                "app_secret": world.SECRET,
                "verify_token": "canary-verify-1",
                "archive_name": "Acme",
            },
            changes=(
                lambda page: page.comment("One more", on=next(iter(page.posts)), by="12"),
                lambda page: page.write("And another thing", person="978"),
                lambda page: page.write("Hello, I am new", person="979"),
                lambda page: page.post("Is anybody there?", by="13"),
                edited,
                gone,
            ),
            variants={
                "pages of two": lambda: world.busy(2),
                "pages of one": lambda: world.busy(1),
                "blank pages": lambda: world.busy(2, blanks=True),
            },
            webhook=lambda _page: hook(world),
            archive=export,
            archived=("My line is slöw", "We look into it"),
            samples=SAMPLES,
            now=world.NOON,
            later=timedelta(hours=3),
        )
