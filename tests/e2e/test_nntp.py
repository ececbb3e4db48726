"""Customers who write to discussion groups are answered: the whole way through the CRM on a real INN. Nobody here is real."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import nntp as harness

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Receipt
from socialcrm.errors import CredentialsError, NotFound, RetryError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("nntp")
_numbers = count(1)
TEAM = "help@example.org"


@pytest.fixture(scope="module")
def news() -> Iterator[Any]:
    """A news server."""
    with harness.news_server() as running:
        yield running


class Town:
    """Two groups of their own on the server, and people who write there.

    Args:
        server: The running server.
    """

    def __init__(self, server: Any) -> None:
        self.server = server
        self.number = next(_numbers)
        self.group, self.other = f"acme.support{self.number}", f"acme.general{self.number}"
        for name in (self.group, self.other):
            server.control("newgroup", name, "y")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings of a channel, without encryption, as only loopback allows."""
        plain = {
            "server": "127.0.0.1",
            "port": self.server.port,
            "security": "plain",
            "username": harness.TEAM,
            "password": "env:NEWS_PASSWORD",
            "groups": (self.group, self.other),
            "address": TEAM,
            "from_name": "Acme, Hilfe & Ünterstützung",
            "rescan_minutes": 0,
        }
        return {**plain, **changes}

    def reader(self) -> Any:
        """Return somebody's newsreader."""
        return harness.Newsreader(self.server)

    def write(self, *articles: tuple[str, str], **headers: str) -> list[str]:
        """Let customers write: name and text of each article; returns the message ids."""
        ids = []
        with self.reader() as reader:
            for name, text in articles:
                article = EmailMessage()
                article["Message-ID"] = f"<{next(_numbers)}.{self.group}@example.com>"
                article["From"] = f"{name} <{name.lower()}{self.number}@example.com>"
                article["Date"] = datetime.now(UTC)
                for header, value in {"Newsgroups": self.group, "Subject": "My parcel", **headers}.items():
                    del article[header.replace("_", "-")]
                    article[header.replace("_", "-")] = value
                article.set_content(text)
                answer = reader.post(article)
                assert answer.startswith("240"), answer
                ids.append(str(article["Message-ID"]).strip("<>"))
        return ids

    def cancel(self, id: str, name: str) -> None:  # noqa: A002 - the platform's word
        self.write((name, "cancelled"), Control=f"cancel <{id}>", Subject=f"cmsg cancel <{id}>")

    def said(self) -> dict[str, tuple[str, str | None, str]]:
        """Return every article as INN itself hands it out: text, parent, author's address."""
        with self.reader() as reader:
            held = {**reader.articles(self.group), **reader.articles(self.other)}
        return {key: (_text(one), _parent(one), one["From"].addresses[0].addr_spec) for key, one in held.items()}


def _text(article: EmailMessage) -> str:
    return str(article.get_content()).replace("\r\n", "\n").replace(" \n", " ").strip()


def _parent(article: EmailMessage) -> str | None:
    references = str(article["References"] or "").split()
    return references[-1].strip("<>") if references else None


def held(crm: CRM) -> dict[str, tuple[str, str | None, str]]:
    """Return what the store holds, in the same words."""
    return {one.id: (one.text, one.parent, one.author.id) for one in crm.interactions() if one.deleted_at is None}


def later(crm: CRM, **time: float) -> None:
    crm.clock = lambda: datetime.now(UTC) + timedelta(**time)


@pytest.fixture
def town(news: Any, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("NEWS_PASSWORD", harness.PASSWORD)
    return Town(news)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(town: Town, url: str) -> Iterator[CRM]:
    with socialcrm.open(url) as opened:
        opened.channels.add("nntp", name="news", **town.settings())
        yield opened


def test_the_story(town: Town, crm: CRM) -> None:
    """Two customers write, a reply stands in the thread in both groups of the article, and nothing comes twice."""
    (first,) = town.write(("Mara", "Where is my parcel?\n.\n.. and dots\n-- \nMara of Example"), Subject="Päckchen")
    (second,) = town.write(("Jonas", "> Where\n\nMine, too!"), Newsgroups=f"{town.group},{town.other}", References=f"<{first}>")
    report = crm.sync()
    assert (report.new, report.opened) == (2, 2)
    asked = next(one for one in crm.interactions() if one.id == first)
    assert (asked.text, asked.subject, asked.quoted) == (
        "Where is my parcel?\n.\n.. and dots",
        "Päckchen",
        "--\nMara of Example",
    )
    assert asked.visibility is Visibility.PUBLIC
    by_name = {case.customer_name: case for case in crm.inbox()}
    answer = (
        "Sorry, Jonas! It leaves tomorrow, and we will write to you again as soon as it is really on its way to you.\n.really"
    )
    reply = crm.reply(by_name["Jonas"], answer, by="ana")
    assert crm.flush().sent == [reply.ref]
    (sent,) = crm.outbox()
    with town.reader() as reader:
        here, there = reader.articles(town.group), reader.articles(town.other)
    assert set(here) == {first, second, *sent.ids}
    assert set(there) == {second, *sent.ids}
    got = here[sent.ids[0]]
    assert (got["References"], got["Subject"]) == (f"<{first}> <{second}>", "Re: My parcel")
    assert (got["From"].addresses[0].display_name, _text(got)) == ("Acme, Hilfe & Ünterstützung", answer)
    assert (crm.sync().new, crm.flush().sent) == (0, [])
    thread = crm.conversation(asked.thread)
    assert [(one.id, one.direction) for one in thread.interactions] == [
        (first, Direction.INBOUND),
        (second, Direction.INBOUND),
        (sent.ids[0], Direction.OUTBOUND),
    ]
    assert [case.customer_name for case in crm.inbox()] == ["Mara"]


def test_what_is_superseded_or_cancelled(town: Town, crm: CRM) -> None:
    """New words take the place of the old in the same thread, what is cancelled is gone; a forged cancel does nothing."""
    first, gone, other = town.write(("Mara", "Order 17 is late."), ("Jonas", "I take this back."), ("Ida", "I stay."))
    crm.sync()
    thread = crm.interactions()[0].thread
    (edited,) = town.write(("Mara", "Order 18 is late."), Supersedes=f"<{first}>")
    town.cancel(gone, "Jonas")
    with town.reader() as reader:
        forged = EmailMessage()
        forged["From"], forged["Newsgroups"], forged["Subject"] = "Eve <eve@example.com>", town.group, "cmsg cancel"
        forged["Message-ID"], forged["Control"] = f"<forged{town.number}@example.com>", f"cancel <{other}>"
        forged["Cancel-Key"] = "sha256:bm90IHRoZSBrZXk="
        forged.set_content("no")
        reader.post(forged)
    assert set(town.said()) == {edited, other}
    crm.sync()
    later(crm, hours=1)
    crm.sync()
    assert held(crm) == town.said()
    now = next(one for one in crm.interactions() if one.id == edited)
    assert (now.text, now.thread, now.extra["supersedes"]) == ("Order 18 is late.", thread, first)
    assert next(one for one in crm.interactions() if one.id == gone).text == ""
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_anywhere_it_ends_as_the_server_says(town: Town, crm: CRM, url: str, tmp_path: Path) -> None:
    """Ten times killed while fetching 250 articles, the store holds, article by article, what INN itself reports."""
    ids = town.write(*((f"Mara{number % 20}", f"Parcel {number}\n\nIt is late.") for number in range(250)))
    town.cancel(ids[7], "Mara7")
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("nntp", name="news", **town.settings())
    whole, dice = calls(calm, "sync"), random.Random(3)
    assert [work(url, "sync", dice.randint(1, whole // 4)) for _ in range(10)].count(None) >= 5
    crm.sync()
    assert held(crm) == town.said()
    assert len(held(crm)) == 249
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_while_answering_no_reply_is_doubled_or_lost(town: Town, crm: CRM, url: str) -> None:
    """Ten times killed while sending, every reply stands once under its article."""
    ids = town.write(*((f"Ben{letter}", "Hello?") for letter in "abcdefghijkl"))
    crm.sync()
    for case in crm.inbox():
        crm.reply(case, f"Hello, {case.customer_name}!", by="ana")
    dice, died = random.Random(4), 0
    for _ in range(5):
        died += work(url, "flush", dice.randint(1, 40_000)) is None
        # Between the note that the article comes next, and the note that it is posted.
        died += work(url, "flush", dice.randint(1, 2000), since="intend") is None
    crm.flush()
    later(crm, hours=2)
    crm.flush()
    assert died >= 5
    assert {str(reply.state) for reply in crm.outbox()} <= {"sent", "reconciled"}
    answers = sorted((parent, text) for text, parent, author in town.said().values() if author == TEAM)
    assert answers == sorted((asked, f"Hello, Ben{letter}!") for asked, letter in zip(ids, "abcdefghijkl", strict=True))
    assert crm.sync().new == 0
    assert held(crm) == town.said()


def test_a_restart_of_the_server(town: Town, crm: CRM) -> None:
    """When the server goes down in the middle of a sync, what was committed stays, and the next sync brings the rest."""
    town.write(*(("Mara", f"Parcel {number}") for number in range(120)))
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
        reply = crm.reply(crm.inbox()[0], "We are working on it.", by="ana")
        assert list(crm.flush().postponed) == [reply.ref]
    finally:
        town.server.start()
    crm.sync()
    assert len(crm.interactions()) == 120 + (1 if crm.outbox()[0].ids else 0)
    later(crm, hours=2)
    assert crm.flush().sent == [reply.ref]
    crm.sync()
    assert held(crm) == town.said()


def test_encrypted_in_a_process_of_its_own(town: Town, url: str, tmp_path: Path) -> None:
    """With TLS and with STARTTLS articles are fetched and posted; without the authority no password leaves."""
    authority = tmp_path / "authority.pem"
    trusted = town.server.trust().get_ca_certs(binary_form=True)
    authority.write_text("".join(ssl.DER_cert_to_PEM_cert(one) for one in trusted), encoding="ascii")
    trust = {"SSL_CERT_FILE": str(authority)}
    town.write(("Mara", "Where is my parcel?"))
    with socialcrm.open(url) as crm:
        crm.channels.add("nntp", name="news", **town.settings(security="tls", port=town.server.tls))
        assert crm.sync(strict=False).errors["news"].args[0].count("certificate")
        assert work(url, "sync", environ=trust) is not None
        crm.channels.update("news", security="starttls", port=town.server.starttls)
        crm.reply(crm.inbox()[0], "It is here.", by="ana")
        assert work(url, "flush", environ=trust) is not None
        assert [reply.state for reply in crm.outbox()] == ["sent"]
        crm.channels.update("news", port=town.server.port)
        town.write(("Jonas", "Through the server's transit mode"))
        assert work(url, "sync", environ=trust) is not None
        assert held(crm) == town.said()


def test_a_moderated_group(town: Town, crm: CRM) -> None:
    """A reply goes to the moderator and counts as sent; it is not taken for deleted, and becomes the same when it appears."""
    crm.channels.update("news", groups=("acme.moderated",))
    approved = {"Newsgroups": "acme.moderated", "Approved": "moderator@example.test"}
    (asked,) = town.write(("Mara", "Is this moderated?"), **approved)
    crm.sync()
    reply = crm.reply(crm.inbox()[0], "It is.", by="ana")
    assert crm.flush().sent == [reply.ref]
    (mailed,) = town.server.to_moderator()
    (sent,) = crm.outbox()
    assert f"<{sent.ids[0]}>" in mailed
    later(crm, hours=3)
    crm.sync()
    assert next(one for one in crm.interactions() if one.id == sent.ids[0]).deleted_at is None
    town.write((TEAM, "It is."), Message_ID=f"<{sent.ids[0]}>", References=f"<{asked}>", **approved)
    assert (crm.sync().new, len(crm.interactions())) == (0, 2)


def test_a_server_set_up_anew(town: Town, crm: CRM) -> None:
    """Where article numbers begin anew, a group is read from its beginning, and what it held before stays."""
    town.write(("Mara", "Before"), ("Jonas", "Before, too"))
    assert crm.sync().new == 2
    town.server.control("rmgroup", town.group)
    with pytest.raises(NotFound, match=town.group):
        crm.sync()
    town.server.renew()
    for name in (town.group, town.other):
        town.server.control("newgroup", name, "y")
    town.write(("Mara", "After"), ("Jonas", "After, too"), ("Ida", "And me"))
    assert crm.sync().new == 3
    later(crm, hours=30)
    assert crm.sync().changed == 0
    assert len(held(crm)) == 5
    assert town.said().items() <= held(crm).items()


def test_taking_an_answer_back(town: Town, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a secret for it, our article is cancelled on the server, and gone in the store after the next look back."""
    monkeypatch.setenv("CANCEL_SECRET", "nobody can guess this")
    crm.channels.update("news", cancel_secret="env:CANCEL_SECRET")
    town.write(("Mara", "Where is my parcel?"))
    crm.sync()
    crm.reply(crm.inbox()[0], "It is lost.", by="ana")
    crm.flush()
    (sent,) = crm.outbox()
    row = crm.channels.row("news")
    connector = crm.channels.connector(row)
    from socialcrm.crm._pull import Pull

    for _ in range(2):
        with crm.driver(connector, Pull(crm, row, None).host(connector, "retract"), row.id) as driver:
            driver.run(connector.retract(Receipt(ids=sent.ids)))
    assert len(town.said()) == 1
    later(crm, hours=1)
    crm.sync()
    assert held(crm) == town.said()


def test_what_the_server_refuses(town: Town, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password, a group that is not there and an author who wants mail are told apart, each with what to do."""
    town.write(("Mara", "Answer me by mail."), Followup_To="poster")
    crm.sync()
    reply = crm.reply(crm.inbox()[0], "Hello!", by="ana")
    assert list(crm.flush().failed) == [reply.ref]
    assert "Followup-To: poster" in crm.outbox()[0].error
    crm.channels.update("news", groups=(f"no.such.group{town.number}",))
    with pytest.raises(NotFound, match=r"no\.such\.group"):
        crm.sync()
    crm.channels.update("news", groups=(f"acme.*{town.number}", "!acme.support*"))
    assert crm.sync().new == 0
    monkeypatch.setenv("NEWS_PASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="password") as caught:
        crm.sync()
    assert "hunter2" not in str(caught.value)
