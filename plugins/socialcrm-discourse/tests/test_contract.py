"""The Discourse connector keeps the contract, on an invented forum."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm.testing import Webhook as Calls
from socialcrm_discourse import DiscourseConnector

SECRET = "canary-hook-0002"
POST = {"id": 50, "topic_id": 11, "post_number": 2, "post_type": 1, "user_id": 2, "username": "mara", "raw": "It broke again"}
POST |= {"created_at": "2026-03-01T10:00:00.000Z", "updated_at": "2026-03-01T10:00:00.000Z", "version": 1}

PAGE = Answer(status=200, content=b'<meta name="generator" content="Discourse 3.5.0">')


def sign(body: bytes, at: datetime) -> Incoming:
    code = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-discourse-event-signature": f"sha256={code}", "x-discourse-event-type": "post", "x-discourse-event-id": "7"}
    return Incoming(method="POST", url="https://us.example.org/hooks/forum", headers=headers, body=body, at=at)


def hook(_forum: Any) -> Calls:
    edited = {**POST, "raw": "It broke again today", "version": 2, "updated_at": "2026-03-01T10:05:00.000Z"}
    deleted = {**edited, "deleted_at": "2026-03-01T11:00:00.000Z"}
    return Calls(
        sign=sign,
        events=tuple(json.dumps({"post": row}).encode() for row in (POST, edited, deleted)),
        unknown=json.dumps({"solved": {"id": 4}}).encode(),
        header="x-discourse-event-signature",
    )


def export(folder: Path) -> Path:
    path = folder / "user_archive-acme-260301-120000-7.zip"
    table = folder / "user_archive.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["topic_title", "categories", "is_pm", "post_raw", "post_cooked", "url", "created_at"])
        for place, text in ((1, "Hello everybody"), (2, "You are welcome")):
            url = f"https://forum.example.com/t/hello/31/{place}"
            lines.writerow(["Hello", "Support", "No", text, f"<p>{text}</p>", url, f"2026-02-0{place}T10:00:00.000Z"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(table, "user_archive.csv")
        archive.writestr("preferences.json", json.dumps({"user": {"id": 1, "username": "acme"}}))
    return path


class TestDiscourse(ConnectorSuite):
    connector = DiscourseConnector

    @pytest.fixture
    def scenario(self, forums: Callable[..., Any], key: str) -> Scenario:
        return Scenario(
            platform=forums,
            settings={
                "server": "https://forum.example.com",
                "username": "acme",
                "api_key": key,
                "webhook_secret": SECRET,
                "staff": ("4",),
            },
            changes=(
                lambda forum: forum.post(11, 3, "One more thing, if I may", key=900, at=forum.now),
                lambda forum: forum.edit(14, "Mine too, and somebody answered the phone"),
                lambda forum: forum.trash(21),
                lambda forum: forum.edit(42, "My customer number is 0043"),
            ),
            variants={
                "pages of two": lambda: forums(size=2),
                "pages of ids, as older versions": lambda: forums(old=True, size=8),
            },
            webhook=hook,
            archive=export,
            archived=("Hello everybody", "You are welcome"),
            samples=(
                Raw("chat", {"message": {"id": 1, "created_at": "2026-03-01T10:00:00Z", "user": {"id": 2}}, "channel": {}}),
                Raw("topic", {"id": 11, "created_at": "2026-03-01T10:00:00Z", "deleted_at": "2026-03-01T10:00:00Z"}),
            ),
            sites=(
                (
                    "https://forum.example.com/community/t/hello/11/2",
                    PAGE,
                ),
            ),
            now=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )
