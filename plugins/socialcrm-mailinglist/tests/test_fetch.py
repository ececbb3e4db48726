"""Following archives: what comes, in which order, and what the cursor says. Everything here is invented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialcrm.connectors import All, Answer, Batch, Call, Grant, Incoming, Raw
from socialcrm.errors import NotFound, PayloadError, SettingsError, Unreachable, UnsupportedError
from socialcrm.types import Secret
from socialcrm_mailinglist import MailingListConnector, MailingListSettings

LIST = "talk@lists.example.org"
KITTY = MailingListSettings(archive=f"https://lists.example.org/archives/list/{LIST}/")
KITTY_TIME = datetime(2026, 3, 1, tzinfo=UTC)
PIPER = MailingListSettings(archive="https://lists.example.org/pipermail/talk/", list=LIST)


class Run:
    """Drives a flow against an archive; `happen` is called before each call with its number."""

    def __init__(self, archive: Any, happen: Callable[[int], object] = lambda _number: None) -> None:
        self.archive, self.happen = archive, happen
        self.raws: list[Raw] = []
        self.cursor: dict[str, str] = {}
        self.calls = 0

    def fetch(self, settings: MailingListSettings) -> Run:
        connector = MailingListConnector(settings)
        self.drive(connector, connector.fetch("mail", dict(self.cursor)))
        return self

    def drive(self, connector: MailingListConnector, flow: Any) -> Any:
        outcome: Any = None
        try:
            while True:
                step = flow.send(outcome)
                outcome = None
                if isinstance(step, Batch):
                    self.raws.extend(step.raws)
                    self.cursor.update({key: value for key, value in step.cursor.items() if value is not None})
                elif isinstance(step, Call):
                    outcome = self.answer(connector, step)
                elif isinstance(step, All):
                    outcome = tuple(self.answer(connector, call) for call in step.calls)
        except StopIteration as end:
            return end.value

    def answer(self, connector: MailingListConnector, call: Call) -> Answer:
        self.happen(self.calls)
        self.calls += 1
        request = Incoming(method=call.method, url=f"https://x{call.path}", query=call.params, at=KITTY_TIME)
        answer: Answer = self.archive.answer(request)
        error = connector.judge(call, answer).error
        if error is not None:
            raise error
        return answer

    @property
    def ids(self) -> set[str]:
        return {raw.body["message_id"] for raw in self.raws}


def fill(archive: Any, numbers: range) -> Any:
    for number in numbers:
        archive.add(f"m{number}@example.com", f"Text {number}")
    return archive


def test_pages_come_oldest_first(hyperkitty: Any) -> None:
    """The first sync walks from the oldest mail to the newest, and the cursor ends at the newest."""
    archive = fill(hyperkitty(), range(130))
    run = Run(archive).fetch(KITTY)
    assert list(dict.fromkeys(raw.body["message_id"] for raw in run.raws)) == [
        f"m{number}@example.com" for number in range(130)
    ]
    assert (run.cursor["seen"], run.cursor["last"].split()[0]) == ("130", archive.mails[-1]["message_id_hash"])


def test_a_quiet_archive_costs_two_calls(hyperkitty: Any) -> None:
    """When nothing is new, the list is described, its newest page read, and nothing stored."""
    run = Run(fill(hyperkitty(), range(130))).fetch(KITTY)
    before, run.calls = len(run.raws), 0
    run.fetch(KITTY)
    assert (run.calls, len(run.raws)) == (2, before)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mail_is_left_out_whatever_happens_meanwhile(hyperkitty: Any, data: st.DataObject) -> None:
    """Mails arrive and vanish between any calls; what was there all along has come, and what is new comes next time."""
    archive = fill(hyperkitty(), range(data.draw(st.integers(0, 170))))
    lasting = {mail["message_id"] for mail in archive.mails}
    fresh = iter(range(1000, 9000))

    def happen(number: int) -> None:
        # whole mails are asked for in groups: only between pages does it matter
        if number % 12:
            return
        for _ in range(data.draw(st.integers(0, 4))):
            archive.add(f"m{next(fresh)}@example.com", "New")

    run = Run(archive, happen)
    for _ in range(data.draw(st.integers(1, 3))):
        run.fetch(KITTY)
        if archive.mails and data.draw(st.booleans()):
            gone = data.draw(st.sampled_from([mail["message_id"] for mail in archive.mails]))
            archive.remove(gone)
            lasting.discard(gone)
    run.happen = lambda _number: None
    run.fetch(KITTY)
    assert run.ids >= lasting
    assert run.ids >= {mail["message_id"] for mail in archive.mails}


def test_an_import_beneath_is_noticed(hyperkitty: Any) -> None:
    """Older mail that is put beneath what was seen is found: the walk begins anew."""
    archive = fill(hyperkitty(), range(70))
    run = Run(archive).fetch(KITTY)
    archive.add("old@example.com", "From long ago", place=0)
    run.fetch(KITTY)
    assert "old@example.com" in run.ids
    before = len(run.raws)
    run.fetch(KITTY)
    assert len(run.raws) == before


def test_a_deleted_newest_mail_costs_no_second_walk(hyperkitty: Any) -> None:
    """Where the last mail seen is deleted, the one before it says where to go on."""
    archive = fill(hyperkitty(), range(120))
    run = Run(archive).fetch(KITTY)
    archive.remove("m119@example.com")
    archive.add("m200@example.com", "New")
    before = len(run.raws)
    run.fetch(KITTY)
    assert [raw.body["message_id"] for raw in run.raws[before:]] == ["m200@example.com"]


def test_a_parent_is_known_by_its_message_id(hyperkitty: Any) -> None:
    """A mail that answers one seen long ago gets its parent's Message-ID, which is looked up."""
    archive = fill(hyperkitty(), range(60))
    run = Run(archive).fetch(KITTY)
    archive.add("late@example.com", "Still dead", parent="m3@example.com")
    run.fetch(KITTY)
    assert run.raws[-1].context["parent"] == "m3@example.com"


def test_a_list_that_is_not_there(hyperkitty: Any) -> None:
    """A wrong archive is told, not taken for an empty one."""
    wrong = MailingListSettings(archive="https://lists.example.org/archives/list/none@lists.example.org/")
    with pytest.raises(NotFound):
        Run(hyperkitty()).fetch(wrong)


def test_months_are_read_once_but_the_newest_two(pipermail: Any, build_mail: Callable[..., bytes]) -> None:
    """An old file is not asked for again; a change in one of the newest two is seen; without change nothing is stored."""
    archive = pipermail()
    for number, month in enumerate(archive.months):
        archive.add(month, build_mail(f"<m{number}@example.com>", f"Text {number}"))
    run = Run(archive).fetch(PIPER)
    assert (len(run.raws), run.calls) == (3, 4)
    run.fetch(PIPER)
    assert (len(run.raws), run.calls) == (3, 7)
    archive.add("2026-February", build_mail("<late@example.com>", "Late"))
    run.fetch(PIPER)
    assert len(run.raws) == 5


class Fixed:
    """Answers the same to everything but the index."""

    def __init__(self, index: bytes, file: bytes) -> None:
        self.index, self.file = index, file

    def answer(self, request: Incoming) -> Answer:
        return Answer(status=200, content=self.index if urlsplit(request.url).path.endswith("/") else self.file)


LINK = b'<a href="2026-March.txt.gz">[ Gzip\'d Text 1 KB ]</a>'


@pytest.mark.parametrize(
    ("file", "error"),
    [(b"<html>log in</html>", PayloadError), (b"\x1f\x8b\x08broken", Unreachable), (b"From x\nSubject: cut", Unreachable)],
)
def test_a_file_that_is_none(file: bytes, error: type[Exception]) -> None:
    """A log-in page, a broken archive and a file cut off are told, and the cursor stays."""
    run = Run(Fixed(LINK, file))
    with pytest.raises(error):
        run.fetch(PIPER)
    assert run.cursor == {}


def test_an_index_that_is_none() -> None:
    """A page without months is an error, unless it says that the archive is empty."""
    with pytest.raises(PayloadError):
        Run(Fixed(b"<html>Please log in</html>", b"")).fetch(PIPER)
    assert Run(Fixed(b"No messages have been posted to this list yet", b"")).fetch(PIPER).raws == []


def test_an_unpacked_file_is_taken_as_it_is(build_mail: Callable[..., bytes]) -> None:
    """Where a server sends .gz as a content encoding, it arrives unpacked."""
    mail = build_mail("<m1@example.com>", "Text")
    run = Run(Fixed(LINK, b"From mara at example.com  Sun Mar  1 10:00:00 2026\n" + mail)).fetch(PIPER)
    assert [raw.body for raw in run.raws] == [mail]


def test_only_the_archives_password_goes_to_the_archive() -> None:
    """A call is signed with the member's log-in there; the mail server's credentials never travel by HTTP."""
    given: Mapping[str, Any] = {"archive_username": "ana", "archive_password": Secret("env:X"), "password": Secret("env:Y")}
    connector = MailingListConnector(MailingListSettings(archive=KITTY.archive, address="a@example.org", **given))
    grant: Grant = {"archive_password": "one", "password": "two", "token": "three"}
    signed = connector.sign(Call("GET", "/"), grant, KITTY_TIME, "")
    assert signed.headers == {"Authorization": "Basic YW5hOm9uZQ=="}
    plain = MailingListConnector(KITTY)
    assert plain.sign(Call("GET", "/"), {"password": "two", "token": "three"}, KITTY_TIME, "").headers == {}


def test_nothing_to_read() -> None:
    """Without an archive nothing is fetched, and there is one stream only."""
    with pytest.raises(SettingsError):
        Run(None).fetch(MailingListSettings(address="a@example.org"))
    with pytest.raises(UnsupportedError):
        next(MailingListConnector(KITTY).fetch("other", {}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"archive": "lists.example.org"},
        {"archive": "ftp://lists.example.org/"},
        {"archive": "https://["},
        {"list": "talk"},
        {"address": "me"},
        {"staff": ("ana@example.org", "omar")},
        {"smtp_port": 70000},
        {"smtp_security": "none"},
        {"smtp_security": "plain", "smtp_host": "mail.example.org"},
        {"archive": KITTY.archive, "archive_username": "ana"},
        {"archive": "http://lists.example.org/list/a@b/", "archive_username": "a", "archive_password": Secret("env:X")},
        {"archive": PIPER.archive, "archive_username": "ana", "archive_password": Secret("env:X")},
    ],
)
def test_settings_that_can_not_work_are_refused(wrong: dict[str, Any]) -> None:
    """Each says what to change."""
    with pytest.raises(ValueError, match=r"\w+ "):
        MailingListSettings(**wrong)
