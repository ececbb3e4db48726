"""HTML of records: safe whatever customers write."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from _town import MONDAY, Town
from hypothesis import given, settings
from hypothesis import strategies as st

import socialcrm.crm  # noqa: F401 - opening a workspace installs the renderer
from socialcrm.notebook import html
from socialcrm.notebook._markup import Markup, link, said, tag
from socialcrm.types import Attachment, Case, Customer, Handle, HandleKind, Identity, Interaction, Visibility

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "</style></div><iframe src=https://evil.example.org>",
    "&lt;script&gt;&#60;b&#62;",
    "' onmouseover='alert(1)",
    "<!-- -->]]><?php",
    "\u202egnp.exe\u202c \u2066\u2067 \x00\x1b[31m",
)

ALLOWED = {
    "div", "span", "style", "h4", "p", "table", "thead", "tbody", "tr", "th", "td", "bdi", "b", "br", "ul", "li", "a",
    "svg", "title", "rect", "line", "text", "circle",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attrs)))
        self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def read(markup: str) -> Reader:
    """Read markup and check that it holds only what pages may hold."""
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert [name for name in reader.open if name not in ("br",)] == []
    for name, attributes in reader.tags:
        assert name.lower() in ALLOWED
        assert not any(key.startswith("on") or key in ("src", "srcset", "style", "formaction") for key in attributes)
        if name == "a":
            assert re.match(r"https?://", attributes["href"] or "")
            assert attributes["rel"] == "noopener noreferrer nofollow"
    assert sum(name == "style" for name, _ in reader.tags) <= 1
    return reader


def interaction(text: str) -> Interaction:
    """Return an interaction in which every word is the same hostile text."""
    who = Identity(id=text, name=text, handle=text, url=text, avatar="https://evil.example.org/a.png")
    return Interaction(
        id=text, at=MONDAY, author=who, text=text, subject=text, url=text, channel="mail", ref="i1",
        attachments=(Attachment(url=text, name=text, mime=text), Attachment(url="javascript:alert(1)", name="x")),
    )  # fmt: skip


def case(text: str) -> Case:
    """Return a case in which every free word is the same hostile text."""
    return Case(
        ref="c1", customer="u1", customer_name=text, excerpt=text, tags=(text,), why=text, queue=text, assignee=text,
        channels=(text,), opened_at=MONDAY, visibility=Visibility.PUBLIC,
    )  # fmt: skip


def customer(text: str) -> Customer:
    """Return a customer with hostile names and addresses."""
    handle = Handle(kind=HandleKind.URL, value=text, verified=True)
    return Customer(ref="u1", name=text, identities=(Identity(id=text, name=text, url=text, handle=text, handles=(handle,)),))


@pytest.mark.parametrize("make", [interaction, case, customer])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(make: object, text: str) -> None:
    """Nothing that a customer wrote becomes an element, an attribute or a link, alone or in a list."""
    record = make(text)  # type: ignore[operator]  # one of the three above
    for markup in (html(record), html([record, record])):
        read(markup)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("<>&\"'/=\u202e\u2066")))
def test_any_text_is_shown_as_it_is_and_nothing_else(text: str) -> None:
    """The page holds exactly the elements that it holds for harmless text."""
    plain = [name for name, _ in read(html(interaction("harmless"))).tags]
    assert [name for name, _ in read(html(interaction(text or "harmless"))).tags] == plain


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//example.org", "java\nscript:x", "https://",
     "\x01javascript:x", "http://[::1", "ftp://example.org/x", "https://example.org/\u202ex"],
)  # fmt: skip
def test_only_the_web_is_linked(url: str) -> None:
    """An address that is not plain http or https is text, not a link."""
    assert link(url, "here") == "<span>here</span>"


def test_a_web_page_is_linked_without_telling_where_from() -> None:
    """A link hands over neither the opener nor the referrer."""
    assert link("https://example.org/?a=1&b=2", "here") == (
        '<a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer nofollow" target="_blank">here</a>'
    )


def test_words_can_not_turn_their_surroundings_round() -> None:
    """Overrides of the writing direction are taken out of what is shown, and the rest is kept apart."""
    shown = said("abc\u202etxt.exe")
    assert shown == '<bdi dir="auto">abctxt.exe</bdi>'
    assert isinstance(shown, Markup)


def test_an_element_name_is_never_free() -> None:
    """Somebody's words can't be used as the name of an element."""
    with pytest.raises(ValueError, match="no name"):
        tag("a href=x")


def test_every_reading_shows_itself(town: Town) -> None:
    """Each reading has a page that holds nothing but what pages may hold; charts are drawn where there is data."""
    first = town.says("ada", HOSTILE[0], at=0, name=HOSTILE[1])
    town.we("Yes.", at=30, parent=first)
    town.says("ada", HOSTILE[2], at=40, channel="forum", visibility="public", name=HOSTILE[1])
    crm = town.crm
    (one,) = crm.inbox()
    journey = crm.journey(one.customer)
    pages = [
        crm.inbox(),
        journey,
        crm.map(),
        crm.coverage(),
        crm.measures.report(by="channel"),
        one,
        crm.customer(one.customer),
    ]
    pages += [crm.conversation(journey.interactions[0].thread), journey.interactions[0], crm.search("yes"), crm.interactions()]
    for shown in pages:
        markup = shown._repr_html_()
        assert markup is not None
        read(markup)
    for drawn in (journey, crm.map()):
        assert "<svg" in (drawn._repr_html_() or "")


def test_an_empty_list_says_so(town: Town) -> None:
    """There is a page for nothing."""
    assert "nothing here" in (town.crm.inbox()._repr_html_() or "")


def test_a_report_without_data_draws_nothing_and_says_so(town: Town) -> None:
    """A wait that nobody had is not drawn as zero."""
    page = town.crm.measures.report()._repr_html_() or ""
    assert "no data yet" in page
    assert "<svg" not in page


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    """A page shows two hundred lines; the frame has them all."""
    assert "and 50 more" in html([case("x")] * 250)


def test_a_wait_is_shown_in_minutes_hours_or_days(town: Town) -> None:
    """Each length is shown in the unit in which people speak of it."""
    first = town.says("ada", at=0)
    town.we("Yes.", at=61, parent=first)
    assert "1 h 01 min" in (town.crm.map()._repr_html_() or "")
    assert town.crm.map().channels[0].median_wait == timedelta(minutes=61)
