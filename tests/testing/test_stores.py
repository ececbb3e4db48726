"""Both databases keep the contract of stores."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.postgresql import postgresql

from socialcrm.store import Store
from socialcrm.testing import StoreSuite

_names = itertools.count(1)


class TestSQLite(StoreSuite):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'suite.db'}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A PostgreSQL of its own, on loopback."""
    with postgresql() as running:
        yield running


@pytest.mark.server("postgresql")
class TestPostgreSQL(StoreSuite):
    @pytest.fixture
    def url(self, cluster: Any) -> str:
        address: str = cluster.database(f"suite{next(_names)}")
        Store.migrate(address)
        return address
