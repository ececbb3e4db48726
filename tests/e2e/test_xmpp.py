"""A real Prosody and ejabberd on loopback: through `socialcrm.open`, with processes that die and servers that go away."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import xmpp as harness

import socialcrm
from socialcrm.crm import CRM
from socialcrm.errors import CredentialsError, NotFound, RetryError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("xmpp")
_numbers = count(1)
EDIT = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
GONE = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'/>"
BODY = "{jabber:client}body"


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def chat(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A server."""
    with getattr(harness, request.param)() as running:
        yield running


class Town:
    """Our account, a room, and people who write to us and speak there."""

    def __init__(self, server: Any) -> None:
        self.server = server
        number = next(_numbers)
        self.team, self.room = f"team{number}", f"help{number}@{harness.ROOMS}"
        self.jid = f"{self.team}@{harness.DOMAIN}"
        self._clients: dict[str, Any] = {}
        self.person(self.team).close()
        self._clients.clear()

    def settings(self, **changes: Any) -> dict[str, Any]:
        plain = {"host": "127.0.0.1", "port": self.server.port, "security": "plain"}
        return {"jid": self.jid, "password": "env:XMPP_PASSWORD", "rooms": (self.room,), **plain, **changes}

    def person(self, name: str) -> Any:
        """Return somebody's client."""
        if name not in self._clients:
            self._clients[name] = self.server.client(name)
        return self._clients[name]

    def occupant(self, name: str) -> Any:
        """Return the client of somebody who is in the room."""
        fresh = name not in self._clients
        client = self.person(name)
        if fresh:
            client.enter(self.room)
        return client

    def write(self, name: str, text: str, key: str, inner: str = "", *, wait: bool = True) -> None:
        self.person(name).say(self.jid, text, key, inner, wait=wait)

    def speak(self, name: str, text: str, key: str, inner: str = "", *, wait: bool = True) -> None:
        self.occupant(name).say(self.room, text, key, inner, "groupchat", wait=wait)

    def archived(self) -> dict[tuple[str, str], Any]:
        """Return what the server itself holds of us and of the room."""
        with self.server.client(self.team) as own:
            found = {("", key): message for key, message in own.archive()}
            return {**found, **{(self.room, key): message for key, message in own.archive(self.room)}}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()


@pytest.fixture
def town(chat: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    made = Town(chat)
    made.occupant("omar")
    monkeypatch.setenv("XMPP_PASSWORD", harness.PASSWORD)
    yield made
    made.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(town: Town, url: str) -> Iterator[CRM]:
    with socialcrm.open(url) as opened:
        opened.channels.add("xmpp", name="chat", **town.settings())
        yield opened


def held(crm: CRM) -> dict[tuple[str, str], str]:
    """Return what the store holds: scope and id to text."""
    found = {(one.scope, one.id): one.text for one in crm.interactions() if one.deleted_at is None}
    assert len(found) == sum(one.deleted_at is None for one in crm.interactions())
    return found


def plainly(town: Town) -> dict[tuple[str, str], str]:
    """Return the same of the server's archives, where nothing was corrected or retracted."""
    return {key: text for key, message in town.archived().items() if (text := message.findtext(BODY)) is not None}


def test_the_story(town: Town, crm: CRM) -> None:
    """Two customers write, one corrects, one retracts, nobody changes another's words, and each gets one answer."""
    town.write("mara", "Where is my parcle?", "m1")
    town.write("mara", "Where is my parcel?", "m2", EDIT.format("m1"))
    town.write("jonas", "My password is hunter2", "j1")
    town.write("jonas", "took it back", "j2", GONE.format("j1"))
    town.write("jonas", "Is <anybody> there & well?", "j3")
    town.write("mallory", "I never said this", "x1", EDIT.format("j3"))
    town.speak("omar", "Is the site down?", "o1")
    report = crm.sync()
    assert report.new == 5
    texts = {(one.author.id.partition("@")[0], one.text) for one in crm.interactions(limit=99) if one.deleted_at is None}
    assert {("mara", "Where is my parcel?"), ("jonas", "Is <anybody> there & well?"), ("mallory", "I never said this")} <= texts
    assert not any("hunter2" in text or "parcle" in text for _, text in texts)
    by_name = {case.customer_name: case for case in crm.inbox()}
    seen = {one.visibility for one in crm.interactions(case=by_name["omar"])}
    assert seen == {Visibility.PUBLIC}
    crm.reply(by_name["mara@localhost"], "It is <here> & well.", by="ana")
    crm.reply(by_name["omar"], "It is up again.", by="ana")
    assert len(crm.flush().sent) == 2
    got = [one for _, one in town.person("mara").archive() if one.findtext(BODY) == "It is <here> & well."]
    assert [one.get("type") for one in got] == ["chat"]
    said = [one for _, one in town.person("omar").archive(town.room) if one.findtext(BODY) == "It is up again."]
    assert len(said) == 1
    report = crm.sync()
    assert (report.new, report.opened, crm.flush().sent) == (0, 0, [])
    ours = [one for one in crm.interactions() if one.direction is Direction.OUTBOUND]
    assert len(ours) == 2
    assert len({one.thread for one in crm.interactions(case=by_name["omar"])}) == 1


def test_a_private_answer_to_somebody_in_a_room(town: Town, crm: CRM, chat: Any) -> None:
    """Where the room gives occupant ids, a private answer reaches that occupant alone; with nicks only, none leaves."""
    town.speak("omar", "My number is in my profile", "o1")
    crm.sync()
    (case,) = crm.inbox()
    reply = crm.reply(case, "Thank you, Omar.", by="ana", visibility=Visibility.PRIVATE)
    report = crm.flush()
    private = [one for _, one in town.person("omar").archive() if one.findtext(BODY) == "Thank you, Omar."]
    assert not [one for _, one in town.person("omar").archive(town.room) if one.findtext(BODY) == "Thank you, Omar."]
    if chat.name == "ejabberd":
        assert (list(report.failed), private) == ([reply.ref], [])
        return
    assert (report.sent, len(private)) == ([reply.ref], 1)
    assert private[0].get("from") == f"{town.room}/{town.team}"
    assert (crm.sync().new, crm.flush().sent) == (0, [])
    town.person("omar").say(
        f"{town.room}/{town.team}", "You are welcome.", "o2", "<x xmlns='http://jabber.org/protocol/muc#user'/>"
    )
    crm.sync()
    assert {one.customer for one in crm.interactions()} == {case.customer}


def test_killed_while_fetching(town: Town, crm: CRM, url: str, tmp_path: Path) -> None:
    """Ten times killed anywhere among 250 messages, the store holds what the server holds, each once."""
    for number in range(250):
        speak, name = (town.write, "mara") if number % 2 else (town.speak, "omar")
        speak(name, f"Parcel {number}", f"p{number}", wait=number >= 248)
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("xmpp", name="chat", **town.settings())
    whole, dice = calls(calm, "sync"), random.Random(2)
    assert [work(url, "sync", dice.randint(1, whole // 5)) for _ in range(10)].count(None) >= 5
    crm.sync()
    assert held(crm) == plainly(town)
    assert len(held(crm)) == 250


def test_killed_while_sending(town: Town, crm: CRM, url: str) -> None:
    """Killed anywhere, each reply stands exactly once, in private and in the room."""
    names = [f"ben{letter}" for letter in "abcdefgh"]
    for place, name in enumerate(names):
        (town.speak if place % 2 else town.write)(name, "Hello?", f"h{place}")
    crm.sync()
    for case in crm.inbox():
        crm.reply(case, f"Hello, {case.customer_name}!", by="ana")
    dice = random.Random(4)
    for _ in range(4):
        work(url, "flush", dice.randint(1, 40_000))
        work(url, "flush", dice.randint(1, 4000), since="intend")
    for hours in range(3):
        crm.clock = lambda hours=hours: datetime.now(UTC) + timedelta(hours=2 * hours)  # type: ignore[misc]  # bound by value
        crm.flush()
    assert {str(reply.state) for reply in crm.outbox()} <= {"sent", "reconciled"}
    crm.sync()
    said = [text for text in plainly(town).values() if text.startswith("Hello, ")]
    assert (len(said), len(set(said))) == (8, 8)
    assert held(crm) == plainly(town)


def test_a_restart_of_the_server(town: Town, crm: CRM) -> None:
    """When the server goes away in the middle of a sync, what was committed stays, and the next sync brings the rest."""
    for number in range(120):
        town.speak("omar", f"Parcel {number}", f"p{number}", wait=number == 119)
    town.close()
    batches = count(1)

    def stop(_step: Any) -> None:
        if next(batches) == 2:
            town.server.stop()

    try:
        with pytest.raises(RetryError):
            crm.sync(progress=stop)
        assert 50 <= len(crm.interactions()) < 120
        with pytest.raises(RetryError):
            crm.sync()
    finally:
        town.server.start()
    crm.sync()
    assert held(crm) == plainly(town)
    assert len(held(crm)) == 120


def test_watching(town: Town, crm: CRM) -> None:
    """What comes while we watch becomes a case at once, corrections with it; a sync afterwards doubles nothing."""
    town.write("mara", "Before we watched.", "m1")
    crm.sync()
    listening, stop = threading.Event(), threading.Event()
    seen: dict[str, bool] = {}

    def progress(_step: Any) -> None:
        listening.set()
        seen.update({one.text: True for one in crm.interactions()})
        if {"While we watch!", "In the room."} <= set(seen):
            stop.set()

    watching = threading.Thread(target=lambda: crm.watch("chat", stop=stop.is_set, progress=progress))
    watching.start()
    try:
        assert listening.wait(30)
        town.write("jonas", "While we wach.", "j1")
        town.write("jonas", "While we watch!", "j2", EDIT.format("j1"))
        town.speak("omar", "In the room.", "o1")
        assert stop.wait(30), seen
    finally:
        stop.set()
        watching.join(30)
    assert not watching.is_alive()
    assert {case.customer_name for case in crm.inbox()} == {"mara@localhost", "jonas@localhost", "omar"}
    assert crm.sync().new == 0


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_in_a_process_of_its_own(town: Town, url: str, tmp_path: Path, security: str) -> None:
    """With TLS and an authority named by ``SSL_CERT_FILE`` messages are fetched and sent; without it none."""
    authority = tmp_path / "authority.pem"
    trusted = town.server.trust().get_ca_certs(binary_form=True)
    authority.write_text("".join(ssl.DER_cert_to_PEM_cert(one) for one in trusted), encoding="ascii")
    port = town.server.tls if security == "tls" else town.server.port
    with socialcrm.open(url) as crm:
        crm.channels.add("xmpp", name="chat", **town.settings(security=security, port=port))
        town.write("mara", "Where is my parcel?", "m1")
        assert crm.sync(strict=False).errors["chat"].args[0].count("certificate")
        assert work(url, "sync", environ={"SSL_CERT_FILE": str(authority)}) is not None
        if security == "tls":
            return
        crm.reply(crm.inbox()[0], "It is here.", by="ana")
        assert work(url, "flush", environ={"SSL_CERT_FILE": str(authority)}) is not None
        assert [reply.state for reply in crm.outbox()] == ["sent"]


def test_what_the_server_refuses(town: Town, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password and a room that is not there are told; the room is not made, and everything else is fetched."""
    town.write("mara", "Hello?", "m1")
    nowhere = f"nowhere@{harness.ROOMS}"
    crm.channels.update("chat", rooms=(nowhere, town.room))
    for _ in range(2):
        with pytest.raises(NotFound, match="nowhere"):
            crm.sync()
    assert [case.customer_name for case in crm.inbox()] == ["mara@localhost"]
    monkeypatch.setenv("XMPP_PASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="password") as caught, suppress(RetryError):
        crm.sync()
    assert "hunter2" not in str(caught.value)
