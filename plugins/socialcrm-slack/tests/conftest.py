"""A Slack workspace in a few hundred lines, made from its documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Item, Secret
from socialcrm_slack import SlackConnector, SlackSettings

SERVER = "https://slack.com"
TOKEN = "xoxb-canary-1"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
HOME, AWAY = "T0HOME", "T0AWAY"
ME, BOT = "U0ME", "B0ME"


def ok(**body: Any) -> Answer:
    """What Slack answers where all is well."""
    return Answer(status=200, headers={"content-type": "application/json"}, content=json.dumps({"ok": True, **body}).encode())


def no(error: str, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Answer:
    """What Slack answers where it refuses: status 200."""
    told = {"content-type": "application/json", **(headers or {})}
    return Answer(status=status, headers=told, content=json.dumps({"ok": False, "error": error, **body}).encode())


class FakeSlack:
    """Answers as "docs.slack.dev" says. History is newest first, threads oldest first, both by cursor."""

    def __init__(self, size: int = 1000) -> None:
        self.size = size
        self.now = NOON
        self.token = TOKEN
        self.log: list[tuple[str, dict[str, str]]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.sent: list[str] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.reactions: list[tuple[str, str, str]] = []
        self.marks: dict[str, str] = {}
        self.metadata = True
        self.refused: dict[str, Answer] = {}
        self._tick = itertools.count(1)
        self.user(ME, "crm")

    # Builders

    def user(self, key: str, name: str, **more: Any) -> str:
        profile = {"real_name": name.title(), "email": f"{name}@example.com", "image_72": f"https://example.com/{name}.png"}
        self.users[key] = {"id": key, "name": name, "team_id": HOME, "is_bot": False, "profile": profile, **more}
        return key

    def channel(self, key: str, **more: Any) -> str:
        self.channels[key] = {"id": key, "name": key.lower(), "is_member": True, **more}
        self.messages[key] = {}
        return key

    def say(self, channel: str, user: str, text: str, *, age: timedelta = timedelta(0), thread: str = "", **more: Any) -> str:
        """Put a message up; returns its ``ts``."""
        micros = next(self._tick)
        ts = f"{int((self.now - age).timestamp())}.{micros:06d}"
        message = {"type": "message", "user": user, "team": HOME, "text": text, "ts": ts, **more}
        if thread:
            message["thread_ts"] = thread
            root = self.messages[channel].get(thread)
            if root is not None:
                root.setdefault("thread_ts", thread)
        self.messages[channel][ts] = message
        self.count(channel, thread)
        return ts

    def count(self, channel: str, thread: str) -> None:
        root = self.messages[channel].get(thread)
        if root is not None:
            replies = [one["ts"] for one in self.replies(channel, thread)]
            root |= {"reply_count": len(replies), "latest_reply": max(replies, default="0000000000.000000")}

    def replies(self, channel: str, thread: str) -> list[dict[str, Any]]:
        found = [one for one in self.messages[channel].values() if one.get("thread_ts") == thread and one["ts"] != thread]
        return sorted(found, key=lambda one: str(one["ts"]))

    def edit(self, channel: str, ts: str, text: str) -> None:
        message = self.messages[channel][ts]
        message |= {"text": text, "edited": {"user": message["user"], "ts": f"{int(self.now.timestamp())}.000000"}}

    def remove(self, channel: str, ts: str) -> None:
        message = self.messages[channel].pop(ts)
        if message.get("reply_count"):
            stone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted."}
            self.messages[channel][ts] = {**message, **stone}
        self.count(channel, message.get("thread_ts", ""))

    # The API

    def answer(self, request: Incoming) -> Answer:
        """Answer a request."""
        if "://files.slack.com/upload/" in request.url:
            assert "authorization" not in request.headers
            self.uploads[request.url.rpartition("/")[2]] = request.body
            return Answer(status=200, content=b"OK")
        method = request.url.partition("/api/")[2]
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        self.log.append((method, form))
        if method in self.refused:
            return self.refused[method]
        if method == "oauth.v2.access":
            return self._renew(form)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return no("invalid_auth")
        act: Callable[[dict[str, str]], Answer] | None = getattr(self, "do_" + method.replace(".", "_").lower(), None)
        return act(form) if act is not None else no("unknown_method")

    def _renew(self, form: dict[str, str]) -> Answer:
        if form["refresh_token"] != "xoxe-1-old" or form["client_secret"] != "hush-canary-3":
            return no("invalid_refresh_token")
        self.token = "xoxe.xoxb-new"
        return ok(access_token=self.token, refresh_token="xoxe-1-new", token_type="bot", expires_in=43200)

    def do_auth_test(self, _form: dict[str, str]) -> Answer:
        return ok(url="https://acme.slack.com/", team="Acme", user="crm", team_id=HOME, user_id=ME, bot_id=BOT)

    def do_users_info(self, form: dict[str, str]) -> Answer:
        user = self.users.get(form["user"])
        return ok(user=user) if user else no("user_not_found")

    def do_bots_info(self, form: dict[str, str]) -> Answer:
        return ok(bot={"id": form["bot"], "name": "Ticket machine"})

    def do_conversations_list(self, form: dict[str, str]) -> Answer:
        flags = {"im": "is_im", "mpim": "is_mpim", "private_channel": "is_private"}
        found = []
        for row in self.channels.values():
            kind = next((kind for kind, flag in flags.items() if row.get(flag)), "public_channel")
            found += [row] if kind in form["types"].split(",") else []
        return self._paged("channels", found, form)

    def do_conversations_info(self, form: dict[str, str]) -> Answer:
        row = self.channels.get(form["channel"])
        return ok(channel=row) if row else no("channel_not_found")

    def do_conversations_history(self, form: dict[str, str]) -> Answer:
        if form["channel"] not in self.messages:
            return no("channel_not_found")
        if self.channels[form["channel"]].get("is_member") is False:
            return no("not_in_channel")
        shown = [
            one
            for one in self.messages[form["channel"]].values()
            if one.get("thread_ts", one["ts"]) == one["ts"] or one.get("subtype") == "thread_broadcast"
        ]
        return self._timed(sorted(shown, key=lambda one: str(one["ts"]), reverse=True), form)

    def do_conversations_replies(self, form: dict[str, str]) -> Answer:
        root = self.messages.get(form["channel"], {}).get(form["ts"])
        if root is None:
            return no("thread_not_found")
        answer = self._timed(self.replies(form["channel"], form["ts"]), form)
        body = json.loads(answer.content)
        return ok(**{**body, "messages": [self._shown(root, form), *body["messages"]]}) if body["ok"] else answer

    def _timed(self, found: list[dict[str, Any]], form: dict[str, str]) -> Answer:
        inside = [one for one in found if one["ts"] > form.get("oldest", "0")]
        return self._paged("messages", [self._shown(one, form) for one in inside], form)

    def _shown(self, message: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        hidden = () if self.metadata and form.get("include_all_metadata") == "true" else ("metadata",)
        return {key: value for key, value in message.items() if key not in hidden}

    def _paged(self, key: str, found: list[dict[str, Any]], form: dict[str, str]) -> Answer:
        size = min(self.size, int(form["limit"]))
        names = [str(one.get("ts") or one["id"]) for one in found]
        start = 0
        if form.get("cursor"):
            kind, _, after = base64.b64decode(form["cursor"]).decode().partition(":")
            if kind != "next":
                return no("invalid_cursor")
            down = len(names) < 2 or names[0] > names[1]
            inside = (n for n, name in enumerate(names) if (name <= after if down and key == "messages" else name >= after))
            start = names.index(after) if after in names else next(inside, len(names))
        more = names[start + size : start + size + 1]
        after = base64.b64encode(f"next:{more[0]}".encode()).decode() if more else ""
        body = {key: found[start : start + size], "has_more": bool(more), "response_metadata": {"next_cursor": after}}
        return ok(**body)

    def do_conversations_open(self, form: dict[str, str]) -> Answer:
        if form["users"] not in self.users:
            return no("user_not_found")
        key = "D" + form["users"][1:]
        if key not in self.channels:
            self.channel(key, is_im=True, user=form["users"])
            del self.channels[key]["is_member"]
        return ok(channel={"id": key})

    def do_conversations_mark(self, form: dict[str, str]) -> Answer:
        self.marks[form["channel"]] = form["ts"]
        return ok()

    def do_chat_postmessage(self, form: dict[str, str]) -> Answer:
        if form["channel"] not in self.messages:
            return no("channel_not_found")
        if len(form["text"]) > 4000:
            return no("msg_too_long")
        metadata = json.loads(form["metadata"])
        ts = self.say(form["channel"], ME, form["text"], thread=form.get("thread_ts", ""), bot_id=BOT, metadata=metadata)
        self.sent.append(form["text"])
        return ok(channel=form["channel"], ts=ts, message=self.messages[form["channel"]][ts])

    def do_chat_delete(self, form: dict[str, str]) -> Answer:
        if form["ts"] not in self.messages.get(form["channel"], {}):
            return no("message_not_found")
        self.remove(form["channel"], form["ts"])
        return ok()

    def do_reactions_add(self, form: dict[str, str]) -> Answer:
        one = (form["channel"], form["timestamp"], form["name"])
        if one in self.reactions:
            return no("already_reacted")
        self.reactions.append(one)
        return ok()

    def do_files_getuploadurlexternal(self, form: dict[str, str]) -> Answer:
        key = f"F{len(self.files)}"
        self.files[key] = {"id": key, "name": form["filename"], "size": int(form["length"])}
        return ok(file_id=key, upload_url=f"https://files.slack.com/upload/v1/{key}")

    def do_files_completeuploadexternal(self, form: dict[str, str]) -> Answer:
        files = [self.files[one["id"]] for one in json.loads(form["files"])]
        for file in files:
            assert len(self.uploads[file["id"]]) == file["size"]
            file |= {"channels": [form["channel_id"]], "url_private": f"https://files.slack.com/{file['id']}"}
        self.say(form["channel_id"], ME, "", thread=form.get("thread_ts", ""), subtype="file_share", files=files)
        return ok(files=files)

    def do_files_info(self, form: dict[str, str]) -> Answer:
        file = self.files.get(form["file"], {})
        return ok(file=file) if file.get("channels") else no("file_not_found")


class SlackDesk(Desk[SlackConnector]):
    """One channel on the fake workspace."""

    def __init__(self, slack: FakeSlack, **settings: Any) -> None:
        connector = SlackConnector(SlackSettings(**{"token": Secret(TOKEN), **settings}))
        super().__init__(connector, Local(slack.answer), StoppedHost({"token": TOKEN}, time=NOON))
        self.slack = slack

    def sync(self, stream: str = "messages") -> list[Item]:
        return super().sync(stream)

    def pass_time(self, span: timedelta) -> None:
        self.host.time += span
        self.slack.now += span


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def slack() -> FakeSlack:
    """A workspace with one channel, one customer and us."""
    made = FakeSlack()
    made.user("U0MARA", "mara")
    made.channel("C0HELP")
    return made


@pytest.fixture
def desk(slack: FakeSlack) -> Iterator[Callable[..., SlackDesk]]:
    """Makes channels on the workspace, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(SlackDesk(slack, **settings))


@pytest.fixture
def refusal() -> Callable[..., Answer]:
    """Makes what Slack answers where it refuses."""
    return no
