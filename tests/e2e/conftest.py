"""Real servers, each started once for its tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def _harness(name: str) -> Any:
    path = Path(__file__).parents[1] / "servers" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"socialcrm_server_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A PostgreSQL cluster."""
    with _harness("postgresql").postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    """A WordPress."""
    with _harness("wordpress").wordpress() as running:
        yield running


@pytest.fixture(scope="module")
def post_office() -> Any:
    """The harness of the mail server."""
    return _harness("mail")


@pytest.fixture(scope="module")
def mail(post_office: Any) -> Iterator[Any]:
    """A mail server."""
    with post_office.mail_server() as running:
        yield running
