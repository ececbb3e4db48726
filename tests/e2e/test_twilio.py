"""Text messages and phone calls, the whole way through the CRM on an emulator. All people and numbers are invented."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.e2e._mortal import calls, work
from tests.servers import twilio as harness

import socialcrm
from socialcrm import CRM
from socialcrm.errors import VerificationError
from socialcrm.types import Direction, Kind

pytestmark = pytest.mark.server("twilio")

MARA, JONAS = "+15550100199", "+15550100198"


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh account, and our credentials in the environment."""
    monkeypatch.setenv("TWILIO_TOKEN", harness.TOKEN)
    with harness.twilio() as running:
        yield running


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(twilio: Any, url: str) -> Iterator[CRM]:
    """A workspace with our number."""
    with socialcrm.open(url) as opened:
        opened.channels.add("twilio", name="phone", **settings(twilio))
        yield opened


def settings(twilio: Any, **more: Any) -> dict[str, Any]:
    told = {"server": twilio.url, "account_sid": harness.ACCOUNT, "auth_token": "env:TWILIO_TOKEN", "recordings": False}
    return {**told, "public_url": twilio.hook, "status_callback": twilio.hook, "region": "US", **more}


def later(url: str, hours: int = 2) -> CRM:
    """Open the workspace some hours later: what is recent is looked at again."""
    return socialcrm.open(url, clock=lambda: datetime.now(UTC) + timedelta(hours=hours))


def hear(twilio: Any, crm: CRM, *, backwards: bool = False) -> None:
    """Take every webhook that came, in order or backwards and once more."""
    heard = list(twilio.calls)
    twilio.calls.clear()
    for request in [*reversed(heard), *heard] if backwards else heard:
        answer = crm.receive("phone", request)
        assert (answer.status, answer.mime, answer.body[-11:]) == (200, "text/xml", b"<Response/>")


def said(twilio: Any) -> dict[str, tuple[str, str]]:
    """Return what stands in the log as the server itself reports it: text and sender (for us the account), by SID."""
    found = twilio.all("messages")
    return {one["sid"]: (one["body"], one["from" if one["direction"] == "inbound" else "account_sid"]) for one in found}


def held(crm: CRM) -> dict[str, tuple[str, str]]:
    """Return what the store holds, in the same words."""
    kept = [one for one in crm.interactions() if one.deleted_at is None and one.kind is not Kind.CALL]
    return {one.id: (one.text, one.author.id) for one in kept}


def test_the_story(twilio: Any, crm: CRM, url: str) -> None:
    """Two customers write and call, are answered from the number they used, and the log is followed in the end."""
    first = twilio.text(MARA, "My order 17 is late.")
    wrong = twilio.text(MARA, "Please ignore me.")
    missed = twilio.ring(JONAS, "no-answer")
    assert crm.sync().errors == {}
    assert held(crm) == said(twilio)
    (call,) = [one for one in crm.interactions() if one.id == missed]
    assert (call.text, call.kind, call.direction) == ("Missed call (no answer)", Kind.CALL, Direction.INBOUND)
    by_name = {case.customer_name: case for case in crm.inbox()}
    one = crm.reply(by_name[MARA], "Sorry: it leaves today.", by="ana")
    other = crm.reply(by_name[JONAS], "You called; how can we help?", by="ana")
    assert set(crm.flush().sent) == {one.ref, other.ref}
    sent = {row["to"]: row for row in twilio.all("messages") if row["direction"] == "outbound-api"}
    assert (sent[MARA]["from"], sent[MARA]["body"]) == (harness.OURS, "Sorry: it leaves today.")
    assert sent[JONAS]["body"] == "You called; how can we help?"
    late = twilio.text(JONAS, "I want my money back.")
    crm.sync()
    stored = {one.id: one for one in crm.interactions()}
    assert held(crm) == said(twilio)
    assert {stored[late].thread, stored[sent[JONAS]["sid"]].thread} == {call.thread}
    assert stored[sent[MARA]["sid"]].thread == stored[first].thread
    assert stored[sent[MARA]["sid"]].direction is Direction.OUTBOUND

    twilio.delete(wrong)
    twilio.redact(first)
    with later(url) as again:
        again.sync()
        assert held(again) == said(twilio)
        assert wrong not in held(again)
        assert (again.sync().new, again.flush().sent) == (0, [])


def test_webhooks_bring_the_same(twilio: Any, crm: CRM) -> None:
    """Signed webhooks, twice and in reverse, lead to what fetching leads to; a forged one is refused."""
    first = twilio.text(MARA, "My order 18 is late: \u20ac 5 & more?")
    twilio.text(JONAS, "STOP")
    missed = twilio.ring(JONAS, "busy")
    forged = attrs.evolve(twilio.calls[0], body=twilio.calls[0].body.replace(b"18", b"19"))
    with pytest.raises(VerificationError):
        crm.receive("phone", forged)
    hear(twilio, crm, backwards=True)
    by_hooks = held(crm)
    assert by_hooks == said(twilio)
    assert {one.text: one.kind for one in crm.interactions()} == {
        "My order 18 is late: \u20ac 5 & more?": Kind.MESSAGE,
        "STOP": Kind.OTHER,
        "Missed call (busy)": Kind.CALL,
    }
    assert crm.sync().new == 0
    assert held(crm) == by_hooks
    assert {one.id for one in crm.interactions()} >= {first, missed}


def states(url: str) -> dict[str, str]:
    """Return what the store keeps of deliveries, by SID."""
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store:
        found = store.execute("select pid, extra from interactions where direction = 'outbound'").fetchall()
    return {pid: json.loads(extra)["delivery"]["status"] for pid, extra in found}


def test_states_of_an_answer_come_by_webhook(twilio: Any, crm: CRM, url: str) -> None:
    """What the carrier reports is kept, however the callbacks overtake each other; a failure is told."""
    twilio.text(MARA, "Hello?")
    twilio.text(JONAS, "Anybody?")
    crm.sync()
    twilio.calls.clear()
    for case in crm.inbox():
        crm.reply(case, f"Hello {case.customer_name}", by="ana")
    crm.flush()
    sent = {row["to"]: row["sid"] for row in twilio.all("messages") if row["direction"] == "outbound-api"}
    twilio.tell(sent[MARA], "sent")
    twilio.tell(sent[MARA], "delivered")
    twilio.tell(sent[JONAS], "undelivered")
    hear(twilio, crm, backwards=True)
    assert states(url) == {sent[MARA]: "delivered", sent[JONAS]: "failed"}
    crm.sync()
    assert states(url) == {sent[MARA]: "delivered", sent[JONAS]: "failed"}


def test_a_call_that_goes_on_is_known_when_it_has_ended(twilio: Any, crm: CRM) -> None:
    """A call is nothing while it goes on; its end is found by looking at it again."""
    sid = twilio.ring(MARA)
    crm.sync()
    assert crm.interactions() == []
    twilio.end(sid, "completed")
    twilio.calls.clear()
    crm.sync()
    assert [(one.id, one.text) for one in crm.interactions()] == [(sid, "Missed call (it ended at once)")]


def test_killed_anywhere_it_ends_as_twilio_says(twilio: Any, url: str, tmp_path: Path) -> None:
    """250 messages in pages of 40; ten times killed while fetching, the store holds what the server reports."""
    for number in range(250):
        twilio.text(MARA if number % 2 else JONAS, f"Message {number}")
    calm = f"sqlite:///{tmp_path}/calm.db"
    for one in (calm, url):
        with socialcrm.open(one) as opened:
            opened.channels.add("twilio", name="phone", **settings(twilio, page_size=40))
    whole, dice = calls(calm, "sync", since="fetch"), random.Random(3)
    assert [work(url, "sync", dice.randint(1, whole // 4), since="fetch") for _ in range(10)].count(None) >= 5
    with socialcrm.open(url) as crm:
        crm.sync()
        assert held(crm) == said(twilio)
        assert (crm.sync().new, len(held(crm))) == (0, 250)


def test_killed_while_answering_no_reply_is_doubled_or_lost(twilio: Any, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once in the log."""
    customers = [f"+1555010012{number}" for number in range(6)]
    for customer in customers:
        twilio.text(customer, "Where is it?")
    crm.sync()
    wanted = {}
    for case in crm.inbox():
        reply = crm.reply(case, f"It is on its way, {case.customer_name}.", by="ana")
        wanted[reply.text] = case.customer_name
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(url, "flush", dice.randint(1, 9_000), since="send") is None
    crm.flush()
    ours = [one for one in twilio.all("messages") if one["direction"] == "outbound-api"]
    assert {one["body"]: one["to"] for one in ours} == wanted
    assert len(ours) == len(wanted) == 6
    assert {reply.state for reply in crm.outbox()} <= {"sent", "reconciled"}
    assert died >= 3
    crm.sync()
    assert held(crm) == said(twilio)


def test_a_long_answer(twilio: Any, crm: CRM) -> None:
    """A text above 1,600 characters goes out in parts, in order."""
    twilio.text(MARA, "How does it work?")
    crm.sync()
    (case,) = crm.inbox()
    reply = crm.reply(case, "Turn it off & on again. " * 120, by="ana")
    assert len(reply.parts) > 1
    crm.flush()
    ours = [one["body"] for one in twilio.all("messages") if one["direction"] == "outbound-api"]
    assert ours[::-1] == list(reply.parts)
    crm.sync()
    assert held(crm) == said(twilio)
