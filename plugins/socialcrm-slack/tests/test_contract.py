"""The Slack connector keeps the contract, on an invented workspace."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_slack import SlackConnector

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
SECRET = "signing-canary-2"
TEAM = {"team_id": "T0HOME", "user_id": "U0ME", "is_bot": True}


class Server:
    """The workspace of these tests: a channel with a thread, a direct message, our own answer."""

    def __init__(self, slack: Any) -> None:
        self.slack = slack
        mara, omar = slack.user("U0MARA", "mara"), slack.user("U0OMAR", "omar")
        slack.channel("C0HELP")
        slack.channel("C0ELSE", is_member=False)
        slack.channel("D0OMAR", is_im=True, user=omar)
        self.root = slack.say("C0HELP", mara, "My line is dead &amp; buried", age=timedelta(hours=9))
        slack.say("C0HELP", "U0ME", "We look into it", age=timedelta(hours=8), thread=self.root)
        slack.say("C0HELP", mara, "Since Monday", age=timedelta(hours=7), thread=self.root)
        self.late = slack.say("C0HELP", omar, "Same here", age=timedelta(hours=6))
        slack.say("D0OMAR", omar, "Is my order lost?", age=timedelta(hours=5))
        slack.say("D0OMAR", omar, "Number 17", age=timedelta(hours=4))
        self.own = 0

    @property
    def now(self) -> datetime:
        """The time of the test."""
        moment: datetime = self.slack.now
        return moment

    @now.setter
    def now(self, value: datetime) -> None:
        self.slack.now = value

    def answer(self, request: Incoming) -> Answer:
        """Answer as Slack does."""
        given: Answer = self.slack.answer(request)
        return given

    def expire(self) -> None:
        """The token's twelve hours are over."""
        self.slack.token = "nobody has it"

    def texts(self) -> list[str]:
        """What the app can read."""
        seen = [one for key in ("C0HELP", "D0OMAR", "D0MARA") for one in self.slack.messages.get(key, {}).values()]
        return [html.unescape(one["text"]) for one in seen if one.get("subtype") != "tombstone"]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return [html.unescape(text) for text in self.slack.sent]

    def more(self) -> None:
        """Somebody writes once more."""
        self.slack.say("C0HELP", "U0OMAR", "One more", age=timedelta(minutes=20))

    def reply(self) -> None:
        """Somebody answers late in an old thread."""
        self.slack.say("C0HELP", "U0MARA", "Still dead", age=timedelta(minutes=20), thread=self.root)

    def change(self) -> None:
        """Somebody changes a message."""
        if self.late in self.slack.messages["C0HELP"]:
            self.slack.edit("C0HELP", self.late, "Same at ours")

    def delete(self) -> None:
        """Somebody takes a message back."""
        if self.late in self.slack.messages["C0HELP"]:
            self.slack.remove("C0HELP", self.late)


def sign(body: bytes, at: datetime) -> Incoming:
    stamp = str(int(at.timestamp()))
    made = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={made}", "x-slack-retry-num": "1"}
    return Incoming(method="POST", url="https://us.example.org/hooks/slack", headers=headers, body=body, at=at)


def event(key: str, **inner: Any) -> bytes:
    outer = {"type": "event_callback", "team_id": "T0HOME", "event_id": key, "event_time": 1791200000, "authorizations": [TEAM]}
    return json.dumps({**outer, "event": {"channel": "C0HELP", "channel_type": "channel", **inner}}).encode()


def webhook(_platform: Any) -> Webhook:
    said = {"type": "message", "user": "U0MARA", "team": "T0HOME", "text": "It rains in", "ts": "1791190000.000100"}
    other = {"type": "message", "user": "U0MARA", "team": "T0HOME", "text": "Forget it", "ts": "1791190000.000200"}
    edited = {**said, "text": "It snows in", "edited": {"user": "U0MARA", "ts": "1791190500.000000"}}
    challenge = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"}).encode()
    return Webhook(
        sign=sign,
        events=(
            event("Ev1", **said),
            event("Ev2", type="message", subtype="message_changed", message=edited, ts="1791190500.000100"),
            event("Ev3", **other),
            event("Ev4", type="message", subtype="message_deleted", deleted_ts=other["ts"], ts="1791190600.000100"),
        ),
        unknown=event("Ev5", type="never_heard_of", user="U0MARA", event_ts="1791190700.000100"),
        header="x-slack-signature",
        ages=True,
        challenge=(sign(challenge, NOON), b"3eZbrw1a"),
    )


def export(folder: Path) -> Path:
    path = folder / "export.zip"
    message = {"type": "message", "user": "U0MARA", "text": "Good &lt;morning&gt;", "ts": "1791190000.000100"}
    reply = {**message, "user": "U0ANA", "text": "Hello", "ts": "1791190001.000100", "thread_ts": message["ts"]}
    files = {
        "channels.json": [{"id": "C0HELP", "name": "help"}],
        "dms.json": [{"id": "D0MARA", "members": ["U0MARA", "U0ANA"]}],
        "users.json": [{"id": "U0MARA", "team_id": "T0HOME", "name": "mara", "profile": {"real_name": "Mara"}}],
        "help/2026-10-05.json": [message, reply],
        "D0MARA/2026-10-05.json": [{**message, "text": "In private"}],
    }
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, json.dumps(content))
    return path


class TestSlack(ConnectorSuite):
    connector = SlackConnector

    @pytest.fixture
    def scenario(self, slack: Any) -> Scenario:
        make = type(slack)
        return Scenario(
            platform=lambda: Server(make()),
            settings={
                "token": "xoxb-canary-1",
                "signing_secret": SECRET,
                "client_id": "1.2",
                "client_secret": "hush-canary-3",
                "refresh_token": "xoxe-1-old",
                "colleagues": ["U0ANA"],
            },
            changes=(Server.more, Server.reply, Server.change, Server.delete),
            variants={"pages of one": lambda: Server(make(size=1))},
            webhook=webhook,
            archive=export,
            archived=("Good <morning>", "Hello", "In private"),
            samples=(
                Raw(
                    "message",
                    {"ts": "1.000001", "text": "", "blocks": [{"type": "divider"}], "bot_id": "B1"},
                    {"channel": "C1"},
                ),
                Raw("envelope", {"type": "slash_commands"}),
                Raw("account", {"user_id": "U0ANA"}),
            ),
            now=NOON,
        )
