"""A connector with what drives it, for a plugin's own tests: no wait is slept, no network is used, time stands still."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

import httpx

from socialcrm.connectors import Connector, Flow, Raw, Step
from socialcrm.transport import Driver, Host, Policy, open_client, open_ssl_context
from socialcrm.types import Item

__all__ = ["Desk", "Killed", "StoppedHost"]

C = TypeVar("C", bound=Connector[Any])

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@cache
def _tls() -> ssl.SSLContext:
    return open_ssl_context()


class Killed(Exception):
    """The process died here."""


class StoppedHost(Host):
    """A host whose clock stands, and that may die after a step.

    Args:
        grant: The credentials in force.
        time: What the clock shows, aware UTC.

    Attributes:
        time: As given; set it to let time pass.
        lives: How many steps it survives: after one more is done it raises `Killed`, once. ``None`` to survive all.
    """

    def __init__(
        self, grant: Mapping[str, str] | None = None, *, time: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ) -> None:
        super().__init__(grant)
        self.time = time
        self.lives: int | None = None

    def now(self) -> datetime:
        """Return the time that was set."""
        return self.time

    def progress(self, step: Step[object]) -> None:
        """Count a step that is done, and die if it is one too many."""
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                self.lives = None
                raise Killed


class Desk(Generic[C]):
    """One connector, driven as the CRM drives it, with all that it brings in memory.

    Args:
        connector: With its settings.
        transport: The platform: `socialcrm.transport.Local` around a function, or any transport of httpx.
        host: What keeps the batches, the cursor and the clock.

    Attributes:
        waits: The seconds of each wait that was asked for.

    Example:
        desk = Desk(ForumConnector(ForumSettings()), Local(forum.answer), StoppedHost({"token": "canary"}))
        assert [item.text for item in desk.sync("posts")] == ["Hello"]
    """

    def __init__(self, connector: C, transport: httpx.BaseTransport, host: StoppedHost) -> None:
        self.connector, self.host = connector, host
        self.waits: list[float] = []
        self.client = open_client(transport=transport, ssl_context=_tls())
        policy = Policy(attempts=2, sleep=self.waits.append, clock=lambda: sum(self.waits), random=lambda: 0.0)
        self.driver = Driver(connector, host, client=self.client, policy=policy, ssl_context=_tls())

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow to its end and return its result."""
        return self.driver.run(flow)

    def sync(self, stream: str) -> list[Item]:
        """Follow a stream from where the cursor stands, and return what came this time."""
        before = len(self.raws)
        self.run(self.connector.fetch(stream, dict(self.host.cursor)))
        return [item for raw in self.raws[before:] for item in self.connector.parse(raw)]

    @property
    def raws(self) -> list[Raw]:
        """What came, in order."""
        return [raw for batch in self.host.batches for raw in batch.raws]

    @property
    def items(self) -> list[Item]:
        """What that means."""
        return [item for raw in self.raws for item in self.connector.parse(raw)]

    def __enter__(self) -> Desk[C]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a ``with`` block does so at its end."""
        self.driver.close()
        self.client.close()
