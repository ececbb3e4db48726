"""A town for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "journeys"))
import _town


@pytest.fixture
def town() -> Iterator[_town.Town]:
    """A town in memory."""
    yield from _town.town()
