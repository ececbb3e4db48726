"""A queued reply leaves over the live connection, once, whatever becomes of it. All people are invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

import socialcrm
from socialcrm import outbox
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
    TextLimit,
    Write,
    hookimpl,
)
from socialcrm.connectors._steps import Conn
from socialcrm.crm._aboard import LiveHost
from socialcrm.crm.inbound import absorb
from socialcrm.errors import RefusedError, UnclearError, Unreachable
from socialcrm.store import Lease
from socialcrm.types import Delivery, Event, Identity, Interaction, Item, Visibility

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SAY = Write(Conn("c1"), b"PRIVMSG", repeatable=False)
AGAIN = Write(Conn("c1"), b"PRIVMSG again", repeatable=False)


class Room(Connector[Any]):
    """A chat room."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="room",
        streams={"past": Stream(), "live": Stream(live=True)},
        capabilities=Capabilities(send=True, visibility=frozenset({Visibility.PUBLIC}), text=TextLimit(40), threads=True),
    )
    flushed: ClassVar[list[str]] = []

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        yield from Batch([Raw("line", "1")])

    def parse(self, raw: Raw) -> Iterable[Item]:
        if raw.kind == "status":
            yield Delivery(id="2", at=NOON, status="failed", reason="the number is not in use")
            return
        yield Interaction(id=raw.body, at=NOON, author=Identity(id="mara"), conversation="#help", text="Help!")

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        yield from Blocking(self.flushed.append, (message.parts[0],))
        return Receipt(ids=(str(1 + len(self.flushed)),))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        yield from ()
        return Receipt(ids=("2",))


class Plugin:
    def __init__(self) -> None:
        self.events: list[str] = []

    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Room]

    @hookimpl
    def socialcrm_committed(self, events: list[Event]) -> None:
        self.events += [event.kind for event in events]


class Stage:
    """A workspace with one queued reply, and the host of a live flow."""

    def __init__(self) -> None:
        self.now, self.plugin, self.lease = NOON, Plugin(), Lease()
        plugins = PluginManager(find=lambda: ())
        plugins.register(self.plugin, "room")
        self.crm = socialcrm.open(":memory:", plugins=plugins, clock=lambda: self.now)
        self.crm.channels.add("room", name="room")
        self.crm.sync()
        self.reply = self.crm.reply(self.crm.inbox()[0], "Coming!", by="ana")
        row = self.crm.channels.row("room")
        connector = self.crm.channels.connector(row)
        self.host = LiveHost(self.crm, row, connector, self.lease, on_batch=lambda batch: None, stop=None)

    def hear_of_failure(self) -> None:
        """The platform says that what it took could not be delivered."""
        row = self.crm.channels.row("room")
        connector = self.crm.channels.connector(row)
        absorb(self.crm.store, row, connector, Batch([Raw("status", "2")]), stream="past", playbook=self.crm.playbook, now=0)

    def state(self) -> str:
        return str(self.crm.outbox()[0].state)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(Room, "flushed", [])
    made = Stage()
    with made.lease, made.crm:
        yield made


def taken(stage: Stage) -> Outgoing:
    message = stage.host.outgoing()
    assert message is not None
    return message


def test_what_was_said_is_stored_and_told(stage: Stage) -> None:
    """The receipt becomes an interaction of the case, observers hear of it, and a flush finds nothing to do."""
    message = taken(stage)
    assert stage.host.outgoing() is None
    stage.host.intend(SAY)
    stage.host.progress(SAY)
    stage.host.sent(message, Receipt(ids=("2",), at=NOON))
    assert [one.text for one in stage.crm.interactions()] == ["Help!", "Coming!"]
    assert (stage.state(), stage.plugin.events[-1]) == ("sent", "replied")
    assert stage.crm.flush().sent == []
    assert stage.host.outgoing() is None


def test_a_refusal_is_certain(stage: Stage) -> None:
    """The room said no: the reply has failed and is not tried again by itself."""
    message = taken(stage)
    stage.host.intend(SAY)
    stage.host.progress(SAY)
    stage.host.sent(message, RefusedError("the room is moderated"))
    assert stage.state() == "failed"


@pytest.mark.parametrize("trouble", [RefusedError("the room is moderated now"), Unreachable("gone", processed=False)])
def test_trouble_with_a_later_part_is_settled_for_the_first_part_stands(stage: Stage, trouble: Exception) -> None:
    """A reply in several parts that breaks off half way is asked about: a new try never says the first part twice."""
    stage.crm.cancel(stage.reply)
    stage.crm.reply("c1", "We look into it at once. " * 4, by="ana")
    message = taken(stage)
    assert len(message.parts) > 1
    stage.host.intend(SAY)
    stage.host.progress(SAY)
    stage.host.intend(AGAIN)
    stage.host.sent(message, trouble)
    assert str(stage.crm.outbox()[-1].state) == "unknown"
    assert stage.host.outgoing() is None


@pytest.mark.parametrize("doubt", [UnclearError("who knows"), OSError("gone")])
def test_a_doubt_is_settled_by_the_next_flush(stage: Stage, doubt: Exception) -> None:
    """It is not said again over the live connection, nor blindly by a flush."""
    message = taken(stage)
    stage.host.intend(SAY)
    stage.host.progress(SAY)
    stage.host.sent(message, doubt)
    assert stage.state() == "unknown"
    assert stage.host.outgoing() is None
    stage.now += timedelta(hours=1)
    assert stage.crm.flush().reconciled == [stage.reply.ref]
    assert Room.flushed == []


@pytest.mark.parametrize(("said", "flushed"), [(False, ["Coming!"]), (True, [])])
def test_a_connection_that_dies_leaves_its_reply_to_the_next_flush(stage: Stage, said: bool, flushed: list[str]) -> None:
    """Before the words went out it is sent; after them the platform is asked."""
    taken(stage)
    if said:
        stage.host.intend(SAY)
    stage.lease.__exit__(None, None, None)
    stage.crm.flush()
    assert Room.flushed == flushed
    assert stage.state() in ("sent", "reconciled")


@pytest.mark.parametrize("early", [False, True], ids=["after the receipt", "before the receipt"])
def test_what_the_platform_could_not_deliver_has_failed_and_can_be_queued_again(stage: Stage, early: bool) -> None:
    """A failure that is told later counts as one, with its reason, in whatever order it comes; a new try begins anew."""
    if early:
        stage.hear_of_failure()
    stage.crm.flush()
    if not early:
        assert stage.state() == "sent"
        stage.hear_of_failure()
    (reply,) = stage.crm.outbox()
    assert (str(reply.state), "the number is not in use" in reply.error) == ("failed", True)
    stage.crm.retry(reply)
    stage.crm.flush()
    assert Room.flushed == ["Coming!", "Coming!"]
    assert (stage.state(), stage.crm.outbox()[0].ids) == ("sent", ("3",))


def test_what_has_left_in_part_is_left_to_a_flush(stage: Stage) -> None:
    """A live connection begins with the first part, so it gets no reply of which a flush has sent that already."""
    with stage.crm.store.write() as tx:
        letter = outbox.claim(tx, stage.lease, stage.crm.now())
        assert letter is not None
        outbox.keep(tx, letter, {"part:0": "2"})
        outbox.postpone(tx, letter.id, "queued", stage.crm.now(), "slow down")
    assert stage.host.outgoing() is None
