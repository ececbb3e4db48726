"""Options and fixtures for every test of the workspace."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# no test is timed: a busy machine may take as long as it needs for an example
settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let CI run the tests that need a real server."""
    parser.addoption("--servers", action="store_true", help="run tests that install and start real servers on loopback")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a server, with the reason, unless asked for."""
    if config.getoption("--servers"):
        return
    for item in items:
        marker = item.get_closest_marker("server")
        if marker is not None:
            name = marker.args[0] if marker.args else "a"
            item.add_marker(pytest.mark.skip(reason=f"needs a real {name} server: run pytest --servers"))
