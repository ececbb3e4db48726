"""From identities to customers, through the CRM object: exact evidence links, names never do, and everything can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import socialcrm
from socialcrm.connectors import Batch, Connector, ConnectorInfo, PluginManager, Raw, hookimpl
from socialcrm.crm import CRM
from socialcrm.errors import NotFound, SettingsError
from socialcrm.types import Handle, HandleKind, Identity, Interaction, Item

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


class Notes(Connector[Any]):
    """Yields what each test wrote down: (id, minutes, author, name, handles)."""

    info = ConnectorInfo(platform="notes")

    def parse(self, raw: Raw) -> Iterable[Item]:
        name, minutes, author, shown, handles = raw.body
        told = tuple(Handle(kind=HandleKind(kind), value=value, verified=sure) for kind, value, sure in handles)
        yield Interaction(
            id=name,
            at=START + timedelta(minutes=minutes),
            author=Identity(id=author, name=shown, handles=told),
            conversation=author,
            text=f"words of {name}",
        )


class Plugin:
    """Adds the connector."""

    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Notes]


@pytest.fixture
def crm() -> Iterator[CRM]:
    """A workspace with one channel."""
    plugins = PluginManager(find=list)
    plugins.register(Plugin(), "notes")
    with socialcrm.open("sqlite:///:memory:", plugins=plugins, clock=lambda: START + timedelta(days=1)) as opened:
        opened.channels.add("notes", name="notes")
        yield opened


def hear(crm: CRM, *notes: tuple[str, int, str, str, list[tuple[str, str, bool]]]) -> None:
    """Deliver notes."""
    from socialcrm.crm._pull import Pull

    row = crm.channels.row("notes")
    Pull(crm, row, None).take(crm.channels.connector(row), Batch([Raw("note", list(note)) for note in notes]), "notes")


def people(crm: CRM) -> dict[str, str]:
    """Return the customer of each account."""
    return {one.author.id: crm.customer(one.author.customer).ref for one in crm.interactions()}


def test_the_same_verified_address_is_one_person(crm: CRM) -> None:
    """Two accounts whose platform vouches for one address become one customer with one case."""
    hear(crm, ("a", 0, "ada@blog", "Ada", [("email", "ada@example.org", True)]))
    hear(crm, ("b", 1, "ada@forum", "A. L.", [("email", "ada@example.org", True)]))
    assert len(set(people(crm).values())) == 1
    assert [case.contacts for case in crm.inbox()] == [2]


def test_an_unverified_address_and_a_name_link_nobody(crm: CRM) -> None:
    """What anybody can type never links: neither an unverified address nor a display name."""
    hear(crm, ("a", 0, "ada@blog", "Ada", [("email", "ada@example.org", True)]))
    hear(crm, ("b", 1, "eve@forum", "Ada", [("email", "ada@example.org", False)]))
    assert len(set(people(crm).values())) == 2


def test_an_address_verified_later_links_then(crm: CRM) -> None:
    """A handle that becomes verified counts from then on, for everything that came before."""
    hear(crm, ("a", 0, "ada@blog", "Ada", [("email", "ada@example.org", True)]))
    hear(crm, ("b", 1, "ada@forum", "Ada", [("email", "ada@example.org", False)]))
    hear(crm, ("c", 2, "ada@forum", "Ada", [("email", "ada@example.org", True)]))
    assert len(set(people(crm).values())) == 1
    assert [case.contacts for case in crm.inbox()] == [3]


def test_separating_restores_both_exactly(crm: CRM) -> None:
    """Joining two customers and separating them again gives both their cases and numbers back."""
    hear(crm, ("a", 0, "ada", "Ada", []), ("b", 1, "bo", "Bo", []))
    before = (people(crm), [(c.ref, c.customer, c.contacts, c.due_at) for c in crm.inbox()])
    ada, bo = crm.inbox()[0].customer, crm.inbox()[1].customer
    joined = crm.cases.join(ada, bo, by="ana", reason="said so on the phone")
    assert len(joined.identities) == 2
    assert [case.contacts for case in crm.inbox()] == [2]
    assert crm.customer(bo).ref == ada
    crm.cases.separate(*joined.identities, by="ana", reason="a mistake")
    assert (people(crm), [(c.ref, c.customer, c.contacts, c.due_at) for c in crm.inbox()]) == before


def test_who_was_separated_stays_so(crm: CRM) -> None:
    """What a person said counts more than evidence that comes again."""
    hear(crm, ("a", 0, "ada", "Ada", [("phone", "+15550101", True)]), ("b", 1, "bo", "Bo", [("phone", "+15550101", True)]))
    [customer] = set(people(crm).values())
    crm.cases.separate(*crm.customer(customer).identities, by="ana", reason="they share a telephone")
    hear(crm, ("c", 2, "bo", "Bo", [("phone", "+15550101", True)]))
    assert len(set(people(crm).values())) == 2


def test_the_newest_profile_is_shown_whatever_comes_last(crm: CRM) -> None:
    """A profile that is older by the platform's time does not replace a newer one."""
    hear(crm, ("b", 9, "ada", "Ada L.", []))
    hear(crm, ("a", 0, "ada", "Ada", []))
    assert crm.customer("u1").name == "Ada L."


def test_joining_somebody_with_themselves_or_nobody_is_refused(crm: CRM) -> None:
    """A join needs two identities that exist."""
    hear(crm, ("a", 0, "ada", "Ada", []))
    with pytest.raises(SettingsError):
        crm.cases.join("p1", "p1", by="ana", reason="?")
    with pytest.raises(NotFound):
        crm.cases.join("p1", "p99", by="ana", reason="?")
