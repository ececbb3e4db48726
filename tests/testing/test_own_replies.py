"""What the platform tells again of our own replies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from socialcrm.crm import CRM
from socialcrm.store import tables
from socialcrm.testing import FakePlatform


@pytest.fixture
def answered() -> Iterator[tuple[FakePlatform, CRM]]:
    """A platform on which we have answered a customer."""
    fake = FakePlatform()
    fake.post("My line is dead")
    crm = fake.crm()
    crm.sync()
    crm.reply(crm.inbox()[0], "We look into it", by="ana")
    crm.flush()
    yield fake, crm
    crm.close()
    assert crm.client is not None
    crm.client.close()


def extras(crm: CRM) -> list[Any]:
    with crm.store.read() as tx:
        table = tables.interactions
        return [row.extra for row in tx.rows(select(table.c.extra).where(table.c.direction == "outbound"))]


def test_a_reply_stays_known_as_ours(answered: tuple[FakePlatform, CRM]) -> None:
    """However often the platform shows our reply, its row still says which reply it is."""
    fake, crm = answered
    for _ in range(3):
        fake.now += timedelta(hours=2)
        crm.sync()
        assert extras(crm) == ['{"reply": 1}']


def test_a_reply_that_is_shown_again_has_not_changed(answered: tuple[FakePlatform, CRM]) -> None:
    """Reading the same words again counts as no change."""
    fake, crm = answered
    crm.sync()
    fake.now += timedelta(hours=2)
    assert crm.sync().changed == 0
