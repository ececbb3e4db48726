"""A town for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "journeys"))
from _town import Town, town as make_town  # noqa: E402 - the builder that the reading rooms' tests share


@pytest.fixture
def town() -> Iterator[Town]:
    """A town in memory."""
    yield from make_town()
