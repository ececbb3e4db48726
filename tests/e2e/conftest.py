"""Real servers, each started once for its tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from _harnesses import load_harness


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A PostgreSQL cluster."""
    with load_harness("postgresql").postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    """A WordPress."""
    with load_harness("wordpress").wordpress() as running:
        yield running


@pytest.fixture(scope="module")
def post_office() -> Any:
    """The harness of the mail server."""
    return load_harness("mail")


@pytest.fixture(scope="module")
def mail(post_office: Any) -> Iterator[Any]:
    """A mail server."""
    with post_office.mail_server() as running:
        yield running
