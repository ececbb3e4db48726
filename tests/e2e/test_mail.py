"""Customers who write mail are answered: the whole way through the CRM on a real mail server. All people are invented."""

from __future__ import annotations

import imaplib
import random
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers.mail import DOMAIN, PASSWORD

import socialcrm
from socialcrm import CRM
from socialcrm.errors import CredentialsError, RetryError, SettingsError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("mail")
_numbers = count(1)


class Town:
    """The mail server, our mailbox on it, and customers who write and read there.

    Args:
        server: The running server.
    """

    def __init__(self, server: Any) -> None:
        self.server, self.domain, self.password = server, DOMAIN, PASSWORD
        self.number = next(_numbers)
        self.team = f"team{self.number}"

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings of a channel for our mailbox, without encryption, as only loopback allows."""
        plain = {
            "address": f"{self.team}@{self.domain}",
            "username": self.team,
            "password": "env:MAIL_PASSWORD",
            "imap_host": "127.0.0.1",
            "imap_port": self.server.imap,
            "imap_security": "plain",
            "smtp_host": "127.0.0.1",
            "smtp_port": self.server.smtp,
            "smtp_security": "plain",
        }
        return {**plain, **changes}

    def customer(self, name: str) -> str:
        return f"{name.lower()}{self.number}"

    def write(self, *mails: tuple[str, str], **headers: str) -> None:
        """Let customers write to us: name and text of each mail; returns when all have arrived."""
        before = self.count(self.team)
        # OpenSMTPD takes a hundred mails in one session.
        for start in range(0, len(mails), 90):
            with smtplib.SMTP("127.0.0.1", self.server.smtp) as smtp:
                for name, text in mails[start : start + 90]:
                    smtp.send_message(self._mail(name, text, headers))
        self.wait(lambda: self.count(self.team) >= before + len(mails))

    def _mail(self, name: str, text: str, headers: dict[str, str]) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = f"{name} <{self.customer(name)}@{self.domain}>"
        mail["To"] = f"{self.team}@{self.domain}"
        mail["Message-ID"] = f"<{next(_numbers)}.{self.team}@example.com>"
        mail["Date"] = datetime.now(UTC)
        for header, value in {"Subject": "My parcel", **headers}.items():
            mail[header.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def box(self, user: str, folder: str = "INBOX") -> list[EmailMessage]:
        """Return somebody's mail, read by another client."""
        with imaplib.IMAP4("127.0.0.1", self.server.imap) as client:
            client.login(user, self.password)
            client.select(folder, readonly=True)
            found = client.search(None, "ALL")[1][0].split()
            bodies = [client.fetch(one, "(BODY.PEEK[])")[1][0][1] for one in found]
        return [message_from_bytes(body, policy=policy.default) for body in bodies]  # type: ignore[misc]  # policy.default makes them

    def count(self, user: str) -> int:
        with imaplib.IMAP4("127.0.0.1", self.server.imap) as client:
            client.login(user, self.password)
            return int(client.select("INBOX", readonly=True)[1][0])

    def store(self, user: str, folder: str, mail: EmailMessage) -> None:
        """Put a mail into somebody's folder."""
        with imaplib.IMAP4("127.0.0.1", self.server.imap) as client:
            client.login(user, self.password)
            client.append(folder, "", None, mail.as_bytes(policy=policy.SMTP))

    @staticmethod
    def wait(ready: Callable[[], bool]) -> None:
        """Wait for the server's own delivery, for a minute at most."""
        deadline = time.monotonic() + 60
        while not ready():
            assert time.monotonic() < deadline, "the mail server did not deliver"
            time.sleep(0.1)


@pytest.fixture
def town(mail: Any, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    return Town(mail)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(town: Town, url: str) -> Iterator[CRM]:
    with socialcrm.open(url) as opened:
        opened.channels.add("email", name="mail", **town.settings())
        yield opened


def ids(town: Town) -> list[str]:
    return sorted(str(mail["Message-ID"]).strip("<>") for mail in town.box(town.team))


def fetched(crm: CRM) -> list[str]:
    return sorted(one.id for one in crm.interactions() if one.direction is Direction.INBOUND)


def test_the_story(town: Town, crm: CRM) -> None:
    """Two customers write, the reply lies threaded in one's mailbox, her answer joins her case, and nothing comes twice."""
    town.write(("Mara", "Where is my parcel?"), ("Jonas", "And mine?"))
    report = crm.sync()
    assert (report.new, report.opened) == (2, 2)
    by_name = {case.customer_name: case for case in crm.inbox()}
    reply = crm.reply(by_name["Mara"], "It is here.\n.really", by="ana")
    assert crm.flush().sent == [reply.ref]
    town.wait(lambda: town.count(town.customer("Mara")) == 1)
    (got,) = town.box(town.customer("Mara"))
    question = next(mail for mail in town.box(town.team) if "Mara" in mail["From"])
    assert (got["Subject"], got["In-Reply-To"]) == ("Re: My parcel", question["Message-ID"])
    assert got.get_content().splitlines() == ["It is here.", ".really"]
    assert town.count(town.customer("Jonas")) == 0
    report = crm.sync()
    assert (report.new, report.opened) == (0, 0)
    assert [case.customer_name for case in crm.inbox()] == ["Jonas"]
    assert len(town.box(town.team, "Sent")) == 1

    town.write(("Mara", "Thank you, but it is the wrong one."), Subject="Re: My parcel", In_Reply_To=str(got["Message-ID"]))
    report = crm.sync()
    assert (report.new, report.opened) == (1, 0)
    talk = crm.interactions(case=by_name["Mara"])
    assert [one.direction for one in talk] == [Direction.INBOUND, Direction.OUTBOUND, Direction.INBOUND]
    assert len({one.thread for one in talk}) == 1
    assert {one.visibility for one in talk} == {Visibility.PRIVATE}
    assert (crm.sync().new, crm.flush().sent) == (0, [])
    assert fetched(crm) == ids(town)


def test_a_file_goes_along(town: Town, crm: CRM, tmp_path: Path) -> None:
    """What is attached to a reply is in the customer's mailbox, byte for byte, under its name."""
    town.write(("Mara", "Where is my invoice?"))
    crm.sync()
    invoice = tmp_path / "invoice 17.pdf"
    invoice.write_bytes(bytes(range(256)) * 40)
    crm.reply(crm.inbox()[0], "Here it is.", by="ana", files=[invoice])
    assert crm.flush().sent
    town.wait(lambda: town.count(town.customer("Mara")) == 1)
    (got,) = town.box(town.customer("Mara"))
    (attached,) = got.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("invoice 17.pdf", "application/pdf")
    assert attached.get_content() == invoice.read_bytes()


def test_encrypted_in_a_process_of_its_own(town: Town, url: str, tmp_path: Path) -> None:
    """With STARTTLS and an authority named by ``SSL_CERT_FILE`` mail is fetched and sent; without it no password leaves."""
    authority = tmp_path / "authority.pem"
    trusted = town.server.trust().get_ca_certs(binary_form=True)
    authority.write_text("".join(ssl.DER_cert_to_PEM_cert(one) for one in trusted), encoding="ascii")
    secure = {"imap_security": "starttls", "smtp_security": "starttls", "smtp_port": town.server.submission}
    with socialcrm.open(url) as crm:
        crm.channels.add("email", name="mail", **town.settings(**secure))
        town.write(("Mara", "Where is my parcel?"))
        assert crm.sync(strict=False).errors["mail"].args[0].count("certificate")
        assert work(url, "sync", environ={"SSL_CERT_FILE": str(authority)}) is not None
        crm.reply(crm.inbox()[0], "It is here.", by="ana")
        assert work(url, "flush", environ={"SSL_CERT_FILE": str(authority)}) is not None
        town.wait(lambda: town.count(town.customer("Mara")) == 1)
        assert [reply.state for reply in crm.outbox()] == ["sent"]


def test_watching(town: Town, crm: CRM) -> None:
    """A mail that arrives while we watch becomes a case at once; a sync beside it and afterwards doubles nothing."""
    town.write(("Mara", "Before we watched."))
    crm.sync()
    seen, listening = threading.Event(), threading.Event()

    def progress(step: Any) -> None:
        listening.set()
        if step.interactions:
            seen.set()

    watching = threading.Thread(target=lambda: crm.watch("mail", stop=seen.is_set, progress=progress))
    watching.start()
    try:
        assert listening.wait(30)
        town.write(("Jonas", "While we watch."))
        assert seen.wait(30)
    finally:
        seen.set()
        watching.join(30)
    assert not watching.is_alive()
    assert {case.customer_name for case in crm.inbox()} == {"Mara", "Jonas"}
    assert crm.sync().new == 0
    assert fetched(crm) == ids(town)


def test_a_restart_of_the_server(town: Town, crm: CRM) -> None:
    """When the server goes down in the middle of a sync, what was committed stays, and the next sync brings the rest."""
    town.write(*(("Mara", f"Parcel {number}") for number in range(160)))
    batches = count(1)

    def stop(_step: Any) -> None:
        if next(batches) == 2:
            town.server.stop()

    try:
        with suppress(RetryError):  # Dovecot may let a session that is busy come to its end
            crm.sync(progress=stop)
        held = len(crm.interactions())
        assert held >= 50
        with pytest.raises(RetryError):
            crm.sync()
        reply = crm.reply(crm.inbox()[0], "We are working on it.", by="ana")
        assert list(crm.flush().postponed) == [reply.ref]
    finally:
        town.server.start()
    crm.sync()
    assert fetched(crm) == ids(town)
    assert len(crm.interactions()) == 160
    crm.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert crm.flush().sent == [reply.ref]


def test_what_the_server_refuses(town: Town, crm: CRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password, another protocol and an address that is not served are told apart, each with what to do."""
    town.write(("Mara", "Hello?"))
    crm.sync()
    crm.channels.update("mail", imap_port=town.server.smtp)
    with pytest.raises(SettingsError, match="check host, port and security"):
        crm.sync()
    crm.channels.update("mail", imap_port=town.server.imap)
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    with pytest.raises(CredentialsError, match="password") as caught:
        crm.sync()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("MAIL_PASSWORD", town.password)
    town.write(("Jonas", "Answer me elsewhere."), Reply_To="jonas@example.org")
    crm.sync()
    case = next(case for case in crm.inbox() if case.customer_name == "Jonas")
    reply = crm.reply(case, "Hello, Jonas!", by="ana")
    assert list(crm.flush().failed) == [reply.ref]
    assert "RCPT" in crm.outbox()[0].error


def test_killed_while_fetching(town: Town, crm: CRM, url: str, tmp_path: Path) -> None:
    """Ten times killed anywhere, the store holds each mail of the mailbox once."""
    town.write(*((f"Mara{number % 20}", f"Parcel {number}") for number in range(120)))
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("email", name="mail", **town.settings())
    whole, dice = calls(calm, "sync"), random.Random(2)
    assert [work(url, "sync", dice.randint(1, whole // 5)) for _ in range(10)].count(None) >= 5
    crm.sync()
    assert fetched(crm) == ids(town)
    assert len({case.customer for case in crm.inbox(limit=99)}) == 20


def test_killed_while_sending(town: Town, crm: CRM, url: str) -> None:
    """Killed anywhere, no reply arrives twice; one whose fate is unclear is `unknown`, and settled once a copy is found."""
    names = [f"Ben{letter}" for letter in "abcdefghijkl"]
    town.write(*((name, "Hello?") for name in names))
    crm.sync()
    for case in crm.inbox():
        crm.reply(case, f"Hello, {case.customer_name}!", by="ana")
    dice = random.Random(4)
    for _ in range(5):
        work(url, "flush", dice.randint(1, 40_000))
        # Between the note that the final dot comes next, and the note that it has been said.
        work(url, "flush", dice.randint(800, 2600), since="intend")
    crm.flush()
    states = {reply.to.name: str(reply.state) for reply in crm.outbox()}
    assert set(states.values()) <= {"sent", "reconciled", "unknown"}
    unclear = [name for name in names if states[name] == "unknown"]
    assert 0 < len(unclear) < 8
    clear = [name for name in names if name not in unclear]
    town.wait(lambda: all(town.count(town.customer(name)) == 1 for name in clear))
    arrived = {name: town.box(town.customer(name)) for name in names}
    assert max(len(mails) for mails in arrived.values()) == 1

    # A server that keeps what passes through it would have put these copies there itself.
    found = [name for name in unclear if arrived[name]]
    for name in found:
        town.store(town.team, "Sent", arrived[name][0])
    crm.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    report = crm.flush()
    assert (len(report.reconciled), len(report.unknown), report.sent) == (len(found), len(unclear) - len(found), [])
    assert max(town.count(town.customer(name)) for name in names) == 1
    crm.sync()
    sent = [one.id for one in crm.interactions() if one.direction is Direction.OUTBOUND]
    assert len(sent) == len(set(sent)) == len(names) - len(unclear) + len(found)
