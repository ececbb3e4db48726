"""What a plugin should not have done stops nobody else. All people are invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import (
    Batch,
    Blocking,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Hook,
    Incoming,
    NoSettings,
    Outgoing,
    PluginManager,
    Raw,
    Receipt,
    Stream,
    hookimpl,
)
from socialcrm.errors import PluginError, UnclearError
from socialcrm.types import Account, Identity, Interaction, Item, Visibility

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clumsy(Connector[NoSettings]):
    """Makes the mistakes that its class attributes say."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="clumsy",
        streams={"posts": Stream()},
        capabilities=Capabilities(send=True, visibility=frozenset({Visibility.PUBLIC}), archive=True, webhook=True),
    )
    breaks: ClassVar[str] = ""
    sent: ClassVar[list[str]] = []
    reply_to: ClassVar[Any] = None

    def _fails(self, where: str) -> None:
        if self.breaks == where:
            raise KeyError(where)

    def identify(self) -> Flow[Account]:
        self._fails("identify")
        yield from ()
        return Account(id="us")

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        self._fails("fetch at once")
        return self._fetch()

    def _fetch(self) -> Flow[None]:
        yield from Batch([Raw("post", "1")], {"after": "1"})
        self._fails("fetch")

    def parse(self, raw: Raw) -> Iterable[Item]:
        extra = {"reply_to": self.reply_to} if self.reply_to else {}
        yield Interaction(id=raw.body, at=NOON, author=Identity(id="mara", name="Mara"), text="Hello", extra=extra)

    def load(self, path: Path) -> Iterator[Batch]:
        yield Batch([Raw("post", "1")])
        self._fails("load")

    def receive(self, request: Incoming) -> Hook:
        self._fails("receive")
        return Hook()

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        self._fails("send")
        yield from Blocking(self.sent.append, (message.to,))
        self._fails("send late")
        if self.breaks == "progress, then unclear":
            yield from Batch([], {"part": "1"})
            raise UnclearError("who knows")
        return Receipt(ids=("9",))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        yield from ()
        return Receipt(ids=("9",)) if self.sent else None


class Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Clumsy]


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[CRM]:
    monkeypatch.setattr(Clumsy, "sent", [])
    plugins = PluginManager(find=lambda: ())
    plugins.register(Plugin(), "clumsy")
    with socialcrm.open(":memory:", plugins=plugins, clock=lambda: NOON) as opened:
        opened.channels.add("clumsy", name="one")
        yield opened


@pytest.mark.parametrize(("where", "held"), [("identify", 0), ("fetch at once", 0), ("fetch", 1)])
def test_a_failing_flow_is_told_in_the_report(crm: CRM, monkeypatch: pytest.MonkeyPatch, where: str, held: int) -> None:
    """The mistake stands in the channel's report as the plugin's, and what was committed before stays."""
    monkeypatch.setattr(Clumsy, "breaks", where)
    report = crm.sync(strict=False)
    assert isinstance(report.errors["one"], PluginError)
    assert "clumsy failed with KeyError" in str(report.errors["one"])
    assert len(crm.interactions()) == held


def test_other_doors_tell_it_too(crm: CRM, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mistake in `identify`, `load` and `receive` comes out as the plugin's."""
    (tmp_path / "archive").touch()
    request = Incoming(method="POST", url="/", at=NOON)
    monkeypatch.setattr(Clumsy, "breaks", "identify")
    with pytest.raises(PluginError):
        crm.check("one")
    monkeypatch.setattr(Clumsy, "breaks", "receive")
    with pytest.raises(PluginError):
        crm.receive("one", request)
    monkeypatch.setattr(Clumsy, "breaks", "load")
    with pytest.raises(PluginError):
        crm.load(tmp_path / "archive", platform="clumsy", channel="one")
    assert len(crm.interactions()) == 1


@pytest.mark.parametrize(
    ("where", "state"), [("send", "failed"), ("send late", "unknown"), ("progress, then unclear", "unknown")]
)
def test_a_failing_send_is_never_repeated_blindly(crm: CRM, monkeypatch: pytest.MonkeyPatch, where: str, state: str) -> None:
    """Before the step that counts it has failed; after it it is unclear, and the next flush asks, and sends nothing."""
    crm.sync()
    crm.reply(crm.inbox()[0], "Hello, Mara!", by="ana")
    monkeypatch.setattr(Clumsy, "breaks", where)
    crm.flush()
    assert [reply.state for reply in crm.outbox()] == [state]
    monkeypatch.setattr(Clumsy, "breaks", "")
    crm.clock = lambda: NOON.replace(hour=20)
    crm.flush()
    assert len(Clumsy.sent) == (0 if state == "failed" else 1)
    assert [reply.state for reply in crm.outbox()] == ["failed" if state == "failed" else "reconciled"]


@pytest.mark.parametrize("asked", ["elsewhere", ["elsewhere", "there"]])
def test_answers_go_where_the_writer_asked(crm: CRM, monkeypatch: pytest.MonkeyPatch, asked: Any) -> None:
    """One address or several that a writer wants answers at: the first is used."""
    monkeypatch.setattr(Clumsy, "reply_to", asked)
    crm.sync()
    crm.reply(crm.inbox()[0], "Hello, Mara!", by="ana")
    crm.flush()
    assert Clumsy.sent == ["elsewhere"]
