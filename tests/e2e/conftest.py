"""Real servers, each started once for its tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.servers.mail import mail_server
from tests.servers.postgresql import postgresql
from tests.servers.wordpress import wordpress


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A PostgreSQL cluster."""
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    """A WordPress."""
    with wordpress() as running:
        yield running


@pytest.fixture(scope="module")
def mail() -> Iterator[Any]:
    """A mail server."""
    with mail_server() as running:
        yield running
