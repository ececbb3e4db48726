"""A plugin's tests drive its connector by a desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from socialcrm.connectors import Answer, Incoming
from socialcrm.errors import SocialCRMError
from socialcrm.testing import Desk, FakeConnector, FakeSettings, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Secret


class Platform:
    """Answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[Incoming] = []

    def answer(self, request: Incoming) -> Answer:
        self.asked.append(request)
        return self.answers.pop(0)


@pytest.fixture
def platform() -> Platform:
    """A platform without answers."""
    return Platform()


@pytest.fixture
def desk(platform: Platform) -> Iterator[Desk[FakeConnector]]:
    """A desk for the invented platform."""
    settings = FakeSettings(server="https://fake.example.com", token=Secret("canary"))
    with Desk(FakeConnector(settings), Local(platform.answer), StoppedHost({"token": "canary"})) as made:
        yield made


def test_a_flow_is_driven_with_retries_that_take_no_time(desk: Desk[FakeConnector], platform: Platform) -> None:
    """What failed is asked again after a wait that is only noted; the credentials are the host's."""
    platform.answers = [Answer(status=503), Answer(status=200, content=b'{"id": "1", "name": "Acme"}')]
    assert desk.run(desk.connector.identify()).id == "1"
    assert len(desk.waits) == 1
    assert platform.asked[-1].headers["authorization"] == "Bearer canary"


def test_it_gives_up_after_two_attempts(desk: Desk[FakeConnector], platform: Platform) -> None:
    """What fails twice is an error."""
    platform.answers = [Answer(status=503)] * 2
    with pytest.raises(SocialCRMError):
        desk.run(desk.connector.identify())


def test_time_stands_until_it_is_set(desk: Desk[FakeConnector]) -> None:
    """The host's clock shows what it was told."""
    before = desk.host.now()
    desk.host.time += timedelta(hours=1)
    assert desk.host.now() - before == timedelta(hours=1)


def test_it_dies_once_where_it_should(desk: Desk[FakeConnector], platform: Platform) -> None:
    """One step after as many as it has lives the host dies; then it lives for ever."""
    platform.answers = [Answer(status=200, content=b'{"id": "1", "name": "Acme"}')] * 2
    desk.host.lives = 0
    with pytest.raises(Killed):
        desk.run(desk.connector.identify())
    assert len(platform.asked) == 1
    assert desk.run(desk.connector.identify()).id == "1"
