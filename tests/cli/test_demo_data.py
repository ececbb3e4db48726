"""The demo's archives: invented, whole, and as their README says."""

from __future__ import annotations

import email
import json
import mailbox
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import socialcrm

HERE = Path(socialcrm.__file__).parent / "cli" / "_demo_data"
WP = "{http://wordpress.org/export/1.2/}"
SUPPORT = "support@example.com"
OUTAGE = datetime(2026, 10, 8, 14, 3, tzinfo=UTC)
COMPLAINT = timedelta(minutes=31)


@cache
def mails() -> list[EmailMessage]:
    box = mailbox.mbox(HERE / "support.mbox", create=False)
    try:
        return [email.message_from_bytes(box.get_bytes(key), policy=policy.default) for key in box.keys()]  # noqa: SIM118 (an mbox iterates over messages)
    finally:
        box.close()


@cache
def comments() -> list[dict[str, str]]:
    root = ElementTree.parse(HERE / "blog.wxr.xml").getroot()
    return [{field.tag.removeprefix(WP): field.text or "" for field in comment} for comment in root.iter(f"{WP}comment")]


@cache
def mastodon() -> dict[str, Any]:
    archive: dict[str, Any] = json.loads((HERE / "mastodon.json").read_text("utf-8"))
    return archive


def sender(mail: EmailMessage) -> str:
    return parseaddr(str(mail["From"]))[1]


def customers_times() -> Iterator[datetime]:
    for mail in mails():
        if sender(mail) != SUPPORT:
            yield datetime.strptime(mail["Date"], "%a, %d %b %Y %H:%M:%S %z")
    for comment in comments():
        if comment["comment_user_id"] not in {"2", "3"} and comment["comment_type"] == "comment":
            yield datetime.fromisoformat(comment["comment_date_gmt"] + "+00:00")
    for status in mastodon()["mentions"]:
        yield datetime.fromisoformat(status["created_at"])


def test_the_mailbox_holds_63_mails_20_of_them_ours() -> None:
    """The mbox parses with the standard library, without a defect."""
    assert Counter(sender(mail) == SUPPORT for mail in mails()) == {False: 43, True: 20}
    assert not [defect for mail in mails() for part in mail.walk() for defect in part.defects]


def test_every_reply_by_mail_names_a_mail_that_came_before() -> None:
    """Threads are whole: In-Reply-To ends References, and what they name is there."""
    seen: set[str] = set()
    for mail in mails():
        references = str(mail.get("References", "")).split()
        assert set(references) <= seen
        assert references[-1:] == ([str(mail["In-Reply-To"])] if "In-Reply-To" in mail else [])
        seen.add(str(mail["Message-ID"]))
    assert len(seen) == 63


def test_mails_come_in_many_encodings_and_shapes() -> None:
    """Older charsets, HTML only, text with HTML and a picture, an automatic reply."""
    parts = [part for mail in mails() for part in mail.walk()]
    assert {part.get_content_charset() for part in parts} > {"utf-8", "iso-8859-1", "iso-8859-2", "windows-1252", "iso-2022-jp"}
    assert {"text/html", "multipart/alternative", "image/png", "application/pdf"} < {part.get_content_type() for part in parts}
    assert sum(mail.get_content_type() == "text/html" for mail in mails()) == 1
    assert sum("Auto-Submitted" in mail for mail in mails()) == 1
    assert any("健二" in str(mail["From"]) for mail in mails())


def test_the_blog_holds_39_comments_in_every_state() -> None:
    """One waits for moderation, one is spam, one is a pingback; six are ours, four more users are registered."""
    root = ElementTree.parse(HERE / "blog.wxr.xml").getroot()
    assert len(list(root.iter("item"))) == 5
    assert Counter(comment["comment_approved"] for comment in comments()) == {"1": 37, "0": 1, "spam": 1}
    assert Counter(comment["comment_type"] for comment in comments()) == {"comment": 38, "pingback": 1}
    assert (
        Counter(comment["comment_user_id"] for comment in comments() if comment["comment_user_id"] in {"2", "3"}).total() == 6
    )
    assert {comment["comment_user_id"] for comment in comments()} == {"0", "2", "3", "21", "24", "26", "27"}


def test_every_answered_comment_is_there_and_older() -> None:
    """Comment threads are whole."""
    ids: dict[str, str] = {"0": ""}
    for comment in sorted(comments(), key=lambda comment: comment["comment_date_gmt"]):
        assert comment["comment_parent"] in ids
        ids[comment["comment_id"]] = comment["comment_date_gmt"]


def test_the_mastodon_archive_holds_16_posts_of_ours_and_40_mentions() -> None:
    """Posts are apart by id, answers name posts that are there, five are direct messages."""
    ours, theirs = mastodon()["statuses"], mastodon()["mentions"]
    posts = {status["id"]: status for status in ours + theirs}
    assert (len(ours), len(theirs), len(posts)) == (16, 40, 56)
    assert {status["account"]["acct"] for status in ours} == {"larkwire"}
    assert all("larkwire" in [mention["acct"] for mention in status["mentions"]] for status in theirs)
    for status in posts.values():
        parent = status["in_reply_to_id"]
        assert parent is None or posts[parent]["created_at"] <= status["created_at"]
    assert Counter(status["visibility"] for status in posts.values()) == {
        "public": 46,
        "unlisted": 4,
        "direct": 5,
        "private": 1,
    }


def test_everything_happens_in_one_week() -> None:
    """From Monday 5 to Sunday 11 October 2026."""
    times = [*customers_times(), *(datetime.fromisoformat(status["created_at"]) for status in mastodon()["statuses"])]
    assert datetime(2026, 10, 5, tzinfo=UTC) <= min(times)
    assert max(times) < datetime(2026, 10, 12, tzinfo=UTC)


def test_the_outage_brings_21_complaints_within_half_an_hour() -> None:
    """All three channels feel it."""
    assert sum(OUTAGE < time < OUTAGE + COMPLAINT for time in customers_times()) == 21


def test_mara_is_one_person_by_her_address() -> None:
    """Her mails passed DMARC, and the blog's registered user has the same address."""
    hers = [mail for mail in mails() if sender(mail) == "mara.lindqvist@example.net"]
    assert len(hers) == 3
    assert all("dmarc=pass header.from=example.net" in str(mail["Authentication-Results"]) for mail in hers)
    assert {c["comment_user_id"] for c in comments() if c["comment_author_email"] == "mara.lindqvist@example.net"} == {"21"}


def test_tomasz_is_one_person_by_a_verified_link() -> None:
    """His Mastodon profile's verified link is the registered blog user's address."""
    (field,) = next(s["account"]["fields"] for s in mastodon()["mentions"] if s["account"]["acct"] == "tomek@town.example")
    (link,) = {comment["comment_author_url"] for comment in comments() if comment["comment_user_id"] == "24"}
    assert field["verified_at"]
    assert f'href="{link}"' in field["value"]


def test_need_and_influence_are_at_odds() -> None:
    """The loudest account has a million followers; the one in need wrote three mails that nobody answered."""
    followers = {s["account"]["username"]: s["account"]["followers_count"] for s in mastodon()["mentions"]}
    assert max(followers, key=lambda name: followers[name]) == "vincentvale"
    assert followers["vincentvale"] > 1_000_000
    assert sum(sender(mail) == "edith.calloway@example.org" for mail in mails()) == 3
    assert not [mail for mail in mails() if "edith" in str(mail["To"])]


def test_the_readme_counts_right() -> None:
    """158 interactions, and 43 customers by name."""
    text = (HERE / "README.md").read_text("utf-8")
    assert len(mails()) + len(comments()) + len(mastodon()["statuses"]) + len(mastodon()["mentions"]) == 158
    assert "158 interactions" in text
    people = {sender(mail) for mail in mails()} - {SUPPORT}
    users = {"21", "2", "3"}  # Mara is counted by her mail
    people |= {
        c["comment_author"] + c["comment_author_email"]
        for c in comments()
        if c["comment_type"] == "comment" and c["comment_user_id"] not in users
    }
    people |= {status["account"]["acct"] for status in mastodon()["mentions"]}
    # Priya, Tomasz and Oliver were counted twice, and the spam is nobody.
    assert len(people) - 4 == 43
    assert "43 customers" in text


@pytest.mark.parametrize("path", sorted(HERE.iterdir()), ids=lambda path: path.name)
def test_only_example_domains_and_numbers_appear(path: Path) -> None:
    """No address, server or telephone number could be somebody's; no file is large."""
    raw = path.read_bytes()
    assert len(raw) < 250_000
    if path.suffix == ".mbox":
        bodies = [part.get_content() for mail in mails() for part in mail.walk() if part.get_content_maintype() == "text"]
        text = "\n".join([*bodies, *(str(value) for mail in mails() for value in mail.values())])
    else:
        text = raw.decode("utf-8")
    hosts = set(re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text)) | set(re.findall(r"https?://([\w.-]+)", text))
    formats = {"wordpress.org", "purl.org", "wellformedweb.org"}  # names of namespaces and of the generator
    assert not [host for host in hosts - formats if not re.search(r"(^|\.)example(\.(com|net|org))?$", host.rstrip("."))]
    assert all(number.startswith("+1-555-01") for number in re.findall(r"\+\d[\d-]{6,}", text))
