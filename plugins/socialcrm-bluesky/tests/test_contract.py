"""The Bluesky connector keeps the contract, on an invented server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialcrm.connectors import Answer, Incoming, Receipt
from socialcrm.errors import UnsupportedError
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_bluesky import BlueskyConnector

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
PASSWORD = "canary-app-password"
SETTINGS = {"server": "https://pds.example.com", "identifier": "acme.example.com", "app_password": PASSWORD}
HOUR = timedelta(hours=1)


class Network:
    """The network of these tests: two people who mention us, and our own answer."""

    def __init__(self, fake: Any) -> None:
        self.fake = fake
        self.mara, omar = fake.person("mara.example.org", "Mara"), fake.person("omar.example.net", "Omar")
        self.first = fake.post(self.mara, "My line is dead, @acme.example.com", age=9 * HOUR)
        self.second = fake.post(self.mara, "Since Monday", to=self.first, age=8 * HOUR, tell="reply")
        fake.post(fake.me, "We look into it", to=self.first, age=7 * HOUR)
        fake.post(omar, "Is my order lost? @acme.example.com", age=6 * HOUR)
        fake.post(omar, "Number 17, @acme.example.com", age=5 * HOUR)

    @property
    def now(self) -> datetime:
        return self.fake.now

    @now.setter
    def now(self, now: datetime) -> None:
        self.fake.now = now

    def answer(self, request: Incoming) -> Answer:
        return self.fake.answer(request)

    def expire(self) -> None:
        self.fake.expired = True

    def texts(self) -> list[str]:
        chats = [one["text"] for convo in self.fake.convos.values() for one in convo["messages"]]
        return [row["record"]["text"] for row in self.fake.records.values() if "text" in row["record"]] + chats

    def received(self) -> list[str]:
        return [*self.fake.writes, *self.fake.sent]


class Chats(Network):
    """Somebody writes to us in private."""

    def __init__(self, fake: Any) -> None:
        super().__init__(fake)
        fake.records.clear()
        fake.notes.clear()
        for text in ("Can we talk here?", "My number is 555-0100"):
            fake.said("c1", self.mara, text)


def _delete(network: Any) -> None:
    if network.second in network.fake.records:
        network.fake.delete(network.second)


SITES = (
    ("https://bsky.app/profile/acme.example.com", None),
    ("https://bsky.app/hashtag/acme", None),
    ("https://bsky.app/search?q=acme+router", None),
)


def test_pages_of_the_app_say_what_to_read() -> None:
    """A profile, a hashtag or a search becomes a setting; other pages need an account."""
    assert [BlueskyConnector.recognise(*site) for site in SITES] == [
        {"profiles": ["acme.example.com"]},
        {"search": ["#acme"]},
        {"search": ["acme router"]},
    ]
    for other in ("https://bsky.app/", "https://bsky.app/notifications", "https://bsky.app/profile/@@", "https://["):
        assert BlueskyConnector.recognise(other, None) is None


class TestPosts(ConnectorSuite):
    connector = BlueskyConnector

    @pytest.fixture
    def scenario(self, server: Any, export: Any) -> Scenario:
        fake = type(server)
        return Scenario(
            platform=lambda: Network(fake()),
            settings=SETTINGS,
            changes=(lambda network: network.fake.post(network.mara, "One more"), _delete),
            sites=SITES,
            variants={"pages of two": lambda: Network(fake(size=2)), "pages of one": lambda: Network(fake(size=1))},
            archive=lambda folder: export(folder, ["Good morning"]),
            archived=("Good morning",),
            now=NOON,
        )


class TestChats(ConnectorSuite):
    connector = BlueskyConnector

    @pytest.fixture
    def scenario(self, server: Any, export: Any) -> Scenario:
        fake = type(server)
        return Scenario(
            platform=lambda: Chats(fake()),
            settings={**SETTINGS, "chats": True},
            changes=(lambda network: network.fake.said("c1", network.mara, "One more"),),
            variants={"pages of one": lambda: Chats(fake(size=1))},
            archive=lambda folder: export(folder, ["Good morning"]),
            archived=("Good morning",),
            now=NOON,
        )

    def test_what_was_sent_can_be_taken_back(self, scenario: Scenario) -> None:
        """Posts can be taken back; a direct message can't, and that is said instead of hiding it from ourselves."""
        with self.bench(scenario) as bench:
            steps = bench.connector.retract(Receipt(ids=("m1",), conversation="c1"))
            next(steps)
            with pytest.raises(UnsupportedError, match="only takes posts"):
                steps.send(Answer(status=200, content=b'{"did": "did:plc:acme"}'))
