"""A channel on an invented Reddit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from socialcrm.testing import Desk, Killed, StoppedHost
from socialcrm.transport import Local
from socialcrm.types import Secret
from socialcrm_reddit import RedditConnector, RedditSettings

sys.path.insert(0, str(Path(__file__).parent))

from fake_reddit import AGENT, NOON, TOKEN, FakeReddit


class RedditDesk(Desk[RedditConnector]):
    """One channel on the fake Reddit."""

    def __init__(self, reddit: FakeReddit, **settings: Any) -> None:
        values: dict[str, Any] = {
            "user_agent": AGENT,
            "client_id": "app",
            "client_secret": Secret("s"),
            "token": Secret(TOKEN),
            "refresh_token": Secret("refresh-reddit-canary"),
            **settings,
        }
        grant = {"refresh_token": "refresh-reddit-canary", "client_secret": "s"}
        grant |= {} if "token" in settings else {"token": TOKEN}
        super().__init__(RedditConnector(RedditSettings(**values)), Local(reddit.answer), StoppedHost(grant, time=NOON))


@pytest.fixture
def killed() -> type[Killed]:
    """What a host that dies raises."""
    return Killed


@pytest.fixture
def reddit() -> FakeReddit:
    """A Reddit with our account only."""
    return FakeReddit()


@pytest.fixture
def desk(reddit: FakeReddit) -> Iterator[Callable[..., RedditDesk]]:
    """Makes channels, and closes them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(RedditDesk(reddit, **settings))
