"""Texts and facets: by bytes, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm_bluesky._text import facets, readable, spans, weigh

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


def link(start: int, end: int, uri: str) -> dict[str, object]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


def test_spans_are_bytes() -> None:
    """Places count the bytes of UTF-8, also behind letters and emojis that take several."""
    text = "Grüße 👋 @mara.example.org, see https://example.com/a_(b). #Störung1"
    data = text.encode()
    assert [(data[span.start : span.end].decode(), span.kind, span.value) for span in spans(text)] == [
        ("@mara.example.org", "mention", "mara.example.org"),
        ("https://example.com/a_(b)", "link", "https://example.com/a_(b)"),
        ("#Störung1", "tag", "Störung1"),
    ]


def test_what_is_no_mention() -> None:
    """Addresses of mail, handles without a domain and numbers with a hash are plain text."""
    assert spans("mara@example.org, @mara, #1, https://, a#b") == ()


def test_a_link_takes_what_is_in_it() -> None:
    """A hash and an at sign within a link are part of it."""
    assert [span.kind for span in spans("https://example.com/@mara.example.org#top")] == ["link"]


def test_a_mention_of_nobody_is_left_out() -> None:
    """Only handles that lead to an account become facets."""
    found = spans("@mara.example.org @nobody.example.org")
    (made,) = facets(found, {"mara.example.org": "did:plc:mara"})
    assert made["features"] == [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:mara"}]


@given(st.text())
def test_spans_lie_within_the_text(text: str) -> None:
    """Whatever the text, places are in order, apart, within it, and never cut a character."""
    text = text.encode("utf-8", "ignore").decode()
    data, at = text.encode(), 0
    for span in spans(text):
        assert at <= span.start < span.end <= len(data)
        data[span.start : span.end].decode()
        at = span.end


@pytest.mark.parametrize(
    ("shown", "uri", "read"),
    [
        ("example.com/long/...", "https://example.com/long/way", "https://example.com/long/way"),
        ("https://example.com", "https://example.com", "https://example.com"),
        ("Click here", "https://evil.example.net/", "Click here (https://evil.example.net/)"),
        ("mybank.example.com", "https://evil.example.net/", "mybank.example.com (https://evil.example.net/)"),
        ("Click", "javascript:alert(1)", "Click"),
    ],
)
def test_links_are_written_out(shown: str, uri: str, read: str) -> None:
    """A link shows where it leads to."""
    text = f"Ä {shown} ö"
    assert readable(text, [link(3, 3 + len(shown.encode()), uri)]) == f"Ä {read} ö"


@pytest.mark.parametrize("place", [(1, 3), (0, 1), (5, 2), (2, 99), (-1, 2), (3, 3)])
def test_broken_facets_are_left_alone(place: tuple[int, int]) -> None:
    """A facet that cuts a character, lies outside or is turned round changes nothing."""
    assert readable("ÄÖÜ", [link(*place, "https://example.com")]) == "ÄÖÜ"


def test_overlapping_facets() -> None:
    """Of two that overlap, the first counts."""
    marks = [link(0, 3, "https://example.com/1"), link(2, 4, "https://example.com/2")]
    assert readable("abcdef", marks) == "abc (https://example.com/1)def"


@given(st.text(), st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50))))
def test_reading_never_fails(text: str, places: list[tuple[int, int]]) -> None:
    """Whatever the places are, the text can be read, and without its links it is what it was."""
    made = readable(text, [link(start, end, "https://example.com") for start, end in places])
    assert made.replace(" (https://example.com)", "") == text.replace(" (https://example.com)", "") or "https" in made


def test_both_limits_count() -> None:
    """A family of 18 bytes is one grapheme of at most ten bytes each, so it counts as two."""
    assert weigh("abc") == 3
    assert weigh(FAMILY) == 2
    assert weigh("é" * 300) == 300
