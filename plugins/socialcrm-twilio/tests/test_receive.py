"""Webhooks: their proof, what they bring, and whose they are. Everything is invented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest

from socialcrm.connectors import Hook, Incoming
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_twilio import TwilioConnector, TwilioSettings

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ACCOUNT, TOKEN = "AC" + "0" * 31 + "1", "canary"
OURS, MARA = "+15550100100", "+15550100199"
HOOK = "https://crm.example.com/hooks/twilio"
TEXT = {"AccountSid": ACCOUNT, "MessageSid": "SM1", "From": MARA, "To": OURS, "Body": "Grüße & more", "NumMedia": "0"}


def made(told: str) -> str:
    return base64.b64encode(hmac.new(TOKEN.encode(), told.encode(), hashlib.sha1).digest()).decode()


def post(told: str, body: bytes, *, url: str = HOOK, mime: str = "application/x-www-form-urlencoded") -> Incoming:
    headers = {"x-twilio-signature": made(told), "content-type": mime}
    return Incoming(method="POST", url=url, headers=headers, body=body, at=NOON)


def form(fields: dict[str, str], *, signed: str = HOOK, url: str = HOOK) -> Incoming:
    return post(signed + "".join(name + fields[name] for name in sorted(fields)), urlencode(fields).encode(), url=url)


def receive(request: Incoming, **settings: Any) -> Hook:
    return TwilioConnector(TwilioSettings(account_sid=ACCOUNT, auth_token=Secret(TOKEN), **settings)).receive(request)


def test_the_answer_is_a_document_that_does_nothing() -> None:
    """Twilio wants TwiML; an empty one sends no reply."""
    hook = receive(form(TEXT))
    assert (hook.status, hook.mime) == (200, "text/xml")
    assert hook.body == b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert (hook.batches[0].raws[0].kind, hook.batches[0].raws[0].body) == ("incoming", TEXT)


@pytest.mark.parametrize(
    ("signed", "url"),
    [
        (HOOK, HOOK.replace(".com", ".com:443")),
        (HOOK.replace(".com", ".com:443"), HOOK),
        (HOOK.replace("https", "http").replace(".com", ".com:80"), HOOK.replace("https", "http")),
        (HOOK + "?a=1&b=%2B", HOOK + "?a=1&b=%2B"),
    ],
)
def test_the_port_may_be_there_or_not(signed: str, url: str) -> None:
    """The address counts with its standard port and without any; its query is covered."""
    assert receive(form(TEXT, signed=signed, url=url)).status == 200


def test_another_address_is_another_signature() -> None:
    """Where a proxy changes the address, the setting says how Twilio called; with a path or without."""
    inside = "http://10.0.0.7:8000/hooks/twilio?a=1"
    with pytest.raises(VerificationError, match="public_url"):
        receive(form(TEXT, signed=HOOK + "?a=1", url=inside))
    for public in ("https://crm.example.com", HOOK):
        assert receive(form(TEXT, signed=HOOK + "?a=1", url=inside), public_url=public).status == 200


def test_values_that_repeat_count_once() -> None:
    """Repeated parameters are sorted and counted once."""
    body = b"Sid=CA1&Digits=5678&Digits=1234&Digits=1234"
    assert receive(post(HOOK + "Digits1234Digits5678SidCA1", body)).status == 200


def test_bytes_that_are_no_text_are_covered_as_they_are() -> None:
    """A value that is no UTF-8 verifies and is kept readable."""
    told = HOOK.encode() + b"BodyA\xff" + b"MessageSidSM1"
    signature = base64.b64encode(hmac.new(TOKEN.encode(), told, hashlib.sha1).digest()).decode()
    request = attrs.evolve(post("", b"MessageSid=SM1&Body=A%FF"), headers={"x-twilio-signature": signature})
    assert receive(request).batches[0].raws[0].body["Body"] == "A\ufffd"


def test_a_json_body_is_covered_by_its_digest() -> None:
    """The digest stands in the signed address; another body, or none in the address, is refused."""
    body = json.dumps({"property": "value", "count": 1}).encode()
    url = f"{HOOK}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert receive(post(url, body, url=url, mime="application/json")).batches[0].raws[0].kind == "other"
    for wrong in (post(url, body + b" ", url=url, mime="application/json"), post(HOOK, body, mime="application/json")):
        with pytest.raises(VerificationError):
            receive(wrong)


def test_a_form_can_t_hide_behind_another_type() -> None:
    """A body whose type says that it is no form is not left unsigned."""
    request = form(TEXT)
    for mime in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
        with pytest.raises(VerificationError):
            receive(attrs.evolve(request, headers={**request.headers, "content-type": mime}))
        with pytest.raises(VerificationError):
            receive(post(HOOK, request.body, mime=mime))


def test_a_webhook_by_get_is_its_address() -> None:
    """By GET the parameters stand in the address, and only it is signed."""
    url = f"{HOOK}?{urlencode(TEXT)}"
    request = Incoming(method="GET", url=url, headers={"x-twilio-signature": made(url)}, at=NOON)
    assert receive(request).batches[0].raws[0].body == TEXT
    with pytest.raises(VerificationError):
        receive(attrs.evolve(request, url=url.replace("SM1", "SM2")))


@pytest.mark.parametrize("token", [None, Secret(""), Secret("other")])
def test_only_the_auth_token_proves(token: Secret | None) -> None:
    """Without it, or with another, nothing is accepted; an API key's secret is no help."""
    settings = TwilioSettings(account_sid=ACCOUNT, auth_token=token, key_sid="SK" + "0" * 32, key_secret=Secret(TOKEN))
    with pytest.raises(VerificationError):
        TwilioConnector(settings).receive(form(TEXT))


def test_a_request_without_parameters_is_told() -> None:
    """A signed body that holds nothing can't be read."""
    with pytest.raises(PayloadError):
        receive(post(HOOK, b""))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"MessageSid": "SM1", "MessageStatus": "sent", "Body": "x"}, "status"),
        ({"SmsSid": "SM1", "SmsStatus": "delivered"}, "status"),
        ({"SmsSid": "SM1", "SmsStatus": "received", "Body": ""}, "incoming"),
        ({"CallSid": "CA1", "CallStatus": "ringing"}, "voice"),
        ({"CallSid": "CA1", "RecordingSid": "RE1", "RecordingStatus": "completed"}, "recording"),
        ({"TranscriptionSid": "TR1", "RecordingSid": "RE1", "CallSid": "CA1", "TranscriptionText": "Hi"}, "recording"),
        ({"NeverHeardOf": "1"}, "other"),
    ],
)
def test_webhooks_are_told_apart(fields: dict[str, str], kind: str) -> None:
    """Every webhook is passed on under the kind that says how to read it."""
    assert receive(form(fields)).batches[0].raws[0].kind == kind


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({"CallSid": "CA1", "CallStatus": "completed"}, {"call:CA1": "completed"}),
        ({"CallSid": "CA2", "ParentCallSid": "CA1", "CallStatus": "no-answer"}, {"call:CA1": "no-answer"}),
        ({"CallSid": "CA1", "RecordingSid": "RE1"}, {"call:CA1": "RE1"}),
        ({"CallSid": "CA1", "RecordingSid": "RE1", "TranscriptionSid": "TR1"}, {"call:CA1": "TR1"}),
        ({"CallSid": "CA1", "CallStatus": "in-progress"}, None),
    ],
)
def test_a_call_is_read_again_when_there_is_news(fields: dict[str, str], row: dict[str, str] | None) -> None:
    """The end of a call or of a leg, a recording and a transcription poke the stream of calls."""
    pokes = [dict(batch.cursor) for batch in receive(form(fields)).batches if batch.stream == "calls"]
    assert pokes == ([row] if row else [])


@pytest.mark.parametrize(
    ("numbers", "fields", "account"),
    [
        ((), TEXT, ACCOUNT),
        ((OURS,), TEXT, OURS),
        (("+15550100101", OURS), TEXT, "+15550100101"),
        (("+15550100101",), TEXT, OURS),
        ((OURS,), {"MessageSid": "SM1", "MessageStatus": "sent", "From": OURS, "To": MARA}, OURS),
    ],
)
def test_webhooks_find_their_channel(numbers: tuple[str, ...], fields: dict[str, str], account: str) -> None:
    """A channel is known by its account, or by its first number where several share an account."""
    assert receive(form(fields), numbers=numbers).batches[0].account == account
