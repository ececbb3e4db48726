"""A blog's visitors are answered: the whole way through the CRM on a real WordPress. All people are invented."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work

import socialcrm
from socialcrm import CRM
from socialcrm.errors import CredentialsError, SettingsError
from socialcrm.types import Direction, Moderation

pytestmark = pytest.mark.server("wordpress")
STATES = {
    "approved": Moderation.APPROVED,
    "hold": Moderation.HELD,
    "spam": Moderation.SPAM,
    "trash": Moderation.REMOVED,
}


@pytest.fixture
def blog(site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The site without any comment, and its editor's password in the environment."""
    monkeypatch.setenv("BLOG_PASSWORD", site.passwords["editor"])
    site.php("global $wpdb; $wpdb->query('truncate table wp_comments'); $wpdb->query('truncate table wp_commentmeta');")
    yield site
    site.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%postname%/'); flush_rewrite_rules();")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(blog: Any, url: str) -> Iterator[CRM]:
    """A workspace that follows the blog as its editor, and looks for edits at every sync."""
    with socialcrm.open(url) as opened:
        settings = {"server": blog.url, "username": "editor", "password": "env:BLOG_PASSWORD", "rescan_minutes": 0}
        opened.channels.add("wordpress", name="blog", **settings)
        yield opened


def said(blog: Any) -> dict[str, tuple[str, str | None, str, Moderation]]:
    """Return every comment as WordPress itself reports it: text, parent, author's name and state."""
    found = {}
    for status in ("approve", "hold", "spam", "trash"):
        page = 1
        while rows := blog.api("GET", f"/comments?context=edit&status={status}&per_page=100&page={page}"):
            for row in rows:
                parent = str(row["parent"]) if row["parent"] else None
                found[str(row["id"])] = (row["content"]["raw"], parent, row["author_name"], STATES[row["status"]])
            page += 1
    return found


def held(crm: CRM) -> dict[str, tuple[str, str | None, str, Moderation]]:
    """Return what the store holds, in the same words."""
    return {
        one.id: (one.text, one.parent, one.author.name, one.moderation) for one in crm.interactions() if one.deleted_at is None
    }


def cli(url: str, *words: str) -> str:
    command = [sys.executable, "-m", "socialcrm", "--db", url.removeprefix("sqlite:///"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_story(blog: Any, crm: CRM) -> None:
    """Two visitors comment, cases open, a reply stands under its comment in WordPress's own API, and nothing comes twice."""
    first = blog.comment("My order 17 is late.", name="Mara", user="")
    second = blog.comment("Same here, order 18.", name="Jonas", user="", parent=first)
    report = crm.sync()
    assert (report.new, report.opened) == (2, 2)
    by_name = {case.customer_name: case for case in crm.inbox()}
    assert set(by_name) == {"Mara", "Jonas"}

    reply = crm.reply(by_name["Mara"], "Sorry, Mara! It leaves today.", by="ana")
    assert crm.flush().sent == [reply.ref]
    (answer,) = blog.api("GET", "/comments?context=edit&author_email=editor@example.com")
    assert (answer["parent"], answer["content"]["raw"]) == (first, "Sorry, Mara! It leaves today.")
    assert [case.customer_name for case in crm.inbox()] == ["Jonas"]
    (sent,) = crm.outbox()
    assert (sent.state, sent.ids) == ("sent", (str(answer["id"]),))

    report = crm.sync()
    assert (report.new, report.opened) == (0, 0)
    assert crm.flush().sent == []
    assert held(crm) == said(blog)
    thread = crm.conversation(crm.interactions()[0].thread)
    assert [(one.id, one.direction) for one in thread.interactions] == [
        (str(first), Direction.INBOUND),
        (str(second), Direction.INBOUND),
        (str(answer["id"]), Direction.OUTBOUND),
    ]
    assert crm.case(by_name["Mara"]).state == "pending"


def test_a_newcomer_listens_without_an_account(blog: Any) -> None:
    """The site's address is enough: the platform is recognised from the page, and its public comments become cases."""
    blog.comment("My order 17 is late.", name="Mara", user="")
    blog.comment("Same here, order 18.", name="Jonas", user="")
    with socialcrm.open(":memory:") as crm:
        report = crm.listen(blog.url)
        assert (report.new, report.opened) == (2, 2)
        (channel,) = crm.channels
        assert (channel.platform, channel.settings["server"]) == ("wordpress", blog.url)
        assert crm.listen(blog.url).new == 0


def test_the_story_on_the_command_line(blog: Any, url: str) -> None:
    """The same with `socialcrm channels add`, `sync`, `inbox`, `reply` and `flush`, each in a process of its own."""
    first = blog.comment("My order 17 is late.", name="Mara", user="")
    blog.comment("Same here, order 18.", name="Jonas", user="", parent=first)
    cli(url, "channels", "add", "wordpress", "blog", f"server={blog.url}", "username=editor", "password=env:BLOG_PASSWORD")
    cli(url, "sync")
    cases = {case["customer_name"]: case for case in json_lines(cli(url, "inbox", "--json"))}
    cli(url, "reply", cases["Mara"]["ref"], "Sorry, Mara! It leaves today.", "--by", "ana")
    cli(url, "flush")
    cli(url, "sync")
    (answer,) = blog.api("GET", "/comments?context=edit&author_email=editor@example.com")
    assert (answer["parent"], answer["content"]["raw"]) == (first, "Sorry, Mara! It leaves today.")
    assert [case["customer_name"] for case in json_lines(cli(url, "inbox", "--json"))] == ["Jonas"]
    with socialcrm.open(url) as crm:
        assert held(crm) == said(blog)


def json_lines(printed: str) -> list[dict[str, Any]]:
    """Read one JSON document, or JSON lines."""
    try:
        found = json.loads(printed)
    except ValueError:
        return [json.loads(line) for line in printed.splitlines()]
    return found if isinstance(found, list) else found.get("cases", [found])


def test_edits_moderation_and_deletions_are_followed(blog: Any, crm: CRM) -> None:
    """After the next sync the store says what the site says: new words, held, spam, trashed, deleted for good."""
    ids = [blog.comment(f"Comment {number}", name=name, user="") for number, name in enumerate(("Mara", "Jonas", "Ida") * 3)]
    crm.sync()
    before = crm.search("Comment")
    blog.api("PUT", f"/comments/{ids[0]}", {"content": "Rewritten"})
    for comment, status in zip(ids[1:4], ("hold", "spam", "trash"), strict=True):
        blog.api("PUT", f"/comments/{comment}", {"status": status})
    blog.api("DELETE", f"/comments/{ids[4]}?force=true")
    report = crm.sync()
    assert (report.new, report.changed) == (0, 5)
    assert held(crm) == said(blog)
    gone = next(one for one in crm.interactions() if one.id == str(ids[4]))
    assert (gone.text, gone.deleted_at is not None) == ("", True)
    assert {one.id for one in before} - {one.id for one in crm.search("Comment")} == {str(ids[0]), str(ids[4])}
    for comment in ids[1:4]:
        blog.api("PUT", f"/comments/{comment}", {"status": "approved"})
    assert crm.sync().changed == 3
    assert held(crm) == said(blog)
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_many_comments(blog: Any, crm: CRM) -> None:
    """250 comments come across WordPress's pages, each once."""
    fill(blog, 250)
    assert crm.sync().new == 250
    assert held(crm) == said(blog)
    assert crm.sync().new == 0


def test_a_wrong_password(blog: Any, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, without the password, for a channel that worked before; the reply waits and is not lost."""
    blog.comment("Hello?", name="Mara", user="")
    crm.sync()
    reply = crm.reply(crm.inbox()[0], "Hello, Mara!", by="ana")
    monkeypatch.setenv("BLOG_PASSWORD", "hunter2")
    for touch in (crm.sync, lambda: crm.check("blog")):
        with pytest.raises(CredentialsError, match="password") as caught:
            touch()
        assert "hunter2" not in "".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert list(crm.flush().failed) == [reply.ref]
    monkeypatch.setenv("BLOG_PASSWORD", blog.passwords["editor"])
    crm.retry(reply)
    assert crm.flush().sent == [reply.ref]
    assert len(said(blog)) == 2


def test_a_site_that_answers_html(blog: Any, crm: CRM) -> None:
    """Where pages come in place of the API, the message names the setting to change, and works when it is changed."""
    comment = blog.comment("Hello", name="Mara", user="")
    blog.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure(''); flush_rewrite_rules();")
    with pytest.raises(SettingsError, match="rest_root"):
        crm.sync()
    crm.channels.update("blog", rest_root="/index.php?rest_route=/")
    crm.sync()
    assert [one.id for one in crm.interactions()] == [str(comment)]


def test_killed_anywhere_it_ends_as_wordpress_says(blog: Any, crm: CRM, url: str, tmp_path: Path) -> None:
    """Ten times killed while fetching, the store holds, item by item, what WordPress itself reports."""
    fill(blog, 230)
    for comment, status in ((5, "hold"), (111, "spam"), (200, "trash")):
        blog.api("PUT", f"/comments/{comment}", {"status": status})
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("wordpress", name="blog", **crm.channels["blog"].settings)
    whole, dice = calls(calm, "sync"), random.Random(3)
    assert [work(url, "sync", dice.randint(1, whole * 2 // 3)) for _ in range(10)].count(None) >= 5
    crm.sync()
    assert held(crm) == said(blog)
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_while_answering_no_reply_is_doubled_or_lost(blog: Any, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once under its comment."""
    fill(blog, 12)
    crm.sync()
    wanted = {}
    for case in crm.inbox():
        reply = crm.reply(case, f"Hello, {case.customer_name}!", by="ana")
        (comment,) = crm.interactions(case=case)
        wanted[reply.text] = comment.id
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(url, "flush", dice.randint(1, 90_000)) is None
    crm.flush()
    answers = blog.api("GET", "/comments?context=edit&author_email=editor@example.com&per_page=100")
    assert {row["content"]["raw"]: str(row["parent"]) for row in answers} == wanted
    assert len(answers) == 12
    assert {reply.state for reply in crm.outbox()} <= {"sent", "reconciled"}
    assert died >= 5
    assert crm.sync().new == 0
    assert held(crm) == said(blog)


def fill(blog: Any, count: int) -> None:
    blog.php(
        f"for ($i = 1; $i <= {count}; $i++) wp_insert_comment(['comment_post_ID' => 1, 'comment_content' => \"Comment $i\","
        "'comment_author' => \"Guest $i\", 'comment_author_email' => \"guest$i@example.com\", 'comment_approved' => 1]);"
    )


def test_times_are_the_sites(blog: Any, crm: CRM) -> None:
    """An interaction's time is WordPress's, in UTC, to the second."""
    comment = blog.comment("When?", name="Mara", user="")
    crm.sync()
    row = blog.api("GET", f"/comments/{comment}")
    assert crm.interactions()[0].at == datetime.fromisoformat(row["date_gmt"] + "+00:00")
