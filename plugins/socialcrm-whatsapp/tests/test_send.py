"""Answers, reactions and read marks, on an invented number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Blob, Call, Outgoing
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    RateLimited,
    RefusedError,
    ServerFault,
    UnclearError,
    UnsupportedError,
)
from socialcrm.transport import Driver, Host, Local, open_client
from socialcrm.types import Secret, Visibility
from socialcrm_meta import WindowClosed
from socialcrm_whatsapp import Template, WhatsAppConnector, WhatsAppSettings
from socialcrm_whatsapp._people import dated


class Kept(Host):
    """A host that remembers the rows of a reply, at a time that stands still."""

    def __init__(self, grant: Any, rows: dict[str, str], at: datetime) -> None:
        super().__init__(grant)
        self.rows, self.at = rows, at

    def now(self) -> datetime:
        return self.at

    def commit(self, batch: Any) -> None:
        for key, value in batch.cursor.items():
            self.rows.pop(key, None)
            if value is not None:
                self.rows[key] = value


@pytest.fixture
def number(world: Any) -> Any:
    found = world.busy()
    found.write("Hello from the group's Mara", by=world.MARA)
    return found


@pytest.fixture
def run(world: Any, number: Any) -> Callable[..., Any]:
    """Run a flow of a connector with these settings."""

    def drive(flow: Callable[[WhatsAppConnector], Any], rows: dict[str, str] | None = None, **told: Any) -> Any:
        grant = {"token": world.TOKEN, "app_secret": world.SECRET}
        secrets = {name: Secret(value) for name, value in grant.items()}
        connector = WhatsAppConnector(WhatsAppSettings(phone_number_id=world.NUMBER, **secrets, **told))
        host = Kept(grant, rows if rows is not None else {}, world.NOON)
        with open_client(transport=Local(number.answer, clock=lambda: world.NOON)) as client:
            return Driver(connector, host, client=client).run(flow(connector))

    return drive


@pytest.fixture
def reply(world: Any) -> Callable[..., Outgoing]:
    """Make a reply to Mara."""

    def make(*parts: str, **told: Any) -> Outgoing:
        full = {"id": "o1", "conversation": world.MARA, "to": world.MARA, "reply_to": "wamid.IN1", "at": world.NOON}
        return Outgoing(parts=parts or ("Hello",), **{"visibility": Visibility.PRIVATE, **full, **told})

    return make


def test_an_answer_quotes_and_is_marked(run: Any, reply: Any, number: Any) -> None:
    """The first part quotes what it answers; each carries our own key, which statuses bring back."""
    receipt = run(lambda connector: connector.send(reply("One", "Two"), {}))
    first, second = number.bodies
    assert first["context"] == {"message_id": "wamid.IN1"}
    assert "context" not in second
    assert first["biz_opaque_callback_data"] == "o1 part:0"
    assert len(receipt.ids) == 2


def test_a_user_id_is_a_recipient(run: Any, reply: Any, number: Any, world: Any) -> None:
    """Who has no number is written to by the business-scoped id, in a field of its own."""
    run(lambda connector: connector.send(reply(to=world.ELI, conversation=world.ELI), {}))
    assert number.bodies[0]["recipient"] == world.ELI
    assert "to" not in number.bodies[0]


def test_a_group_is_answered_as_a_group(run: Any, reply: Any, number: Any) -> None:
    """A limited answer goes to all members; a private one to the person, without the quote, in their own exchange."""
    run(lambda connector: connector.send(reply(conversation="group:9-1", visibility=Visibility.LIMITED), {}))
    receipt = run(lambda connector: connector.send(reply(conversation="group:9-1"), {}))
    assert (number.bodies[0]["recipient_type"], number.bodies[0]["to"]) == ("group", "9-1")
    assert (number.bodies[1]["recipient_type"], receipt.conversation) == ("individual", "15550123")
    assert "context" not in number.bodies[1]


def test_a_call_is_answered_without_a_quote(run: Any, reply: Any, number: Any) -> None:
    """Only messages can be quoted."""
    run(lambda connector: connector.send(reply(reply_to="wacid.1"), {}))
    assert "context" not in number.bodies[0]


def test_nobody_can_be_written_to_who_is_not_told(run: Any, reply: Any) -> None:
    """An author without an id can't be answered, and the error says so."""
    with pytest.raises(UnsupportedError, match="not told who wrote"):
        run(lambda connector: connector.send(reply(to="unknown:wamid.1", conversation="unknown:wamid.1"), {}))


def test_what_left_is_not_sent_again(run: Any, reply: Any, number: Any) -> None:
    """A later attempt goes on behind the parts that the cursor knows."""
    receipt = run(lambda connector: connector.send(reply("One", "Two"), {"part:0": "wamid.X"}))
    assert receipt.ids[0] == "wamid.X"
    assert number.sent == ["Two"]


def test_a_failed_message_is_sent_again_when_asked(run: Any, reply: Any, number: Any) -> None:
    """WhatsApp may fail what it took: a retry finds no row of the only part, and sends it."""
    rows: dict[str, str] = {}
    run(lambda connector: connector.send(reply(), {}), rows)
    assert rows == {}
    run(lambda connector: connector.send(reply(), rows), rows)
    assert len(number.sent) == 2


@pytest.mark.parametrize(
    ("mime", "size", "kind"),
    [
        ("image/jpeg", 10, "image"),
        ("image/jpeg", 6_000_000, "document"),
        ("audio/ogg; codecs=opus", 10, "audio"),
        ("image/webp", 10, "document"),
        ("application/pdf", 10, "document"),
    ],
)
def test_files_go_before_the_text(run: Any, reply: Any, number: Any, tmp_path: Path, mime: str, size: int, kind: str) -> None:
    """A file is uploaded once, then sent as what WhatsApp can show, else as a document."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    blob = Blob(sha256="0" * 64, path=path, size=size, mime=mime, name="bill")
    rows: dict[str, str] = {}
    run(lambda connector: connector.send(reply(media=(blob,)), {}), rows)
    assert [body["type"] for body in number.bodies] == [kind, "text"]
    run(lambda connector: connector.send(reply(media=(blob,)), rows), rows)
    assert len(number.uploads) == 1


def test_outside_the_window_a_template_carries_the_answer(run: Any, reply: Any, number: Any) -> None:
    """Where Meta refuses at once, the template goes instead, with the reply as its variable."""
    number.now += timedelta(days=2)
    run(lambda connector: connector.send(reply(), {}), template="note:en_US")
    told = number.bodies[-1]["template"]
    assert (told["name"], told["language"]["code"]) == ("note", "en_US")
    assert number.sent == ["Hello"]


def test_a_window_that_is_known_to_be_over_leads_to_the_template(run: Any, reply: Any, number: Any, world: Any) -> None:
    """Meta may take a text and fail it later, so what the message tells of the window counts first."""
    number.late = True
    over = dated(world.MARA, world.NOON - timedelta(hours=25))
    run(lambda connector: connector.send(reply(to=over), {}), template="note:en_US")
    open_still = dated(world.MARA, world.NOON - timedelta(hours=23))
    run(lambda connector: connector.send(reply(to=open_still), {}), template="note:en_US")
    assert [(body["type"], body["to"]) for body in number.bodies] == [("template", world.MARA), ("text", world.MARA)]


@pytest.mark.parametrize("words", ["two\nlines", "wide      gap", "x" * 1025])
def test_what_no_template_takes_is_refused_before(run: Any, reply: Any, number: Any, words: str) -> None:
    """A variable is one short line; anything else is told before it is sent."""
    number.now += timedelta(days=2)
    with pytest.raises(UnsupportedError, match="one line"):
        run(lambda connector: connector.send(reply(words), {}), template="note:en_US")
    assert number.sent == []


def test_without_a_template_the_window_is_24_hours(run: Any, reply: Any, number: Any) -> None:
    """The core is told the window, or that there is none; a refusal is typed."""
    assert WhatsAppConnector(WhatsAppSettings()).reply_window == timedelta(hours=24)
    assert WhatsAppConnector(WhatsAppSettings(template="note:en_US")).reply_window is None
    number.now += timedelta(days=2)
    with pytest.raises(WindowClosed, match="24 hours"):
        run(lambda connector: connector.send(reply(), {}))


def test_an_unclear_reply_stays_unclear(run: Any, reply: Any) -> None:
    """There is nothing to look in, and the error names the key that a status would bring."""
    with pytest.raises(UnclearError, match="o1"):
        run(lambda connector: connector.settle(reply(), {}))


def test_reactions_need_to_know_where(run: Any, number: Any, world: Any) -> None:
    """A reaction names the conversation; an empty emoji takes it back; without a place it is refused."""
    run(lambda connector: connector.react("wamid.IN1", world.MARA, "👍"))
    run(lambda connector: connector.react("wamid.IN1", world.MARA, ""))
    assert [body["reaction"]["emoji"] for body in number.bodies] == ["👍", ""]
    with pytest.raises(UnsupportedError, match="conversation's key"):
        run(lambda connector: connector.react("wamid.IN1", "", "👍"))


@pytest.mark.parametrize("typing", [True, False])
def test_read_marks_may_show_typing(run: Any, number: Any, typing: bool) -> None:
    """Marking as read shows that we are typing only where the settings say so."""
    run(lambda connector: connector.mark_read("wamid.IN1", ""), typing=typing)
    assert ("typing_indicator" in number.bodies[0]) is typing


def test_a_file_s_address_is_asked_for(run: Any) -> None:
    """The Graph API tells where a file lies for five minutes."""
    file = run(lambda connector: connector.media("https://graph.facebook.com/v26.0/77"))
    assert (file.mime, file.size, file.url.endswith("mid=77")) == ("image/jpeg", 1234, True)


def test_it_says_who_we_are(run: Any, world: Any) -> None:
    """The account is the number's id, as webhooks name it."""
    account = run(lambda connector: connector.identify())
    assert (account.id, account.key, account.handle) == (world.NUMBER, world.NUMBER, "+15550100")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (190, CredentialsError),
        (0, CredentialsError),
        (131047, WindowClosed),
        (131026, RefusedError),
        (130429, RateLimited),
        (131056, RateLimited),
        (80007, RateLimited),
        (4, RateLimited),
        (368, ForbiddenError),
        (131031, ForbiddenError),
        (131051, RefusedError),
        (131000, ServerFault),
        (999999, RefusedError),
    ],
)
def test_error_codes_are_judged(code: int, error: type[Exception]) -> None:
    """Each code says what to do next: wait, change something, or try another way."""
    content = f'{{"error": {{"code": {code}, "message": "no", "error_data": {{"details": "why"}}}}}}'.encode()
    verdict = WhatsAppConnector(WhatsAppSettings()).judge(
        Call("POST", "/v26.0/1/messages"), Answer(status=400, content=content)
    )
    assert type(verdict.error) is error


def test_the_pair_rate_is_one_person_s() -> None:
    """Too much to one person lets the others be written to."""
    content = b'{"error": {"code": 131056, "message": "pair rate"}}'
    verdict = WhatsAppConnector(WhatsAppSettings()).judge(
        Call("POST", "/v26.0/1/messages"), Answer(status=400, content=content)
    )
    assert not verdict.rest


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"phone_number_id": "1"}, "go together"),
        ({"phone_number_id": "+1555", "token": Secret("canary-token-1")}, "digits only"),
        ({"template": "note"}, "order_update:en_US"),
        ({"archive_dates": "ymd"}, "dmy"),
        ({"timezone": "Mars/Base"}, "IANA"),
    ],
)
def test_settings_that_can_t_work_are_refused(told: Any, why: str) -> None:
    """A wrong value is told when the channel is added."""
    with pytest.raises(ValueError, match=why):
        WhatsAppSettings(**told)


def test_a_template_is_typed() -> None:
    """Name and language are told apart."""
    assert WhatsAppSettings(template="note:pt_BR").fallback == Template(name="note", language="pt_BR")
