from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Unit, measure
from socialcrm_mastodon._text import link_in, plain, weigh

LINK = (
    '<a href="https://example.org/a/b"><span class="invisible">https://</span><span class="ellipsis">example.org/a</span>'
    '<span class="invisible">/b</span></a>'
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree"),
        ("<p>5 &lt; 6 &amp; &quot;so&quot; &#39;on&#39;</p>", "5 < 6 & \"so\" 'on'"),
        (f"<p>see {LINK}.</p>", "see https://example.org/a/b."),
        ('<p><a href="https://example.org/x">here</a></p>', "here (https://example.org/x)"),
        ('<p><a href="https://www.example.org/">example.org</a></p>', "https://www.example.org/"),
        ('<p><a href="https://example.org/i.png"><img alt=""></a></p>', "https://example.org/i.png"),
        ('<a href="https://example.social/tags/acme" class="mention hashtag">#<span>acme</span></a>', "#acme"),
        ('<a href="https://example.social/tags/acme">#acme</a>', "#acme"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<p>x</p><script>steal()</script><style>p{}</style><p>y</p>", "x\n\ny"),
        ("plain, with no markup at all", "plain, with no markup at all"),
        ("", ""),
        ("<p>broken <b>markup", "broken markup"),
    ],
)
def test_html_becomes_plain_text(html, text):
    """Paragraphs, breaks, lists, entities and links stay readable without markup."""
    assert plain(html) == text


@given(st.text(alphabet=st.characters(exclude_characters="<>&", exclude_categories=["Cs", "Cc", "Z"]), max_size=40))
def test_text_without_markup_is_kept(text):
    """Text that is no markup comes back as it is."""
    assert plain(f"<p>{text}</p>") == text


@given(st.text(max_size=200))
def test_any_html_gives_some_text(html):
    """Whatever is called HTML can be read."""
    assert isinstance(plain(html), str)


@pytest.mark.parametrize(
    ("value", "link"),
    [
        (LINK, "https://example.org/a/b"),
        ("https://example.org", "https://example.org"),
        ('<a href="javascript:alert(1)">x</a>', ""),
        ("no link", ""),
    ],
)
def test_a_profile_field_holds_a_link_or_none(value, link):
    """Only web addresses are links."""
    assert link_in(value) == link


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hello", 5),
        ("https://example.org/" + "x" * 300, 23),
        ("see https://example.org.", 4 + 23 + 1),
        ("(https://example.org/a_(b))", 1 + 23 + 1),
        ("https://example.org/a?b=c&d=e#f, ok", 23 + 4),
        ("http://localhost/x", 18),
        ("@mara@example.town hi", 8),
        ("mail mara@example.town", 22),
        ("👩‍👩‍👧 é", 3),
        ("https://example.org/@mara@example.town", 23),
    ],
)
def test_counting_as_the_server_does(text, count):
    """Addresses count 23, mentions without their host, everything else by graphemes."""
    assert weigh(text) == count


@given(st.text(alphabet=st.characters(exclude_characters="@:/"), max_size=60))
def test_without_addresses_and_mentions_graphemes_are_counted(text):
    """Text without addresses and mentions weighs its graphemes."""
    assert weigh(text) == measure(text, Unit.GRAPHEMES)


def test_counting_is_fast_on_hostile_text():
    """A hundred thousand characters made to trip the patterns are counted at once."""
    urls = ("https://a.bc/" + "(" * 99_000, "https://a.bc/" + ")" * 99_000, "http://" + "a." * 49_000, "https://" * 12_500)
    for text in (*urls, "@a@" * 33_000, "@a" + "@a.-" * 25_000):
        assert weigh(text) <= 100_100
