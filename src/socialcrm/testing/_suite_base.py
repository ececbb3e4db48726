"""What every part of the contract suite has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from socialcrm.connectors import Connector, Incoming
from socialcrm.crm import SyncReport
from socialcrm.errors import PluginError, SocialCRMError
from socialcrm.testing._bench import Bench
from socialcrm.testing._promise import broken
from socialcrm.testing._scenario import Scenario

__all__ = ["ABOUT_ANSWERS", "SuiteBase", "moments_of", "nothing", "picks", "spread", "typed"]

MOST = 60
"""Moments of danger that are tried one by one; of more, so many are tried, spread evenly."""

ABOUT_ANSWERS = frozenset({"cursor", "outbox"})
"""Parts of the state that depend on how often and when one looked."""


class SuiteBase:
    """Subclass it with a connector and a scenario.

    Attributes:
        connector: The connector's class.
    """

    connector: ClassVar[type[Connector[Any]]]

    @pytest.fixture
    def scenario(self) -> Scenario:
        """Return the platform to test against; override it."""
        raise NotImplementedError("override the fixture 'scenario': return a socialcrm.testing.Scenario")

    def bench(self, scenario: Scenario, platform: Callable[[], Any] | None = None) -> Bench:
        """Return a fresh channel on a fresh platform."""
        return Bench(self.connector, scenario, platform)

    def need(self, what: object, why: str) -> None:
        """Skip where the connector does not declare something."""
        if not what:
            pytest.skip(f"{self.connector.info.platform}: {why}")


def moments_of(bench: Bench, run: Callable[[], object]) -> list[str]:
    """Run, and return the moments of danger that were passed."""
    before = len(bench.probe.moments)
    run()
    return bench.probe.moments[before:]


def spread(count: int) -> list[int]:
    """Return the numbers from 0 up to a count, or so many of them as are tried."""
    if count <= MOST:
        return list(range(count))
    return sorted({round(place * (count - 1) / (MOST - 1)) for place in range(MOST)})


def picks(log: Sequence[Incoming]) -> list[int]:
    """Return the numbers of the exchanges to spoil: of each method and path (whatever its numbers) the first and the last."""
    first: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], int] = {}
    for number, request in enumerate(log):
        key = (request.method, re.sub(r"\d+", "#", request.url.partition("?")[0]))
        first.setdefault(key, number)
        last[key] = number
    return sorted({*first.values(), *last.values()})


def typed(run: Callable[[], SyncReport], when: str) -> None:
    """Run; what goes wrong must be one of the library's errors, and no mistake of the plugin."""
    try:
        failed = list(run().errors.values())
    except SocialCRMError as error:
        failed = [error]
    for one in failed:
        if isinstance(one, PluginError):
            broken(
                "whatever the platform answers, a flow ends well or with one of socialcrm.errors, which say what to do",
                "it reads answer.json()['key'] of a body that is a list or a page, and a KeyError or TypeError escapes; say "
                "PayloadError, or let the error of the call pass",
                f"{one}, {when}",
            )


def nothing(_number: int) -> None:
    """Happen not."""
