"""The invented platform: in this process, on loopback, with faults; and the fixtures that bring it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

import socialcrm
from socialcrm.connectors import Answer, Incoming
from socialcrm.crm import CRM
from socialcrm.errors import RateLimited, ServerFault, SettingsError, VerificationError
from socialcrm.testing import (
    FAULTS,
    CassettePlatform,
    ConnectorSuite,
    FakeConnector,
    FakePlatform,
    FakeSettings,
    Scenario,
    pytest_plugin,
    serving,
)
from socialcrm.transport import Cassette, Driver, Host, Local, Policy, open_client

cassette = pytest_plugin.cassette
crm = pytest_plugin.crm
fake_platform = pytest_plugin.fake_platform


def impatient() -> Policy:
    return Policy(attempts=1, longest=1, sleep=lambda _seconds: None)


def test_an_application_is_tried_in_three_lines(fake_platform: FakePlatform, crm: CRM) -> None:
    """The fixtures bring a platform and a CRM with a channel on it."""
    fake_platform.post("My router is broken", by=fake_platform.account("Mara"))
    assert crm.sync().new == 1
    crm.reply(crm.inbox()[0], "We look into it", by="ana")
    crm.flush()
    assert fake_platform.received() == ["We look into it"]


def test_it_serves_on_loopback(tmp_path: Path) -> None:
    """Over a real socket the same arrives as in process."""
    fake = FakePlatform()
    fake.post("Hello")
    with fake.serve() as url:
        url_of_store = f"sqlite:///{tmp_path / 'a.db'}"
        opened = socialcrm.open(url_of_store, plugins=fake.plugins(), clock=fake.clock, policy=impatient())
        opened.channels.add("fake", name="here", **fake.settings(server=url))
        assert opened.sync().new == 1
        fake.fail("a reset", times=None)
        assert "broke off" in str(opened.sync(strict=False).errors["here"])
        opened.close()


def test_it_serves_an_event_loop() -> None:
    """The asynchronous client reaches it too."""
    fake = FakePlatform()
    fake.post("Hello")

    async def run(opened: CRM) -> int:
        async with fake.async_client() as client:
            return (await opened.aio.using(client).sync()).new

    opened = fake.crm()
    assert asyncio.run(run(opened)) == 1
    opened.close()


def test_a_used_up_budget_is_told() -> None:
    """After so many requests it answers 429 until it is healed."""
    fake = FakePlatform()
    opened = fake.crm(policy=impatient())
    fake.allow(1)
    assert isinstance(opened.sync(strict=False).errors["fake"], RateLimited)
    fake.heal()
    assert len(fake.requests) == 2
    opened.close()


@pytest.mark.parametrize("fault", sorted({*FAULTS} - {"401"}))  # a token that is not accepted is renewed
def test_every_fault_can_be_ordered(fault: str) -> None:
    """A fault spoils the requests it was ordered for, and no other."""
    fake = FakePlatform()
    fake.post("Hello")
    opened = fake.crm(policy=impatient())
    fake.fail(fault, times=1)
    assert opened.sync(strict=False).errors
    opened.close()
    opened = fake.crm(policy=impatient())
    assert opened.sync().new == 1
    opened.close()


def test_a_fault_may_come_later() -> None:
    """Requests before the fault go well."""
    fake = FakePlatform()
    opened = fake.crm(policy=impatient())
    fake.fail("500", after=1)
    assert isinstance(opened.sync(strict=False).errors["fake"], ServerFault)
    assert [request.url.rpartition("/")[2].partition("?")[0] for request in fake.requests] == ["me", "posts"]
    opened.close()


def test_its_webhooks_are_signed(fake_platform: FakePlatform, crm: CRM) -> None:
    """A webhook brings what happened; with another clock it is refused."""
    post = fake_platform.post("Hello")
    request = fake_platform.webhook(fake_platform.event("post", post))
    crm.receive("fake", request)
    assert [one.text for one in crm.interactions()] == ["Hello"]
    with pytest.raises(VerificationError):
        crm.receive("fake", attrs.evolve(request, at=fake_platform.now + timedelta(days=1)))


def test_its_words_are_checked() -> None:
    """Another way of paging, or another mood, is refused."""
    with pytest.raises(SettingsError):
        FakePlatform(paging="sideways")
    with pytest.raises(SettingsError):
        FakePlatform(moods=("grumpy",))


def test_a_server_of_one_s_own_is_served(tmp_path: Path) -> None:
    """Any function from request to answer can be served on loopback."""
    seen: list[Incoming] = []

    def answer(request: Incoming) -> Answer:
        seen.append(request)
        return Answer(status=201, headers={"x-kind": "test"}, content=request.body)

    with serving(answer) as url, open_client() as client:
        response = client.post(f"{url}/a?b=1", content=b"body")
    assert (response.status_code, response.content, response.headers["x-kind"]) == (201, b"body", "test")
    assert (seen[0].method, seen[0].query, seen[0].body) == ("POST", {"b": "1"}, b"body")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A cassette of one sync."""
    fake = FakePlatform(paging="cursor", size=2)
    for number in range(5):
        fake.post(f"Post {number}")
    path = tmp_path / "cassettes" / "posts.json"
    tape = Cassette(path, record=Local(fake.answer), secrets=lambda: [fake.token])
    connector = FakeConnector(FakeSettings(**fake.settings(rescan_days=0)))
    host = Host({"token": fake.token})
    with open_client(transport=tape) as client, Driver(connector, host, client=client) as driver:
        driver.run(connector.identify())
        driver.run(connector.fetch("posts", {}))
        driver.run(connector.fetch("posts", dict(host.cursor)))
    return path


def test_a_cassette_is_platform_enough(recorded: Path) -> None:
    """The contract of fetching can be proven with a recording."""

    class Suite(ConnectorSuite):
        connector = FakeConnector

    scenario = Scenario(
        platform=lambda: CassettePlatform(recorded, texts=[f"Post {number}" for number in range(5)]),
        settings=FakePlatform(paging="cursor", size=2).settings(rescan_days=0),
        sends=False,
    )
    suite = Suite()
    suite.test_everything_arrives(scenario)
    suite.test_killed_anywhere_it_ends_the_same(scenario)
    suite.test_sync_and_async_agree(scenario)


def test_a_cassette_lies_beside_its_test(cassette: Callable[[str], Cassette]) -> None:
    """The fixture opens a cassette by its name, and says where it looked for one that is not there."""
    with pytest.raises(SettingsError, match=r"testing.cassettes.never-recorded\.json"):
        cassette("never-recorded")


def test_what_is_no_cassette_is_told(tmp_path: Path) -> None:
    """A file of another kind is refused."""
    (tmp_path / "a.json").write_text(json.dumps([]), encoding="utf-8")
    with pytest.raises(SettingsError):
        CassettePlatform(tmp_path / "a.json", texts=[])


def test_a_broken_promise_says_how_and_what() -> None:
    """A failure names the promise, how it is usually broken, and what was seen."""

    class Suite(ConnectorSuite):
        connector = FakeConnector

    class Odd(FakePlatform):
        def texts(self) -> list[str]:
            return [*super().texts(), "never said"]

    with pytest.raises(AssertionError) as caught:
        Suite().test_everything_arrives(Scenario(platform=Odd, settings=FakePlatform().settings()))
    told = str(caught.value)
    assert "The contract promises: every element" in told
    assert "A connector usually breaks it so: it leaves out" in told
    assert "Seen here: 1 missing: ['never said']" in told
