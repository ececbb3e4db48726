"""The Matrix connector keeps the contract, on an invented homeserver."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_matrix import MatrixConnector

ME, MARA, OMAR, IDA = "@acme:example.org", "@mara:example.com", "@omar:example.org", "@ida:example.com"


class Server:
    """The server of these tests: a public room with a thread, two direct rooms, one of them only an invitation yet."""

    def __init__(self, make: Any, limit: int = 3) -> None:
        self.matrix = matrix = make(limit)
        self.help = room = matrix.room(ME, MARA, OMAR, join="public", history="world_readable")
        first = matrix.say(room, MARA, "My line is dead", age=9)
        matrix.say(room, OMAR, "Mine too", age=8, **{"m.relates_to": {"m.in_reply_to": {"event_id": first}}})
        thread = {"rel_type": "m.thread", "event_id": first, "m.in_reply_to": {"event_id": first}, "is_falling_back": True}
        self.answer_to = matrix.say(room, MARA, "Since Monday", age=7, **{"m.relates_to": thread})
        matrix.say(room, ME, "We look into it", age=6, **{"m.relates_to": thread})
        reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}}
        matrix.put(room, "m.reaction", OMAR, reaction, age=6)
        self.talk = matrix.room(OMAR, ME)
        matrix.say(self.talk, OMAR, "Is my order lost?", age=5)
        wrong = matrix.say(self.talk, OMAR, "Number 71", age=4)
        matrix.edit(self.talk, OMAR, wrong, "Number 17")
        matrix.redact(self.talk, OMAR, matrix.say(self.talk, OMAR, "My password is 1234", age=3))
        self.invited = matrix.room(IDA, invited=ME)
        matrix.say(self.invited, IDA, "Can you call me?", age=2)

    @property
    def now(self) -> datetime:
        """The server's clock."""
        return self.matrix.now

    @now.setter
    def now(self, value: datetime) -> None:
        self.matrix.now = value

    def answer(self, request: Incoming) -> Answer:
        """Answer as the server does."""
        return self.matrix.answer(request)

    def expire(self) -> None:
        """Let the access token expire."""
        self.matrix.expire()

    def texts(self) -> list[str]:
        """What stands in the rooms now; the invitation is accepted as soon as anybody looks."""
        found: dict[str, str] = {}
        for events in self.matrix.rooms.values():
            for event in events:
                content = event["content"]
                relation = content.get("m.relates_to", {})
                if event["type"] == "m.reaction" and relation:
                    found[event["event_id"]] = relation["key"]
                elif event["type"] == "m.room.message" and relation.get("rel_type") == "m.replace":
                    if relation["event_id"] in found:
                        found[relation["event_id"]] = content["m.new_content"]["body"]
                elif event["type"] == "m.room.message" and content:
                    found[event["event_id"]] = content["body"]
        return list(found.values())

    def received(self) -> list[str]:
        """What was sent through the API."""
        return self.matrix.said

    def write(self) -> None:
        """Somebody writes more than a page."""
        for number in range(4):
            self.matrix.say(self.help, OMAR, f"One more: {number}")

    def edit(self) -> None:
        """Somebody changes their words; somebody else tries to."""
        self.matrix.edit(self.help, MARA, self.answer_to, "Since Tuesday")

    def delete(self) -> None:
        """Somebody takes their words back."""
        self.matrix.redact(self.help, MARA, self.answer_to)


def export(folder: Path) -> Path:
    event = {"type": "m.room.message", "room_id": "!a:example.org", "origin_server_ts": 1791000000000, "sender": MARA}
    said = [{**event, "event_id": f"$e{n}", "content": {"msgtype": "m.text", "body": f"Line {n}"}} for n in range(3)]
    body = {"room_name": "Help", "room_creator": "Mara", "topic": "", "export_date": "10/5/2026", "exported_by": "Acme"}
    path = folder / "matrix - Help - Chat Export.json"
    path.write_text(json.dumps({**body, "messages": said}), encoding="utf-8")
    return path


def push(_server: object) -> Webhook:
    def sign(body: bytes, at: datetime) -> Incoming:
        url = "https://crm.example.org/_matrix/app/v1/transactions/17"
        return Incoming(method="PUT", url=url, headers={"authorization": "Bearer hs-3n-canary"}, body=body, at=at)

    def event(number: int, kind: str = "m.room.message") -> dict[str, Any]:
        content = {"msgtype": "m.text", "body": "Hello"}
        return {"event_id": f"$p{number}", "type": kind, "room_id": "!a:example.org", "sender": MARA, "content": content}

    bodies = [json.dumps({"events": [event(number)]}).encode() for number in range(2)]
    many = json.dumps({"events": [event(0), event(1)]}).encode()
    unknown = json.dumps({"events": [event(9, "org.example.unknown")]}).encode()
    return Webhook(sign=sign, events=tuple(bodies), many=many, unknown=unknown)


class TestMatrix(ConnectorSuite):
    connector = MatrixConnector

    @pytest.fixture
    def scenario(self, homeserver: Any) -> Scenario:
        make = type(homeserver)
        encrypted = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAE"}
        event = {"event_id": "$x", "type": "m.room.encrypted", "sender": MARA, "origin_server_ts": 1791000000000}
        return Scenario(
            platform=lambda: Server(make),
            settings={
                "server": "https://matrix.example.org",
                "token": "syt-3n-canary-1",
                "refresh_token": "syr-3n-canary-1",
                "hs_token": "hs-3n-canary",
                "history_days": 0,
            },
            changes=(Server.write, Server.edit, Server.delete),
            variants={"pages of one": partial(Server, make, 1), "one page": partial(Server, make, 50)},
            webhook=push,
            archive=export,
            archived=("Line 0", "Line 1", "Line 2"),
            now=datetime(2026, 10, 5, 12, tzinfo=UTC),
            samples=(Raw("event", {**event, "content": encrypted}, {"room": "!a:example.org"}),),
        )
