"""The Twilio connector keeps the contract, on an invented account."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from socialcrm.connectors import Answer, Incoming, Raw
from socialcrm.testing import ConnectorSuite, Scenario, Webhook
from socialcrm_twilio import TwilioConnector

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
TOKEN = "auth-token-canary-1"
ACCOUNT = "AC" + "0" * 31 + "1"
OURS, MARA, OMAR = "+15550100100", "+15550100199", "+15550100198"
HOOK = "https://us.example.org/hooks/twilio"


class Server:
    """The account of these tests: messages, a missed call, one that was put through, a voicemail."""

    def __init__(self, twilio: Any) -> None:
        self.twilio = twilio
        self.late = twilio.text(MARA, OURS, "Is my order lost?", age=timedelta(hours=9))
        twilio.text(OURS, MARA, "We look into it", age=timedelta(hours=8), direction="outbound-api", status="delivered")
        twilio.text(OMAR, OURS, "Look at this", age=timedelta(hours=7), media=1)
        twilio.text(MARA, OURS, "Any news?", age=timedelta(hours=6))
        twilio.ring(OMAR, OURS, "no-answer", age=timedelta(hours=5))
        self.talk = twilio.ring(MARA, OURS, "completed", 75, age=timedelta(hours=4))
        twilio.ring(OURS, "+15550100111", "completed", 60, age=timedelta(hours=4), parent_call_sid=self.talk)
        mail = twilio.ring("anonymous", OURS, "completed", 40, age=timedelta(hours=3))
        twilio.write_down(twilio.record(mail, 31), "Please call me back.")
        self.calls = ["Missed call (no answer)", "Call, 1 minute 15 seconds", "Voicemail, 31 seconds\n\nPlease call me back."]

    @property
    def now(self) -> datetime:
        """The time of the test."""
        moment: datetime = self.twilio.now
        return moment

    @now.setter
    def now(self, value: datetime) -> None:
        self.twilio.now = value

    def answer(self, request: Incoming) -> Answer:
        """Answer as Twilio does."""
        given: Answer = self.twilio.answer(request)
        return given

    def texts(self) -> list[str]:
        """What stands in the logs."""
        return [one["body"] for one in self.twilio.tables["messages"].values()] + self.calls

    def received(self) -> list[str]:
        """What was sent through the API."""
        sent: list[str] = self.twilio.sent
        return sent

    def more(self) -> None:
        """Somebody writes once more."""
        self.twilio.text(OMAR, OURS, "One more", age=timedelta(minutes=5))

    def call(self) -> None:
        """Somebody calls, and nobody is there."""
        self.twilio.ring(MARA, OURS, "busy", age=timedelta(minutes=5))
        self.calls.append("Missed call (busy)")

    def redact(self) -> None:
        """We empty a message in the log."""
        row = self.twilio.tables["messages"].get(self.late)
        if row is not None:
            row |= {
                "body": "",
                "date_updated": self.twilio.tables["messages"][self.late]["date_updated"].replace(" 03:", " 11:"),
            }

    def delete(self) -> None:
        """We delete a message from the log."""
        self.twilio.tables["messages"].pop(self.late, None)


def sign(body: bytes, at: datetime) -> Incoming:
    pairs = sorted(set(parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape")))
    told = (HOOK + "".join(name + value for name, value in pairs)).encode("utf-8", "surrogateescape")
    made = base64.b64encode(hmac.new(TOKEN.encode(), told, hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": made, "content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Incoming(method="POST", url=HOOK, headers=headers, body=body, at=at)


def form(**fields: str) -> bytes:
    return urlencode({"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **fields}).encode()


def webhook(_platform: Any) -> Webhook:
    sent = {"MessageSid": "SM" + "b" * 32, "From": OURS, "To": MARA}
    return Webhook(
        sign=sign,
        events=(
            form(MessageSid="SM" + "a" * 32, From=MARA, To=OURS, Body="It rains in", NumMedia="0", SmsStatus="received"),
            form(**sent, MessageStatus="delivered", SmsStatus="delivered"),
            form(**sent, MessageStatus="sent", SmsStatus="sent"),
            form(CallSid="CA" + "c" * 32, From=OMAR, To=OURS, Direction="inbound", CallStatus="no-answer"),
        ),
        unknown=form(NeverHeardOf="1"),
        header="x-twilio-signature",
    )


class TestTwilio(ConnectorSuite):
    connector = TwilioConnector

    @pytest.fixture
    def scenario(self, twilio: Any) -> Scenario:
        make = type(twilio)
        return Scenario(
            platform=lambda: Server(make()),
            settings={"account_sid": ACCOUNT, "auth_token": TOKEN, "region": "US"},
            changes=(Server.more, Server.call, Server.redact, Server.delete),
            variants={"pages of one": lambda: Server(make(size=1))},
            webhook=webhook,
            samples=(
                Raw("leg", {"sid": "CA1", "parent_call_sid": "CA2"}),
                Raw("recording", {"RecordingSid": "RE1", "CallSid": "CA1"}, {"at": NOON.isoformat()}),
                Raw(
                    "status",
                    {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"},
                    {"at": NOON.isoformat()},
                ),
                Raw("incoming", {"MessageSid": "SM1", "From": "ACME", "To": "12345", "Body": "STOP"}, {"at": NOON.isoformat()}),
            ),
            now=NOON,
        )
