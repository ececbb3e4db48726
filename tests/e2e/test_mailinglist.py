"""A list's members are answered: the whole way through the CRM on a real Mailman with HyperKitty. All people are invented."""

from __future__ import annotations

import gzip
import random
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.e2e._mortal import calls, work
from tests.servers import mailinglist as harness

import socialcrm
from socialcrm import CRM
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, RetryError
from socialcrm.types import Direction, Visibility

pytestmark = pytest.mark.server("mailinglist")
_numbers = count(1)


@pytest.fixture(scope="module")
def lists() -> Iterator[Any]:
    """A Mailman with HyperKitty."""
    with harness.mailing_lists() as running:
        yield running


class List:
    """A list of its own for a test, and people who write to it.

    Args:
        server: The running servers.
    """

    def __init__(self, server: Any, **config: str) -> None:
        self.server, self.name = server, f"talk{next(_numbers)}"
        self.address = server.create(self.name, **config)
        self.sent = 0

    @property
    def settings(self) -> dict[str, Any]:
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": self.server.smtp, "smtp_security": "plain"}
        return {"archive": f"{self.server.url}/list/{self.address}/", "address": "support@example.org", **smtp}

    def mail(self, name: str, text: str, answers: str = "", subject: str = "My line") -> EmailMessage:
        """Write a mail; its Message-ID is unique."""
        mail = EmailMessage()
        mail["From"] = f"{name} <{name.replace(' ', '.')}@example.com>"
        mail["To"] = self.address
        mail["Subject"] = f"Re: [{self.name.title()}] {subject}" if answers else subject
        mail["Message-ID"] = f"<{next(_numbers)}.{self.name}@example.com>"
        mail["Date"] = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=next(_numbers))
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        mail.set_content(text)
        return mail

    def post(self, *mails: EmailMessage) -> None:
        """Send mails through Mailman, and wait until they are archived."""
        self.sent += len(mails)
        self.server.post(self.address, *mails)
        self.server.await_mails(self.address, self.sent)

    def fill(self, number: int) -> list[EmailMessage]:
        """Put many mails into the archive at once, every third one an answer to the first."""
        mails: list[EmailMessage] = []
        for place in range(number):
            answers = str(mails[0]["Message-ID"]) if mails and place % 3 == 0 else ""
            mails.append(self.mail(f"Guest {place % 20}", f"Text {place}", answers))
        self.server.archive(self.address, *mails)
        self.sent += number
        return mails

    def said(self) -> dict[str, tuple[str, str | None, str, str]]:
        """Return every mail as HyperKitty reports it: text, parent's Message-ID, author's address, thread."""
        rows = self.server.archived(self.address)
        ids = {row["message_id_hash"]: row["message_id"] for row in rows}
        found = {}
        for row in rows:
            body = self.server.hyperkitty(f"list/{self.address}/email/{row['message_id_hash']}/")
            parent = ids[row["parent"].rstrip("/").rpartition("/")[2]] if row["parent"] else None
            author = row["sender"]["address"].replace(" (a) ", "@").lower()
            found[row["message_id"]] = (body["content"].strip(), parent, author, row["thread"].rstrip("/").rpartition("/")[2])
        assert len(found) == len(rows)
        return found


@pytest.fixture
def talk(lists: Any) -> List:
    return List(lists)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/team.db"


@pytest.fixture
def crm(talk: List, url: str) -> Iterator[CRM]:
    with socialcrm.open(url) as opened:
        opened.channels.add("mailinglist", name="talk", **talk.settings)
        yield opened


def held(crm: CRM) -> dict[str, tuple[str, str | None, str, str]]:
    """Return what the store holds of the list, in the words of `List.said`."""
    found = [one for one in crm.interactions() if not one.scope]
    return {one.id: (one.text, one.parent, one.author.id, one.conversation) for one in found}


def bare(mail: EmailMessage) -> str:
    return str(mail["Message-ID"]).strip("<>")


def test_the_story(talk: List, crm: CRM) -> None:
    """Two members ask, one is answered on the list and one in private, one thanks, and nothing comes twice."""
    first = talk.mail("Mara", "My line is dead.")
    second = talk.mail("Jonas", "Mine too.\n\n> My line is dead.", str(first["Message-ID"]))
    talk.post(first)
    talk.post(second)
    report = crm.sync()
    assert (report.new, report.opened) == (2, 2)
    by_name = {case.customer_name: case for case in crm.inbox()}
    assert set(by_name) == {"Mara", "Jonas"}
    asked = {one.id: one for one in crm.interactions()}
    assert (asked[bare(second)].text, asked[bare(second)].subject) == ("Mine too.", "Re: My line")
    assert {one.visibility for one in asked.values()} == {Visibility.PUBLIC}

    reply = crm.reply(by_name["Mara"], "We look into it.", by="ana")
    private = crm.reply(by_name["Jonas"], "What is your number?", by="ana", visibility=Visibility.PRIVATE)
    assert set(crm.flush().sent) == {reply.ref, private.ref}
    ((receiver, letter),) = [one for one in talk.server.mailbox if one[0] == "jonas@example.com"]
    assert (receiver, letter["In-Reply-To"]) == ("jonas@example.com", second["Message-ID"])
    assert letter.get_content().strip() == "What is your number?"
    talk.server.await_mails(talk.address, 3)
    answer = talk.server.archived(talk.address)[-1]
    states = {one.ref: (str(one.state), one.ids) for one in crm.outbox()}
    assert states[reply.ref] == ("sent", (answer["message_id"],))
    assert talk.said()[answer["message_id"]][:3] == ("We look into it.", bare(first), "support@example.org")

    report = crm.sync()
    assert (report.new, report.opened) == (0, 0)
    talk.sent = 3
    again = talk.mail("Mara", "It works, thank you!", f"<{answer['message_id']}>")
    talk.post(again)
    report = crm.sync()
    assert (report.new, report.opened) == (1, 0)
    listed = [one for one in crm.interactions() if not one.scope]
    assert [one.direction for one in listed].count(Direction.OUTBOUND) == 1
    assert len({one.thread for one in listed}) == 1
    assert {key: value[:3] for key, value in held(crm).items()} == {key: value[:3] for key, value in shown(talk).items()}
    assert (crm.sync().new, crm.flush().sent) == (0, [])


def shown(talk: List) -> dict[str, tuple[str, str | None, str, str]]:
    """Return what HyperKitty reports, without quoted lines, which the store keeps apart."""
    return {
        key: ("\n".join(line for line in text.splitlines() if not line.startswith(">")).strip(), *rest)
        for key, (text, *rest) in talk.said().items()
    }


def test_many_mails(talk: List, crm: CRM, tmp_path: Path) -> None:
    """250 mails come across HyperKitty's pages, each once and under its parent; the list's mbox export holds the same mails."""
    talk.fill(250)
    assert crm.sync().new == 250
    assert held(crm) == talk.said()
    assert crm.sync().new == 0
    export = tmp_path / "talk.mbox.gz"
    with urllib.request.urlopen(f"{talk.server.url}/list/{talk.address}/export/talk.mbox.gz") as answer:
        export.write_bytes(answer.read())
    assert gzip.decompress(export.read_bytes()).startswith(b"From ")
    with socialcrm.open(f"sqlite:///{tmp_path}/other.db") as other:
        assert other.load(export, platform="mailinglist", channel="talk").new == 250
        assert {key: value[:3] for key, value in held(other).items()} == {key: value[:3] for key, value in held(crm).items()}
    assert crm.load(export, platform="mailinglist", channel="talk").new == 0


def test_killed_anywhere_it_ends_as_the_archive_says(talk: List, crm: CRM, url: str, tmp_path: Path) -> None:
    """Ten times killed while fetching, with mail arriving meanwhile, the store holds what HyperKitty reports, item by item."""
    talk.fill(80)
    calm = f"sqlite:///{tmp_path}/calm.db"
    with socialcrm.open(calm) as other:
        other.channels.add("mailinglist", name="talk", **talk.settings)
    whole, dice = calls(calm, "sync"), random.Random(7)
    died = 0
    for number in range(10):
        died += work(url, "sync", dice.randint(1, whole // 3)) is None
        if number in (3, 7):
            talk.fill(5)
    assert died >= 5
    crm.sync()
    assert held(crm) == talk.said()
    assert len(held(crm)) == 90
    assert (crm.sync().new, crm.sync().changed) == (0, 0)


def test_killed_while_answering(talk: List, crm: CRM, url: str) -> None:
    """Killed anywhere, each answer stands at most once in the archive, and none is called sent that does not stand there."""
    names = [f"Ben{letter}" for letter in "abcdefghijklmn"]  # four more than are killed
    mails = [talk.mail(name, "Hello?", subject=f"From {name}") for name in names]
    talk.server.archive(talk.address, *mails)
    crm.sync()
    for case in crm.inbox():
        crm.reply(case, f"Hello, {case.customer_name}!", by="ana")
    dice = random.Random(4)
    for _ in range(5):
        work(url, "flush", dice.randint(1, 40_000))
        # Between the note that the final dot comes next, and the note that it has been said.
        work(url, "flush", dice.randint(300, 1500), since="intend")
    crm.flush()
    clear = [reply for reply in crm.outbox() if reply.state in ("sent", "reconciled")]
    talk.server.await_mails(talk.address, len(names) + len(clear))
    crm.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    crm.flush()
    answers = [row for row in talk.server.archived(talk.address) if row["sender"]["address"].startswith("support")]
    stand = [row["message_id"] for row in answers]
    assert len(stand) == len(set(stand))
    states = {reply.ids: reply.state for reply in crm.outbox()}
    assert sorted(one for ids, state in states.items() if state in ("sent", "reconciled") for one in ids) == sorted(stand)
    assert {str(reply.state) for reply in crm.outbox()} <= {"sent", "reconciled", "unknown"}
    assert len(stand) >= 4
    crm.sync()
    assert held(crm) == talk.said()


def test_a_restart_in_the_middle(talk: List, crm: CRM) -> None:
    """A server that goes down in a sync interrupts it; the next one brings the rest."""
    talk.fill(70)
    stopped: list[bool] = []

    def progress(_step: Any) -> None:
        if not stopped:
            stopped.append(True)
            talk.server.stop_web()

    with pytest.raises(RetryError):
        crm.sync(progress=progress)
    assert stopped
    talk.server.start_web()
    crm.sync()
    assert held(crm) == talk.said()


def test_an_archive_for_members(lists: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private archive is closed to visitors, and open with a member's log-in; what it holds is limited, not public."""
    team = List(lists, archive_policy="private")
    lists.member(team.address, "ana@example.org")
    team.post(team.mail("Mara", "Only for us."))
    lists.learn()
    monkeypatch.setenv("LIST_PASSWORD", "correct-horse")
    with socialcrm.open(f"sqlite:///{tmp_path}/team.db") as crm:
        crm.channels.add("mailinglist", name="visitor", **team.settings)
        with pytest.raises((ForbiddenError, CredentialsError)):
            crm.sync("visitor")
        access = {"archive_username": "ana", "archive_password": "env:LIST_PASSWORD"}
        crm.channels.add("mailinglist", name="team", **team.settings, **access)
        crm.sync("team")
        (one,) = crm.interactions()
        assert (one.text, one.visibility) == ("Only for us.", Visibility.LIMITED)


def test_listening_without_an_account(talk: List, tmp_path: Path) -> None:
    """A public archive's own web page is enough to follow it; a list that is not there is told as such."""
    talk.post(talk.mail("Mara", "My line is dead."))
    with socialcrm.open(f"sqlite:///{tmp_path}/team.db") as crm:
        crm.listen(f"{talk.server.url}/list/{talk.address}/latest", name="talk")
        assert [one.author.id for one in crm.interactions()] == ["mara@example.com"]
        crm.channels.add("mailinglist", name="none", archive=f"{talk.server.url}/list/none@lists.example.test/")
        with pytest.raises(NotFound):
            crm.check("none")
