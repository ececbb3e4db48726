"""Answering: to whom a letter goes, and where an unclear one is looked for. Everything here is invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from socialcrm.connectors import Answer, Batch, Call, Conn, Incoming, Open, Outgoing, Read, Receipt, Write
from socialcrm.errors import RefusedError, SettingsError, UnclearError
from socialcrm.types import Visibility
from socialcrm_email.mail import message_id
from socialcrm_mailinglist import MailingListConnector, MailingListSettings

LIST = "talk@lists.example.org"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIL = {"address": "support@example.org", "smtp_host": "127.0.0.1", "smtp_security": "plain"}
KITTY: dict[str, Any] = {"archive": f"https://lists.example.org/archives/list/{LIST}/", **MAIL}
PIPER: dict[str, Any] = {"archive": "https://lists.example.org/pipermail/talk/", "list": LIST, **MAIL}
MESSAGE = Outgoing(
    id="reply-1", conversation="THREAD", parts=("Please try again.",), reply_to="m1@example.com", to="mara@example.com",
    subject="Lines", references=("m0@example.com",), at=NOW,
)  # fmt: skip


def drive(archive: Any, flow: Any) -> Any:
    """Run a flow: HTTP goes to the archive, the byte stream to its mail server, which asks for no log-in."""
    session, told, outcome, error = None, b"", None, None
    try:
        while True:
            step = flow.throw(error) if error is not None else flow.send(outcome)
            outcome = error = None
            if isinstance(step, Open):
                session = archive.streams()["smtp"]()
                told, outcome = session.greet(), Conn("1")
            elif isinstance(step, Write):
                assert session is not None
                data = step.data if isinstance(step.data, bytes) else b"AUTH PLAIN AGEAYg==\r\n"
                told += session.feed(data).replace(b"250-mail.example.org\r\n250 AUTH PLAIN", b"250 mail.example.org")
            elif isinstance(step, Read):
                line, _, told = told.partition(b"\r\n")
                outcome = line + b"\r\n"
            elif isinstance(step, Call):
                asked = Incoming(method=step.method, url=f"https://x{step.path}", query=step.params, at=NOW)
                answer: Answer = archive.answer(asked)
                error = MailingListConnector(MailingListSettings()).judge(step, answer).error
                outcome = answer
            else:
                assert isinstance(step, Batch)
    except StopIteration as end:
        return end.value


def connector(settings: dict[str, Any]) -> MailingListConnector:
    return MailingListConnector(MailingListSettings(**settings))


def test_an_answer_goes_to_the_list(hyperkitty: Any) -> None:
    """The letter goes to the list, answers the mail, and stands in the archive under the id of the receipt."""
    archive = hyperkitty()
    archive.add("m1@example.com", "My line is dead")
    receipt = drive(archive, connector(KITTY).send(MESSAGE, {}))
    assert archive.mta.accepted == [(LIST, "Please try again.")]
    assert receipt == Receipt(ids=(archive.mails[-1]["message_id"],), at=NOW)
    assert (archive.mails[-1]["subject"], archive.mails[-1]["sender"]["address"]) == ("Re: Lines", "support (a) example.org")


def test_a_private_answer_goes_to_the_author(hyperkitty: Any) -> None:
    """The list does not see it, and its id and conversation are apart from the list's."""
    archive = hyperkitty()
    private = attrs.evolve(MESSAGE, visibility=Visibility.PRIVATE)
    receipt = drive(archive, connector(KITTY).send(private, {}))
    assert archive.mta.accepted == [("mara@example.com", "Please try again.")]
    assert (archive.mails, receipt.scope, receipt.conversation) == ([], "private", "private:mara@example.com")


def test_a_hidden_author_gets_no_private_answer(hyperkitty: Any) -> None:
    """Where the archive tells a name only, nothing is sent."""
    archive = hyperkitty()
    private = attrs.evolve(MESSAGE, visibility=Visibility.PRIVATE, to="name:mara")
    with pytest.raises(RefusedError, match="hides the address"):
        drive(archive, connector(KITTY).send(private, {}))
    assert archive.mta.accepted == []


def test_without_the_lists_address_nothing_is_sent(pipermail: Any) -> None:
    """Pipermail does not tell where one writes to."""
    with pytest.raises(SettingsError, match="'list'"):
        drive(pipermail(), connector({**PIPER, "list": ""}).send(MESSAGE, {}))


def test_an_unclear_answer_is_looked_up(hyperkitty: Any, pipermail: Any, build_mail: Callable[..., bytes]) -> None:
    """What stands in the archive was sent; what does not may still come."""
    id = message_id(MESSAGE.id, "support@example.org")  # noqa: A001 - the contract's word
    kitty, piper = hyperkitty(), pipermail()
    for archive, settings in ((kitty, KITTY), (piper, PIPER)):
        with pytest.raises(UnclearError):
            drive(archive, connector(settings).settle(MESSAGE, {}))
    kitty.add(id, "Please try again.")
    piper.add("2026-February", build_mail(f"<{id}>", "Please try again."))
    for archive, settings in ((kitty, KITTY), (piper, PIPER)):
        assert drive(archive, connector(settings).settle(MESSAGE, {})).ids == (id,)
