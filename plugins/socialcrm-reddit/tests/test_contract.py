"""The Reddit connector keeps the contract, on an invented Reddit."""

from __future__ import annotations

import csv
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from fake_reddit import AGENT, NOON, TOKEN, FakeReddit

from socialcrm.connectors import Raw
from socialcrm.testing import ConnectorSuite, Scenario
from socialcrm_reddit import RedditConnector


def filled(size: int = 5) -> FakeReddit:
    """A subreddit, an inbox, a modmail."""
    reddit = FakeReddit(size)
    mara, ola = reddit.account("mara"), reddit.account("ola")
    first = reddit.post(mara, "My line is dead", "Since Monday. Who can help?", age=timedelta(hours=30))
    reddit.comment(ola, first, "Mine too", age=timedelta(hours=29))
    ours = reddit.comment(reddit.me, first, "We look into it", age=timedelta(hours=28))
    reddit.comment(mara, ours, "Any news?", age=timedelta(hours=27))
    reddit.post(ola, "Praise", "All well again", age=timedelta(hours=26))
    away = reddit.post(ola, "Which company?", "I need a line", home="phones", age=timedelta(hours=25))
    reddit.comment(mara, away, "ask u/acme", age=timedelta(hours=24))
    asked = reddit.message(mara, reddit.me, "My number is 555-0100", age=timedelta(hours=23))
    reddit.message(reddit.me, mara, "Thank you", parent=asked, age=timedelta(hours=22))
    talk = reddit.talk(ola, "Why was I banned?", age=timedelta(hours=41))
    reddit.say(talk, reddit.me, "He is a regular", internal=True, age=timedelta(hours=40))
    return reddit


def edit(reddit: FakeReddit) -> None:
    """Somebody edits a comment."""
    reddit.edit(
        next(name for name, one in reddit.things.items() if one["data"].get("body") == "Mine too"), "Mine too, see below"
    )


def delete(reddit: FakeReddit) -> None:
    """Somebody deletes a comment."""
    found = [name for name, one in reddit.things.items() if one["data"].get("body") == "Any news?"]
    for name in found:
        reddit.delete(name)


def export(folder: Path) -> Path:
    """A data export."""
    head = {"id": "abc", "date": "2026-10-01 04:35:32 UTC", "ip": "", "subreddit": "acme", "gildings": "0"}
    post = {
        **head,
        "permalink": "https://www.reddit.com/r/acme/comments/abc/t/",
        "title": "Hello",
        "url": "",
        "body": "Good morning",
    }
    link = "https://www.reddit.com/r/acme/comments/abc/t/"
    comment = {
        **head,
        "id": "abd",
        "permalink": f"{link}abd/",
        "link": link,
        "parent": "",
        "body": "And good night",
        "media": "",
    }
    message = {"id": "abe", "permalink": "", "thread_id": "", "date": head["date"], "ip": "", "from": "mara", "to": "acme"}
    files = {
        "statistics.csv": [{"statistic": "account name", "value": "acme"}],
        "posts.csv": [post],
        "comments.csv": [comment],
        "messages.csv": [{**message, "subject": "Hi", "body": "Are you there?"}],
    }
    path = folder / "export_acme.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, rows in files.items():
            text = StringIO()
            table = csv.DictWriter(text, rows[0])
            table.writeheader()
            table.writerows(rows)
            bundle.writestr(name, text.getvalue())
    return path


GALLERY = {
    "kind": "t3",
    "data": {
        "id": "g1", "name": "t3_g1", "author": "mara", "author_fullname": "t2_1", "created_utc": 1791198000.0,
        "title": "Pictures",
        "selftext": "", "is_self": False, "edited": 1791199000.0, "permalink": "/r/acme/comments/g1/x/",
        "gallery_data": {"items": [{"media_id": "m1", "caption": "The box"}]}, "poll_data": {"options": [{"text": "Yes"}]},
        "media_metadata": {"m1": {"m": "image/png", "s": {"u": "https://i.example.com/m1.png"}}},
        "crosspost_parent_list": [{"title": "First", "selftext": "Words"}],
    },
}  # fmt: skip


class TestReddit(ConnectorSuite):
    connector = RedditConnector

    @pytest.fixture
    def scenario(self) -> Scenario:
        return Scenario(
            platform=filled,
            settings={
                "user_agent": AGENT,
                "client_id": "app",
                "client_secret": "client-secret-canary",
                "token": TOKEN,
                "refresh_token": "refresh-reddit-canary",
                "subreddits": ("acme",),
                "search": ("company",),
                "modmail": True,
            },
            changes=(
                lambda reddit: reddit.comment("mara", next(iter(reddit.things)), "One more", age=timedelta()),
                edit,
                delete,
            ),
            variants={"pages of one": lambda: filled(1), "one page": lambda: filled(50)},
            archive=export,
            archived=("Good morning", "And good night", "Are you there?"),
            samples=(
                Raw("thing", GALLERY),
                Raw("thing", {"kind": "t9", "data": {"id": "1", "author": "x", "created_utc": 5.0}}),
            ),
            now=NOON,
        )
