"""The contract of connectors, kept by the X connector."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Incoming
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_x import XConnector
from socialcrm_x._ids import id_at

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ME = "1111111111111111111"
SECRET = "consumer-secret-canary"


def filled(fake: Any, size: int = 3, **more: Any) -> Any:
    """A platform with questions, an answer of ours, messages."""
    x = fake(size, **more)
    mara, ola = x.user("mara"), x.user("ola")
    first = x.mention(mara, "@acme my line is dead", age=timedelta(hours=5))
    x.mention(ola, "@acme mine too", age=timedelta(hours=4))
    x.mention(mara, "still nothing", age=timedelta(hours=3), parent=first)
    x.mention(ola, "@acme hello?", age=timedelta(hours=2))
    x.post(x.me, "Good morning", age=timedelta(hours=6))
    x.message(mara, "my number is 555-0100", age=timedelta(hours=1))
    x.message(ola, "are you there?", age=timedelta(minutes=50))
    x.mara, x.first = mara, first
    return x


def delete(x: Any) -> None:
    """Somebody takes a post back."""
    if x.first in x.posts:
        x.delete(x.first)


def edit(x: Any) -> None:
    """Somebody edits a post."""
    x.edit(next(key for key in x.posts if "mine too" in x.posts[key]["text"]), "@acme mine too, since Monday")


def signed(body: bytes, at: datetime) -> Incoming:
    """A request as X signs it."""
    code = "sha256=" + base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"x-twitter-webhooks-signature": code}
    return Incoming(method="POST", url="https://crm.example.org/hooks/x", headers=headers, body=body, at=at)


def status(key: str, text: str, **more: Any) -> dict[str, Any]:
    user = {"id_str": "42", "screen_name": "mara", "name": "Mara"}
    return {"id_str": key, "text": text, "created_at": "Mon Oct 05 11:00:00 +0000 2026", "user": user, **more}


def webhook(_x: Any) -> Webhook:
    """The Account Activity API."""
    eleven = datetime(2026, 10, 5, 11, tzinfo=UTC)
    first, later, other = id_at(eleven), id_at(eleven + timedelta(minutes=9)), id_at(eleven - timedelta(minutes=9))
    made = {"tweet_create_events": [status(first, "@acme help")]}
    history = {"initial_tweet_id": first, "edit_tweet_ids": [first, later]}
    after = {**status(later, "@acme help!", edit_history=history), "created_at": "Mon Oct 05 11:09:00 +0000 2026"}
    edited = {"tweet_create_events": [after]}
    gone = {"tweet_delete_events": [{"status": {"id": other, "user_id": "42"}, "timestamp_ms": "1791198000000"}]}
    text = {"target": {"recipient_id": ME}, "sender_id": "42", "message_data": {"text": "hi"}}
    event = {"type": "message_create", "id": "9001", "created_timestamp": "1791198000000", "message_create": text}
    said = {"direct_message_events": [event]}
    events = [{"for_user_id": ME, **one} for one in (made, edited, gone, said)]
    many = {
        "for_user_id": ME,
        "tweet_create_events": made["tweet_create_events"] + edited["tweet_create_events"],
        **gone,
        **said,
    }
    code = base64.b64encode(hmac.new(SECRET.encode(), b"abc", hashlib.sha256).digest()).decode()
    asked = Incoming(
        method="GET", url="https://crm.example.org/hooks/x?crc_token=abc", query={"crc_token": "abc"}, headers={}, at=NOON
    )
    return Webhook(
        sign=signed,
        events=tuple(json.dumps(one).encode() for one in events),
        many=json.dumps(many).encode(),
        unknown=json.dumps({"for_user_id": ME, "parrot_events": [{"id": "1"}]}).encode(),
        header="x-twitter-webhooks-signature",
        challenge=(asked, json.dumps({"response_token": f"sha256={code}"}).encode()),
    )


def export(folder: Path) -> Path:
    """X's archive."""
    account = [{"account": {"accountId": ME, "username": "acme", "accountDisplayName": "Acme"}}]
    tweet = {"id_str": "2106000000000000001", "full_text": "Good day", "created_at": "Mon Oct 05 08:00:00 +0000 2026"}
    said = {"id": "9101", "senderId": "42", "recipientId": ME, "text": "thank you", "createdAt": "2026-10-05T09:00:00.000Z"}
    talk = {"dmConversation": {"conversationId": f"42-{ME}", "messages": [{"messageCreate": said}]}}
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in (("account", account), ("tweets", [{"tweet": tweet}]), ("direct_messages", [talk])):
            bundle.writestr(f"data/{name.replace('_', '-')}.js", f"window.YTD.{name}.part0 = {json.dumps(content)}")
    return path


class TestX(ConnectorSuite):
    connector = XConnector

    @pytest.fixture
    def scenario(self, fake: Any) -> Scenario:
        return Scenario(
            platform=lambda: filled(fake),
            settings={
                "token": "tok-x-canary-1",
                "refresh_token": "refresh-canary-1",
                "client_id": "app",
                "client_secret": "client-secret-canary",
                "consumer_secret": SECRET,
            },
            changes=(lambda x: x.mention(x.mara, "@acme one more", age=timedelta()), edit, delete),
            variants={
                "pages of one": lambda: filled(fake, 1),
                "one page": lambda: filled(fake, 50),
                "older names": lambda: filled(fake, old=True),
            },
            webhook=webhook,
            archive=export,
            archived=("Good day", "thank you"),
            now=NOON,
        )
