"""A forum's members are answered: the whole way through the CRM on a real Misago. All people are invented."""

from __future__ import annotations

import random
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import misago as harness

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Batch, Receipt
from socialcrm.errors import CredentialsError, RefusedError
from socialcrm.transport import Driver, Host, open_client
from socialcrm.types import Direction, Interaction, Kind, Moderation, Visibility
from socialcrm_misago import MisagoConnector, MisagoSettings

pytestmark = pytest.mark.server("misago")

_POSTS = """
from misago.threads.models import Post
rows = Post.objects.filter(is_event=False).select_related("category")
result = {row.pk: (row.thread_id, row.poster_name, row.original, row.is_hidden, row.is_unapproved) for row in rows}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """A Misago."""
    with harness.misago() as forum:
        yield forum


@pytest.fixture(scope="module")
def people(running: Any) -> dict[str, Any]:
    """Everybody, signed in."""
    return {name: running.visitor(name) for name in ("admin", "Acme", "Mara", "Jonas")}


@pytest.fixture
def forum(running: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The forum without any thread, and our passwords in the environment."""
    monkeypatch.setenv("FORUM_PASSWORD", "password-of-acme")
    monkeypatch.setenv("FORUM_ADMIN", "password-of-admin")
    running.empty()
    return running


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(forum: Any, url: str) -> Iterator[CRM]:
    """A workspace that follows the forum as the member Acme, and looks for edits at every sync."""
    with socialcrm.open(url) as opened:
        settings = {"server": forum.url, "username": "Acme", "password": "env:FORUM_PASSWORD", "rescan_minutes": 0}
        opened.channels.add("misago", name="forum", **settings)
        yield opened


def said(forum: Any) -> dict[str, tuple[str, str, str, Moderation]]:
    """Return every post as Misago itself holds it: thread, author's name, text and state."""
    found = {}
    for post, (thread, name, text, hidden, unapproved) in forum.run(_POSTS).items():
        state = Moderation.REMOVED if hidden else Moderation.HELD if unapproved else Moderation.APPROVED
        found[post] = (str(thread), name, "" if hidden else text, state)
    return found


def held(crm: CRM) -> dict[str, tuple[str, str, str, Moderation]]:
    """Return what the store holds, in the same words."""
    rows = [one for one in crm.interactions() if one.deleted_at is None]
    return {one.id: (one.conversation, one.author.name, one.text, one.moderation) for one in rows}


def without_threads(told: dict[str, tuple[str, str, str, Moderation]]) -> dict[str, tuple[str, str, Moderation]]:
    return {post: rest for post, (_, *rest) in told.items()}  # type: ignore[misc]


def by_text(crm: CRM, text: str) -> Interaction:
    (found,) = [one for one in crm.interactions() if one.text == text]
    return found


def test_the_story(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """Two members write, cases open, a reply stands once in their thread, and nothing comes twice."""
    thread = people["Mara"].start("My order is late", "My order 17 is late.", category=forum.category)
    people["Jonas"].reply(thread, "Same here, order 18.")
    report = crm.sync()
    assert (report.new, report.opened) == (2, 2)
    by_name = {case.customer_name: case for case in crm.inbox()}
    reply = crm.reply(by_name["Mara"], "Sorry, Mara! It leaves today.\n\n1. We pack it\n2. We send it", by="ana")
    assert crm.flush().sent == [reply.ref]
    (sent,) = crm.outbox()
    assert said(forum)[sent.ids[0]][:2] == (str(thread), "Acme")
    report = crm.sync()
    assert (report.new, report.opened) == (0, 0)
    assert crm.flush().sent == []
    talk = crm.conversation(by_text(crm, "My order 17 is late.").thread)
    assert [one.direction for one in talk.interactions] == [Direction.INBOUND, Direction.INBOUND, Direction.OUTBOUND]
    assert [one.kind for one in talk.interactions][:2] == [Kind.POST, Kind.REPLY]
    assert talk.interactions[0].subject == "My order is late"
    assert set(held(crm)) == set(said(forum))


def test_edits_moderation_and_deletions(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """What is edited, hidden, shown again and deleted is so in the store, and stays so."""
    mara, admin = people["Mara"], people["admin"]
    thread = mara.start("Many questions", "Question number 0", category=forum.category)
    posts = [mara.reply(thread, f"Question number {number}") for number in range(1, 6)]
    crm.sync()
    mara.call("PUT", f"/api/threads/{thread}/posts/{posts[0]}/", {"post": "Rewritten question"})
    admin.call("PATCH", f"/api/threads/{thread}/posts/{posts[1]}/", hidden(True))
    admin.call("DELETE", f"/api/threads/{thread}/posts/{posts[2]}/")
    admin.call("DELETE", f"/api/threads/{thread}/posts/{posts[4]}/")
    report = crm.sync()
    assert (report.new, report.changed) == (0, 4)
    assert held(crm) == said(forum)
    assert by_text(crm, "Rewritten question").edited_at is not None
    admin.call("PATCH", f"/api/threads/{thread}/posts/{posts[1]}/", hidden(False))
    assert crm.sync().changed == 1
    assert held(crm) == said(forum)
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def hidden(value: bool) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "is-hidden", "value": value}]


def test_moved_merged_and_split_threads(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """Posts that move to another thread are the same posts: none is lost, doubled or taken for deleted."""
    mara, jonas, admin = people["Mara"], people["Jonas"], people["admin"]
    first = mara.start("First thread", "First question", category=forum.category)
    moved = [mara.reply(first, f"First thread, number {number}") for number in range(30)]
    second = jonas.start("Second thread", "Second question", category=forum.category)
    crm.sync()
    link = forum.url + admin.call("GET", f"/api/threads/{second}/")["url"]["index"]
    admin.call("POST", f"/api/threads/{first}/posts/move/", {"new_thread": link, "posts": moved[3:5]})
    split = {"posts": moved[10:12], "title": "Split thread", "category": forum.category}
    admin.call("POST", f"/api/threads/{first}/posts/split/", split)
    crm.sync()
    assert without_threads(held(crm)) == without_threads(said(forum))
    admin.call("POST", f"/api/threads/{first}/merge/", {"other_thread": link})
    jonas.reply(second, "And now all together")
    crm.sync()
    assert without_threads(held(crm)) == without_threads(said(forum))
    assert (crm.sync().new, crm.sync().changed) == (0, 0)
    answered = by_text(crm, "First thread, number 3")
    reply = crm.reply(answered.case, "Here we are, wherever you were put.", by="ana", to=answered.ref)
    assert crm.flush().sent == [reply.ref]
    (sent,) = crm.outbox()
    assert said(forum)[sent.ids[0]][0] == str(second)


def test_a_closed_thread(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """A reply in a closed thread is refused in the forum's words, and can be sent when it is open again."""
    thread = people["Mara"].start("Is this open?", "May I ask something?", category=forum.category)
    crm.sync()
    close = [{"op": "replace", "path": "is-closed", "value": True}]
    people["admin"].call("PATCH", f"/api/threads/{thread}/", close)
    reply = crm.reply(crm.inbox()[0], "Of course you may.", by="ana")
    assert "closed threads" in crm.flush().failed[reply.ref]
    people["admin"].call("PATCH", f"/api/threads/{thread}/", [{**close[0], "value": False}])
    crm.retry(reply)
    assert crm.flush().sent == [reply.ref]


def test_what_waits_for_approval(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """A moderator's channel sees held posts, also a later one in an old thread, and that they were let pass."""
    thread = people["Mara"].start("A thread", "Something everybody sees", category=forum.category)
    posts = [people["Mara"].reply(thread, f"Something held, {number}") for number in range(2)]
    crm.channels.remove("forum")
    crm.channels.add("misago", name="staff", server=forum.url, username="admin", password="env:FORUM_ADMIN", rescan_minutes=600)
    hold = "from misago.threads.models import Post, Thread; Post.objects.filter(pk={}).update(is_unapproved=True);"
    hold += f"thread = Thread.objects.get(pk={thread}); thread.synchronize(); thread.save()"
    forum.run(hold.format(posts[0]))
    crm.sync()
    assert held(crm) == said(forum)
    assert by_text(crm, "Something held, 0").moderation is Moderation.HELD
    forum.run(hold.format(posts[1]))
    crm.sync()
    assert by_text(crm, "Something held, 1").moderation is Moderation.HELD
    approve = [{"op": "replace", "path": "is-unapproved", "value": False}]
    for post in posts:
        people["admin"].call("PATCH", f"/api/threads/{thread}/posts/{post}/", approve)
    crm.sync()
    assert held(crm) == said(forum)


def test_private_threads(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """A private thread is private on both ways, and a public question is answered in one of its own, each once."""
    mara = people["Mara"]
    body = {"to": ["Acme"], "title": "My contract", "post": "My contract number is 17."}
    talk = mara.call("POST", "/api/private-threads/", body)["id"]
    public = people["Jonas"].start("In public", "My parcel is late, what now?", category=forum.category)
    crm.sync()
    asked, wondered = by_text(crm, "My contract number is 17."), by_text(crm, "My parcel is late, what now?")
    assert (asked.visibility, wondered.visibility) == (Visibility.PRIVATE, Visibility.PUBLIC)
    crm.reply(asked.case, "Thank you, we have it.", by="ana", to=asked.ref)
    crm.reply(wondered.case, "Tell me your address, please.", by="ana", to=wondered.ref, visibility=Visibility.PRIVATE)
    assert len(crm.flush().sent) == 2
    posts = said(forum)
    where = {text: thread for thread, name, text, _ in posts.values() if name == "Acme"}
    assert where["Thank you, we have it."] == str(talk)
    assert where["Tell me your address, please."] not in (str(talk), str(public))
    assert len(posts) == 4
    people["Jonas"].reply(int(where["Tell me your address, please."]), "Main street 1", tree="private-threads")
    assert crm.sync().new == 1
    assert crm.sync().new == 0
    assert held(crm) == said(forum)
    assert by_text(crm, "Main street 1").case == wondered.case
    with pytest.raises(urllib.error.HTTPError, match="403"):
        forum.visitor().call("GET", f"/api/private-threads/{talk}/posts/")


def test_killed_anywhere_it_ends_as_misago_says(forum: Any, people: dict[str, Any], crm: CRM, url: str, tmp_path: Path) -> None:
    """250 posts across pages, ten kills and a crash of the server: the store holds, item by item, what Misago holds."""
    for number in range(3):
        people["Jonas"].start(f"Thread number {number}", f"Thread number {number} begins", category=forum.category)
    long = people["Mara"].start("A long story", "It begins", category=forum.category)
    forum.fill(long, [f"Chapter {number}" for number in range(250)], name="Mara")
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("misago", name="forum", **crm.channels["forum"].settings)
    whole, dice = calls(calm, "sync"), random.Random(3)
    died = [work(url, "sync", dice.randint(whole // 20, whole * 2 // 3)) for _ in range(5)].count(None)
    died += [work(url, "sync", dice.randint(whole // 20, whole * 2 // 3)) for _ in range(5)].count(None)
    assert died >= 5
    with ThreadPoolExecutor() as pool:
        syncing = pool.submit(work, url, "sync")
        forum.stop()
        forum.serve()
        syncing.exception()  # it may have given up, or found the server again
    crm.sync()
    assert held(crm) == said(forum)
    assert len(held(crm)) == 254
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_while_answering_no_reply_is_doubled_or_lost(forum: Any, people: dict[str, Any], crm: CRM, url: str) -> None:
    """Ten times killed while sending, in public and in private, every reply stands once in its thread."""
    wanted = {}
    for number in range(8):
        name = ("Mara", "Jonas")[number % 2]
        people[name].start(f"Question {number}", f"Question number {number}, please", category=forum.category)
    crm.sync()
    for number, one in enumerate(crm.interactions()):
        private = Visibility.PRIVATE if number % 4 == 3 else None
        reply = crm.reply(one.case, f"**Answer** to {one.conversation}", by="ana", to=one.ref, visibility=private)
        wanted[reply.text] = None if private else one.conversation
    dice, died = random.Random(5), 0
    for _ in range(10):
        died += work(url, "flush", dice.randint(1, 60_000)) is None
    crm.flush()
    ours = [(thread, text) for thread, name, text, _ in said(forum).values() if name == "Acme"]
    assert sorted(text for _, text in ours) == sorted(wanted)
    threads = {thread for thread in wanted.values() if thread}
    assert {text: thread if thread in threads else None for thread, text in ours} == wanted
    assert {reply.state for reply in crm.outbox()} <= {"sent", "reconciled"}
    assert died >= 5
    assert crm.sync().new == 0


def test_a_session_that_ends_in_the_middle(forum: Any, people: dict[str, Any]) -> None:
    """A session that ends between two calls is begun anew: nothing that only members see looks deleted."""
    talk = people["Mara"].call(
        "POST", "/api/private-threads/", {"to": ["Acme"], "title": "My contract", "post": "It is number 17."}
    )
    people["Mara"].reply(talk["id"], "Or is it 18?", tree="private-threads")

    class Forgetful(Host):
        def commit(self, batch: Batch) -> None:
            super().commit(batch)
            forum.forget()

    host = Forgetful({"password": "password-of-acme"})
    settings = {"server": forum.url, "username": "Acme", "password": socialcrm.types.Secret("password-of-acme")}
    connector = MisagoConnector(MisagoSettings(**settings, rescan_minutes=0))
    with open_client() as client, Driver(connector, host, client=client) as driver:
        for _ in range(2):
            driver.run(connector.fetch("private", dict(host.cursor)))
    texts = {
        item.text for batch in host.batches for raw in batch.raws for item in connector.parse(raw) if hasattr(item, "text")
    }
    assert texts == {"It is number 17.", "Or is it 18?"}
    for name in list(people):
        people[name] = forum.visitor(name)


def test_a_wrong_password(forum: Any, people: dict[str, Any], crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, without the password."""
    monkeypatch.setenv("FORUM_PASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="Login or password is incorrect") as caught:
        crm.check("forum")
    assert "hunter2" not in str(caught.value)


def test_flood_protection_and_limits(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """Two replies too fast are both sent, the second later; a text above the forum's limit is refused."""
    for number in range(2):
        people["Mara"].start(f"Question {number}", f"Question number {number}, please", category=forum.category)
    crm.sync()
    forum.stop()
    forum.serve(interval=3)
    for case in crm.inbox():
        for one in crm.interactions(case=case):
            crm.reply(crm.case(case), f"Answer to {one.conversation}", by="ana", to=one.ref)
    report = crm.flush()
    assert (len(report.sent) + len(report.postponed), report.failed) == (2, {})
    forum.stop()
    forum.serve()
    assert forum.visitor("Acme").call("GET", "/api/auth/")["username"] == "Acme"
    thread, longest = int(crm.interactions()[0].conversation), ("word " * 12_000).rstrip() + "s"
    assert len(longest) == 60_000
    with pytest.raises(urllib.error.HTTPError, match="400"):
        people["Acme"].reply(thread, longest + "!")
    assert people["Acme"].reply(thread, longest)


def test_a_guest_reads_what_is_public(forum: Any, people: dict[str, Any], crm: CRM) -> None:
    """A page of the forum is recognised, and read without credentials."""
    thread = people["Mara"].start("In public", "Can everybody read this?", category=forum.category)
    people["Mara"].call("POST", "/api/private-threads/", {"to": ["Acme"], "title": "In private", "post": "Only for you."})
    page = socialcrm.connectors.Answer(status=200, content=people["Mara"].page(f"/t/in-public/{thread}/").encode())
    settings = MisagoConnector.recognise(f"{forum.url}/t/in-public/{thread}/", page)
    assert settings == {"server": forum.url}
    crm.channels.remove("forum")
    crm.channels.add("misago", name="guest", **settings)
    crm.check("guest")
    crm.sync()
    assert [one.text for one in crm.interactions()] == ["Can everybody read this?"]


def test_searching_looking_up_and_taking_back(forum: Any, people: dict[str, Any]) -> None:
    """Posts are found by their words, a member by the number, and a post of ours goes where we may delete."""
    thread = people["Mara"].start("In public", "The zebra is late", category=forum.category)
    settings = {"server": forum.url, "username": "admin", "password": socialcrm.types.Secret("password-of-admin")}
    connector = MisagoConnector(MisagoSettings(**settings))
    host = Host({"password": "password-of-admin"})
    post = people["admin"].reply(thread, "We are looking for it")
    with open_client() as client, Driver(connector, host, client=client) as driver:
        driver.run(connector.search("zebra", {}))
        (found,) = [item for batch in host.batches for raw in batch.raws for item in connector.parse(raw)]
        assert (found.conversation, found.author.handle) == (str(thread), "@Mara")
        profile = driver.run(connector.profile(found.author.id))
        assert (profile.name, profile.id) == ("Mara", str(forum.users["Mara"]))
        driver.run(connector.retract(Receipt(ids=(str(post),), conversation=str(thread))))
        assert str(post) not in said(forum)
    member = MisagoConnector(MisagoSettings(**{**settings, "username": "Acme"}))
    mine = people["Acme"].reply(thread, "Members can't take this back")
    with (
        open_client() as client,
        Driver(member, Host({"password": "password-of-acme"}), client=client) as driver,
        pytest.raises(RefusedError, match="hide posts"),
    ):
        driver.run(member.retract(Receipt(ids=(str(mine),), conversation=str(thread))))
