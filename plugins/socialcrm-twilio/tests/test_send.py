"""Answering: from whom, to whom, once. Everything is invented."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Call, Receipt
from socialcrm.errors import (
    ForbiddenError,
    RateLimited,
    RefusedError,
    SettingsError,
    SocialCRMError,
    UnclearError,
    UnsupportedError,
)
from socialcrm.types import Secret
from socialcrm_twilio import TwilioConnector, TwilioSettings

ACCOUNT, SERVICE = "AC" + "0" * 31 + "1", "MG" + "0" * 32
OURS, MARA = "+15550100100", "+15550100199"
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def posted(twilio: Any) -> list[dict[str, str]]:
    return [form for method, _, form in twilio.log if method == "POST"]


def test_the_answer_comes_from_the_number_that_was_used(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """To whom, from which number, and where to tell the delivery; a call is answered by a message."""
    one = desk(status_callback="https://crm.example.com/hooks/twilio")
    receipt = one.run(one.connector.send(reply("Hello", scope="call", reply_to="CA1"), {}))
    assert posted(twilio) == [
        {"To": MARA, "From": OURS, "Body": "Hello", "StatusCallback": "https://crm.example.com/hooks/twilio"}
    ]
    assert (len(receipt.ids), receipt.scope, receipt.at) == (1, "", twilio.now)


@pytest.mark.parametrize(
    ("conversation", "settings", "told"),
    [
        (f"{OURS}|{MARA}", {"messaging_service": SERVICE}, {"From": OURS, "MessagingServiceSid": SERVICE}),
        (f"{SERVICE}|{MARA}", {}, {"MessagingServiceSid": SERVICE}),
        ("", {"numbers": ("+1 555 010 0101",)}, {"From": "+15550100101"}),
        (f"client:ana|{MARA}", {"messaging_service": SERVICE}, {"MessagingServiceSid": SERVICE}),
    ],
)
def test_who_sends(
    twilio: Any, desk: Callable[..., Any], reply: Any, conversation: str, settings: dict[str, Any], told: dict[str, str]
) -> None:
    """The conversation's number, within the Messaging Service; else the service, else the channel's own number."""
    one = desk(**settings)
    one.run(one.connector.send(reply("Hello", conversation=conversation), {}))
    assert posted(twilio) == [{"To": MARA, "Body": "Hello", **told}]


def test_nobody_sends_where_nothing_is_known(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """Without any number the settings have to be mended first."""
    one = desk()
    with pytest.raises(SettingsError, match="numbers or messaging_service"):
        one.run(one.connector.send(reply("Hello", conversation=""), {}))
    assert twilio.log == []


@pytest.mark.parametrize("to", ["anonymous:CA1", "ACME", "12345", "client:ana"])
def test_who_can_t_be_texted_is_refused_before_any_network(twilio: Any, desk: Callable[..., Any], reply: Any, to: str) -> None:
    """Nothing leaves for a caller without a number."""
    one = desk()
    with pytest.raises(UnsupportedError):
        one.run(one.connector.send(reply("Hello", to=to), {}))
    assert twilio.log == []


def test_parts_that_were_sent_are_not_sent_again(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """A send goes on from its cursor."""
    one = desk()
    receipt = one.run(one.connector.send(reply("One", "Two"), {"part:0": "SM9"}))
    assert (twilio.sent, receipt.ids[0]) == (["Two"], "SM9")


def test_who_has_opted_out_gets_nothing(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """Error 21610 says that the customer wrote STOP."""
    twilio.opted.add(MARA)
    one = desk()
    with pytest.raises(ForbiddenError, match="opted out"):
        one.run(one.connector.send(reply("Hello"), {}))
    assert twilio.sent == []


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (21211, 400, RefusedError),
        (21408, 400, ForbiddenError),
        (21614, 400, RefusedError),
        (21606, 400, RefusedError),
        (21611, 400, RateLimited),
        (63016, 400, ForbiddenError),
        (99999, 400, RefusedError),
    ],
)
def test_refusals_say_what_to_do(
    twilio: Any, desk: Callable[..., Any], reply: Any, refusal: Any, code: int, status: int, error: type[SocialCRMError]
) -> None:
    """Each code has its kind and its number in the message."""
    twilio.refused["POST Messages"] = refusal(status, code, "Odd\nthings")
    one = desk()
    with pytest.raises(error, match=str(code)):
        one.run(one.connector.send(reply("Hello"), {}))


def test_an_unclear_answer_is_looked_for(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """Among our messages to that number, with the same words as Twilio gives them back, not older than the reply."""
    one = desk()
    asked = reply("It\N{RIGHT SINGLE QUOTATION MARK}s sent", at=twilio.now - MINUTE)
    more = {"direction": "outbound-api", "status": "sent"}
    twilio.text(OURS, MARA, "It's sent", age=timedelta(hours=1), **more)
    twilio.text(MARA, OURS, "It's sent")
    twilio.text(OURS, "+15550100198", "It's sent", **more)
    twilio.text("+15550100101", MARA, "It's sent", **more)
    assert one.run(one.connector.settle(asked, {})) is None
    sid = twilio.text(OURS, MARA, "It's sent", **more)
    assert one.run(one.connector.settle(asked, {})) == Receipt(ids=(sid,), scope="")


def test_the_same_words_just_before_are_a_doubt(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """Clocks differ by minutes; what may be an earlier reply is left to a person."""
    one = desk()
    twilio.text(OURS, MARA, "Hello", age=MINUTE, direction="outbound-api", status="sent")
    with pytest.raises(UnclearError, match="clocks"):
        one.run(one.connector.settle(reply("Hello"), {}))


def test_settling_goes_on_with_the_first_missing_part(twilio: Any, desk: Callable[..., Any], reply: Any) -> None:
    """A part that is there is kept; while one is missing there is no receipt."""
    one = desk()
    sid = twilio.text(OURS, MARA, "Same", direction="outbound-api", status="sent")
    assert one.run(one.connector.settle(reply("Same", "Same"), {"part:0": sid})) is None
    other = twilio.text(OURS, MARA, "Same", direction="outbound-api", status="sent")
    receipt = one.run(one.connector.settle(reply("Same", "Same"), {"part:0": sid}))
    assert receipt.ids == (sid, other)


@pytest.mark.parametrize(
    ("settings", "grant", "both"),
    [
        ({}, {"auth_token": "t"}, f"{ACCOUNT}:t"),
        ({"key_sid": "SK" + "1" * 32}, {"auth_token": "t", "key_secret": "k"}, "SK" + "1" * 32 + ":k"),
        ({"key_sid": "SK" + "1" * 32}, {"auth_token": "t"}, f"{ACCOUNT}:t"),
    ],
)
def test_the_key_signs_in_where_there_is_one(settings: dict[str, Any], grant: dict[str, str], both: str) -> None:
    """HTTP Basic with the API key, else with the account and its token."""
    connector = TwilioConnector(TwilioSettings(account_sid=ACCOUNT, **settings))
    signed = connector.sign(Call("GET", "/x"), grant, NOON, "")
    assert base64.b64decode(signed.headers["Authorization"].removeprefix("Basic ")).decode() == both
    assert connector.sign(Call("GET", "/x"), {}, NOON, "").headers == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account_sid", "AC1"),
        ("key_sid", "AC" + "0" * 32),
        ("messaging_service", "SK1"),
        ("region", "USA"),
        ("server", "http://api.example.com"),
        ("public_url", "crm.example.com"),
        ("status_callback", "ftp://crm.example.com"),
        ("page_size", 1001),
        ("history_days", -1),
    ],
)
def test_settings_that_can_t_be_right_are_refused(name: str, value: Any) -> None:
    """The message names the setting and shows how it should look."""
    told = {"account_sid": ACCOUNT, "auth_token": Secret("t"), name: value}
    with pytest.raises(ValueError, match=name):
        TwilioSettings(**told)
