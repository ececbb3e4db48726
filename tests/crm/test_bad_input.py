"""What goes wrong from outside: each a typed error that says what to do next, and nothing committed is lost.

All people are invented.
"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from attrs import frozen
from sqlalchemy import event

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import (
    Batch,
    Call,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Outgoing,
    PluginManager,
    Raw,
    Receipt,
    Stream,
    hookimpl,
)
from socialcrm.errors import (
    CredentialsError,
    NotFound,
    PayloadError,
    RefusedError,
    RetryError,
    SchemaError,
    SettingsError,
    SocialCRMError,
    StoreError,
    UnknownPlatform,
)
from socialcrm.types import Identity, Interaction, Item, Visibility

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@frozen(kw_only=True)
class WallSettings:
    server: str = "https://wall.example.com"


class WallConnector(Connector[WallSettings]):
    """Reads what its server answers to ``GET /posts``: a list, fifty posts a batch."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="wall",
        settings=WallSettings,
        streams={"posts": Stream()},
        capabilities=Capabilities(send=True, visibility=frozenset({Visibility.PUBLIC})),
    )

    @property
    def origin(self) -> str:
        return self.settings.server

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        rows = (yield from Call("GET", "/posts")).json()
        if not isinstance(rows, list):
            raise PayloadError("wall: a list was expected; check server")
        for start in range(0, len(rows), 50):
            yield from Batch([Raw("post", row) for row in rows[start : start + 50]], {"at": str(start)})

    def parse(self, raw: Raw) -> Iterable[Item]:
        if not isinstance(raw.body, dict):
            raise PayloadError("wall: a post should be an object")
        who = raw.body.get("by", "mara")
        yield Interaction(id=raw.body["id"], at=NOON, author=Identity(id=who, name=who.title()), text=raw.body["text"])

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        answer = yield from Call("POST", "/posts", json={"key": message.id})
        return Receipt(ids=(str(answer.json()["id"]),))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        found = (yield from Call("GET", f"/posts/{message.id}")).json()
        return Receipt(ids=(found,)) if found else None


class Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [WallConnector]


def opened(path: Path | str, answer: Callable[[], httpx.Response] | None = None) -> CRM:
    plugins = PluginManager(find=lambda: ())
    plugins.register(Plugin(), "wall")
    client = httpx.Client(transport=httpx.MockTransport(lambda _: answer())) if answer is not None else None
    return socialcrm.open(str(path), plugins=plugins, clock=lambda: NOON, client=client)


def posts(*numbers: int, size: int = 1) -> list[dict[str, str]]:
    return [{"id": str(number), "text": f"word{number} " * size} for number in numbers]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "team.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """A database with three posts."""
    with opened(path, lambda: httpx.Response(200, json=posts(1, 2, 3))) as crm:
        crm.channels.add("wall", name="wall")
        crm.sync()
    return path


def held(path: Path) -> set[str]:
    with opened(path) as crm:
        return {one.id for one in crm.interactions()}


@pytest.mark.parametrize(
    ("answer", "kind", "advice"),
    [
        (lambda: httpx.Response(401), CredentialsError, "renew them"),
        (lambda: httpx.Response(200, html="<html>Welcome"), PayloadError, "HTML|html|JSON"),
        (lambda: httpx.Response(200, content=b'[{"id": "4", "te'), PayloadError, "JSON"),
        (lambda: httpx.Response(200, json={"error": "none"}), PayloadError, "check server"),
        (lambda: httpx.Response(404), NotFound, "check the address"),
        (
            lambda: httpx.Response(302, headers={"location": "https://elsewhere.example.org/"}),
            RefusedError,
            "check the channel's address",
        ),
    ],
)
def test_answers_of_platforms(
    filled: Path, answer: Callable[[], httpx.Response], kind: type[SocialCRMError], advice: str
) -> None:
    """Wrong credentials, HTML, truncated JSON and other nonsense end the sync with a typed error; what was held stays."""
    with opened(filled, answer) as crm, pytest.raises(kind, match=advice):
        crm.sync()
    assert held(filled) == {"1", "2", "3"}


def test_one_bad_element_among_good_ones(filled: Path) -> None:
    """It is set aside alone, and counted."""
    with opened(filled, lambda: httpx.Response(200, json=[*posts(4), "nonsense", {"id": "5"}, *posts(6)])) as crm:
        assert crm.sync().quarantined == 2
        assert crm.reprocess().quarantined == 2
    assert held(filled) == {"1", "2", "3", "4", "6"}


def test_names_that_are_not_known(filled: Path) -> None:
    """A platform, a setting, a channel and a workspace of no name: each message names what there is, or the likely one."""
    with opened(filled) as crm:
        with pytest.raises(UnknownPlatform, match="Did you mean 'wall'"):
            crm.channels.add("wal", name="x")
        with pytest.raises(UnknownPlatform, match="pip install socialcrm-mastodont"):
            crm.channels.add("mastodont", name="x")
        with pytest.raises(SettingsError, match="did you mean 'server'"):
            crm.channels.add("wall", name="x", sever="https://wall.example.org")
        with pytest.raises(SettingsError, match="already"):
            crm.channels.add("wall", name="wall")
        with pytest.raises(NotFound, match="there are: wall"):
            crm.sync("wand")
        assert len(crm.channels) == 1
    with pytest.raises(SettingsError, match="name"):
        socialcrm.open(str(filled), workspace="")


@pytest.mark.parametrize(
    ("url", "kind", "advice"),
    [
        ("mysql://localhost/x", SettingsError, "sqlite:///FILE or postgresql"),
        ("sqlite:////nowhere/at/all/team.db", StoreError, "folder exists"),
        ("postgresql://postgres@127.0.0.1:1/x", StoreError, "check that it runs"),
        ("://", SettingsError, "no database address"),
    ],
)
def test_addresses_of_databases(url: str, kind: type[SocialCRMError], advice: str) -> None:
    """An address of no use is told with what would be one."""
    with pytest.raises(kind, match=advice):
        socialcrm.open(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is not touched, whatever it is: text, or another program's database."""
    text, foreign = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("Dear diary, " * 100)
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    for path, kind in ((text, StoreError), (foreign, SchemaError)):
        before = path.read_bytes()
        with pytest.raises(kind, match="give the path of"):
            socialcrm.open(str(path))
        assert path.read_bytes() == before


def test_a_database_of_a_newer_version(filled: Path) -> None:
    """It is refused, says to upgrade, and stays as it is."""
    with closing(sqlite3.connect(filled)) as raw, raw:
        raw.execute("UPDATE socialcrm_version SET version_num = '9999'")
    for touch in (opened, lambda path: socialcrm.migrate(str(path))):
        with pytest.raises(SchemaError, match="upgrade socialcrm"):
            touch(filled)
    with closing(sqlite3.connect(filled)) as raw:
        assert raw.execute("SELECT version_num FROM socialcrm_version").fetchall() == [("9999",)]
        assert raw.execute("SELECT count(*) FROM interactions").fetchall() == [(3,)]


def test_a_damaged_database(filled: Path) -> None:
    """It says to restore a backup."""
    with filled.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (filled.stat().st_size - 8192))
    with pytest.raises(StoreError, match=r"restore a backup$"):
        opened(filled)


_READ_ONLY = """
import sys, httpx
sys.path.insert(0, sys.argv[2])
from test_bad_input import opened, posts
from socialcrm.errors import StoreError
with opened(sys.argv[1], lambda: httpx.Response(200, json=posts(4))) as crm:
    assert {one.id for one in crm.interactions()} == {"1", "2", "3"}
    try:
        crm.sync()
    except StoreError as error:
        print(error)
"""


def test_a_file_that_may_only_be_read(filled: Path) -> None:
    """It can be read; a sync says which permissions to check."""
    filled.chmod(0o444)
    done = _bound([sys.executable, "-c", _READ_ONLY, str(filled), str(Path(__file__).parent)])
    assert "read-only; check the file's and the folder's permissions" in done.stdout, done.stderr


def _bound(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run as somebody whom permissions bind: they bind root only without a capability."""
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=_environ())


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}


def leave_room(crm: CRM, pages: int) -> None:
    """Let the disk be full after so many pages more, for every connection."""
    with closing(sqlite3.connect(str(crm.store.engine.url.database))) as raw:
        raw.execute("VACUUM")  # no page is free any more
        (used,) = raw.execute("PRAGMA page_count").fetchone()

    def limit(connection: sqlite3.Connection, *_about: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {used + pages}")

    event.listen(crm.store.engine, "checkout", limit)


def test_a_full_disk(filled: Path) -> None:
    """The batch that has no room is not there at all, those before it are; with room again the sync completes."""
    many = posts(*range(10, 510), size=60)
    with opened(filled, lambda: httpx.Response(200, json=many)) as crm:
        leave_room(crm, 40)
        report = crm.sync(strict=False)
        assert isinstance(report.errors["wall"], StoreError)
        assert "free some space" in str(report.errors["wall"])
    stayed = held(filled)
    assert {"1", "2", "3"} < stayed
    assert (len(stayed) - 3) % 50 == 0
    with opened(filled, lambda: httpx.Response(200, json=many)) as crm:
        assert crm.sync().new == 503 - len(stayed)
        assert len(crm.search("word77")) == 1


def test_a_disk_that_is_full_when_the_receipt_comes(filled: Path) -> None:
    """The reply stands on the platform and its receipt has no room: with room again it is asked for, and not sent twice."""
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json="77" if sent else "")
        sent.append(request)
        leave_room(crm, 0)
        return httpx.Response(200, json={"id": 77})

    with opened(filled) as crm:
        crm.client = httpx.Client(transport=httpx.MockTransport(respond))
        crm.reply(crm.inbox()[0], "word " * 100_000, by="ana")
        with pytest.raises(StoreError, match="free some space"):
            crm.flush()
    with opened(filled) as crm:
        crm.client = httpx.Client(transport=httpx.MockTransport(respond))
        assert crm.flush().reconciled == ["o1"]
        assert (crm.outbox()[0].ids, len(sent)) == (("77",), 1)


_LIMITED = """
import sys, httpx
sys.path.insert(0, sys.argv[2])
from test_bad_input import opened, posts
from socialcrm.errors import StoreError
with opened(sys.argv[1], lambda: httpx.Response(200, json=posts(*range(10, 2010), size=60))) as crm:
    try:
        crm.sync()
    except StoreError as error:
        print(error, *getattr(error, "__notes__", ()))
"""


def test_a_file_that_may_not_grow(filled: Path) -> None:
    """A limit of the operating system on the size of files is told like a full disk; what was committed stays whole."""
    before = held(filled)

    def limit() -> None:
        size = filled.stat().st_size + 300_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = [sys.executable, "-c", _LIMITED, str(filled), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=limit, env=_environ())
    assert "check the disk and the limit" in done.stdout, done.stderr
    assert "what was committed stays" in done.stdout
    stayed = held(filled)
    assert before <= stayed
    assert (len(stayed) - len(before)) % 50 == 0
    with closing(sqlite3.connect(filled)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


_ENDLESS = """
import sys, httpx
sys.path.insert(0, sys.argv[2])
from test_bad_input import opened, posts
turn = 0
def answer():
    return httpx.Response(200, json=posts(*range(turn * 50, turn * 50 + 50)))
with opened(sys.argv[1], answer) as crm:
    while True:
        crm.sync()
        turn += 1
        print(turn, flush=True)
"""


@pytest.mark.parametrize("seen", [1, 2, 5])
def test_killed_in_the_middle_of_a_commit(filled: Path, seen: int) -> None:
    """Whatever a process had reported before SIGKILL is there, batches are whole, and the file is sound."""
    command = [sys.executable, "-c", _ENDLESS, str(filled), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environ()) as process:
        assert process.stdout is not None
        for _ in range(seen):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = seen + len(process.stdout.read().split())
    stayed = {int(one) for one in held(filled)}
    assert set(range(told * 50)) <= stayed
    assert len(stayed) % 50 == 0 or stayed == {1, 2, 3}
    with closing(sqlite3.connect(filled)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_another_process_that_writes(filled: Path) -> None:
    """Where another process does not let go of the file, the error says to try again, and nothing is stored by halves."""
    with opened(filled, lambda: httpx.Response(200, json=posts(4))) as crm:
        with crm.store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(filled, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RetryError, match="try again"):
                crm.sync()
            other.execute("ROLLBACK")
        assert crm.sync().new == 1
