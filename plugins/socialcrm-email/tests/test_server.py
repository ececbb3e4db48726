"""Against a real mail server on loopback: OpenSMTPD and Dovecot."""

from __future__ import annotations

import imaplib
import smtplib
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from tests.servers.mail import DOMAIN, PASSWORD, mail_server

from socialcrm.connectors import Outgoing
from socialcrm.errors import CredentialsError, RetryError, SettingsError, UnclearError
from socialcrm.transport import Driver, Host
from socialcrm.types import Direction, Secret
from socialcrm_email import EmailConnector, EmailSettings

pytestmark = pytest.mark.server("mail")


class Killed(BaseException):
    """The process died here."""


class Mortal(Host):
    """Dies before commit, after progress or after intent number ``kill_at``, counted together from 0."""

    def __init__(self, password, kill_at=None):
        super().__init__({"password": password})
        self.kill_at, self.count = kill_at, 0

    def _step(self):
        if self.count == self.kill_at:
            raise Killed
        self.count += 1

    def commit(self, batch):
        self._step()
        super().commit(batch)

    def progress(self, step):
        self._step()

    def intend(self, step):
        super().intend(step)
        self._step()


@pytest.fixture(scope="module")
def server():
    with mail_server() as running:
        yield running


@pytest.fixture
def user(request):
    """A mailbox of its own for each test."""
    return f"team{abs(hash(request.node.name))}"


@pytest.fixture
def connect(server, user):
    """Build the connector, in one of three ways to connect."""

    def build(security="starttls", **changes):
        given = {
            "address": f"{user}@{DOMAIN}",
            "username": user,
            "password": Secret("env:UNUSED"),
            "imap_host": "127.0.0.1",
            "imap_port": server.imaps if security == "tls" else server.imap,
            "imap_security": security,
            "smtp_host": "127.0.0.1",
            "smtp_port": server.smtp if security == "plain" else server.submission,
            "smtp_security": "plain" if security == "plain" else "starttls",
        }
        return EmailConnector(EmailSettings(**{**given, **changes}))

    return build


@pytest.fixture
def run(server):
    def drive(connector, flow, host):
        with Driver(connector, host, ssl_context=server.trust()) as driver:
            return driver.run(flow)

    return drive


def write(server, user, *numbers, sender="mara"):
    """Let a customer write, by the server's open door."""
    # OpenSMTPD takes a hundred mails in one session.
    for start in range(0, len(numbers), 90):
        with smtplib.SMTP("127.0.0.1", server.smtp) as smtp:
            for number in numbers[start : start + 90]:
                smtp.send_message(question(user, number, sender))


def question(user, number, sender):
    mail = EmailMessage()
    mail["From"] = f"Mara <{sender}@{DOMAIN}>"
    mail["To"] = f"{user}@{DOMAIN}"
    mail["Subject"] = f"Parcel {number}"
    mail["Message-ID"] = f"<{user}.{number}@example.com>"
    mail["Date"] = datetime(2024, 3, 1, tzinfo=UTC)
    mail.set_content(f"Where is parcel {number}?\n.dot\n")
    return mail


def mailbox(server, user, folder="INBOX"):
    """Return the messages in somebody's folder, read by another client."""
    with imaplib.IMAP4("127.0.0.1", server.imap) as client:
        client.login(user, PASSWORD)
        client.select(folder, readonly=True)
        _, (found,) = client.search(None, "ALL")
        fetched = [client.fetch(number, "(FLAGS BODY.PEEK[])")[1][0] for number in found.split()]
    return [(head, message_from_bytes(body, policy=policy.default)) for head, body in fetched]


def await_mails(server, user, count):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with imaplib.IMAP4("127.0.0.1", server.imap) as client:
            client.login(user, PASSWORD)
            if int(client.select("INBOX", readonly=True)[1][0]) >= count:
                return
        time.sleep(0.1)
    raise AssertionError(f"{user} has not got {count} mails")


def items(connector, host):
    return [item for batch in host.batches for raw in batch.raws for item in connector.parse(raw)]


@pytest.mark.parametrize("security", ["starttls", "tls", "plain"])
def test_a_customer_is_answered(server, user, connect, run, security):
    """A question is fetched unseen, the reply lies threaded in the customer's mailbox, and a second sync doubles nothing."""
    customer = f"mara{user}"
    write(server, user, 1, sender=customer)
    await_mails(server, user, 1)
    connector, host = connect(security), Host({"password": PASSWORD})
    assert run(connector, connector.identify(), host).id == f"{user}@{DOMAIN}"
    run(connector, connector.fetch("mail", {}), host)
    (question,) = items(connector, host)
    assert (question.direction, question.text) == (Direction.INBOUND, "Where is parcel 1?\n.dot")
    reply = Outgoing(
        id="o1",
        conversation="",
        parts=("It is here.\n.really",),
        reply_to=question.id,
        to=question.author.id,
        subject=question.subject,
        at=datetime(2024, 3, 1, 1, tzinfo=UTC),
    )
    receipt = run(connector, connector.send(reply, {}), host)
    await_mails(server, customer, 1)
    ((_, got),) = mailbox(server, customer)
    assert (got["Subject"], got["In-Reply-To"]) == ("Re: Parcel 1", f"<{question.id}>")
    assert got.get_content().splitlines() == ["It is here.", ".really"]
    assert run(connector, connector.settle(reply, {}), host).ids == receipt.ids
    host.batches.clear()
    run(connector, connector.fetch("mail", dict(host.cursor)), host)
    (ours,) = items(connector, host)
    assert (ours.id, ours.direction, ours.parent) == (receipt.ids[0], Direction.OUTBOUND, question.id)
    assert len(mailbox(server, user, "Sent")) == 1
    host.batches.clear()
    run(connector, connector.fetch("mail", dict(host.cursor)), host)
    assert host.batches == []
    assert all(b"\\Seen" not in head for head, _ in mailbox(server, user))


def test_250_mails_survive_a_restart_of_the_server(server, user, connect, run):
    """All of 250 mails come, although the sync is killed after its second batch and the server is restarted."""
    write(server, user, *range(250))
    await_mails(server, user, 250)
    connector = connect()

    class Once(Host):
        def commit(self, batch):
            super().commit(batch)
            if len(self.batches) == 2:
                server.stop()

    host = Once({"password": PASSWORD})
    try:
        with suppress(RetryError):
            # Dovecot may let a session that is busy come to its end.
            run(connector, connector.fetch("mail", {}), host)
        with pytest.raises(RetryError):
            run(connector, connector.identify(), host)
    finally:
        server.start()
    run(connector, connector.fetch("mail", dict(host.cursor)), host)
    found = [item.id for item in items(connector, host)]
    assert sorted(found) == sorted(f"{user}.{number}@example.com" for number in range(250))


def test_killed_at_every_step_it_resumes(server, user, connect, run):
    """Killed after any step of a sync and resumed, the same mails are there."""
    write(server, user, *range(60))
    await_mails(server, user, 60)
    connector, kill_at = connect("plain"), 0
    while True:
        host = Mortal(PASSWORD, kill_at)
        try:
            run(connector, connector.fetch("mail", {}), host)
            break
        except Killed:
            host.kill_at = None
            run(connector, connector.fetch("mail", dict(host.cursor)), host)
        assert len({item.id for item in items(connector, host)}) == 60, kill_at
        kill_at += 7
    assert kill_at > 30


def test_killed_at_every_step_nothing_is_sent_twice(server, user, connect, run):
    """Killed after any step of a send, the reply arrives once, and is called unclear only where the intent was stored."""
    customer, kill_at, unclear = f"ben{user}", 0, 0
    connector = connect("plain", save_sent=False)
    while True:
        reply = Outgoing(id=f"o{kill_at}", conversation="", parts=("Hello",), to=f"{customer}@{DOMAIN}")
        host = Mortal(PASSWORD, kill_at)
        try:
            run(connector, connector.send(reply, {}), host)
            break
        except Killed:
            host.kill_at = None
        try:
            flow = connector.settle(reply, dict(host.cursor)) if host.intents else connector.send(reply, dict(host.cursor))
            run(connector, flow, host)
        except UnclearError:
            unclear += 1
        kill_at += 1
    # Killed with the intent stored and the dot not yet written, the reply is unclear and was never sent.
    await_mails(server, customer, kill_at)
    ids = [mail["Message-ID"] for _, mail in mailbox(server, customer)]
    assert len(ids) == len(set(ids)) == kill_at
    assert 0 < unclear < 5


def test_idle_delivers(server, user, connect, run):
    """A mail that arrives during IDLE is committed while the stream waits, and the stream stops when it is asked to."""
    connector, arrived = connect(), threading.Event()

    class Watching(Host):
        def commit(self, batch):
            super().commit(batch)
            if batch.raws:
                arrived.set()

        def stopping(self):
            return arrived.is_set()

    host = Watching({"password": PASSWORD})
    thread = threading.Thread(target=run, args=(connector, connector.fetch("idle", {}), host))
    thread.start()
    deadline = time.monotonic() + 30
    while not host.cursor and time.monotonic() < deadline:
        time.sleep(0.05)
    write(server, user, 7)
    assert arrived.wait(30)
    thread.join(30)
    assert not thread.is_alive()
    assert [item.id for item in items(connector, host)] == [f"{user}.7@example.com"]


@pytest.mark.parametrize("security", ["starttls", "plain"])
def test_a_wrong_password_is_told(connect, run, security):
    """Both log-ins refuse a wrong password with an error that does not repeat it."""
    connector = connect(security)
    with pytest.raises(CredentialsError) as caught:
        run(connector, connector.identify(), Host({"password": "not-the-password"}))
    assert "not-the-password" not in str(caught.value)


def test_an_untrusted_certificate_is_refused(connect):
    """Without trust in the authority no password is sent."""
    connector = connect("tls")
    with Driver(connector, Host({"password": PASSWORD})) as driver, pytest.raises(SettingsError, match="certificate"):
        driver.run(connector.identify())


def test_another_protocol_is_told(server, connect, run):
    """IMAP settings that lead to the SMTP port are recognised by the greeting."""
    connector = connect("plain", imap_port=server.smtp)
    with pytest.raises(SettingsError, match="no IMAP greeting"):
        run(connector, connector.identify(), Host({"password": PASSWORD}))
