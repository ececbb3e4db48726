"""Private chats and a group, the whole way through the CRM on an emulator of the Bot API. All people are invented."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import telegram as harness

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Incoming
from socialcrm.errors import VerificationError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("telegram")

SECRET = "secret-of-these-tests"
MARA, JONAS, GROUP = 5001, 5002, -1001000000001


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh emulator, and our credentials in the environment."""
    monkeypatch.setenv("TELEGRAM_TOKEN", harness.TOKEN)
    monkeypatch.setenv("TELEGRAM_OTHER", "666:another-bot")
    monkeypatch.setenv("TELEGRAM_SECRET", SECRET)
    with harness.telegram() as running:
        yield running


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/bot.db"


@pytest.fixture
def crm(telegram: Any, url: str) -> Iterator[CRM]:
    """A workspace with one bot."""
    with socialcrm.open(url) as opened:
        opened.channels.add("telegram", name="bot", **settings(telegram))
        yield opened


def settings(telegram: Any, token: str = "env:TELEGRAM_TOKEN") -> dict[str, Any]:
    return {"server": telegram.url, "token": token, "webhook_secret": "env:TELEGRAM_SECRET"}


def said(telegram: Any) -> dict[tuple[str, str], str]:
    """Return what stands in the chats as the server itself reports it: the newest wording by chat and number."""
    return {(one["chat"], one["id"]): one["text"] for one in telegram.history()}


def held(crm: CRM) -> dict[tuple[str, str], str]:
    """Return what the store holds, in the same words."""
    kept = [one for one in crm.interactions() if one.deleted_at is None]
    return {(one.scope, one.id): one.text for one in kept}


def ours(telegram: Any) -> list[dict[str, Any]]:
    return [one for one in telegram.history() if one["bot"]]


def send(crm: CRM, number: int, secret: str = SECRET, **update: Any) -> int:
    """Send an update as Telegram would; returns the status of the answer."""
    body = json.dumps({"update_id": number, **update}).encode()
    headers = {"x-telegram-bot-api-secret-token": secret, "content-type": "application/json"}
    request = Incoming(method="POST", url="/hooks/telegram", headers=headers, body=body, at=datetime.now(UTC))
    return crm.receive("bot", request).status


def test_the_story(telegram: Any, crm: CRM) -> None:
    """Two customers write and are answered where they asked; one changes what they wrote; nothing appears twice."""
    telegram.say(MARA, "My order 17 is late.")
    telegram.say(JONAS, "Is it only me?", chat=GROUP)
    crm.sync()
    assert held(crm) == said(telegram)
    cases = {case.customer_name: case for case in crm.inbox()}
    assert set(cases) == {f"Person {MARA}", f"Person {JONAS}"}
    private = crm.reply(cases[f"Person {MARA}"], "Sorry, Mara & all: it <leaves> today.", by="ana")
    public = crm.reply(cases[f"Person {JONAS}"], "No. We look into it.", by="ana")
    assert set(crm.flush().sent) == {private.ref, public.ref}
    answers = {one["chat"]: one for one in ours(telegram)}
    (asked,) = [one for one in telegram.history() if one["text"] == "My order 17 is late."]
    assert answers[str(MARA)]["text"] == "Sorry, Mara & all: it <leaves> today."
    assert answers[str(MARA)]["fields"]["reply_parameters"]["message_id"] == int(asked["id"])
    assert answers[str(GROUP)]["text"] == "No. We look into it."

    telegram.say(MARA, "My order 18 is late.", edit_date=int(time.time()) + 1, message_id=int(asked["id"]))
    telegram.say(MARA, "Thank you")
    crm.sync()
    assert held(crm) == said(telegram)
    stored = {(one.scope, one.id): one for one in crm.interactions()}
    first = stored[str(MARA), asked["id"]]
    assert (first.text, first.visibility, len({one.thread for one in stored.values()})) == (
        "My order 18 is late.",
        Visibility.PRIVATE,
        2,
    )
    assert {one.text for one in stored.values() if one.direction is Direction.OUTBOUND} == {
        one["text"] for one in ours(telegram)
    }
    assert (crm.sync().new, crm.flush().sent) == (0, [])


def test_a_question_in_a_group_is_answered_in_private(telegram: Any, crm: CRM) -> None:
    """The answer stands in the customer's own chat with the bot, and what they say there joins it."""
    telegram.say(JONAS, "Where do I send my papers?", chat=GROUP)
    crm.sync()
    (case,) = crm.inbox()
    crm.reply(case, "Please send them here.", by="ana", visibility=Visibility.PRIVATE)
    crm.flush()
    assert [(one["chat"], one["text"]) for one in ours(telegram)] == [(str(JONAS), "Please send them here.")]
    telegram.say(JONAS, "Here they are")
    crm.sync()
    assert held(crm) == said(telegram)
    threads = {one.text: one.thread for one in crm.interactions()}
    assert threads["Here they are"] == threads["Please send them here."] != threads["Where do I send my papers?"]


def test_webhooks_bring_the_same(telegram: Any, crm: CRM) -> None:
    """What was polled and comes once more by webhook, backwards and twice, is the same; without our secret it is refused."""
    telegram.say(MARA, "My order 18 is late.")
    crm.sync()
    (one,) = telegram.history()
    message = {"message_id": int(one["id"]), **{key: value for key, value in one["fields"].items() if key != "botToken"}}
    edited = {**message, "text": "My order 19 is late.", "edit_date": message["date"] + 5}
    later = {**message, "message_id": 900, "text": "Anybody there?"}
    updates = [{"message": message}, {"edited_message": edited}, {"message": later}]
    for number, update in [*reversed(list(enumerate(updates, 50))), *enumerate(updates, 50)]:
        assert send(crm, number, **update) == 200
    assert held(crm) == {(str(MARA), one["id"]): "My order 19 is late.", (str(MARA), "900"): "Anybody there?"}
    for wrong in ("", "guess"):
        with pytest.raises(VerificationError):
            send(crm, 60, wrong, message={**later, "message_id": 901})
    assert len(held(crm)) == 2


def test_killed_anywhere_it_ends_as_the_server_says(telegram: Any, crm: CRM, url: str, tmp_path: Path) -> None:
    """250 messages in three pages; ten times killed while fetching, no update that the server has forgotten is missing."""
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("telegram", name="bot", **settings(telegram, "env:TELEGRAM_OTHER"))
    for token in (os.environ["TELEGRAM_TOKEN"], os.environ["TELEGRAM_OTHER"]):
        for number in range(250):
            telegram.say(MARA if number % 2 else JONAS, f"Message {number}", token=token)
    whole, dice = calls(calm, "sync", since="fetch"), random.Random(3)
    assert [work(url, "sync", dice.randint(1, whole // 3), since="fetch") for _ in range(10)].count(None) >= 5
    crm.sync()
    assert held(crm) == said(telegram)
    assert (crm.sync().new, len(held(crm))) == (0, 250)


def test_killed_while_answering_no_reply_is_doubled(telegram: Any, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once, or is told to be unclear: a bot can't look for it."""
    for number in range(12):
        telegram.say(6000 + number, f"Question {number}")
    crm.sync()
    wanted = {crm.reply(case, f"Answer for {case.customer_name}", by="ana").text for case in crm.inbox()}
    assert len(wanted) == 12
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(url, "flush", dice.randint(1, 9_000), since="send") is None
    crm.flush()
    stand = Counter(one["text"] for one in ours(telegram))
    assert died >= 3
    assert set(stand.values()) == {1}
    for reply in crm.outbox():
        assert reply.state in ("sent", "reconciled", "unknown")
        assert stand[reply.text] == 1 or reply.state == "unknown"
    assert set(stand) <= wanted
    crm.sync()
    sure = {one["text"] for one in ours(telegram)} - {reply.text for reply in crm.outbox() if reply.state == "unknown"}
    assert {one.text for one in crm.interactions() if one.direction is Direction.OUTBOUND} == sure


def test_a_long_answer(telegram: Any, crm: CRM) -> None:
    """A text above the limit stands in parts, in order; only the first one answers."""
    telegram.say(MARA, "How does it work?")
    crm.sync()
    (case,) = crm.inbox()
    reply = crm.reply(case, "Turn it off & on again. 👍 " * 300, by="ana")
    assert len(reply.parts) > 1
    crm.flush()
    assert [one["text"] for one in ours(telegram)] == list(reply.parts)
    assert ["reply_parameters" in one["fields"] for one in ours(telegram)] == [True, *[False] * (len(reply.parts) - 1)]
    crm.sync()
    assert held(crm) == said(telegram)
