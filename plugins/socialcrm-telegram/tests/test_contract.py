"""The Telegram connector keeps the contract, on an invented Telegram."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_telegram import TelegramConnector

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
SECRET = "webhook-canary-2"
TOKEN = "110201543:canary-AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
MARA = {"id": 5001, "is_bot": False, "first_name": "Mara"}
OMAR = {"id": 5002, "is_bot": False, "first_name": "Omar"}
CHAT = {"id": 5001, "type": "private", "first_name": "Mara"}


class Server:
    """The Telegram of these tests: a private chat, a group with a reply, a channel."""

    def __init__(self, telegram: Any) -> None:
        self.telegram = telegram
        self.direct, self.group, self.news = (telegram.chats[key] for key in (5001, -1001000000001, -1001000000003))
        self.first = telegram.say(self.direct, MARA, "My line is dead")
        telegram.say(self.direct, MARA, "Since Monday")
        self.asked = telegram.say(self.group, OMAR, "Is my order lost?")
        telegram.say(self.group, MARA, "Mine too", reply_to_message=self.asked)
        telegram.say(self.news, None, "We are moving", sender_chat=self.news)
        telegram.edit(self.group, self.asked["message_id"], "Is my order 17 lost?")

    @property
    def now(self) -> datetime:
        """The time of the test."""
        moment: datetime = self.telegram.now
        return moment

    @now.setter
    def now(self, value: datetime) -> None:
        self.telegram.now = value

    def answer(self, request: Incoming) -> Answer:
        """Answer as Telegram does."""
        given: Answer = self.telegram.answer(request)
        return given

    def texts(self) -> list[str]:
        """What stands in the chats."""
        return [one["text"] for chat in self.telegram.messages.values() for one in chat.values()]

    def received(self) -> list[str]:
        """What was sent through the API."""
        return [one["text"] for one in self.telegram.sent]

    def more(self) -> None:
        """Somebody writes once more."""
        self.telegram.say(self.direct, MARA, "One more")

    def change(self) -> None:
        """Somebody changes a message."""
        self.telegram.edit(self.direct, self.first["message_id"], "My line is dead again")


def sign(body: bytes, at: datetime) -> Incoming:
    headers = {"x-telegram-bot-api-secret-token": SECRET}
    return Incoming(method="POST", url="https://us.example.org/hooks/telegram", headers=headers, body=body, at=at)


def event(number: int, kind: str, **body: Any) -> bytes:
    return json.dumps({"update_id": number, kind: body}).encode()


def webhook(_platform: Any) -> Webhook:
    said = {"message_id": 900, "chat": CHAT, "from": MARA, "date": 1791190000, "text": "It rains in"}
    business = {"id": 5001, "type": "private", "first_name": "Mara"}
    other = {
        "message_id": 40,
        "chat": business,
        "from": MARA,
        "date": 1791190001,
        "text": "Forget it",
        "business_connection_id": "bc",
    }
    return Webhook(
        sign=sign,
        events=(
            event(1, "message", **said),
            event(2, "edited_message", **{**said, "text": "It snows in", "edit_date": 1791190500}),
            event(3, "business_message", **other),
            event(4, "deleted_business_messages", business_connection_id="bc", chat=business, message_ids=[40]),
        ),
        unknown=event(5, "never_heard_of", user=MARA, id="x1"),
    )


def export(folder: Path) -> Path:
    path = folder / "result.json"
    first = {"id": 1, "type": "message", "date": "2026-10-05T10:00:00", "date_unixtime": "1791190800", "from": "Mara"}
    first |= {"from_id": "user5001", "text": ["Good ", {"type": "bold", "text": "morning"}], "text_entities": []}
    second = {**first, "id": 2, "from": "Ana", "from_id": "user7", "text": "Hello", "reply_to_message_id": 1}
    chats = [
        {"name": "Help", "type": "private_supergroup", "id": 1000000001, "messages": [first, second]},
        {"name": "Mara", "type": "personal_chat", "id": 5001, "messages": [{**first, "text": "In private"}]},
    ]
    me = {"user_id": 7, "first_name": "Ana", "last_name": "", "username": "@ana_example"}
    path.write_text(json.dumps({"about": "", "personal_information": me, "chats": {"about": "", "list": chats}}))
    return path


class TestTelegram(ConnectorSuite):
    connector = TelegramConnector

    @pytest.fixture
    def scenario(self, telegram: Any) -> Scenario:
        make = type(telegram)
        topic = {"message_id": 7, "chat": {"id": -1001000000001, "type": "supergroup"}, "from": MARA, "date": 1791190000}
        reaction = {"chat": CHAT, "message_id": 7, "user": MARA, "date": 1791190000, "old_reaction": [{"type": "paid"}]}
        return Scenario(
            platform=lambda: Server(make()),
            settings={"token": TOKEN, "webhook_secret": SECRET},
            changes=(Server.more, Server.change),
            variants={"pages of one": lambda: Server(make(size=1)), "other numbers": lambda: Server(make(first=12))},
            webhook=webhook,
            archive=export,
            archived=("Good morning", "Hello", "In private"),
            settles=False,
            samples=(
                Raw("update", {"update_id": 1, "message": {**topic, "new_chat_members": [MARA]}}, {"home": "-4711"}),
                Raw("update", {"update_id": 2, "message": {**topic, "photo": [{"file_id": "A"}], "caption": "x", "poll": {}}}),
                Raw("update", {"update_id": 3, "message_reaction": {**reaction, "new_reaction": [{"emoji": "👍"}]}}),
                Raw(
                    "update",
                    {"update_id": 4, "callback_query": {"id": "9", "from": MARA, "message": topic}},
                    {"at": "1791190000"},
                ),
                Raw(
                    "update", {"update_id": 5, "message": {**topic, "rich_message": {"blocks": [{"type": "p", "text": ["x"]}]}}}
                ),
                Raw("hole", {"since": 1791190000, "until": 1791290000}),
                Raw("account", {"id": "7"}),
                Raw(
                    "exported",
                    {
                        "id": 3,
                        "type": "service",
                        "date": "2020-01-29T11:41:46",
                        "actor_id": "channel3",
                        "action": "pin_message",
                    },
                    {"chat": "-1001000000001", "type": "public_supergroup", "topic": "5", "name": "Help"},
                ),
            ),
            now=NOON,
        )
