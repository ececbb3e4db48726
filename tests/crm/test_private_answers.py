"""Something public is answered in private, in the way that the platform has. All people are invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

import socialcrm
from socialcrm.connectors import (
    Batch,
    Blocking,
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
from socialcrm.errors import SettingsError, UnclearError, UnsupportedError
from socialcrm.types import Identity, Interaction, Item, Visibility

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BOTH = frozenset({Visibility.PUBLIC, Visibility.PRIVATE})


class Wall(Connector[Any]):
    """A wall whose comments can be answered in private, once, by a call of its own; its messages have another namespace."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="wall",
        streams={"all": Stream()},
        capabilities=Capabilities(
            send=True, visibility=BOTH, move_to_private=True, reply_window=timedelta(days=1), attachments=1
        ),
    )
    calls: ClassVar[list[tuple[str, ...]]] = []
    unclear: ClassVar[bool] = False

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        yield from Batch([Raw("comment", "c1")])

    def parse(self, raw: Raw) -> Iterable[Item]:
        yield Interaction(
            id=raw.body, scope="comment", at=NOON, author=Identity(id="mara"), conversation="post", text="Broken!"
        )

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        yield from Blocking(self.calls.append, (("send", *message.parts, *(one.path.read_text() for one in message.media)),))
        return Receipt(ids=("c2",))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        yield from Blocking(self.calls.append, (("move", message.parts[0]),))
        if self.unclear:
            raise UnclearError("who knows")
        return Receipt(ids=("m1",), scope="message", conversation="mara")

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        yield from ()
        return Receipt(ids=("m1",), scope="message", conversation="mara")


class Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Wall]


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Wall, "calls", [])
    plugins = PluginManager(find=lambda: ())
    plugins.register(Plugin(), "wall")
    clock = [NOON]
    with socialcrm.open(":memory:", plugins=plugins, clock=lambda: clock[0]) as opened:
        opened.channels.add("wall", name="wall")
        opened.sync()
        opened.wait = lambda span: clock.__setitem__(0, clock[0] + span)
        yield opened


def test_it_goes_out_by_its_own_call_into_its_own_conversation(crm: Any) -> None:
    """The private answer is one `move_to_private`; what was sent has the receipt's scope and place, and the case is one."""
    (case,) = crm.inbox()
    crm.reply(case, "What is your number?", by="ana", visibility=Visibility.PRIVATE)
    crm.flush()
    assert Wall.calls == [("move", "What is your number?")]
    comment, sent = crm.interactions()
    assert (sent.id, sent.scope, sent.visibility, sent.case) == ("m1", "message", Visibility.PRIVATE, case.ref)
    assert sent.thread != comment.thread


def test_a_public_answer_is_sent_as_ever(crm: Any) -> None:
    """Only what moves from public to private goes the other way."""
    crm.reply(crm.inbox()[0], "We look into it.", by="ana")
    crm.flush()
    assert Wall.calls == [("send", "We look into it.")]


def test_an_unclear_move_is_settled_and_never_repeated(crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next flush asks the platform, finds it, and sends nothing."""
    monkeypatch.setattr(Wall, "unclear", True)
    crm.reply(crm.inbox()[0], "What is your number?", by="ana", visibility=Visibility.PRIVATE)
    assert crm.flush().unknown
    crm.wait(timedelta(hours=2))
    assert crm.flush().reconciled
    assert len(Wall.calls) == 1


def test_the_window_closes_private_answers_only(crm: Any) -> None:
    """After a day the platform takes no private answer any more, and a public one at any time."""
    crm.wait(timedelta(days=2))
    (case,) = crm.inbox()
    with pytest.raises(UnsupportedError, match="private answers"):
        crm.reply(case, "What is your number?", by="ana", visibility=Visibility.PRIVATE)
    crm.reply(case, "Sorry for the wait.", by="ana")


def test_a_file_goes_along_as_it_was_queued(crm: Any, tmp_path: Path) -> None:
    """The connector gets the file; one that was changed since is never sent, and the reply says why."""
    plan = tmp_path / "plan.txt"
    plan.write_text("turn it off and on")
    crm.reply(crm.inbox()[0], "Please try this.", by="ana", files=[plan])
    crm.flush()
    assert Wall.calls == [("send", "Please try this.", "turn it off and on")]
    crm.reply("c1", "Once more.", by="ana", files=[plan], anyway=True)
    plan.write_text("something else")
    crm.flush()
    assert len(Wall.calls) == 1
    failed = crm.outbox()[-1]
    assert (str(failed.state), "plan.txt has changed" in failed.error) == ("failed", True)


def test_files_that_can_not_be_sent_are_refused_at_once(crm: Any, tmp_path: Path) -> None:
    """More than the platform takes, and what is not there: nothing is queued."""
    for files, error in (([tmp_path / "a", tmp_path / "b"], UnsupportedError), ([tmp_path / "gone"], SettingsError)):
        with pytest.raises(error):
            crm.reply("c1", "Here.", by="ana", files=files)
    assert crm.outbox() == []
