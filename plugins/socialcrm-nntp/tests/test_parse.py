"""What articles mean. All articles here are invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Kind, Visibility
from socialcrm_nntp import NntpConnector, NntpSettings
from socialcrm_nntp._quotes import split_quotes

Write = Callable[..., bytes]


def parse(data: bytes, **context: str) -> list[Any]:
    return list(NntpConnector(NntpSettings()).parse(Raw(kind="article", body=data, context=context)))


def test_an_article(write: Write) -> None:
    """An article has the Message-ID, the author's address, the last reference as its parent, and its groups beside it."""
    (one,) = parse(write(2, head="References: <root@example.com>\n\t<a1@example.com>", groups="acme.support, acme.general"))
    assert (one.id, one.parent, one.references) == ("a2@example.com", "a1@example.com", ("root@example.com", "a1@example.com"))
    assert (one.author.id, one.author.name, one.author.handles[0].verified) == ("mara@example.com", "Mara", False)
    assert (one.kind, one.visibility, one.conversation, one.scope) == (Kind.REPLY, Visibility.PUBLIC, "", "")
    assert one.at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert one.extra["newsgroups"] == ["acme.support", "acme.general"]
    assert one.url == "news:a2@example.com"


def test_a_crosspost_is_one(write: Write) -> None:
    """Whichever group an article was read in, it means the same."""
    data = write(3, groups="acme.support,acme.general")
    assert parse(data, group="acme.support", number="7") == parse(data, group="acme.general", number="3")


@pytest.mark.parametrize(
    ("sender", "account", "name", "handles"),
    [
        ("mara@EXAMPLE.com (Mara Test)", "mara@example.com", "Mara Test", 1),
        ("=?iso-8859-1?Q?J=F6rg?= <j@example.com>", "j@example.com", "Jörg", 1),
        ("Mara <nobody@nowhere.invalid>", "nobody@nowhere.invalid mara", "Mara", 0),
        ("Jonas <nobody@nowhere.invalid>", "nobody@nowhere.invalid jonas", "Jonas", 0),
        ("Mara at example dot com", "unknown:a1@example.com", "Mara at example dot com", 0),
    ],
)
def test_authors(write: Write, sender: str, account: str, name: str, handles: int) -> None:
    """An address is the account; a munged one is nobody's handle, and two people behind it stay two."""
    author = parse(write(1, sender=sender))[0].author
    assert (author.id, author.name, len(author.handles)) == (account, name, handles)


def test_a_superseding_article_joins_the_thread(write: Write) -> None:
    """It refers to what it replaces, and says so; it takes nothing back by itself, as anybody can write such a line."""
    (one,) = parse(write(5, head="Supersedes: <a1@example.com>"))
    assert (one.parent, one.references, one.extra["supersedes"]) == (None, ("a1@example.com",), "a1@example.com")


def test_a_control_message_is_no_interaction(write: Write) -> None:
    """What is written to servers and not to people means nothing here."""
    assert parse(write(6, head="Control: cancel <a1@example.com>")) == []


def test_charsets_and_parts(write: Write) -> None:
    """A part is read in its own character set; a wrong one is guessed; a file becomes an attachment."""
    head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x"
    body = "--x\nContent-Type: text/html; charset=utf-8\n\n<p>Grüße &amp; <a href='https://example.com/7'>Dank</a></p>\n"
    body += "--x\nContent-Type: image/png; name=p.png\nContent-Transfer-Encoding: base64\n\nAAAA\n--x--"
    (one,) = parse(write(1, body, head=head))
    assert one.text == "Grüße & Dank <https://example.com/7>"
    assert [(file.name, file.mime, file.size) for file in one.attachments] == [("p.png", "image/png", 3)]
    odd = write(
        1,
        "Gr\udcfc\udcdfe".encode("utf-8", "surrogateescape").decode("latin-1"),
        head="Content-Type: text/plain; charset=no-such",
    )
    assert parse(odd)[0].text


def test_quotations_between_answers(write: Write) -> None:
    """Answers between quoted lines are the text; quotations, their introduction and the signature stand beside it."""
    body = "On Mon, 2 Mar 2026, Ida wrote:\n> Is it late?\nYes, it is.\n>> Really?\nReally.\n-- \nMara"
    (one,) = parse(write(1, body))
    assert one.text == "Yes, it is.\nReally."
    assert one.quoted == "On Mon, 2 Mar 2026, Ida wrote:\n> Is it late?\n>> Really?\n--\nMara"


def test_flowed_paragraphs(write: Write) -> None:
    """Lines that were broken for terminals become whole, quoted ones too, and the signature's mark stays."""
    body = "A long \nparagraph.\n> quoted \n> words\n  stuffed\n-- \nMara"
    (one,) = parse(write(1, body, head="Content-Type: text/plain; format=flowed"))
    assert one.text == "A long paragraph.\n stuffed"
    assert one.quoted == "> quoted words\n--\nMara"


def test_only_the_header_of_a_long_article(write: Write) -> None:
    """An article of which only the header was fetched says so."""
    head = write(1).partition(b"\r\n\r\n")[0] + b"\r\n"
    (one,) = parse(head, size="9000000")
    assert (one.text, one.subject, one.extra["truncated"], one.extra["size"]) == ("", "My parcel", True, 9_000_000)


@pytest.mark.parametrize("data", [b"", b"no article at all", b"Subject: x\r\n\r\nno date"])
def test_what_is_no_article(data: bytes) -> None:
    """Bytes without a header, or without any date, are refused alone."""
    with pytest.raises(PayloadError):
        parse(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(data: bytes) -> None:
    """Whatever stands in an article, it is read or refused as one that can't be."""
    try:
        parse(b"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\nReferences: <a@b>\r\n" + data)
    except PayloadError:
        return


@given(st.text(max_size=300))
def test_nothing_is_lost_by_splitting(text: str) -> None:
    """Every line is new text or quoted text."""
    new, quoted = split_quotes(text)
    left = sorted(word for line in text.split("\n") for word in line.split())
    assert sorted(word for part in (new, quoted) for line in part.split("\n") for word in line.split()) == left
