"""Telegram's Bot API in a few hundred lines, made from its manual. Everybody and everything in it is invented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Item, Secret
from socialcrm_telegram import TelegramConnector, TelegramSettings

SERVER = "https://api.telegram.org"
TOKEN = "110201543:canary-AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ME = {"id": 110201543, "is_bot": True, "first_name": "Acme help", "username": "acme_help_bot"}
MARA = {"id": 5001, "is_bot": False, "first_name": "Mara", "last_name": "Example", "username": "mara_example"}
OMAR = {"id": 5002, "is_bot": False, "first_name": "Omar"}
DIRECT = {"id": 5001, "type": "private", "first_name": "Mara", "username": "mara_example"}
GROUP = {"id": -1001000000001, "type": "supergroup", "title": "Help"}
OPEN = {"id": -1001000000002, "type": "supergroup", "title": "Open help", "username": "acme_open_help"}
SMALL = {"id": -4711, "type": "group", "title": "Small"}
NEWS = {"id": -1001000000003, "type": "channel", "title": "News", "username": "acme_news"}


def ok(result: Any) -> Answer:
    """What Telegram answers where all is well."""
    body = json.dumps({"ok": True, "result": result}).encode()
    return Answer(status=200, headers={"content-type": "application/json"}, content=body)


def no(code: int, description: str, **parameters: Any) -> Answer:
    """What Telegram answers where it refuses."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    told = {**body, **({"parameters": parameters} if parameters else {})}
    return Answer(status=code, headers={"content-type": "application/json"}, content=json.dumps(told).encode())


class FakeTelegram:
    """Answers as the manual says. Updates wait until they are confirmed by a larger offset, 24 hours at most."""

    def __init__(self, size: int = 100, first: int = 870_000_001) -> None:
        self.size, self.now, self.next_update = size, NOON, first
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.chats = {chat["id"]: chat for chat in (DIRECT, GROUP, OPEN, SMALL, NEWS)}
        self.queue: list[tuple[datetime, dict[str, Any]]] = []
        self.messages: dict[int, dict[int, dict[str, Any]]] = {key: {} for key in self.chats}
        self.sent: list[dict[str, Any]] = []
        self.reactions: list[tuple[int, int, list[Any]]] = []
        self.webhook = ""
        self.refused: dict[str, Answer] = {}
        self.once: dict[str, Answer] = {}
        self.files = {"AgAC": ("photos/file_1.jpg", b"a picture")}

    # What happens on Telegram

    def update(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Put an update into the queue."""
        told = {"update_id": self.next_update, kind: body}
        self.next_update += 1
        self.queue.append((self.now, told))
        return told

    def message(self, chat: dict[str, Any], user: dict[str, Any] | None, text: str, **more: Any) -> dict[str, Any]:
        """Make a message, and keep it."""
        key = max(self.messages[chat["id"]], default=0) + 1
        told = {"message_id": key, "chat": chat, "date": int(self.now.timestamp()) - 600 + key, "text": text, **more}
        told |= {"from": user} if user else {}
        self.messages[chat["id"]][key] = told
        return told

    def say(self, chat: dict[str, Any], user: dict[str, Any] | None, text: str, **more: Any) -> dict[str, Any]:
        """Somebody writes."""
        told = self.message(chat, user, text, **more)
        self.update("channel_post" if chat["type"] == "channel" else "message", told)
        return told

    def edit(self, chat: dict[str, Any], key: int, text: str) -> None:
        """Somebody changes what they wrote."""
        told = {**self.messages[chat["id"]][key], "text": text, "edit_date": int(self.now.timestamp())}
        self.messages[chat["id"]][key] = told
        self.update("edited_channel_post" if chat["type"] == "channel" else "edited_message", told)

    # The Bot API

    def answer(self, request: Incoming) -> Answer:
        """Answer a request."""
        path = request.url.removeprefix(SERVER)
        if path.startswith(f"/file/bot{TOKEN}/"):
            found = [content for name, content in self.files.values() if path.endswith(name)]
            return Answer(status=200, content=found[0]) if found else Answer(status=404)
        if not path.startswith(f"/bot{TOKEN}/"):
            return no(401, "Unauthorized")
        method = path.rpartition("/")[2]
        multipart = not request.headers.get("content-type", "").startswith("application/json")
        fields = form(request.body) if multipart else json.loads(request.body)
        self.log.append((method, fields))
        if method in self.once:
            return self.once.pop(method)
        if method in self.refused:
            return self.refused[method]
        act: Callable[[dict[str, Any]], Answer] | None = getattr(self, f"do_{method.lower()}", None)
        return act(fields) if act is not None else no(404, "Not Found: method not found")

    def do_getme(self, _fields: dict[str, Any]) -> Answer:
        return ok(ME)

    def do_getupdates(self, fields: dict[str, Any]) -> Answer:
        if self.webhook:
            return no(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
        fresh = [(at, one) for at, one in self.queue if at > self.now - timedelta(hours=24)]
        offset = fields.get("offset", 0)
        if fresh and offset <= self.next_update:
            fresh = [(at, one) for at, one in fresh if one["update_id"] >= offset]
        self.queue = fresh
        return ok([one for _, one in fresh][: min(self.size, fields["limit"])])

    def do_sendmessage(self, fields: dict[str, Any]) -> Answer:
        if len(fields["text"].encode("utf-16-le")) > 2 * 4096:
            return no(400, "Bad Request: message is too long")
        return self._put(fields, {"text": fields["text"]})

    def do_sendphoto(self, fields: dict[str, Any]) -> Answer:
        assert "photo" in fields["files"]
        return self._put(
            fields, {"photo": [{"file_id": "AgAC", "width": 1, "height": 1}], "caption": fields.get("caption", "")}
        )

    def do_senddocument(self, fields: dict[str, Any]) -> Answer:
        assert "document" in fields["files"]
        return self._put(fields, {"document": {"file_id": "BQAC"}, "caption": fields.get("caption", "")})

    def _put(self, fields: dict[str, Any], content: dict[str, Any]) -> Answer:
        chat = self.chats.get(int(fields["chat_id"]))
        if chat is None:
            return no(400, "Bad Request: chat not found")
        told = self.message(chat, ME, content.get("text", ""))
        told |= content
        told["date"] = int(self.now.timestamp())
        self.sent.append({**fields, **content})
        return ok(told)

    def do_deletemessage(self, fields: dict[str, Any]) -> Answer:
        if self.messages.get(fields["chat_id"], {}).pop(fields["message_id"], None) is None:
            return no(400, "Bad Request: message to delete not found")
        return ok(True)

    def do_setmessagereaction(self, fields: dict[str, Any]) -> Answer:
        self.reactions.append((fields["chat_id"], fields["message_id"], fields["reaction"]))
        return ok(True)

    def do_readbusinessmessage(self, fields: dict[str, Any]) -> Answer:
        return ok(True) if fields["business_connection_id"] else no(400, "Bad Request: business connection not found")

    def do_deletebusinessmessages(self, fields: dict[str, Any]) -> Answer:
        return ok(True)

    def do_getchat(self, fields: dict[str, Any]) -> Answer:
        chat = self.chats.get(fields["chat_id"])
        return ok(chat) if chat else no(400, "Bad Request: chat not found")

    def do_getfile(self, fields: dict[str, Any]) -> Answer:
        name = self.files.get(fields["file_id"], ("",))[0]
        return ok({"file_id": fields["file_id"], "file_path": name}) if name else no(400, "Bad Request: invalid file_id")


def form(body: bytes) -> dict[str, Any]:
    """Read a multipart body."""
    edge = body.partition(b"\r\n")[0]
    fields: dict[str, Any] = {"files": {}}
    for part in body.split(edge)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        if b"filename=" in head:
            fields["files"][name] = content[:-2]
        else:
            fields[name] = content[:-2].decode()
    return fields


class TelegramDesk(Desk[TelegramConnector]):
    """One channel on the fake Telegram."""

    def __init__(self, telegram: FakeTelegram, **settings: Any) -> None:
        connector = TelegramConnector(TelegramSettings(**{"token": Secret(TOKEN), **settings}))
        super().__init__(connector, Local(telegram.answer), StoppedHost({"token": TOKEN}, time=NOON))
        self.telegram = telegram

    def sync(self, stream: str = "updates") -> list[Item]:
        return super().sync(stream)

    def pass_time(self, span: timedelta) -> None:
        self.host.time += span
        self.telegram.now += span


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def telegram() -> FakeTelegram:
    """Telegram with a bot, two people, groups and a channel."""
    return FakeTelegram()


@pytest.fixture
def desk(telegram: FakeTelegram) -> Iterator[Callable[..., TelegramDesk]]:
    """Makes channels on Telegram, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(TelegramDesk(telegram, **settings))


@pytest.fixture
def refusal() -> Callable[..., Answer]:
    """Makes what Telegram answers where it refuses."""
    return no
