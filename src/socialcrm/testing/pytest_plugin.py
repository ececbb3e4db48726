"""Fixtures for tests of connectors and of applications: they come with ``socialcrm[testing]``.

Nothing of socialcrm is imported before a fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from socialcrm.crm import CRM
    from socialcrm.testing import FakePlatform
    from socialcrm.transport import Cassette

__all__ = ["cassette", "crm", "fake_platform"]


@pytest.fixture
def fake_platform() -> FakePlatform:
    """An empty `socialcrm.testing.FakePlatform`."""
    from socialcrm.testing import FakePlatform

    return FakePlatform()


@pytest.fixture
def crm(fake_platform: FakePlatform, tmp_path: Path) -> Iterator[CRM]:
    """A CRM on a database file of its own, with one channel ``fake`` on the test's `fake_platform`; its clock stands."""
    opened: Any = fake_platform.crm(f"sqlite:///{tmp_path / 'crm.db'}")
    yield opened
    opened.close()
    opened.client.close()


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Callable[[str], Cassette]:
    """Open a cassette of the folder ``cassettes`` beside the test's file, by its name: ``cassette("timeline")``."""
    from socialcrm.transport import Cassette

    return lambda name: Cassette(request.path.parent / "cassettes" / f"{name}.json")
