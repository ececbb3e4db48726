"""What a comment means: pure, tolerant, honest."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Census, Direction, HandleKind, Interaction, Item, Kind, Visibility


def test_a_comment_is_an_interaction(bench: Any) -> None:
    """Id, time, place, parent and words of a comment end in their fields."""
    item = bench.one(number=7, parent=5, post=3, text="Where is &lt;my&gt; parcel?\n\nThanks")
    assert (item.id, item.parent, item.conversation, item.kind) == ("7", "5", "3", Kind.REPLY)
    assert item.at == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert item.text == "Where is <my> parcel?\n\nThanks"
    assert item.url.endswith("#comment-7")
    assert item.visibility is Visibility.PUBLIC
    assert item.direction is None


def test_a_top_comment_begins_something(bench: Any) -> None:
    """A comment without parent has none, and belongs to its post."""
    item = bench.one()
    assert (item.parent, item.conversation, item.kind) == (None, "1", Kind.POST)


def test_a_registered_user_is_keyed_by_id(bench: Any) -> None:
    """The user's id is the identity, whatever name and address the comment carries."""
    item = bench.one(author=4, author_name="Somebody", author_email="other@example.com", account_email="Sub@Example.com")
    assert item.author.id == "4"
    assert [(handle.value, handle.verified) for handle in item.author.handles] == [
        ("sub@example.com", True),
        ("other@example.com", False),
    ]


def test_an_address_in_a_comment_is_never_verified(bench: Any) -> None:
    """Anybody, even a registered user, may send any address along with a comment."""
    for author in (0, 4):
        assert not any(handle.verified for handle in bench.one(author=author).author.handles)


def test_a_guest_is_keyed_by_address_alike_in_every_view(bench: Any) -> None:
    """The address's hash and the one in the Gravatar link are the same key; the name plays no part."""
    seen = bench.one(author_email=" Mara@Example.com", author_name="Mara")
    key = seen.author.id.removeprefix("guest:")
    avatar = {"24": f"https://secure.gravatar.com/avatar/{key}?s=24", "96": f"https://secure.gravatar.com/avatar/{key}?s=96"}
    hidden = bench.one(author_email=None, author_name="M.", author_avatar_urls=avatar)
    assert seen.author.id == hidden.author.id
    assert hidden.author.avatar.endswith("s=96")


def test_a_name_alone_links_nobody(bench: Any) -> None:
    """Two guests of one name without address or web page are two identities; with the same page they are one."""
    bare = {"author_email": "", "author_name": "Kim"}
    assert bench.one(**bare).author.id != bench.one(**bare).author.id
    paged = {**bare, "author_url": "https://kim.example.org/"}
    assert bench.one(**paged).author.id == bench.one(**paged).author.id
    assert bench.one(**paged).author.handles[0].kind is HandleKind.URL
    assert bench.one(**paged).author.handles[0].value == "https://kim.example.org"


def test_the_hash_of_no_address_is_nobody(bench: Any) -> None:
    """The Gravatar link of a guest without address does not make all such guests one."""
    empty = {"96": "https://secure.gravatar.com/avatar/d41d8cd98f00b204e9800998ecf8427e?s=96"}
    first, second = (bench.one(author_email="", author_avatar_urls=empty).author.id for _ in range(2))
    assert first != second


def test_names_are_decoded(bench: Any) -> None:
    """WordPress stores names escaped; people read them plain."""
    assert bench.one(author_name="Tom &amp; O&#039;Brien").author.name == "Tom & O'Brien"


@pytest.mark.parametrize("kind", ["pingback", "trackback"])
def test_links_from_other_sites_are_other(bench: Any, kind: str) -> None:
    """A ping is kept as what it is, and its author is the other site."""
    item = bench.one(type=kind, author_name="A post elsewhere", author_url="https://News.example.org/a", author_email="")
    assert (item.kind, item.author.id, item.visibility) == (Kind.OTHER, "site:news.example.org", Visibility.PUBLIC)


def test_a_shop_review_is_a_review(bench: Any) -> None:
    """A product review keeps its kind."""
    assert bench.one(type="review").kind is Kind.REVIEW


def test_an_unknown_type_is_kept_and_not_called_public(bench: Any) -> None:
    """Who can read a plugin's own comment type is unknown, so it counts as private."""
    item = bench.one(type="listing_offer")
    assert (item.kind, item.visibility, item.extra["type"]) == (Kind.OTHER, Visibility.PRIVATE, "listing_offer")


@pytest.mark.parametrize("kind", ["note", "order_note"])
def test_internal_notes_are_no_interactions(bench: Any, kind: str) -> None:
    """What editors and shops note for themselves is not what a customer said."""
    bench.blog.add(type=kind)
    assert bench.parse(bench.blog.comments[1]) == []


def test_only_chosen_post_types_count(benches: Any) -> None:
    """A comment on another post type is no interaction, one whose type is unknown is."""
    bench = benches(post_types=("page",))
    bench.blog.add()
    assert bench.parse(bench.blog.comments[1]) == []
    assert bench.one(_links={"up": [{"post_type": "page"}]})
    assert bench.one(_links={})


def test_staff_is_us(benches: Any) -> None:
    """Comments of the users named in the settings are outbound."""
    assert benches(staff=("4",)).one(author=4).direction is Direction.OUTBOUND


def test_rendered_content_is_read_where_the_source_is_hidden(bench: Any) -> None:
    """Paragraphs, breaks, links, entities and smileys of rendered HTML become plain text."""
    rendered = (
        '<p>Hi <b>all</b> &#8220;there&#8221; <a href="https://example.org/x" rel="nofollow ugc">this page</a> '
        '<a href="https://example.org/y">https://example.org/y</a><br />\nline <img alt=":)" src="s.png"></p>\n'
        "<script>alert(1)</script><p>end</p>\n"
    )
    item = bench.one(content={"rendered": rendered})
    assert item.text == (
        "Hi all “there” this page (https://example.org/x) https://example.org/y\nline :)\n\nend"  # as a person would copy it
    )


def test_a_zero_date_falls_back(bench: Any) -> None:
    """Old imports have no UTC date; the site's own is better than nothing."""
    bench.blog.add()
    row = bench.blog.comments[1] | {"date_gmt": "-0001-11-30T00:00:00"}
    (item,) = bench.parse(row)
    assert item.at == datetime(2026, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("change", [{"id": 0}, {"id": "x"}, {"id": True}, {"date_gmt": None, "date": "soon"}])
def test_what_cannot_be_placed_is_quarantined(bench: Any, change: dict[str, Any]) -> None:
    """Without an id or any date there is no interaction, only an error that says so."""
    bench.blog.add()
    with pytest.raises(PayloadError, match="can't be placed"):
        bench.parse(bench.blog.comments[1] | change)


@pytest.mark.parametrize("body", [None, 7, "text", [], b"bytes"])
@pytest.mark.parametrize("kind", ["comment", "wxr_comment", "wxr_author", "census"])
def test_what_is_no_object_is_quarantined(bench: Any, body: Any, kind: str) -> None:
    """An element of another shape is refused, whatever it should have been."""
    with pytest.raises(PayloadError):
        bench.parse(body, kind)


def test_an_unknown_kind_of_raw_is_nothing(bench: Any) -> None:
    """A raw that a later version of the plugin made is skipped."""
    assert bench.parse({}, "from the future") == []


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["<![x[", "<a href", "&#x;"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["id", "post", "parent", "date", "date_gmt", "content", "link", "status", "type", "_links", "surprise"]
) | (st.sampled_from(["author", "author_name", "author_email", "author_url", "author_avatar_urls"]))


@settings(max_examples=300, deadline=None)
@given(dropped=st.sets(KEYS, max_size=5), changed=st.dictionaries(KEYS, JUNK, max_size=5))
def test_any_change_gives_items_or_payload_errors(benches: Any, dropped: set[str], changed: dict[str, Any]) -> None:
    """Keys that are missing, added or of another type never raise anything but `PayloadError`."""
    bench = benches()
    bench.blog.add()
    row = {key: value for key, value in bench.blog.comments[1].items() if key not in dropped} | changed
    with contextlib.suppress(PayloadError):
        assert all(isinstance(item, Item) for item in bench.parse(row))


@settings(max_examples=300, deadline=None)
@given(source=st.text(alphabet=st.sampled_from(list("<>!&;#[]-/=\"' \nabpx?1")), max_size=60))
def test_any_html_is_text(benches: Any, source: str) -> None:
    """No mark-up, however broken, stops the parser."""
    for content in ({"raw": source}, {"rendered": source}):
        assert isinstance(benches().one(content=content), Interaction)


def test_a_census_names_what_there_is(bench: Any) -> None:
    """The raw that ends a rescan becomes a `Census`."""
    (item,) = bench.parse({"since": "2026-03-01T00:00:00+00:00", "ids": [1, 2]}, "census")
    assert item == Census(id="rescan", ids=frozenset({"1", "2"}), since=datetime(2026, 3, 1, tzinfo=UTC))


def test_an_exported_author_is_an_account(bench: Any) -> None:
    """Authors of the blog are us; one without an id is quarantined."""
    body = {"author_id": "2", "author_login": "ana", "author_display_name": "Ana &amp; Co"}
    assert bench.parse(body, "wxr_author") == [Account(id="2", name="Ana & Co", handle="ana")]
    with pytest.raises(PayloadError):
        bench.parse({"author_login": "ana"}, "wxr_author")
