"""Asking for updates, and taking those that Telegram sends."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Incoming
from socialcrm.errors import ConflictError, CredentialsError, PayloadError, RateLimited, VerificationError
from socialcrm.types import Hole, Interaction, Secret
from socialcrm_telegram import TelegramConnector, TelegramSettings

MARA = {"id": 5001, "is_bot": False, "first_name": "Mara"}
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def texts(desk: Any) -> list[str]:
    """Return what arrived, once each."""
    found = {(item.scope, item.id): item.text for item in desk.items if isinstance(item, Interaction)}
    return list(found.values())


def fill(telegram: Any, count: int) -> list[str]:
    for number in range(count):
        telegram.say(telegram.chats[5001], MARA, f"Message {number}")
    return [f"Message {number}" for number in range(count)]


def test_updates_are_confirmed_after_they_are_durable(telegram: Any, desk: Any, killed: Any) -> None:
    """Killed after any step, nothing that Telegram forgot is missing."""
    for lives in range(14):
        telegram.queue.clear()
        telegram.messages[5001].clear()
        telegram.size = 3
        wanted, one = fill(telegram, 7), desk()
        one.host.lives = lives
        with contextlib.suppress(killed):
            one.sync()
        one.host.lives = None
        one.sync()
        assert texts(one) == wanted
        assert telegram.queue == []


def test_an_offset_is_one_above_the_last(telegram: Any, desk: Any) -> None:
    """The cursor holds the next update's number; the kinds of updates are asked for by name."""
    fill(telegram, 2)
    one = desk(updates=("message",))
    one.sync()
    assert one.host.cursor == {"offset": "870000003", "polled": str(int(NOON.timestamp()))}
    asked = [fields for method, fields in telegram.log if method == "getUpdates"]
    assert [fields.get("offset") for fields in asked] == [None, 870000003]
    assert {tuple(fields["allowed_updates"]) for fields in asked} == {("message",)}


def test_numbers_may_begin_anew(telegram: Any, desk: Any) -> None:
    """After a quiet week Telegram counts from anywhere, below the old numbers too."""
    fill(telegram, 2)
    one = desk()
    one.sync()
    one.pass_time(timedelta(days=8))
    telegram.next_update = 50
    telegram.say(telegram.chats[5001], MARA, "Anybody there?")
    one.sync()
    assert "Anybody there?" in texts(one)
    assert one.host.cursor["offset"] == "51"


def test_more_than_a_day_away_is_a_hole(telegram: Any, desk: Any) -> None:
    """What was lost while nobody asked is told once; a day without updates is none."""
    one = desk()
    one.sync()
    one.pass_time(timedelta(hours=23))
    one.sync()
    assert not one.items
    fill(telegram, 1)
    one.pass_time(timedelta(hours=30))
    one.sync()
    one.sync()
    (hole,) = one.items
    assert isinstance(hole, Hole)
    assert (hole.since, hole.at) == (NOON + timedelta(hours=23), NOON + timedelta(hours=29))


def test_a_group_that_becomes_a_supergroup(telegram: Any, desk: Any) -> None:
    """Messages before and after the move are one conversation, in later syncs too."""
    small, large = telegram.chats[-4711], telegram.chats[-1001000000001]
    telegram.say(small, MARA, "Hello")
    telegram.update("message", {**telegram.message(small, MARA, ""), "migrate_to_chat_id": large["id"]})
    telegram.say(large, MARA, "Still here")
    one = desk()
    one.sync()
    telegram.say(large, MARA, "Tomorrow too")
    one.sync()
    assert one.host.cursor["home -1001000000001"] == "-4711"
    assert {item.conversation for item in one.items} == {"-4711"}
    assert len({(item.scope, item.id) for item in one.items}) == 4


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("Conflict: can't use getUpdates method while webhook is active", "poll=false"),
        ("Conflict: terminated by other getUpdates request", "another program"),
    ],
)
def test_a_conflict_says_what_to_do(telegram: Any, desk: Any, refusal: Any, words: str, advice: str) -> None:
    """Only one taker gets updates; the error names the way out."""
    telegram.refused["getUpdates"] = refusal(409, words)
    with pytest.raises(ConflictError, match=advice):
        desk().sync()


def test_with_a_webhook_nothing_is_asked_for(telegram: Any, desk: Any) -> None:
    """poll=False leaves the webhook alone."""
    desk(poll=False).sync()
    assert telegram.log == []


def test_without_a_token_nothing_is_asked_for(telegram: Any, desk: Any) -> None:
    """A channel for exports has no token, and says so."""
    one = desk(token=None)
    with pytest.raises(CredentialsError, match="BotFather"):
        one.sync()


def test_waiting_is_told_to_telegram_once(telegram: Any, desk: Any) -> None:
    """Only the first question waits; what follows drains the queue."""
    fill(telegram, 1)
    desk(wait=20).sync()
    assert [fields["timeout"] for method, fields in telegram.log if method == "getUpdates"] == [20, 0]


def test_a_rate_limit_is_waited_for(telegram: Any, desk: Any, refusal: Any) -> None:
    """The body says for how long."""
    telegram.once["getUpdates"] = refusal(429, "Too Many Requests: retry after 7", retry_after=7)
    wanted, one = fill(telegram, 1), desk()
    one.sync()
    assert texts(one) == wanted
    assert sum(one.waits) >= 7
    telegram.refused["getUpdates"] = refusal(429, "Too Many Requests", retry_after=900)
    with pytest.raises(RateLimited):
        one.sync()


def test_the_token_shows_nowhere(telegram: Any, desk: Any) -> None:
    """The flow names methods only; the path with the token is made when it is signed."""
    one = desk()
    step = next(one.connector.identify())
    assert step.path == "/getMe"
    signed = one.connector.sign(step, {"token": "1:secret-part"}, NOON, "n")
    assert signed.path == "/bot1:secret-part/getMe"
    assert one.connector.sign(step, {"token": "../x?y"}, NOON, "n").path == "/bot..%2Fx%3Fy/getMe"


def test_a_file_is_fetched_with_the_token_in_its_path(telegram: Any, desk: Any) -> None:
    """An attachment's address is an id; its file comes from the Bot API."""
    one = desk()
    blob = one.run(one.connector.download("telegram:file/AgAC"))
    assert blob.path.read_bytes() == b"a picture"


SECRET = "webhook-secret"


def hook(body: bytes, **headers: str) -> Incoming:
    told = {"x-telegram-bot-api-secret-token": SECRET, **headers}
    return Incoming(method="POST", url="https://us.example.org/hook", headers=told, body=body, at=NOON)


def test_a_webhook_without_our_token_is_refused() -> None:
    """The header has to hold what setWebhook was given; a channel without a secret refuses everything."""
    connector = TelegramConnector(TelegramSettings(webhook_secret=Secret(SECRET)))
    body = json.dumps({"update_id": 1, "poll": {"id": "1"}}).encode()
    assert len(connector.receive(hook(body)).batches) == 1
    for given in ("", "webhook-secre", "“webhook-secret”"):
        with pytest.raises(VerificationError):
            connector.receive(hook(body, **{"x-telegram-bot-api-secret-token": given}))
    with pytest.raises(VerificationError):
        TelegramConnector(TelegramSettings()).receive(hook(body, **{"x-telegram-bot-api-secret-token": ""}))


def test_a_webhook_tells_a_move_to_polling() -> None:
    """That a group moved is kept for later polling; events without a time get ours."""
    connector = TelegramConnector(TelegramSettings(webhook_secret=Secret(SECRET)))
    moved = {"message_id": 1, "chat": {"id": -1001, "type": "supergroup"}, "date": 1, "migrate_from_chat_id": -47}
    (batch,) = connector.receive(hook(json.dumps({"update_id": 1, "message": moved}).encode())).batches
    assert (batch.cursor, batch.stream) == ({"home -1001": "-47"}, "updates")
    (raw,) = batch.raws
    assert raw.context == {"home": "-47"}
    pressed = {"update_id": 2, "callback_query": {"id": "9", "from": MARA}}
    (item,) = connector.parse(connector.receive(hook(json.dumps(pressed).encode())).batches[0].raws[0])
    assert item.at == NOON


def test_a_body_that_is_no_update_is_told() -> None:
    """A body without an update's number is no update."""
    connector = TelegramConnector(TelegramSettings(webhook_secret=Secret(SECRET)))
    for body in (b"", b"[]", b'{"update_id": "1"}', b'{"update_id": 1}'):
        with pytest.raises(PayloadError):
            connector.receive(hook(body))
