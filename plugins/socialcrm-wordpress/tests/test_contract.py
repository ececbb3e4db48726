"""The WordPress connector keeps the contract, on an invented blog."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from socialcrm.connectors import Answer, Call, Incoming
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_wordpress import WordPressConnector

EXPORT = """<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<wp:author><wp:author_id>1</wp:author_id><wp:author_login>ana</wp:author_login></wp:author>
<item><link>https://blog.example.com/hello/</link><wp:post_id>1</wp:post_id><wp:post_type>post</wp:post_type>{}</item>
</channel></rss>"""
COMMENT = """<wp:comment><wp:comment_id>{0}</wp:comment_id><wp:comment_author>Mara</wp:comment_author>
<wp:comment_author_email>mara@example.com</wp:comment_author_email>
<wp:comment_date_gmt>2026-03-01 0{0}:00:00</wp:comment_date_gmt>
<wp:comment_content>{1}</wp:comment_content><wp:comment_approved>1</wp:comment_approved>
<wp:comment_parent>0</wp:comment_parent><wp:comment_user_id>0</wp:comment_user_id></wp:comment>"""


class Site:
    """The blog of these tests, asked over HTTP."""

    def __init__(self, blog: Any) -> None:
        self.blog = blog
        self.start: set[int] = set()
        for number, text in enumerate(("My line is dead", "Since Monday", "We look into it", "Thank you!"), 1):
            blog.add(
                text,
                parent=number // 3,
                author=int(number == 3),
                post=1 + number // 4,
                at=blog.now - timedelta(hours=9 - number),
            )
        blog.add("Buy pills", status="spam", at=blog.now - timedelta(hours=1), author_email="spam@example.org")
        self.start = set(blog.comments)

    @property
    def now(self) -> datetime:
        """The blog's time."""
        return self.blog.now  # type: ignore[no-any-return]  # a datetime

    @now.setter
    def now(self, value: datetime) -> None:
        self.blog.now = value

    def answer(self, request: Incoming) -> Answer:
        """Answer as the REST API does."""
        path = urlsplit(request.url).path
        if not path.startswith("/wp-json/wp/v2/"):
            return Answer(status=404, headers={"content-type": "text/html"}, content=b"<p>Nothing here")
        body = json.loads(request.body) if request.body else None
        answer: Answer = self.blog.answer(Call(request.method, path, params=request.query, json=body))
        return answer

    def texts(self) -> list[str]:
        """What stands on the blog and is not in the trash."""
        return [row["content"]["raw"] for row in self.blog.comments.values() if row["status"] != "trash"]

    def received(self) -> list[str]:
        """What was posted through the API."""
        return [
            row["content"]["raw"]
            for number, row in self.blog.comments.items()
            if row["author"] == 1 and number not in self.start
        ]

    def edit(self) -> None:
        """Somebody changes a comment."""
        self.blog.comments[2]["content"] = {"raw": "Since Tuesday", "rendered": "<p>Since Tuesday</p>\n"}


def export(folder: Path) -> Path:
    path = folder / "blog.xml"
    path.write_text(EXPORT.format(COMMENT.format(1, "First") + COMMENT.format(2, "Second")), encoding="utf-8")
    return path


REL = b'rel="https://api.w.org/"'
HEADER = {"link": '<https://blog.example.com/wp-json/>; rel="https://api.w.org/"'}
FOLDER = b"<link " + REL + b' href="https://example.com/news/wp-json/">'
PLAIN = b'<link href="https://plain.example.com/index.php?rest_route=/" ' + REL + b" />"
SITES = (
    ("https://blog.example.com/", Answer(status=200, headers=HEADER)),
    ("https://example.com/news/a-post", Answer(status=200, content=FOLDER)),
    ("https://plain.example.com/?p=3", Answer(status=200, content=PLAIN)),
)


def test_a_site_says_where_its_api_is() -> None:
    """The folder of the site and the root of the API come from the site's own link, in a header or in the page."""
    found = [WordPressConnector.recognise(url, page) for url, page in SITES]
    assert found == [
        {"server": "https://blog.example.com", "rest_root": "/wp-json/"},
        {"server": "https://example.com/news", "rest_root": "/wp-json/"},
        {"server": "https://plain.example.com", "rest_root": "/?rest_route=/"},
    ]


class TestWordPress(ConnectorSuite):
    connector = WordPressConnector

    @pytest.fixture
    def scenario(self, benches: Any) -> Scenario:
        return Scenario(
            platform=lambda: Site(benches().blog),
            settings={"server": "https://blog.example.com", "username": "ana", "password": "canary-0001 abcd"},
            changes=(lambda site: site.blog.add("One more", number=9), Site.edit, lambda site: site.blog.comments.pop(1)),
            archive=export,
            archived=("First", "Second"),
            sites=SITES,
            now=datetime(2026, 3, 1, 12, tzinfo=UTC),
        )
