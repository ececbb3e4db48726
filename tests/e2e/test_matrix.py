"""People in rooms are answered: the whole way through the CRM on a real Synapse. All people are invented."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import matrix as harness

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Blob, Incoming, Outgoing, Receipt
from socialcrm.errors import CredentialsError
from socialcrm.transport import Driver, Host, open_client
from socialcrm.types import Direction, Interaction, Kind, Secret, Visibility
from socialcrm_matrix import MatrixConnector, MatrixSettings

pytestmark = pytest.mark.server("matrix")
_NAMES = iter(f"n{number}" for number in range(1000))
PUBLIC = {
    "preset": "public_chat",
    "initial_state": [
        {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "world_readable"}},
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "public"}},
    ],
}


@pytest.fixture(scope="module")
def pushed() -> Iterator[tuple[int, list[Incoming]]]:
    """A port where the homeserver's pushes arrive, and what arrived; each is answered with a length, or it comes for ever."""
    found: list[Incoming] = []

    class Service(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.append(Incoming(method="PUT", url=self.path, headers=headers, body=body, at=datetime.now(UTC)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], found
        server.shutdown()


@pytest.fixture(scope="module")
def server(pushed: tuple[int, list[Incoming]]) -> Iterator[Any]:
    """A Synapse that pushes to a service of ours."""
    with harness.synapse(push=pushed[0]) as running:
        yield running


@pytest.fixture
def us(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Our account, of each test its own; its tokens are in the environment."""
    account = server.person(f"acme-{next(_NAMES)}")
    monkeypatch.setenv("MATRIX_TOKEN", account.token)
    monkeypatch.setenv("MATRIX_REFRESH", account.refresh_token)
    return account


@pytest.fixture
def mara(server: Any) -> Any:
    return server.person(f"mara-{next(_NAMES)}")


@pytest.fixture
def omar(server: Any) -> Any:
    return server.person(f"omar-{next(_NAMES)}")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(server: Any, us: Any, url: str) -> Iterator[CRM]:
    """A workspace that follows our account's rooms."""
    with socialcrm.open(url) as opened:
        opened.channels.add("matrix", name="chat", **settings(server))
        yield opened


def settings(server: Any) -> dict[str, str]:
    return {"server": server.url, "token": "env:MATRIX_TOKEN", "join": "all"}


def said(us: Any, *rooms: str) -> dict[str, tuple[str, str, str | None]]:
    """Return what stands in rooms as Synapse itself reports it: sender, text in its last wording, what it answers."""
    found: dict[str, tuple[str, str, str | None]] = {}
    for event in (one for room in rooms for one in us.history(room)):
        content = event["content"]
        relation = content.get("m.relates_to", {})
        if "state_key" in event or not content or event["type"] == "m.room.redaction":
            continue
        if relation.get("rel_type") == "m.replace":
            target = relation["event_id"]
            if target in found and found[target][0] == event["sender"]:
                found[target] = (event["sender"], content["m.new_content"]["body"], found[target][2])
                continue
        text, answers = content.get("body", ""), relation.get("m.in_reply_to", {}).get("event_id")
        if event["type"] == "m.reaction":
            text, answers = relation["key"], relation["event_id"]
        elif relation.get("is_falling_back"):
            answers = relation["event_id"]
        found[event["event_id"]] = (event["sender"], text, answers)
    return found


def held(crm: CRM) -> dict[str, tuple[str, str, str | None]]:
    """Return what the store holds, in the same words."""
    return {one.id: (one.author.id, one.text, one.parent) for one in crm.interactions() if one.deleted_at is None}


def by_text(crm: CRM, text: str) -> Interaction:
    (found,) = (one for one in crm.interactions() if one.text == text)
    return found


@contextmanager
def driver(server: Any, us: Any, host: Host) -> Iterator[tuple[MatrixConnector, Any]]:
    """Drive a connector's flows by hand."""
    token, refresh = Secret(us.token), Secret(us.refresh_token)
    connector = MatrixConnector(MatrixSettings(server=server.url, token=token, refresh_token=refresh))
    with open_client() as client, Driver(connector, host, client=client) as running:
        yield connector, running.run


def test_the_story(us: Any, mara: Any, omar: Any, crm: CRM) -> None:
    """Two ask, one in public, one alone; they edit and delete; each is answered once, where they asked; nothing comes twice."""
    talk = mara.open(us.id, preset="trusted_private_chat", is_direct=True)
    mara.say(talk, "My order 71 is late.")
    crm.sync()
    room = us.open(**PUBLIC)
    for person in (mara, omar):
        person.join(room)
    first = omar.say(room, "Is the network down?")
    mine = mara.say(room, "Down here too.", **{"m.relates_to": {"m.in_reply_to": {"event_id": first}}})
    gone = omar.say(room, "Call me at 555-0100")
    mara.edit(talk, next(key for key, one in said(us, talk).items()), "My order 17 is late.")
    mara.edit(room, first, "I was never here")
    omar.redact(room, gone)
    omar.put(room, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": mine, "key": "👍"}})
    crm.sync()
    assert held(crm) == said(us, talk, room)
    assert by_text(crm, "My order 17 is late.").visibility is Visibility.PRIVATE
    assert by_text(crm, "Is the network down?").visibility is Visibility.PUBLIC
    assert by_text(crm, "👍").kind is Kind.REACTION
    forged = by_text(crm, "* I was never here")
    assert (forged.kind, forged.author.id) == (Kind.OTHER, mara.id)

    answers = {
        "Sorry! It leaves today.": by_text(crm, "My order 17 is late."),
        "We are on it.": by_text(crm, "Is the network down?"),
    }
    for text, asked in answers.items():
        crm.reply(asked.case, text, by="ana", to=asked.ref)
    assert len(crm.flush().sent) == 2
    stands = said(us, talk, room)
    for text, asked in answers.items():
        assert [one[2] for one in stands.values() if one[:2] == (us.id, text)] == [asked.id]
    report = crm.sync()
    assert (report.new, report.changed, crm.flush().sent) == (0, 0, [])
    assert held(crm) == stands
    assert {one.direction for one in crm.interactions() if one.author.id == us.id} == {Direction.OUTBOUND}


def test_threads_are_answered_within(us: Any, mara: Any, crm: CRM) -> None:
    """A question in a thread is a child of its root, and the answer stands in the same thread."""
    room = us.open(mara.id)
    mara.join(room)
    root = mara.say(room, "Release 4 is out")
    relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True, "m.in_reply_to": {"event_id": root}}
    asked = mara.say(room, "Does it break the router?", **{"m.relates_to": relation})
    crm.sync()
    question = by_text(crm, "Does it break the router?")
    assert (question.parent, question.references) == (root, (root,))
    crm.reply(question.case, "It does not.", by="ana", to=question.ref)
    crm.flush()
    answer = us.history(room)[-1]
    assert answer["content"]["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": asked},
    }
    assert (crm.sync().new, held(crm)) == (0, said(us, room))


def test_a_public_question_is_answered_in_private(us: Any, mara: Any, crm: CRM) -> None:
    """The answer opens a direct room, the next one uses it, and what comes back belongs to the same customer."""
    room = us.open(**PUBLIC)
    mara.join(room)
    mara.say(room, "My address changed")
    crm.sync()
    asked = by_text(crm, "My address changed")
    for text in ("Please tell us the new one here.", "Or call us."):
        crm.reply(asked.case, text, by="ana", to=asked.ref, visibility=Visibility.PRIVATE)
        crm.flush()
    (talk,) = us.api("GET", f"/user/{us.id}/account_data/m.direct")[mara.id]
    assert [one[1] for one in said(us, talk).values()] == ["Please tell us the new one here.", "Or call us."]
    mara.join(talk)
    mara.say(talk, "Example Street 1")
    crm.sync()
    answer = by_text(crm, "Example Street 1")
    assert (answer.visibility, answer.customer) == (Visibility.PRIVATE, asked.customer)
    assert {key: one[:2] for key, one in held(crm).items()} == {key: one[:2] for key, one in said(us, room, talk).items()}


def fill(room: str, person: Any, count: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: person.say(room, f"Message {number}"), range(count)))


def test_killed_anywhere_it_ends_as_the_server_says(
    server: Any, us: Any, mara: Any, crm: CRM, url: str, tmp_path: Path
) -> None:
    """250 messages across page limits, ten kills and a restart of the server: the store holds what Synapse reports."""
    room = us.open(mara.id)
    mara.join(room)
    mara.say(room, "Hello")
    crm.sync()
    fill(room, mara, 250)
    late = mara.open(us.id, is_direct=True)
    wrong = mara.say(late, "Before you came")
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("matrix", name="chat", **settings(server))
    whole, dice = calls(calm, "sync"), random.Random(3)
    died = 0
    for turn in range(10):
        died += work(url, "sync", dice.randint(1, whole * 2 // 3)) is None
        if turn == 4:
            mara.edit(late, wrong, "Before you joined")
            fill(room, mara, 120)
            with ThreadPoolExecutor(1) as pool:
                syncing = pool.submit(lambda: work(url, "sync", dice.randint(1, whole)))
                server.restart()
                syncing.exception()  # it died, met a server that was gone, or was done before
    assert died >= 5
    crm.sync()
    assert held(crm) == said(us, room, late)
    assert len(held(crm)) == 372
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_while_answering_no_reply_is_doubled_or_lost(us: Any, mara: Any, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once."""
    rooms = [mara.open(us.id, is_direct=True) for _ in range(6)]
    for number, room in enumerate(rooms):
        mara.say(room, f"Question {number}")
    crm.sync()
    for one in [one for one in crm.interactions() if one.text.startswith("Question")]:
        crm.reply(one.case, f"Answer to {one.text}", by="ana", to=one.ref)
    dice = random.Random(5)
    died = sum(work(url, "flush", dice.randint(1, 60_000)) is None for _ in range(10))
    crm.flush()
    answers = sorted(one[1] for one in said(us, *rooms).values() if one[0] == us.id)
    assert answers == [f"Answer to Question {number}" for number in range(6)]
    assert died >= 5
    assert crm.sync().new == 0
    assert held(crm) == said(us, *rooms)


def test_what_an_agent_does_beside_answering(server: Any, us: Any, mara: Any, tmp_path: Path) -> None:
    """Files, reactions, read receipts, profiles, searching, taking back, and a renewed token work on the real server."""
    room = us.open(mara.id)
    mara.join(room)
    asked = mara.say(room, "Where is the handbook?")
    path = tmp_path / "handbook.txt"
    path.write_bytes(b"Press the button.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    blob = Blob(sha256=digest, path=path, size=17, mime="text/plain", name="handbook.txt")
    host = Host({"token": "expired", "refresh_token": us.refresh_token})
    with driver(server, us, host) as (connector, run):
        me = run(connector.identify())
        assert (me.id, host.grant()["refresh_token"] != us.refresh_token) == (us.id, True)
        message = Outgoing(
            id="o1", conversation=room, scope=room, parts=("Here:",), reply_to=asked, to=mara.id, media=(blob,),
            visibility=Visibility.LIMITED, at=datetime.now(UTC),
        )  # fmt: skip
        receipt = run(connector.send(message, {}))
        assert run(connector.send(message, {})).ids == receipt.ids
        assert run(connector.settle(message, {})).ids == receipt.ids
        for _ in range(2):
            run(connector.react(asked, room, "👍"))
            run(connector.mark_read(asked, room))
        assert run(connector.profile(mara.id)).name == mara.id[1:].partition(":")[0].title()
        run(connector.search("handbook", {}))
        run(connector.fetch("rooms", {}))
        for _ in range(2):
            run(connector.retract(Receipt(ids=receipt.ids, conversation=room)))
        items = [item for batch in host.batches for raw in batch.raws for item in connector.parse(raw)]
    assert {item.id for item in items} >= {asked, *receipt.ids}
    (file,) = next(item.attachments for item in items if isinstance(item, Interaction) and item.attachments)
    assert (file.name, file.mime, file.size) == ("handbook.txt", "text/plain", 17)
    assert sum(one["type"] == "m.reaction" for one in us.history(room)) == 1
    assert [one[1] for one in said(us, room).values()] == ["Where is the handbook?", "👍"]


def test_a_text_at_the_limit_is_taken(server: Any, us: Any, mara: Any) -> None:
    """Synapse takes the longest text that we call allowed, whatever its letters."""
    room = us.open(mara.id)
    with driver(server, us, Host({"token": us.token})) as (connector, run):
        limit = connector.text_limit
        for letter in ("x", '"', "é", "👍", "\n"):
            text = "a" + letter * ((limit.size or 0) // limit.measure(letter) - 1)
            assert (limit.size or 0) - 8 < limit.measure(text) <= (limit.size or 0)
            message = Outgoing(id=f"o {letter}", conversation=room, scope=room, parts=(text,), visibility=Visibility.LIMITED)
            run(connector.send(message, {}))
            assert us.history(room)[-1]["content"]["body"] == text


def test_pushes_wake_the_stream(pushed: tuple[int, list[Incoming]], us: Any, mara: Any, crm: CRM, tmp_path: Path) -> None:
    """What Synapse pushes is accepted, as often as it comes, and the next sync brings the event itself."""
    (tmp_path / "hs").write_text(harness.HS_TOKEN)
    crm.channels.update("chat", hs_token=f"file:{tmp_path}/hs")
    room = us.open(mara.id)
    mara.join(room)
    event = mara.say(room, "Hello there").encode()
    arrived = [one for one in pushed[1] if event in one.body]
    while not arrived:
        mara.api("GET", "/account/whoami")
        arrived = [one for one in pushed[1] if event in one.body]
    for _ in range(2):
        assert crm.receive("chat", arrived[0]).status == 200
    assert crm.interactions() == []
    crm.sync()
    assert held(crm) == said(us, room)


def test_a_wrong_token(us: Any, mara: Any, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, without the token."""
    mara.open(us.id)
    crm.sync()
    monkeypatch.setenv("MATRIX_TOKEN", "syt_hunter2")
    with pytest.raises(CredentialsError, match="access token is not accepted") as caught:
        crm.sync()
    assert "hunter2" not in str(caught.value)
