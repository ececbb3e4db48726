"""The reference page is held to the code."""

from __future__ import annotations

from importlib import import_module

import pytest

from .reference import PAGE, ROOMS, reference


def test_the_page_is_what_the_docstrings_say() -> None:
    """The page is up to date; if not, ``python -m tests.docs.reference`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_its_heading(room: str) -> None:
    """Every name of a room's public face stands under a heading of its own, with a description."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition(f"## {room}\n")
    section = section.partition("\n## ")[0]
    entries = {entry.partition("\n")[0].partition("(")[0]: entry for entry in section.split("\n### ")[1:]}
    assert set(entries) == set(import_module(room).__all__)
    assert [name for name, entry in entries.items() if len(entry.split("\n", 2)[-1].strip()) < 10] == []
