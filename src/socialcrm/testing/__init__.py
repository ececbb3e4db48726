"""What proves a connector, a store, and an application that uses them.

::

    from socialcrm.testing import ConnectorSuite, Scenario

    class TestForum(ConnectorSuite):
        connector = ForumConnector

        @pytest.fixture
        def scenario(self):
            return Scenario(platform=ForumServer, settings={"server": "https://forum.example.com", "token": "canary-1"})

Needs the extra ``testing``. Everything is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socialcrm.testing._bench import Bench
    from socialcrm.testing._cassettes import CassettePlatform
    from socialcrm.testing._desk import Desk, Killed, StoppedHost
    from socialcrm.testing._fake_connector import FakeConnector, FakeSettings
    from socialcrm.testing._fake_platform import MOODS, PAGINGS, FakePlatform
    from socialcrm.testing._fake_posts import FakeAccount, FakePost
    from socialcrm.testing._fake_scenario import fake_scenario
    from socialcrm.testing._platform import FAULTS, Fault, Gate, Platform, Session
    from socialcrm.testing._scenario import Scenario, Webhook
    from socialcrm.testing._servers import listening, serving
    from socialcrm.testing._state import State
    from socialcrm.testing._store_suite import StoreSuite
    from socialcrm.testing._suite import ConnectorSuite

_HOMES = {
    "Bench": "_bench",
    "CassettePlatform": "_cassettes",
    "ConnectorSuite": "_suite",
    "Desk": "_desk",
    "FAULTS": "_platform",
    "FakeAccount": "_fake_posts",
    "FakeConnector": "_fake_connector",
    "FakePlatform": "_fake_platform",
    "FakePost": "_fake_posts",
    "FakeSettings": "_fake_connector",
    "Fault": "_platform",
    "Gate": "_platform",
    "Killed": "_desk",
    "MOODS": "_fake_platform",
    "PAGINGS": "_fake_platform",
    "Platform": "_platform",
    "Scenario": "_scenario",
    "Session": "_platform",
    "State": "_state",
    "StoppedHost": "_desk",
    "StoreSuite": "_store_suite",
    "Webhook": "_scenario",
    "fake_scenario": "_fake_scenario",
    "listening": "_servers",
    "serving": "_servers",
}

__all__ = [
    "FAULTS",
    "MOODS",
    "PAGINGS",
    "Bench",
    "CassettePlatform",
    "ConnectorSuite",
    "Desk",
    "FakeAccount",
    "FakeConnector",
    "FakePlatform",
    "FakePost",
    "FakeSettings",
    "Fault",
    "Gate",
    "Killed",
    "Platform",
    "Scenario",
    "Session",
    "State",
    "StoppedHost",
    "StoreSuite",
    "Webhook",
    "fake_scenario",
    "listening",
    "serving",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"socialcrm.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'socialcrm.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
