"""What posts mean, and how their HTML reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Answer, Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Census, Interaction, Kind, Moderation, Visibility
from socialcrm_misago import MisagoConnector, MisagoSettings
from socialcrm_misago._text import read_html

SERVER = "https://forum.example.com"


def parse(raw: Raw, **settings: Any) -> list[Any]:
    return list(MisagoConnector(MisagoSettings(server=SERVER, **settings)).parse(raw))


def post(context: dict[str, str] | None = None, **fields: Any) -> Interaction:
    row = {
        "id": 7,
        "poster": {"id": 3, "username": "Mara", "real_name": None, "url": "/u/mara/3/"},
        "poster_name": "Mara",
        "content": "<p>My router is broken</p>",
        "posted_on": "2026-03-01T10:00:00.000001Z",
        "updated_on": "2026-03-01T10:00:00.000001Z",
        "edits": 0,
        "api": {"index": "/api/threads/12/posts/7/"},
        "url": {"index": "/t/broken/12/post/7/"},
    }
    (found,) = parse(Raw("post", {**row, **fields}, context or {}))
    assert isinstance(found, Interaction)
    return found


def test_a_post() -> None:
    """A post has its thread, author, time and page."""
    one = post({"first": "7", "title": "Broken"})
    assert (one.id, one.scope, one.conversation, one.kind, one.subject) == ("7", "", "12", Kind.POST, "Broken")
    assert (one.author.id, one.author.handle, one.author.url) == ("3", "@Mara", f"{SERVER}/u/mara/3/")
    assert one.url == f"{SERVER}/t/broken/12/post/7/"
    assert one.visibility is Visibility.PUBLIC
    assert one.edited_at is None


def test_an_edit_has_its_time() -> None:
    """The time of an edit is that of the last change."""
    one = post(edits=2, updated_on="2026-03-01T11:00:00Z")
    assert one.edited_at == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_moderation() -> None:
    """A hidden post is removed, one that waits is held, whoever sees it."""
    assert post(is_hidden=True, content=None).moderation is Moderation.REMOVED
    assert post(is_unapproved=True).moderation is Moderation.HELD


def test_a_private_post() -> None:
    """A post of a private thread is private, in a scope of its own."""
    one = post(api={"index": "/api/private-threads/4/posts/7/"})
    assert (one.scope, one.conversation, one.kind, one.visibility) == ("private", "4", Kind.MESSAGE, Visibility.PRIVATE)


def test_deleted_users_are_not_one_person() -> None:
    """Where only a name is left, each post has an author of its own."""
    assert post(poster=None, poster_name="Deleted").author.id == "guest:post-7"
    assert post(poster=None, poster_name="Deleted").author.name == "Deleted"


def test_files() -> None:
    """A customer's file keeps its address, name and size."""
    (file,) = post(attachments=[{"filename": "bill.pdf", "size": 12, "url": {"index": "/a/x/5/", "thumb": None}}]).attachments
    assert (file.url, file.name, file.mime, file.size) == (f"{SERVER}/a/x/5/", "bill.pdf", "application/pdf", 12)


def test_what_the_forum_notes_of_itself() -> None:
    """A note of the forum is no interaction."""
    assert parse(Raw("post", {"id": 8, "posted_on": "2026-03-01T10:00:00Z", "is_event": True})) == []


@pytest.mark.parametrize("row", [{}, {"id": 7}, {"id": 0, "posted_on": "2026-03-01T10:00:00Z"}, [], "post"])
def test_what_is_no_post_is_kept(row: Any) -> None:
    """What can't be placed is quarantined."""
    with pytest.raises(PayloadError):
        parse(Raw("post", row))


def test_a_census_spares_what_is_newer() -> None:
    """What was written while the census was on its way is not missing from it."""
    body = {"since": "2026-03-01T00:00:00+00:00", "ids": [1, 3], "newest": 10}
    (census,) = parse(Raw("census", body))
    assert isinstance(census, Census)
    assert {"1", "3", "11", "900"} <= census.ids
    assert not {"2", "9", "10"} & census.ids


QUOTE = (
    '<p>Hello</p>\n<aside class="quote-block">\n<div class="quote-heading" data-noquote="1"><a href="/u/acme/2/">@Acme</a> has '
    'written:</div>\n<blockquote class="quote-body" data-block="quote">\n<p>Have you tried?</p>\n</blockquote>\n</aside>\n<p>I '
    'did: <a href="https://example.com/x" rel="nofollow">example.com/x</a><br />\nand <a href="https://example.com/y">more</a></p>'
)


def test_quotations_are_split_off() -> None:
    """What is quoted is no text of the one who quotes."""
    text, quoted = read_html(QUOTE, SERVER)
    assert text == "Hello\n\nI did: example.com/x\nand more (https://example.com/y)"
    assert quoted == "@Acme has written:\n\nHave you tried?"


def test_spoilers_are_text() -> None:
    """A spoiler is what somebody says, its button is not."""
    source = '<aside class="spoiler-block"><blockquote class="spoiler-body"><p>It was me</p></blockquote>'
    source += '<div class="spoiler-overlay"><button>Reveal</button></div></aside>'
    assert read_html(source, SERVER) == ("It was me", "")


@given(st.text(alphabet=st.sampled_from("<>/=\"'!-&;[] \nabpreqsidblockquote"), max_size=80))
def test_any_html_reads(source: str) -> None:
    """Whatever stands in a post, reading it raises nothing."""
    read_html(source, SERVER)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'<div id="misago-container"></div><script>misago.init({"MISAGO_PATH": "/"})</script>', SERVER),
        (b'<div id="misago-container"></div><script>misago.init({"MISAGO_PATH": "/forum/"})</script>', f"{SERVER}/forum"),
        (b'<div id="misago-container"></div>', SERVER),
        (b"<div>misago-container</div>", None),
    ],
)
def test_recognising(content: bytes, found: str | None) -> None:
    """A forum is known by its pages, with the folder that it lives in."""
    told = MisagoConnector.recognise(f"{SERVER}/forum/t/x/1/", Answer(status=200, content=content))
    assert told == ({"server": found} if found else None)
