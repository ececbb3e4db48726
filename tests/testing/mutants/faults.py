"""What faulty connectors are made of."""

from __future__ import annotations

from typing import Any

import attrs

from socialcrm.connectors import (
    Batch,
    Connector,
    Flow,
    Step,
)
from socialcrm.errors import SocialCRMError
from socialcrm.testing import FakeConnector


@attrs.frozen
class Mutant:
    """A faulty connector.

    Args:
        connector: It.
        test: The test of the suite that has to fail.
        reason: Words of the promise that it breaks.
        paging: How its platform pages.
    """

    connector: type[Connector[Any]]
    test: str
    reason: str
    paging: str = "since"

    def __str__(self) -> str:
        return self.connector.__name__


def able(**changes: Any) -> Any:
    """Return the connector's info with other capabilities."""
    return attrs.evolve(FakeConnector.info, capabilities=attrs.evolve(FakeConnector.info.capabilities, **changes))


def altered(flow: Flow[Any], change: Any) -> Flow[Any]:
    """Run a flow with each of its steps changed."""
    value: Any = None
    error: SocialCRMError | None = None
    while True:
        try:
            step: Step[Any] = flow.send(value) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            value = yield change(step)
        except SocialCRMError as thrown:
            error = thrown


def posts_of(step: Any) -> bool:
    return isinstance(step, Batch) and any(raw.kind == "post" for raw in step.raws)
