"""What rules send by themselves: once, never to old messages, and never an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from socialcrm.cases import read_playbook
from socialcrm.crm import CRM
from socialcrm.testing import FakePlatform

POLITE = read_playbook("""
[macros]
got = "Thank you. A person will read this."
[[rule]]
name = "polite"
when = "new_case or contacts > 1"
acknowledge = "got"
""")


@pytest.fixture
def fake() -> Iterator[tuple[FakePlatform, CRM]]:
    fake = FakePlatform()
    crm = fake.crm()
    crm.playbooks.publish(POLITE, by="ana")
    yield fake, crm
    crm.close()
    assert crm.client is not None
    crm.client.close()


def test_an_automatic_message_is_sent_once_and_is_no_answer(fake: tuple[FakePlatform, CRM]) -> None:
    """It leaves once per case, the customer goes on waiting, and the target is missed all the same."""
    platform, crm = fake
    platform.post("My line is dead")
    crm.sync()
    waiting = crm.inbox()[0]
    for _ in range(3):
        crm.tick()
        crm.flush()
        crm.sync()
    assert [reply.by for reply in crm.outbox()] == ["playbook"]
    now = crm.case(waiting)
    assert (now.waiting_since, now.due_at, now.answered_at) == (waiting.waiting_since, waiting.due_at, None)
    platform.now += timedelta(hours=9)
    crm.tick()
    assert crm.cases.detail(waiting).late_answer
    assert [event.kind for event in crm.events(waiting)][-1] == "breached"


def test_old_messages_get_no_automatic_answer(fake: tuple[FakePlatform, CRM]) -> None:
    """Whoever loads a history writes to nobody."""
    platform, crm = fake
    platform.post("My line was dead last year")
    platform.now += timedelta(hours=2)
    crm.sync()
    crm.tick()
    assert crm.outbox() == []


def test_a_claim_holds_an_automatic_message_back_and_stops_no_tick(fake: tuple[FakePlatform, CRM]) -> None:
    """An agent is at it already: the audit trail says why nothing was sent, and time passes for the other cases."""
    platform, crm = fake
    platform.post("My line is dead")
    crm.sync()
    case = crm.inbox()[0]
    crm.cases.claim(case, by="ana", minutes=15)
    crm.tick()
    assert crm.outbox() == []
    assert "held back: ConflictError" in crm.events(case)[-1].data["value"]
