"""A business number on the Cloud API, made from Meta's documentation. Everybody and everything in it is invented."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming

NUMBER, PHONE = "106540000000001", "15550100"
TOKEN = "canary-token-1"
SECRET = "canary-secret-1"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARA, IVO = "15550123", "15550124"
ELI = "DE.13491208655302741918"


class Refused(Exception):
    """An error object, as the Cloud API answers it."""

    def __init__(self, code: int, details: str = "no", status: int = 400) -> None:
        super().__init__(details)
        told = {"message": f"(#{code}) {details}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
        self.body = {"error": {**told, "error_data": {"messaging_product": "whatsapp", "details": details}}}
        self.status = status


class FakeNumber:
    """Answers as the WhatsApp Business Platform's documentation says, and refuses what it refuses.

    Args:
        late: A closed window is told by a status only, after the message was accepted.
    """

    def __init__(self, *, late: bool = False) -> None:
        self.late = late
        self.now = NOON
        self.changes: list[dict[str, Any]] = []
        self.spoken: dict[str, datetime] = {}
        self.sent: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.uploads: list[bytes] = []
        self.templates = {("note", "en_US")}
        self.number = 0

    # -- what happens there ----------------------------------------------------------------------------------------------

    def write(self, text: str, *, by: str = MARA, at: datetime | None = None, **told: Any) -> str:
        self.number += 1
        key, moment = f"wamid.IN{self.number}", at or self.now
        scoped = "." in by
        message = {"id": key, "timestamp": str(int(moment.timestamp())), "type": "text", "text": {"body": text}, **told}
        message |= {"from_user_id": by} if scoped else {"from": by}
        contact = {"profile": {"name": f"Customer {by[-3:]}"}, **({"user_id": by} if scoped else {"wa_id": by})}
        self.changes.append(change(messages=[message], contacts=[contact]))
        self.spoken[by] = max(moment, self.spoken.get(by, moment))
        return key

    def requests(self) -> list[Incoming]:
        """What Meta delivers, and delivers again."""
        return [signed(notification(one), self.now) for one in self.changes]

    def texts(self) -> list[str]:
        return [one["value"]["messages"][0]["text"]["body"] for one in self.changes if "messages" in one["value"]] + self.sent

    def received(self) -> list[str]:
        return list(self.sent)

    # -- HTTP ------------------------------------------------------------------------------------------------------------

    def answer(self, request: Incoming) -> Answer:
        try:
            proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused(190, "Error validating access token", 401)
            if request.query.get("appsecret_proof") != proof:
                raise Refused(100, "Invalid appsecret_proof provided in the API argument")
            names = urlsplit(request.url).path.strip("/").split("/")[1:]
            status, told = 200, self._route(request, names[0], "".join(names[1:]))
        except Refused as error:
            status, told = error.status, error.body
        return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(told).encode())

    def _route(self, request: Incoming, key: str, edge: str) -> Any:
        if (request.method, key, edge) == ("GET", NUMBER, ""):
            return {"id": NUMBER, "display_phone_number": "+1 555-0100", "verified_name": "Acme"}
        if (request.method, edge) == ("GET", ""):
            url = f"https://lookaside.example.com/whatsapp_business/attachments/?mid={key}"
            return {"id": key, "url": url, "mime_type": "image/jpeg", "file_size": "1234", "messaging_product": "whatsapp"}
        if (request.method, key, edge) == ("POST", NUMBER, "media"):
            self.uploads.append(request.body)
            return {"id": f"88{len(self.uploads)}"}
        if (request.method, key, edge) == ("POST", NUMBER, "messages"):
            return self._post(json.loads(request.body))
        raise Refused(100, f"Unsupported request - method {request.method} on {edge}")

    def _post(self, body: dict[str, Any]) -> Any:
        if body.get("messaging_product") != "whatsapp":
            raise Refused(100, "The parameter messaging_product is required.")
        self.bodies.append(body)
        if body.get("status") == "read":
            return {"success": True}
        to = body.get("to") or body.get("recipient")
        if not to or body["type"] not in body:
            raise Refused(131008, "Required parameter is missing")
        text = self._said(body, to)
        self.number += 1
        key = f"wamid.OUT{self.number}"
        if text is not None:
            self.sent.append(text)
        return {"messaging_product": "whatsapp", "contacts": [{"input": to}], "messages": [{"id": key}]}

    def _said(self, body: Mapping[str, Any], to: str) -> str | None:
        kind, told = body["type"], body[body["type"]]
        if kind == "template":
            if (told["name"], told["language"]["code"]) not in self.templates:
                raise Refused(132001, "template name does not exist in the translation", 404)
            words = told["components"][0]["parameters"][0]["text"]
            if "\n" in words:
                raise Refused(132018, "Param text cannot have new-line/tab characters")
            return str(words)
        last = self.spoken.get(to)
        if body["recipient_type"] == "individual" and not self.late and (last is None or self.now - last > timedelta(hours=24)):
            raise Refused(131047, "Message failed to send because more than 24 hours have passed")
        if kind == "text" and len(told["body"].encode("utf-16-le")) // 2 > 4096:
            raise Refused(100, "Param text['body'] must be at most 4096 characters long.")
        return str(told["body"]) if kind == "text" else None


def change(field: str = "messages", **value: Any) -> dict[str, Any]:
    """A change of our number."""
    metadata = {"display_phone_number": PHONE, "phone_number_id": NUMBER}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def notification(*changes: Any) -> bytes:
    """A body with these changes, each in an entry of its own."""
    entries = [{"id": "1020", "changes": [one]} for one in changes]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def busy() -> FakeNumber:
    """Return a number to which people wrote lately."""
    number = FakeNumber()
    for place in range(3):
        number.write(f"Hello, parcel {place} is late", at=NOON - timedelta(hours=3 - place))
    number.write("I have no number, only a name", by=ELI, at=NOON - timedelta(hours=2))
    number.write("Can I send it back?", by=IVO, at=NOON - timedelta(minutes=30))
    return number


def signed(body: bytes, at: datetime = NOON, secret: str = SECRET) -> Incoming:
    """Return a notification, signed as Meta does."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={made}", "content-type": "application/json"}
    return Incoming(method="POST", url="https://us.example.org/hooks/whatsapp", headers=headers, body=body, at=at)


class World:
    """What the tests of this plugin share."""

    NUMBER, PHONE, TOKEN, SECRET, NOON, MARA, IVO, ELI = NUMBER, PHONE, TOKEN, SECRET, NOON, MARA, IVO, ELI
    FakeNumber, busy, signed = FakeNumber, staticmethod(busy), staticmethod(signed)
    change, notification = staticmethod(change), staticmethod(notification)


@pytest.fixture
def world() -> type[World]:
    """The invented number and its people."""
    return World
