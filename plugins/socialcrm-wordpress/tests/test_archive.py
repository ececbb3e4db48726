"""The export file: every version and state, hostile and broken files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Batch
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Interaction, Kind, Moderation

AUTHOR = """<wp:author><wp:author_id>2</wp:author_id><wp:author_login><![CDATA[ana]]></wp:author_login>
<wp:author_email><![CDATA[ana@example.com]]></wp:author_email><wp:author_display_name><![CDATA[Ana]]></wp:author_display_name>
</wp:author>"""


def comment(
    number: int, text: str = "Hello", *, approved: str = "1", kind: str = "comment", parent: int = 0, user: int = 0
) -> str:
    return f"""<wp:comment><wp:comment_id>{number}</wp:comment_id><wp:comment_author><![CDATA[Mara]]></wp:comment_author>
    <wp:comment_author_email><![CDATA[mara@example.com]]></wp:comment_author_email><wp:comment_author_url/>
    <wp:comment_date><![CDATA[2026-03-01 13:00:00]]></wp:comment_date>
    <wp:comment_date_gmt><![CDATA[2026-03-01 12:00:00]]></wp:comment_date_gmt>
    <wp:comment_content><![CDATA[{text}]]></wp:comment_content><wp:comment_approved><![CDATA[{approved}]]></wp:comment_approved>
    <wp:comment_type><![CDATA[{kind}]]></wp:comment_type><wp:comment_parent>{parent}</wp:comment_parent>
    <wp:comment_user_id>{user}</wp:comment_user_id>
    <wp:commentmeta><wp:meta_key><![CDATA[rating]]></wp:meta_key><wp:meta_value><![CDATA[5]]></wp:meta_value></wp:commentmeta>
    </wp:comment>"""


def export(comments: str, *, version: str = "1.2", authors: str = AUTHOR, head: str = "", post_type: str = "post") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8" ?>{head}
    <rss version="2.0" xmlns:wp="http://wordpress.org/export/{version}/" xmlns:dc="http://purl.org/dc/elements/1.1/">
    <channel><title>Example blog</title><link>https://blog.example.com</link><wp:wxr_version>{version}</wp:wxr_version>{authors}
    <item><title>Hello</title><link>https://blog.example.com/hello/</link><wp:post_id>3</wp:post_id>
    <wp:post_type>{post_type}</wp:post_type>{comments}</item></channel></rss>"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def items(bench: Any, batches: list[Batch]) -> list[Any]:
    return [item for batch in batches for raw in batch.raws for item in bench.connector.parse(raw)]


def load(bench: Any, path: Path) -> list[Any]:
    return items(bench, list(bench.connector.load(path)))


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_every_version_is_read(bench: Any, tmp_path: Path, version: str) -> None:
    """The versions differ in their namespace; authors come first, comments with post, link and parent."""
    path = write(tmp_path / "blog.xml", export(comment(7, "A &amp; B", parent=5, user=2), version=version))
    account, item = load(bench, path)
    assert account == Account(id="2", name="Ana", handle="ana")
    assert (item.id, item.conversation, item.parent, item.author.id) == ("7", "3", "5", "2")
    assert (item.text, item.url) == ("A & B", "https://blog.example.com/hello/#comment-7")
    assert item.at.hour == 12


def test_every_state_is_read(bench: Any, tmp_path: Path) -> None:
    """Approved, held, spam and trashed comments keep their state; pings are other."""
    states = ["1", "0", "spam", "trash", "post-trashed"]
    comments = "".join(comment(number, approved=state) for number, state in enumerate(states, 1))
    found = load(bench, write(tmp_path / "b.xml", export(comments + comment(9, kind="pingback"))))[1:]
    assert [item.moderation for item in found] == [
        Moderation.APPROVED,
        Moderation.HELD,
        Moderation.SPAM,
        Moderation.REMOVED,
        Moderation.REMOVED,
        Moderation.APPROVED,
    ]
    assert found[-1].kind is Kind.OTHER


def test_archive_and_live_agree(bench: Any, tmp_path: Path) -> None:
    """The same comment has the same id, author and text whether exported or fetched."""
    (item,) = load(bench, write(tmp_path / "b.xml", export(comment(1), authors="")))
    live = bench.one(number=1, text="Hello", post=3)
    assert (item.id, item.author.id, item.text, item.conversation) == (live.id, live.author.id, live.text, "3")


def test_nothing_is_lost(bench: Any, tmp_path: Path) -> None:
    """What the parser has no word for, a comment's own fields, stays in the raw."""
    (batch,) = bench.connector.load(write(tmp_path / "b.xml", export(comment(1), authors="")))
    assert batch.raws[0].body["commentmeta"] == [{"meta_key": "rating", "meta_value": "5"}]


def test_only_chosen_post_types_count(benches: Any, tmp_path: Path) -> None:
    """The setting for post types holds for archives too."""
    path = write(tmp_path / "b.xml", export(comment(1), authors="", post_type="page"))
    assert load(benches(post_types=("post",)), path) == []
    assert len(load(benches(post_types=("page",)), path)) == 1


def test_control_characters_do_not_stop_it(bench: Any, tmp_path: Path) -> None:
    """WordPress exports bytes that XML forbids where a comment holds them."""
    (item,) = load(bench, write(tmp_path / "b.xml", export(comment(1, "be\x0bll\x00"), authors="")))
    assert item.text == "bell"


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    ],
)
def test_entities_are_refused(bench: Any, tmp_path: Path, head: str) -> None:
    """A file that declares entities (a bomb, a local file) is refused before anything of it is used."""
    with pytest.raises(PayloadError, match="declares entities"):
        load(bench, write(tmp_path / "b.xml", export(comment(1), head=head)))


def test_a_broken_off_file_gives_what_came_before(bench: Any, tmp_path: Path) -> None:
    """The error says where; whole batches before it were handed over."""
    text = export("".join(comment(number) for number in range(1, 700)))
    batches = bench.connector.load(write(tmp_path / "b.xml", text[:-3000]))
    assert len(items(bench, [next(batches), next(batches)])) == 600
    with pytest.raises(PayloadError, match="not well-formed"):
        next(batches)


@pytest.mark.parametrize(
    "text", ["<rss><channel><item/></channel></rss>", "<html/>", "<feed xmlns='http://www.w3.org/2005/Atom'/>"]
)
def test_another_file_is_refused(bench: Any, tmp_path: Path, text: str) -> None:
    """RSS without WordPress's elements, HTML and Atom are no exports."""
    with pytest.raises(PayloadError, match="no WordPress export"):
        load(bench, write(tmp_path / "b.xml", text))


def test_memory_stays_flat(bench: Any, tmp_path: Path) -> None:
    """A file of 20,000 comments (15 MB) is read in a few MB."""
    text = export("".join(comment(number) for number in range(1, 20_001)))
    path = write(tmp_path / "b.xml", text)
    tracemalloc.start()
    count = sum(len(batch.raws) for batch in bench.connector.load(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_001
    assert len(text) > 15_000_000
    assert peak < 6_000_000


def test_interactions_of_authors_are_left_to_the_host(bench: Any, tmp_path: Path) -> None:
    """The account that comes first makes its comments outbound; parse itself does not judge."""
    found = load(bench, write(tmp_path / "b.xml", export(comment(1, user=2))))
    assert isinstance(found[0], Account)
    assert isinstance(found[1], Interaction)
    assert found[1].direction is None
    assert found[1].author.id == found[0].id
