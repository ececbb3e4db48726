"""A channel on an invented Reddit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Flow, Step
from socialcrm.transport import Driver, Host, Local, Policy, open_client
from socialcrm.types import Secret
from socialcrm_reddit import RedditConnector, RedditSettings

sys.path.insert(0, str(Path(__file__).parent))

from fake_reddit import AGENT, NOON, TOKEN, FakeReddit


class Killed(Exception):
    """The process died here."""


class StoppedHost(Host):
    """A host with a clock that stands, and that may die after so many steps."""

    def __init__(self, **grant: str) -> None:
        super().__init__({"refresh_token": "refresh-reddit-canary", "client_secret": "s", **grant})
        self.time = NOON
        self.lives: int | None = None

    def now(self) -> Any:
        return self.time

    def progress(self, step: Step[object]) -> None:
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                self.lives = None
                raise Killed


class Desk:
    """One channel: settings, connector, host, driver."""

    def __init__(self, reddit: FakeReddit, **settings: Any) -> None:
        self.reddit = reddit
        self.host = StoppedHost(**({} if "token" in settings else {"token": TOKEN}))
        values: dict[str, Any] = {
            "user_agent": AGENT,
            "client_id": "app",
            "client_secret": Secret("s"),
            "token": Secret(TOKEN),
            "refresh_token": Secret("refresh-reddit-canary"),
            **settings,
        }
        self.connector = RedditConnector(RedditSettings(**values))
        self.client = open_client(transport=Local(reddit.answer))
        policy = Policy(attempts=2, sleep=lambda _seconds: None)
        self.driver = Driver(self.connector, self.host, client=self.client, policy=policy)

    def run(self, flow: Flow[Any]) -> Any:
        return self.driver.run(flow)

    def sync(self, stream: str) -> list[Any]:
        """Follow a stream, and return the items of what came."""
        before = len(self.raws)
        self.run(self.connector.fetch(stream, dict(self.host.cursor)))
        return [item for raw in self.raws[before:] for item in self.connector.parse(raw)]

    def close(self) -> None:
        self.driver.close()
        self.client.close()

    @property
    def raws(self) -> list[Any]:
        return [raw for batch in self.host.batches for raw in batch.raws]

    @property
    def items(self) -> list[Any]:
        return [item for raw in self.raws for item in self.connector.parse(raw)]


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def reddit() -> FakeReddit:
    """A Reddit with our account only."""
    return FakeReddit()


@pytest.fixture
def desk(reddit: FakeReddit) -> Iterator[Callable[..., Desk]]:
    """Makes channels, and closes them."""
    made: list[Desk] = []

    def make(**settings: Any) -> Desk:
        made.append(Desk(reddit, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
