"""Customers who chat are answered: the whole way through the CRM on real IRC servers. All people are invented."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.e2e._mortal import _count
from tests.servers import irc as harness

import socialcrm
from socialcrm import CRM
from socialcrm.errors import RetryError, SocialCRMError
from socialcrm.store import tables
from socialcrm.types import Direction, Visibility, from_micros

pytestmark = pytest.mark.server("irc")


@pytest.fixture(scope="module", params=["ngircd", "inspircd"])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A running server, one kind after the other."""
    with harness.irc_server(request.param) as running:
        yield running


@pytest.fixture
def guest(server: Any) -> Iterator[Any]:
    """Lets people in, and out again at the end."""
    inside: list[Any] = []

    def enter(nick: str, room: str = "#support") -> Any:
        inside.append(harness.Guest(server, nick, room))
        return inside[-1]

    yield enter
    for one in inside:
        one.close()


@pytest.fixture
def url(tmp_path: Path, server: Any) -> str:
    """A store with one channel on the server."""
    where = f"sqlite:///{tmp_path}/team.db"
    with socialcrm.open(where) as crm:
        crm.channels.add(
            "irc", name="chat", host="127.0.0.1", port=server.port, security="plain", nick="acme", channels=["#support"], pace=0
        )
    return where


@pytest.fixture
def crm(url: str) -> Iterator[CRM]:
    with socialcrm.open(url) as opened:
        yield opened


@contextmanager
def watching(crm: CRM) -> Iterator[None]:
    """Watch on a thread as the README says: until told to stop, and again after what passes by itself."""
    done, here = threading.Event(), threading.Event()

    def run() -> None:
        while not done.is_set():
            try:
                crm.watch("chat", stop=done.is_set, progress=lambda _step: here.set())
            except RetryError:
                done.wait(0.5)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert here.wait(30), "it never came in"
        yield
    finally:
        done.set()
        thread.join(60)
    assert not thread.is_alive()


def texts(crm: CRM, direction: Direction = Direction.INBOUND) -> list[str]:
    return [one.text for one in crm.interactions() if one.direction is direction]


def wait_for(crm: CRM, wanted: int, direction: Direction = Direction.INBOUND) -> None:
    deadline = time.monotonic() + 30
    while len(texts(crm, direction)) < wanted:
        assert time.monotonic() < deadline, f"{wanted} were awaited, there are {len(texts(crm, direction))}"
        time.sleep(0.02)


def holes(crm: CRM) -> list[tuple[datetime, datetime]]:
    with crm.store.read() as tx:
        rows = tx.rows(select(tables.holes))
    return [(from_micros(row.since), from_micros(row.until)) for row in rows]


def test_the_story(crm: CRM, guest: Any) -> None:
    """Two customers talk, one changes her nick and asks in private; each answer stands once where it belongs."""
    mara, jonas = guest("Mara"), guest("Jonas")
    with watching(crm):
        mara.say("acme: where is my parcel?")
        jonas.say("Mara: mine is late, too")
        wait_for(crm, 2)
        mara.write("NICK Marlene")
        mara.say("it was number 17")
        mara.say("and here is my door code", to="acme")
        wait_for(crm, 4)
        people = {one.text: one.author.id for one in crm.interactions()}
        assert len({people[text] for text in people if "late" not in text}) == 1
        asked = {one.text: one for one in crm.interactions()}
        public, private = asked["it was number 17"], asked["and here is my door code"]
        assert (public.visibility, private.visibility) == (Visibility.PUBLIC, Visibility.PRIVATE)
        crm.reply(public.case, "It is on its way.", by="ana", to=public.ref, anyway=True)
        crm.reply(private.case, "Thank you, it is noted.", by="ana", to=private.ref, anyway=True)
        wait_for(crm, 2, Direction.OUTBOUND)
        mara.settle()
        jonas.settle()
        for one in (mara, jonas):
            assert one.shown("Marlene: It is on its way.") == 1
            assert one.shown("Thank you, it is noted.") == (one is mara)
        assert (crm.flush().sent, crm.sync().new) == ([], 0)
    assert len(texts(crm, Direction.OUTBOUND)) == len(crm.outbox())
    assert sorted(texts(crm, Direction.OUTBOUND)) == ["It is on its way.", "Thank you, it is noted."]
    assert Counter(texts(crm)).most_common(1)[0][1] == 1
    assert holes(crm) == []


def test_a_burst_and_a_restart(crm: CRM, server: Any, guest: Any) -> None:
    """250 lines at once arrive whole and in order; when the server restarts, we come back, and the time between is a hole."""
    mara = guest("Mara")
    with watching(crm):
        lines = [f"line {number} of my story" for number in range(250)]
        mara.say(*lines)
        wait_for(crm, 250)
        assert sorted(texts(crm)) == sorted(lines)
        server.stop()
        server.start()
        again = guest("Mara")
        again.until(lambda: any("acme" in line and (" 353 " in line or " JOIN " in line) for line in again.screen), "us")
        time.sleep(0.5)
        again.say("are you back?")
        wait_for(crm, 251)
    assert Counter(texts(crm)) == Counter([*lines, "are you back?"])
    assert len(holes(crm)) == 1


def begin(url: str, verb: str, die_at: int, since: str) -> Any:
    """Let another process watch or flush, and kill itself by SIGKILL at a call of number ``die_at`` after ``since``."""
    factory = multiprocessing.get_context("forkserver")
    factory.set_forkserver_preload(["socialcrm.crm", "socialcrm_irc", "socialcrm.transport", "pytest", "sqlalchemy"])
    process = factory.Process(target=mortal, args=(url, verb, die_at, since))
    process.start()
    return process


def mortal(url: str, verb: str, die_at: int, since: str) -> None:
    """Work on a store, and die."""
    with socialcrm.open(url) as crm:
        crm.plugins.load()
        _count(die_at, since)
        crm.flush() if verb == "flush" else crm.watch("chat", stop=lambda: False)


def holds_something(url: str) -> bool:
    with socialcrm.open(url) as crm:
        return bool(texts(crm))


def test_killed_while_watching(url: str, guest: Any) -> None:
    """Killed at ten random points, what was shown is there once, or its time lies in a hole."""
    mara, dice, said = guest("Mara"), random.Random(5), list[tuple[str, datetime, datetime]]()
    for number in range(10):
        # The first one is killed from outside, once it holds a line of hers; the others die by themselves, some before that.
        process = begin(url, "watch", dice.randint(1, 200_000) if number else 0, "_return")
        deadline = time.monotonic() + 60
        while process.is_alive() and time.monotonic() < deadline:
            text, before = f"round {number} line {len(said)}", datetime.now(UTC)
            mara.say(text)
            said.append((text, before, datetime.now(UTC)))
            time.sleep(dice.random() * 0.05)
            if number == 0 and holds_something(url):
                process.kill()
                process.join()
        assert not process.is_alive(), "it did not die"
        process.join()
        assert process.exitcode == -9
    with socialcrm.open(url) as crm, watching(crm):
        mara.say("the last one")
        wait_for(crm, len(texts(crm)) + (0 if "the last one" in texts(crm) else 1))
    with socialcrm.open(url) as crm:
        held, gaps = Counter(texts(crm)), holes(crm)
    assert held["the last one"] == 1
    assert max(held.values()) == 1
    begun = min(since for since, _ in gaps)
    lost = [text for text, before, after in said if before >= begun and not held[text] and not inside(before, after, gaps)]
    assert lost == []
    assert any(held[text] for text, _, _ in said)


def inside(before: datetime, after: datetime, gaps: list[tuple[datetime, datetime]]) -> bool:
    """Whether something that was said between two times may lie in a hole."""
    return any(since <= after and before <= until for since, until in gaps)


def test_killed_while_sending(url: str, guest: Any) -> None:
    """Killed anywhere, no reply stands twice; one whose fate is unclear is unknown, or found where the server plays it back."""
    names = [f"Ben{letter}" for letter in "abcdefghij"]  # two more than are killed: each can leave one reply unclear
    people = [guest(name) for name in names]
    with socialcrm.open(url) as crm:
        with watching(crm):
            for one in people:
                one.say(f"hello, it is {one.nick}")
            wait_for(crm, len(names))
        for case in crm.inbox():
            crm.reply(case, f"Good day to you, {case.customer_name}!", by="ana", anyway=True)
    dice, ends = random.Random(7), list[int | None]()
    for _ in range(4):
        for die_at, since in ((dice.randint(1, 30_000), ""), (dice.randint(300, 3_000), "intend")):
            process = begin(url, "flush", die_at, since)
            process.join(60)
            ends.append(process.exitcode)
    assert set(ends) <= {0, -9}
    assert ends.count(-9) >= 4
    with socialcrm.open(url) as crm:
        crm.flush()
        states = {reply.parts[0]: str(reply.state) for reply in crm.outbox()}
    people[0].settle()
    shown = {text: people[0].shown(f": {text}") for text in states}
    assert max(shown.values()) == 1
    assert set(states.values()) <= {"sent", "reconciled", "unknown"}
    assert all(shown[text] == 1 for text, state in states.items() if state != "unknown")
    assert "sent" in states.values()


def test_what_the_server_refuses(crm: CRM, guest: Any) -> None:
    """A closed door is told as what it is, and a message to somebody who left fails with the reason."""
    owner = guest("Owner", "#locked")
    owner.write("MODE #locked +k sesame")
    owner.settle()
    crm.channels.update("chat", channels=["#locked"])
    with pytest.raises(SocialCRMError, match="channel_keys"):
        crm.watch("chat", stop=lambda: False)
    owner.write("MODE #locked -k sesame", "MODE #locked +i")
    owner.settle()
    with pytest.raises(SocialCRMError, match="invited"):
        crm.watch("chat", stop=lambda: False)
    crm.channels.update("chat", channels=["#support"])
    mara = guest("Mara", "")
    with watching(crm):
        mara.say("psst", to="acme")
        wait_for(crm, 1)
    mara.write("QUIT")
    mara.await_line("ERROR")
    reply = crm.reply(crm.inbox()[0], "Yes?", by="ana", anyway=True)
    report = crm.flush()
    assert list(report.failed) == [reply.ref], report
    assert "nobody has the nick" in crm.outbox()[0].error


def test_over_the_watching_connection(crm: CRM, guest: Any) -> None:
    """What is queued while we watch leaves under our own nick, at once, and a flush beside it sends nothing twice."""
    mara = guest("Mara")
    with watching(crm):
        mara.say("anybody here?")
        wait_for(crm, 1)
        crm.reply(crm.inbox()[0], "Yes, we are.", by="ana")
        crm.flush()
        wait_for(crm, 1, Direction.OUTBOUND)
        (case,) = crm.inbox() or [crm.case("c1")]
        crm.reply(case, "What can we do for you?", by="ana", anyway=True)
        deadline = time.monotonic() + 30
        while {str(reply.state) for reply in crm.outbox()} != {"sent"}:
            assert time.monotonic() < deadline, crm.outbox()
            time.sleep(0.05)
        mara.settle()
        assert mara.shown("Mara: Yes, we are.") == 1
        assert [line.partition("!")[0] for line in mara.screen if "What can we do" in line] == [":acme"]
    assert sorted(texts(crm, Direction.OUTBOUND)) == ["What can we do for you?", "Yes, we are."]
