"""Text for a terminal."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.cli._text import clean, one_line, span

ANY = st.text(st.characters(codec=None), max_size=60)


@given(ANY, st.booleans())
def test_nothing_that_commands_a_terminal_passes(text: str, lines: bool) -> None:
    """Of control characters only line ends pass, and those only where lines are asked for."""
    for char in clean(text, lines=lines):
        category = unicodedata.category(char)
        assert category not in ("Cs", "Zl", "Zp")
        assert category != "Cc" or (char == "\n" and lines)
        assert category != "Cf" or char in "\u200c\u200d"


@given(ANY)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    """What is clean stays as it is."""
    assert clean(clean(text, lines=True), lines=True) == clean(text, lines=True)


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    """No line end is left, whatever it was written as."""
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize("text", ["Grüße, Zieliński", "電話もネットも", "👩‍💻 👍🏽", "مرحبا", "می‌خواهم", "[bold]whole[/bold]"])
def test_what_people_write_stays(text: str) -> None:
    """Scripts, emoji with joiners and square brackets come through whole."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(-5, "0 min"), (59, "59 min"), (60, "1 h"), (47 * 60, "47 h"), (48 * 60, "2 days"), (10**6, "694 days")],
)
def test_spans_are_told_in_one_unit(minutes: int, told: str) -> None:
    """Minutes up to an hour, hours up to two days, then days; never negative."""
    assert span(timedelta(minutes=minutes)) == told
