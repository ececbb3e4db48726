"""What archived mails mean. All people, lists and mails here are invented."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Direction, Interaction, Kind, Visibility
from socialcrm_mailinglist import MailingListConnector, MailingListSettings
from socialcrm_mailinglist._text import strip_prefix

LIST = "talk@lists.example.org"
SETTINGS = MailingListSettings(
    archive=f"https://lists.example.org/archives/list/{LIST}/", address="support@example.org", staff=("Ana@example.org",)
)
FOOTER = """
_______________________________________________
Talk mailing list -- talk@lists.example.org
To unsubscribe send an email to talk-leave@lists.example.org"""


def parse(raw: Raw, settings: MailingListSettings = SETTINGS) -> Interaction:
    (item,) = MailingListConnector(settings).parse(raw)
    assert isinstance(item, Interaction)
    return item


def json_mail(context: Mapping[str, str] | None = None, **changes: Any) -> Raw:
    body = {
        "message_id": "m1@example.com",
        "message_id_hash": "HASH1",
        "thread": "https://lists.example.org/archives/api/list/talk@lists.example.org/thread/THREAD/",
        "sender": {"address": "Mara (a) Example.com", "mailman_id": None},
        "sender_name": "Mara Muster",
        "subject": "[Talk] Re: Lines",
        "date": "2026-03-01T10:00:00+01:00",
        "content": "My line is dead\n",
        "attachments": [],
    }
    return Raw("email", {**body, **changes}, context or {})


def mail(head: str = "", text: str = "My line is dead", sender: str = "Mara <mara@example.com>", **context: str) -> Raw:
    lines = [f"From: {sender}", "Date: Sun, 1 Mar 2026 10:00:00 +0100", "Message-ID: <m1@example.com>", *head.split("\n")]
    return Raw("message", ("\n".join(filter(None, lines)) + f"\n\n{text}\n").encode(), context)


def test_a_mail_of_hyperkitty() -> None:
    """Everything that the API tells has its place."""
    one = parse(json_mail({"parent": "m0@example.com", "prefix": "[Talk] ", "policy": "public"}))
    assert (one.id, one.at, one.parent) == ("m1@example.com", datetime(2026, 3, 1, 9, tzinfo=UTC), "m0@example.com")
    assert (one.author.id, one.author.name, one.author.handles[0].verified) == ("mara@example.com", "Mara Muster", False)
    assert (one.conversation, one.kind, one.visibility) == ("THREAD", Kind.EMAIL, Visibility.PUBLIC)
    assert (one.subject, one.text, one.direction) == ("Re: Lines", "My line is dead", None)
    assert one.url == f"https://lists.example.org/archives/list/{LIST}/message/HASH1/"


def test_optional_parts_may_be_missing() -> None:
    """An id and a date are enough."""
    one = parse(Raw("email", {"message_id": "m1@example.com", "date": "2026-03-01T10:00:00Z"}))
    assert (one.author.id, one.text, one.conversation) == ("unknown:m1@example.com", "", "")


@pytest.mark.parametrize("body", [{}, {"message_id": "m1@example.com"}, {"date": "2026-03-01T10:00:00Z"}, [], None, "x"])
def test_what_is_no_mail_is_told(body: object) -> None:
    """Without id or date it is quarantined."""
    with pytest.raises(PayloadError):
        parse(Raw("email", body))


def test_files_of_hyperkitty() -> None:
    """Attachments come with name, type, size and where they lie; odd ones do no harm."""
    row = {"name": "log.txt", "content_type": "text/plain", "size": 12, "download": "https://lists.example.org/a/1/log.txt"}
    one = parse(json_mail(attachments=[row, {"name": "lost"}, None, "x"]))
    assert [(file.name, file.mime, file.size, file.url) for file in one.attachments] == [
        ("log.txt", "text/plain", 12, "https://lists.example.org/a/1/log.txt")
    ]


@pytest.mark.parametrize("address", ["support (a) example.org", "ANA (a) example.org"])
def test_staff_is_ours(address: str) -> None:
    """What our address or our staff writes is outbound."""
    assert parse(json_mail(sender={"address": address})).direction is Direction.OUTBOUND


def test_an_archive_for_members_is_limited() -> None:
    """A private archive's mail is not public, whoever says so: the archive or the settings."""
    assert parse(json_mail({"policy": "private"})).visibility is Visibility.LIMITED
    assert parse(mail(), MailingListSettings(private=True)).visibility is Visibility.LIMITED


@pytest.mark.parametrize(
    "sender",
    [
        "mara at example.com (Mara Muster)",
        "Mara at Example.com (=?utf-8?q?Mara_Muster?=)",
        "Mara Muster <mara@example.com>",
        "mara (a) example.com (Mara Muster)",
    ],
)
def test_an_author_in_disguise(sender: str) -> None:
    """However an archive writes an address, it is the same person."""
    one = parse(mail(sender=sender))
    assert (one.author.id, one.author.name) == ("mara@example.com", "Mara Muster")


@pytest.mark.parametrize(
    "head",
    ["Reply-To: Mara <mara@example.com>", "X-Original-From: Mara <mara@example.com>", "Cc: Mara <mara@example.com>",
     f"Reply-To: {LIST}\nCc: mara@example.com"],
)  # fmt: skip
def test_an_author_behind_the_list(head: str) -> None:
    """Where a list wrote itself into From for DMARC's sake, the author is who stands in Reply-To, Cc or X-Original-From."""
    one = parse(mail(head, sender=f"Mara via Talk <{LIST}>"))
    assert (one.author.id, one.author.name) == ("mara@example.com", "Mara")


def test_authors_whom_the_list_hides_stay_apart() -> None:
    """Two people who wrote through the list's own address, or whose addresses are cut, are not one."""
    hidden = [parse(mail(sender=f"{name} via Talk <{LIST}>")).author for name in ("Mara", "Omar")]
    hidden += [parse(json_mail(sender={"address": LIST.replace("@", " (a) ")}, sender_name="Ida via Talk")).author]
    hidden += [parse(mail(sender=f"{name} <ma...@example.com>")).author for name in ("Mona", "Max")]
    assert [author.id for author in hidden] == ["name:mara", "name:omar", "name:ida", "name:mona", "name:max"]
    assert not any(author.handles for author in hidden)


def test_via_in_a_name_alone_proves_nothing() -> None:
    """Somebody who calls himself "via" at an address of his own is not looked for elsewhere."""
    one = parse(mail("Reply-To: other@example.com", sender="Mara via Web <mara@example.com>"))
    assert one.author.id == "mara@example.com"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("[Talk] Lines", "Lines"),
        ("Re: [talk] Lines", "Re: Lines"),
        ("[Talk] Re: [Talk] RE: Lines", "Re: Lines"),
        ("[Talk 17] Lines", "Lines"),
        ("AW: [Talk:17] Lines", "AW: Lines"),
        ("[bug] Lines", "[bug] Lines"),
        ("[Talk]", ""),
    ],
)
def test_the_lists_prefix_goes(given: str, kept: str) -> None:
    """The list's own prefix is stripped wherever it stands; other brackets stay."""
    assert parse(json_mail(subject=given)).subject == kept


@given(st.text("abc xyz.!äß-", max_size=60))
def test_a_subject_without_prefix_stays(subject: str) -> None:
    """Whatever holds neither bracket nor answer mark is left alone, but for spaces around it."""
    assert strip_prefix(subject, frozenset({"talk"})) == subject.strip()


def test_footer_and_quotation_go_apart() -> None:
    """The list's footer and quoted lines are no text of the author, and are kept beside it."""
    one = parse(mail(text=f"Mine too.\n\nOn Sunday Mara wrote:\n> My line is dead\n{FOOTER}"))
    assert one.text == "Mine too."
    assert "> My line is dead" in one.quoted
    assert "To unsubscribe" in one.quoted


def test_a_rule_that_is_no_footer_stays() -> None:
    """A line of underscores above somebody's own words is text."""
    one = parse(mail(text="Here is the log:\n________________________\nerror 17"))
    assert "error 17" in one.text


def test_threads_of_an_mbox() -> None:
    """In-Reply-To is the parent, else the last of the references; the conversation is left to them."""
    one = parse(mail("References: <a@example.com> <b@example.com>\nIn-Reply-To: <b@example.com>"))
    assert (one.parent, one.references, one.conversation) == ("b@example.com", ("a@example.com", "b@example.com"), "")
    assert parse(mail("References: <a@example.com>")).parent == "a@example.com"


def test_the_lists_own_headers_tell_its_name() -> None:
    """Where no setting names the list, List-Post or List-Id does; Archived-At says where people see it."""
    for head in ("List-Post: <mailto:talk@example.net>", "List-Id: Talk about it <talk.example.net>"):
        link = "Archived-At: <https://lists.example.net/m/1>\nSubject: [talk] Lines"
        one = parse(mail(f"{head}\n{link}"), MailingListSettings())
        assert (one.extra["list"], one.subject, one.url) == ("talk@example.net", "Lines", "https://lists.example.net/m/1")


def test_a_mail_without_a_date() -> None:
    """It has the time of its arrival, where the archive tells one; else it is quarantined."""
    data = b"From: Mara <mara@example.com>\nMessage-ID: <m1@example.com>\n\nHello\n"
    assert parse(Raw("message", data, {"received": "1772359200000000"})).at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    with pytest.raises(PayloadError, match="date"):
        parse(Raw("message", data))


def test_automatic_answers_are_marked() -> None:
    """An absence note is no question; a list's Precedence alone makes nothing automatic."""
    assert parse(mail("Auto-Submitted: auto-replied")).kind is Kind.OTHER
    assert parse(mail("Precedence: bulk\nAuto-Submitted: no")).kind is Kind.EMAIL


def test_files_that_the_scrubber_took() -> None:
    """Pipermail's notes become attachments, and leave the text; a second text part stays."""
    text = """My line is dead
-------------- next part --------------
A non-text attachment was scrubbed...
Name: line.png
Type: image/png
Size: 1234 bytes
Desc: not available
URL: <https://lists.example.org/pipermail/talk/attachments/20260301/0a/line.png>
-------------- next part --------------
An HTML attachment was scrubbed...
URL: <https://lists.example.org/pipermail/talk/attachments/20260301/0b/attachment.html>
-------------- next part --------------
And one more thing."""
    one = parse(mail(text=text))
    assert one.text.split("\n\n") == ["My line is dead", "And one more thing."]
    assert [(file.name, file.mime, file.size, file.description) for file in one.attachments] == [
        ("line.png", "image/png", 1234, ""),
        ("", "text/html", None, ""),
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever stands in an mbox, it is an interaction or a PayloadError."""
    for head in (b"", b"From: x at y\nDate: Sun, 1 Mar 2026 10:00:00 +0100\n"):
        try:
            list(MailingListConnector(SETTINGS).parse(Raw("message", head + data)))
        except PayloadError:
            continue
