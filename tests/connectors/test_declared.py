"""What a connector declares is compared with what it implements."""

from __future__ import annotations

import attrs
import pytest

from socialcrm.connectors import Capabilities, Connector, ConnectorInfo, Stream, disagreements
from socialcrm.testing import FakeConnector

CAN = FakeConnector.info.capabilities


class Nothing(Connector[None]):
    """A connector that implements nothing."""


@pytest.mark.parametrize("name", [name for name, value in attrs.asdict(CAN, recurse=False).items() if value is True])
def test_what_is_declared_and_not_there_is_told(name: str) -> None:
    """A connector without any method is told of each declaration; those that name no method need none."""
    Nothing.info = ConnectorInfo(platform="nothing", capabilities=Capabilities(**{name: True}))
    free = {"edits", "deletions", "threads", "private_reply", "idempotent"}
    assert [what for what, _ in disagreements(Nothing) if repr(name) in what] or name in free


def test_a_stream_needs_fetch_and_parse() -> None:
    """A connector that only declares a stream lacks both."""
    Nothing.info = ConnectorInfo(platform="nothing", streams={"all": Stream()})
    assert [what.rpartition(" ")[2] for what, _ in disagreements(Nothing)] == ["fetch()", "parse()"]


def test_a_method_that_is_not_declared_is_told() -> None:
    """The invented connector has nothing to complain of, until it takes a declaration back."""

    class Silent(FakeConnector):
        info = attrs.evolve(FakeConnector.info, capabilities=attrs.evolve(CAN, archive=False))

    assert not list(disagreements(FakeConnector))
    assert [what for what, _ in disagreements(Silent)] == ["it implements load() but does not declare capability 'archive'"]
