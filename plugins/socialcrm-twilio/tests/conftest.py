"""A Twilio account in some hundred lines, made from Twilio's documentation. Everybody and every number in it is invented."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming, Outgoing
from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Item, Secret
from socialcrm_twilio import TwilioConnector, TwilioSettings

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "auth-token-canary-1"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
OURS, MARA, OMAR = "+15550100100", "+15550100199", "+15550100198"


def ok(body: Any, status: int = 200) -> Answer:
    return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(body).encode())


def no(status: int, code: int, message: str = "no", **headers: str) -> Answer:
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return Answer(status=status, headers={"content-type": "application/json", **headers}, content=json.dumps(body).encode())


def stamp(at: datetime) -> str:
    return format_datetime(at)


class FakeTwilio:
    """Answers as the OpenAPI description of 2010-04-01 says. Lists are newest first, by page tokens, filtered by whole days."""

    def __init__(self, size: int = 1000, token: str = TOKEN) -> None:
        self.size = size
        self.token = token
        self.now = NOON
        self.log: list[tuple[str, str, dict[str, str]]] = []
        self.tables: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("messages", "calls", "recordings", "transcriptions", "media_list")
        }
        self.sent: list[str] = []
        self.opted: set[str] = set()
        self.refused: dict[str, Answer] = {}
        self._tick = itertools.count(1)

    # Builders

    def sid(self, prefix: str) -> str:
        return f"{prefix}{next(self._tick):032x}"

    def text(self, sender: str, to: str, body: str, *, age: timedelta = timedelta(0), media: int = 0, **more: Any) -> str:
        """Put a message into the log; returns its SID."""
        sid, at = self.sid("MM" if media else "SM"), stamp(self.now - age)
        row = {
            "sid": sid, "account_sid": ACCOUNT, "from": sender, "to": to, "body": body, "status": "received",
            "direction": "inbound", "date_created": at, "date_sent": at, "date_updated": at, "num_media": str(media),
            "num_segments": "1", "messaging_service_sid": None, "error_code": None, "error_message": None, "price": None,
            "price_unit": "USD", "api_version": "2010-04-01", "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
        }  # fmt: skip
        self.tables["messages"][sid] = row | more
        for _ in range(media):
            self.picture(sid)
        return sid

    def picture(self, parent: str) -> None:
        sid = self.sid("ME")
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{parent}/Media/{sid}.json"
        self.tables["media_list"][sid] = {"sid": sid, "parent_sid": parent, "content_type": "image/jpeg", "uri": uri}

    def ring(self, caller: str, to: str, status: str, seconds: int = 0, *, age: timedelta = timedelta(0), **more: Any) -> str:
        """Put a call, or a leg of one, into the log; returns its SID."""
        sid, begin = self.sid("CA"), self.now - age
        end = begin + timedelta(seconds=seconds)
        row = {
            "sid": sid, "account_sid": ACCOUNT, "from": caller, "to": to, "status": status, "direction": "inbound",
            "parent_call_sid": None, "date_created": stamp(begin), "start_time": stamp(begin), "end_time": stamp(end),
            "date_updated": stamp(end), "duration": str(seconds) if seconds else None, "price": None, "price_unit": "USD",
            "answered_by": None, "caller_name": "", "forwarded_from": None,
        }  # fmt: skip
        self.tables["calls"][sid] = row | more
        return sid

    def record(self, call: str, seconds: int, source: str = "RecordVerb", **more: Any) -> str:
        """Put a recording of a call into the log; returns its SID."""
        sid, made = self.sid("RE"), self.tables["calls"][call]["date_created"]
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}.json"
        row = {"sid": sid, "call_sid": call, "source": source, "status": "completed", "duration": str(seconds), "uri": uri}
        self.tables["recordings"][sid] = row | {"date_created": made, "channels": 1} | more
        return sid

    def write_down(self, recording: str, text: str) -> None:
        """Transcribe a recording."""
        sid = self.sid("TR")
        row = {"sid": sid, "recording_sid": recording, "status": "completed", "transcription_text": text}
        self.tables["transcriptions"][sid] = row

    # The API

    def answer(self, request: Incoming) -> Answer:
        """Answer a request."""
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        query |= {name: str(value) for name, value in request.query.items()}
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        self.log.append((request.method, parts.path, {**query, **form}))
        assert parts.path.startswith("/2010-04-01/Accounts/")
        steps = parts.path.removeprefix("/2010-04-01/Accounts/").removesuffix(".json").split("/")
        both = base64.b64encode(f"{ACCOUNT}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {both}":
            return no(401, 20003, "Authenticate")
        if steps[0] != ACCOUNT:
            return no(404, 20404)
        if (answer := self.refused.get(f"{request.method} {steps[-1] if len(steps) < 3 else steps[1]}")) is not None:
            return answer
        if request.method == "POST":
            return self._create(form)
        if request.method == "DELETE":
            gone = self.tables["messages"].pop(steps[2], None)
            return Answer(status=204) if gone else no(404, 20404)
        return self._read(steps[1:], query)

    def _read(self, steps: list[str], query: dict[str, str]) -> Answer:
        if not steps:
            return ok({"sid": ACCOUNT, "friendly_name": "Example", "status": "active", "type": "Full"})
        owner = {"Media": "parent_sid", "Transcriptions": "recording_sid"}
        key = {"Media": "media_list"}.get(steps[-1], steps[-1].lower())
        if len(steps) == 2:
            row = self.tables[steps[0].lower()].get(steps[1])
            return ok(row) if row else no(404, 20404)
        found = list(self.tables[key].values())
        if len(steps) == 3:
            if steps[1] not in self.tables[steps[0].lower()]:
                return no(404, 20404)
            found = [one for one in found if one[owner.get(steps[2], "call_sid")] == steps[1]]
        return self._paged("/".join(steps), key, found, query)

    def _paged(self, resource: str, key: str, found: list[dict[str, Any]], query: dict[str, str]) -> Answer:
        names = {"To": "to", "From": "from", "ParentCallSid": "parent_call_sid", "CallSid": "call_sid"}
        for name, field in names.items():
            found = [one for one in found if name not in query or one[field] == query[name]]
        for name, field in {"DateSent": "date_sent", "StartTime": "start_time", "DateCreated": "date_created"}.items():
            found = [one for one in found if self._within(one.get(field), name, query)]
        found.sort(key=lambda one: (parsed(one.get("date_created")), one["sid"]), reverse=True)
        size = min(self.size, int(query.get("PageSize", "50")))
        token = query.get("PageToken", "")
        if token:
            last = next((at for at, one in enumerate(found) if one["sid"] == token[2:]), None)
            if last is None:
                return no(400, 20001, "Invalid page token")
            found = found[last:]
        page = int(query.get("Page", "0"))
        more = None
        if len(found) > size:
            asked = {name: value for name, value in query.items() if name not in ("Page", "PageToken")}
            told = urlencode({**asked, "Page": page + 1, "PageToken": f"PA{found[size]['sid']}"})
            more = f"/2010-04-01/Accounts/{ACCOUNT}/{resource}.json?{told}"
        return ok({key: found[:size], "next_page_uri": more, "page": page, "page_size": size, "end": 0, "start": 0})

    def _within(self, at: str | None, name: str, query: dict[str, str]) -> bool:
        day = parsed(at).date().isoformat() if at else ""
        if name in query and day != query[name]:
            return False
        return f"{name}>" not in query or (bool(day) and day >= query[f"{name}>"])

    def _create(self, form: dict[str, str]) -> Answer:
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return no(400, 21603, "A 'From' phone number is required.")
        if not form["To"].rpartition(":")[2].startswith("+"):
            return no(400, 21211, "Invalid 'To' Phone Number")
        if len(form["Body"].encode("utf-16-le")) // 2 > 1600:
            return no(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if form["To"] in self.opted:
            return no(400, 21610, "Attempt to send to unsubscribed recipient")
        self.sent.append(form["Body"])
        sid = self.text(form.get("From", OURS), form["To"], form["Body"], direction="outbound-api", status="queued")
        return ok(self.tables["messages"][sid], 201)


def parsed(at: str | None) -> datetime:
    return datetime.strptime(at, "%a, %d %b %Y %H:%M:%S %z") if at else datetime(1970, 1, 1, tzinfo=UTC)


class TwilioDesk(Desk[TwilioConnector]):
    """A channel on the account."""

    def __init__(self, twilio: FakeTwilio, **settings: Any) -> None:
        connector = TwilioConnector(TwilioSettings(**{"account_sid": ACCOUNT, "auth_token": Secret(TOKEN), **settings}))
        super().__init__(connector, Local(twilio.answer), StoppedHost({"auth_token": TOKEN}, time=NOON))

    def sync(self, stream: str = "messages") -> list[Item]:
        return super().sync(stream)


@pytest.fixture
def twilio() -> FakeTwilio:
    """An empty account."""
    return FakeTwilio()


@pytest.fixture
def desk(twilio: FakeTwilio) -> Iterator[Callable[..., TwilioDesk]]:
    """Makes channels on the account, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(TwilioDesk(twilio, **settings))


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def refusal() -> Callable[..., Answer]:
    """Makes what Twilio answers where it refuses."""
    return no


@pytest.fixture
def reply() -> Callable[..., Outgoing]:
    """Makes an answer to a customer."""

    def make(*parts: str, to: str = MARA, at: datetime = NOON, **more: Any) -> Outgoing:
        told: dict[str, Any] = {"id": "o1", "conversation": f"{OURS}|{to}", "parts": parts, "to": to, "at": at}
        return Outgoing(**{**told, **more})

    return make
