"""Everything on a real PostgreSQL. All people are invented."""

from __future__ import annotations

import importlib.resources
import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.e2e import _board
from tests.e2e._content import content
from tests.e2e._mortal import calls, work

import socialcrm
from socialcrm import CRM
from socialcrm.errors import NotFound, SchemaError, StoreError
from socialcrm.store._search import DOCUMENT

pytestmark = pytest.mark.server("postgresql")
NOON = datetime(2026, 10, 12, 12, 0, tzinfo=UTC)
_numbers = count()


@pytest.fixture
def database(cluster: Any) -> str:
    """An empty database of one's own."""
    address: str = cluster.database(f"test{next(_numbers)}")
    return address


@pytest.fixture
def url(database: str) -> str:
    """A database with our schema."""
    socialcrm.migrate(database)
    return database


@pytest.fixture
def board() -> Iterator[_board.Board]:
    with _board.board() as running:
        yield running


def opened(url: str, **options: Any) -> CRM:
    return socialcrm.open(url, plugins=_board.plugins(), **options)


def joined(crm: CRM, board: _board.Board) -> CRM:
    crm.channels.add("board", name="board", server=board.url)
    return crm


def load_demo(crm: CRM) -> None:
    home = importlib.resources.files("socialcrm.cli") / "_demo_data"
    for name, platform, settings in (
        ("support.mbox", "email", {"address": "support@example.com", "trust_senders": True}),
        ("blog.wxr.xml", "wordpress", {"server": "https://blog.example.com"}),
        ("mastodon.json", "mastodon", {}),
    ):
        with importlib.resources.as_file(home / name) as path:
            crm.load(path, platform=platform, channel=platform, **settings)


def test_open_says_to_migrate(cluster: Any, database: str) -> None:
    """A database without our schema is left as it is, and the message names the command; after it, `open` works."""
    with pytest.raises(SchemaError, match="socialcrm migrate"):
        socialcrm.open(database)
    name = database.rpartition("/")[2]
    assert cluster.sql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    socialcrm.migrate(database)
    socialcrm.migrate(database)
    with socialcrm.open(database) as crm:
        assert crm.inbox() == []


def test_a_newer_schema_is_refused(cluster: Any, url: str) -> None:
    """What a newer version of the library wrote is neither opened nor migrated back."""
    cluster.sql(url.rpartition("/")[2], "UPDATE socialcrm_version SET version_num = '9999'")
    for touch in (socialcrm.open, socialcrm.migrate):
        with pytest.raises(SchemaError, match="newer"):
            touch(url)


def test_a_database_that_is_not_there(cluster: Any) -> None:
    """The message says what could not be reached, and does not repeat the password."""
    with pytest.raises(StoreError, match="reached") as caught:
        socialcrm.open(f"postgresql://postgres:hunter2@127.0.0.1:{cluster.port}/nowhere")
    assert "hunter2" not in str(caught.value)


def test_both_databases_hold_the_same(url: str) -> None:
    """The demo's archives give the same interactions, threads, customers and cases on both, and searching finds the same."""
    with opened(url, clock=lambda: NOON) as large, opened("sqlite:///:memory:", clock=lambda: NOON) as small:
        for crm in (large, small):
            load_demo(crm)
            load_demo(crm)
        assert content(large) == content(small)
        assert [(case.customer_name, case.why) for case in large.inbox(limit=99)] == [
            (case.customer_name, case.why) for case in small.inbox(limit=99)
        ]
        said = sorted({word for one in small.interactions() for word in re.findall(r"\w+", f"{one.subject} {one.text}")})
        for words in (
            *random.Random(5).sample(said, 150),
            '"last night"',
            "out*",
            "router 2",
            "+1-555-0117",
            "blog.example.com",
            "34.90",
            "'",
            "a_b",
        ):
            assert [one.id for one in large.search(words)] == [one.id for one in small.search(words)], words


def test_searching_uses_the_index(cluster: Any, url: str) -> None:
    """The query says exactly what the index holds, so that it is quick at any size."""
    query = f"SET enable_seqscan = off; EXPLAIN SELECT id FROM interactions WHERE {DOCUMENT} @@ to_tsquery('simple', 'router')"
    assert "interactions_search" in cluster.sql(url.rpartition("/")[2], query)


def test_one_worker_fetches_a_channel(url: str, board: _board.Board) -> None:
    """While one worker fetches a channel, another finds it busy, waits for nothing and fetches nothing."""
    board.write("mara", "Is anybody there?")
    with joined(opened(url), board) as first, opened(url) as second, ThreadPoolExecutor() as pool:
        asked, go_on = threading.Event(), threading.Event()

        def hold(_method: str, _path: str) -> None:
            asked.set()
            assert go_on.wait(30)

        board.before = hold
        fetching = pool.submit(first.sync)
        assert asked.wait(30)
        (report,) = second.sync()
        go_on.set()
        assert (report.busy, report.new) == (True, 0)
        assert fetching.result(30).new == 1
        assert second.sync().new == 0


def test_two_workers_send_each_reply_once(url: str, board: _board.Board) -> None:
    """Two processes that flush the same outbox at once deliver each reply, and none twice."""
    for number in range(30):
        board.write(f"visitor{number}", f"Question {number}")
    with joined(opened(url), board) as crm:
        crm.sync()
        for case in crm.inbox():
            crm.reply(case, f"Answer for {case.ref}", by="ana")
        senders = threading.Barrier(2)
        met = threading.Event()

        def together(method: str, _path: str) -> None:
            # Each process is held with one reply in hand until the other has one too.
            if method == "POST" and not met.is_set():
                senders.wait(60)
                met.set()

        board.before = together
        with ThreadPoolExecutor() as pool:
            reports = list(pool.map(lambda _: work(url, "flush"), range(2)))
        assert all(report is not None and "delivered" in report["told"] for report in reports)
        assert len(board.ours()) == len(set(board.ours())) == 30
        assert {reply.state for reply in crm.outbox()} == {"sent"}
        assert crm.sync().new == 0
        assert crm.inbox() == []


def test_killed_workers_lose_and_double_nothing(url: str, board: _board.Board, tmp_path: Path) -> None:
    """Killed ten times while fetching and ten times while sending, the store ends as that of an undisturbed one."""
    with _board.board() as other:
        for number in range(120):
            for each in (board, other):
                each.write(f"visitor{number % 12}", f"Word {number}", thread=f"thread-{number % 12}")
        undisturbed = f"sqlite:///{tmp_path}/calm.db"
        with joined(opened(url), board) as crm, joined(opened(undisturbed), other) as calm:
            suffer(url, "sync", whole := calls(undisturbed, "sync"))
            crm.sync()
            assert content(crm) == content(calm)
            for each in (crm, calm):
                for case in each.inbox():
                    each.reply(case, f"Answer for {case.customer_name}", by="ana")
            suffer(url, "flush", calls(undisturbed, "flush"))
            crm.flush()
            assert board.ours() == other.ours()
            assert len(set(board.ours())) == 12
            assert {reply.state for reply in crm.outbox()} <= {"sent", "reconciled"}
            assert whole > 1000


def suffer(url: str, verb: str, whole: int) -> None:
    """Start the work ten times, and kill it each time before a sixth of it can be done."""
    dice = random.Random(11)
    assert all(work(url, verb, dice.randint(1, whole // 6)) is None for _ in range(8))
    work(url, verb, dice.randint(1, whole))
    work(url, verb, dice.randint(1, whole))


def test_workspaces_see_nothing_of_each_other(url: str, board: _board.Board) -> None:
    """The same channel name in two workspaces of one database: neither reads, finds, answers or sends what is the other's."""
    with _board.board() as other:
        board.write("mara", "My router blinks")
        other.write("jonas", "My bill is wrong")
        with joined(opened(url, workspace="acme"), board) as acme, joined(opened(url, workspace="zenith"), other) as zenith:
            acme.sync()
            assert (zenith.inbox(), zenith.interactions(), zenith.search("router"), zenith.outbox()) == ([], [], [], [])
            zenith.sync()
            (case,) = acme.inbox()
            assert [one.customer_name for one in zenith.inbox()] == ["Jonas"]
            acme.reply(case, "Sorry!", by="ana")
            assert zenith.outbox() == []
            assert zenith.flush().sent == []
            assert (acme.flush().sent, other.ours()) == (["o1"], [])
            assert board.ours() == [("1", "Sorry!")]
            assert zenith.search("router") == []
        with opened(url, workspace="third") as third, pytest.raises(NotFound):
            third.channels["board"]


@pytest.mark.parametrize("busy", [False, True])
def test_a_cut_connection_is_survived(cluster: Any, url: str, board: _board.Board, busy: bool) -> None:
    """Sessions cut between two transactions are not even noticed; one cut within is told, and the next sync completes it."""
    for number in range(150):
        board.write("mara", f"Word {number}", thread="one")
    name = url.rpartition("/")[2]
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    with joined(opened(url), board) as crm:
        armed = [True]

        def cut_once(*about: Any) -> None:
            where = about[1] if not busy else about[2]
            if armed[0] and ("after=50" in where or "FROM journal" in where):
                armed[0] = False
                cluster.sql(name, cut)

        if busy:
            event.listen(crm.store.engine, "before_cursor_execute", cut_once)
        else:
            board.before = cut_once
        report = crm.sync(strict=False)
        assert not armed[0]
        assert [type(error) for error in report.errors.values()] == ([StoreError] if busy else [])
        crm.sync()
        assert len(crm.interactions()) == 150
