"""The connector in a CRM: identities, deliveries and answers hang together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from socialcrm.errors import UnsupportedError
from socialcrm.testing import Bench, Scenario
from socialcrm_whatsapp import WhatsAppConnector


@pytest.fixture
def bench(world: Any) -> Any:
    """A channel with a template, on a number that tells a closed window late."""

    def make(**told: Any) -> Bench:
        settings = {"phone_number_id": world.NUMBER, "token": world.TOKEN, "app_secret": world.SECRET, **told}
        return Bench(
            WhatsAppConnector, Scenario(platform=lambda: world.FakeNumber(late=True), settings=settings, now=world.NOON)
        )

    return make


@pytest.fixture
def hear(world: Any) -> Callable[..., None]:
    """Deliver notifications."""

    def deliver(one: Bench, *changes: Any) -> None:
        (channel,) = one.crm.channels
        for request in [*one.platform.requests(), *(world.signed(world.notification(change)) for change in changes)]:
            one.crm.receive(channel.name, request)

    return deliver


def test_a_late_answer_leaves_as_the_template(bench: Any, hear: Any) -> None:
    """Within 24 hours the reply is a text, afterwards the template, although the number would take a text and fail it later."""
    with bench(template="note:en_US") as one:
        one.platform.write("Where is it?")
        hear(one)
        one.crm.reply(one.crm.inbox()[0], "We look", by="ana")
        one.crm.flush()
        one.wait(timedelta(minutes=5))
        one.platform.write("And now?")
        hear(one)
        one.wait(timedelta(days=2))
        one.crm.reply(one.crm.inbox()[0], "On its way", by="ana")
        one.crm.flush()
        assert [body["type"] for body in one.platform.bodies] == ["text", "template"]
        assert one.platform.sent == ["We look", "On its way"]
        assert {reply.state for reply in one.crm.outbox()} == {"sent"}


def test_without_a_template_a_late_answer_is_refused_before_it_leaves(bench: Any, hear: Any) -> None:
    """After 24 hours the core says so, and nothing is sent."""
    with bench() as one:
        one.platform.write("Where is it?")
        hear(one)
        one.wait(timedelta(days=2))
        with pytest.raises(UnsupportedError, match="WhatsApp"):
            one.crm.reply(one.crm.inbox()[0], "On its way", by="ana")
        assert one.platform.bodies == []


def test_number_and_user_id_are_one_customer(bench: Any, hear: Any, world: Any) -> None:
    """Who wrote under the number before, and under the user id now, is one customer, also after a new number."""
    with bench() as one:
        row = {"from": world.MARA, "id": "wamid.1", "timestamp": "1772400000", "type": "text", "text": {"body": "Old"}}
        new = {**row, "id": "wamid.2", "text": {"body": "New"}}
        change = {"type": "user_changed_number", "wa_id": "15550199", "user_id": "US.2", "previous_user_id": "US.1"}
        hear(
            one,
            world.change(messages=[row], contacts=[{"wa_id": world.MARA}]),
            world.change(messages=[new], contacts=[{"wa_id": world.MARA, "user_id": "US.1"}]),
            world.change(messages=[{**row, "id": "wamid.3", "type": "system", "system": change}]),
            world.change(messages=[{**row, "from": "15550199", "id": "wamid.4"}], contacts=[{"user_id": "US.2"}]),
        )
        said = one.crm.interactions()
        assert {item.author.id for item in said} == {world.MARA, "US.1", "US.2"}
        assert len({item.customer for item in said}) == 1
