"""One cause behind many cases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from socialcrm.cases import read_playbook
from socialcrm.crm import CRM
from socialcrm.errors import NotFound, StateError
from socialcrm.testing import FakeAccount, FakePlatform
from socialcrm.types import CaseState


def _who(place: int) -> FakeAccount:
    return FakeAccount(id=f"w{place}", name=f"customer {place}", handle=f"@customer{place}")


@pytest.fixture
def flood() -> Iterator[tuple[FakePlatform, CRM]]:
    fake = FakePlatform()
    for place in range(12):
        fake.post("The whole outage is back" if place < 8 else "My bill please", by=_who(place), age=timedelta(minutes=5))
    crm = fake.crm()
    crm.sync()
    yield fake, crm
    crm.close()
    assert crm.client is not None
    crm.client.close()


def test_a_flood_is_counted_in_customers(flood: tuple[FakePlatform, CRM]) -> None:
    """Many customers at once are noticed; a few are not."""
    _, crm = flood
    (found,) = crm.cases.incidents.notice(least=6)
    assert (found.customers, found.before, len(found.cases)) == (8, 0, 8)
    assert crm.cases.incidents.notice(least=9) == []


def test_one_update_answers_each_linked_customer_exactly_once(flood: tuple[FakePlatform, CRM]) -> None:
    """However often it is sent; whoever is linked later gets it then; each where they wrote."""
    _, crm = flood
    (found,) = crm.cases.incidents.notice(least=6)
    chosen = [f"c{key}" for key in found.cases]
    crm.cases.incidents.open("outage", chosen[:6], by="ana")
    with pytest.raises(StateError, match="open already"):
        crm.cases.incidents.open("outage", by="ana")
    assert len(crm.cases.incidents.update("outage", "We are on it.", by="ana").replies) == 6
    assert crm.cases.incidents.update("outage", "We are on it.", by="ana").replies == []
    crm.cases.incidents.link("outage", chosen)
    assert len(crm.cases.incidents.update("outage", "We are on it.", by="ana").replies) == 2
    assert len({reply.to.id for reply in crm.outbox()}) == len(crm.outbox()) == 8


def test_whoever_says_that_it_is_not_solved_reopens_only_their_case(flood: tuple[FakePlatform, CRM]) -> None:
    """The others stay resolved."""
    fake, crm = flood
    (found,) = crm.cases.incidents.notice(least=6)
    crm.cases.incidents.open("outage", [f"c{key}" for key in found.cases], by="ana")
    assert len(crm.cases.incidents.resolve("outage", by="ana")) == 8
    with pytest.raises(NotFound, match="no incident named"):
        crm.cases.incidents.cases("outage")
    fake.now += timedelta(hours=1)
    fake.post("Still no line here", by=_who(3), age=timedelta())
    crm.sync()
    assert len(crm.cases.find(state=CaseState.RESOLVED)) == 7
    assert len(crm.cases.find(state=CaseState.OPEN)) == 1


def test_a_rule_links_to_the_incident_that_is_open(flood: tuple[FakePlatform, CRM]) -> None:
    """What comes after the incident was opened is linked by the next tick; without one the rule does nothing."""
    fake, crm = flood
    crm.playbooks.publish(
        read_playbook('[[rule]]\nname = "outage"\nwhen = "\'outage\' in words"\nincident = "outage"'), by="ana"
    )
    fake.now += timedelta(minutes=5)
    fake.post("An outage here", by=_who(20), age=timedelta())
    crm.sync()
    crm.tick()
    crm.cases.incidents.open("outage", by="ana")
    fake.now += timedelta(minutes=5)
    fake.post("An outage here too", by=_who(21), age=timedelta())
    crm.sync()
    crm.tick()
    assert [crm.case(ref).customer_name for ref in crm.cases.incidents.cases("outage")] == ["customer 21"]
