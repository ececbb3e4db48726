"""The Instagram connector keeps the contract, on an invented account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_instagram import InstagramConnector

TIME = 1772452800  # 2026-03-02 12:00 UTC
ACCOUNT = "17841400000000001"


def change(field: str, **value: Any) -> dict[str, Any]:
    """An entry with one change."""
    return {"id": ACCOUNT, "time": TIME, "changes": [{"field": field, "value": value}]}


def event(time: int = TIME, **told: Any) -> dict[str, Any]:
    """An entry with one messaging event."""
    said = {"sender": {"id": "977"}, "recipient": {"id": ACCOUNT}, "timestamp": time * 1000, **told}
    return {"id": ACCOUNT, "time": time * 1000, "messaging": [said]}


def body(*entries: Any) -> bytes:
    """A notification."""
    return json.dumps({"object": "instagram", "entry": entries}).encode()


ENTRIES = (
    change("comments", id="18001", text="Nice!", **{"from": {"id": "7", "username": "person.7"}}, media={"id": "17901"}),
    event(message={"mid": "aWdfZ1", "text": "Wrong person"}),
    event(TIME + 20, message={"mid": "aWdfZ1", "is_deleted": True}),
    event(
        TIME + 5, message={"mid": "aWdfZ2", "text": "Hi", "reply_to": {"story": {"id": "1", "url": "https://s.example.com/1"}}}
    ),
)


def hook(world: Any) -> Webhook:
    query = {"hub.mode": "subscribe", "hub.verify_token": "canary-verify-1", "hub.challenge": "1158201444"}
    url = "https://us.example.org/hooks/instagram"
    return Webhook(
        sign=lambda content, at: world.signed(content, at),
        events=tuple(map(body, ENTRIES)),
        many=body(*ENTRIES),
        unknown=body({"id": ACCOUNT, "time": TIME, "changes": [{"field": "story_insights", "value": {"media_id": "1"}}]}),
        header="x-hub-signature-256",
        challenge=(Incoming(method="GET", url=url, query=query, at=world.NOON), b"1158201444"),
    )


def export(folder: Path) -> Path:
    path = folder / "your_instagram_activity" / "messages" / "inbox" / "mara_1" / "message_1.json"
    path.parent.mkdir(parents=True)
    said = [
        {"sender_name": "Mara", "timestamp_ms": 1700000000000, "content": "My line is sl\u00c3\u00b6w"},
        {"sender_name": "Acme", "timestamp_ms": 1700000060000, "content": "We look into it"},
    ]
    path.write_text(json.dumps({"participants": [{"name": "Mara"}, {"name": "Acme"}], "messages": said}), encoding="utf-8")
    return folder / "your_instagram_activity"


SAMPLES = (
    Raw("comment", {"id": "18", "timestamp": "2026-03-01T00:00:00+0000", "hidden": True}, {"post": "17", "told": "x"}),
    Raw(
        "mention", {"id": "18", "timestamp": "2026-03-01T00:00:00+0000", "media": {"id": "1"}}, {"media": "17", "comment": "18"}
    ),
    Raw("mention", {"id": "17", "timestamp": "2026-03-01T00:00:00+0000", "children": {"data": [{}]}}, {"media": "17"}),
    Raw(
        "message",
        {"id": "a", "created_time": "2026-03-01T00:00:00+0000", "story": {"mention": {"link": "https://s.example.com"}}},
    ),
    Raw("messaging", event(message={"mid": "b", "attachments": [{"type": "story_mention"}]})["messaging"][0], {"account": "1"}),
)


class TestInstagram(ConnectorSuite):
    connector = InstagramConnector

    @pytest.fixture
    def scenario(self, world: Any) -> Scenario:
        def gone(account: Any) -> None:
            del account.comments[list(account.comments)[1]]

        return Scenario(
            platform=world.busy,
            settings={
                "account_id": world.ACCOUNT,
                "page_id": world.FBPAGE,
                "token": world.TOKEN,
                "app_secret": world.SECRET,
                "verify_token": "canary-verify-1",
                "archive_name": "Acme",
            },
            changes=(
                lambda account: account.comment("One more", on=next(iter(account.media)), by="12"),
                lambda account: account.write("And another thing", person="978"),
                lambda account: account.publish("A new picture"),
                gone,
            ),
            variants={
                "pages of two": lambda: world.busy(2),
                "pages of one": lambda: world.busy(1, nested=1),
            },
            webhook=lambda _account: hook(world),
            archive=export,
            archived=("My line is slöw", "We look into it"),
            samples=SAMPLES,
            now=world.NOON,
        )
