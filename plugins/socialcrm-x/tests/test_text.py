from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm_x._links import find_links
from socialcrm_x._text import plain, same, weigh

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Hello", 5),
        ("café", 4),
        (unicodedata.normalize("NFD", "café"), 4),
        ("日本語", 6),
        ("“quoted” – fine", 15),
        (FAMILY, 2),
        ("\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", 2),
        ("\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}", 2),
        ("1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}", 2),
        ("\N{COPYRIGHT SIGN}", 1),
        ("see https://example.com/a/very/long/address/that/counts/as/twenty-three", 27),
        ("see example.com.", 28),
        ("mail a@example.com", 18),
        ("no.such-toplevel", 16),
        ("$TVI.CA", 7),
    ],
)
def test_weights(text, count):
    """Texts weigh what "Counting Characters" says."""
    assert weigh(text) == count


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("(http://example.com)", ["http://example.com"]),
        ("日本語example.com/a日本語", ["example.com/a"]),
        ("http://example.com/a_(b)!", ["http://example.com/a_(b)"]),
        ("http://例え.jp/", ["http://例え.jp/"]),
        ("例え.jp", []),
        ("https://t.co/abc's", ["https://t.co/abc"]),
        ("https://t.co/" + "a" * 41, []),
        ("#example.com @example.com", []),
        ("http://" + "a" * 64 + ".com", []),
        ("http://xn--日.com", []),
    ],
)
def test_links(text, links):
    """Addresses are found where X finds them."""
    assert [text[start:end] for start, end in find_links(text)] == links


@given(st.text())
def test_weights_are_bounded(text):
    """No text without links weighs less than nothing or more than two for each composed letter."""
    composed = unicodedata.normalize("NFC", text)
    assert 0 <= weigh(text) <= 2 * len(composed) + 23 * sum(1 for _ in find_links(composed))


def test_what_x_changes_is_the_same():
    """A text is recognised with mentions before it, links with a scheme, other white space; not with other words."""
    assert same("Sorry! example.com/a", "@mara  sorry!\nhttps://example.com/a/")
    assert not same("Sorry!", "Sorry?")


def test_only_mentions_are_cut():
    """What stands before the displayed range is cut only if it is nothing but mentions."""
    assert plain("@a @b hi", {}, [6, 8]) == "hi"
    assert plain("so @a hi", {}, [6, 8]) == "so @a hi"
