"""The IRC connector keeps the contract, with a server in memory behind real sockets of loopback.

Its only stream is live, so a sync of the suite is a watch that stops when it has nothing more to read: the server in memory
keeps a history, so everything has to arrive whatever happens.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Raw
from socialcrm.crm import CRM, SyncReport
from socialcrm.crm._pull import Pull
from socialcrm.testing import Bench, ConnectorSuite, Scenario, _mangle
from socialcrm_irc import IrcConnector


class Watching(Bench):
    """A bench whose syncs watch."""

    def _open(self) -> CRM:
        crm = super()._open()

        def sync(*, strict: bool = True) -> SyncReport:
            pull = Pull(crm, crm.channels.row("channel"), None, live=True, stop=lambda: True)
            report = SyncReport(channels=[crm._pull(pull)])
            return report.check() if strict else report

        crm.sync = sync  # type: ignore[method-assign,assignment]  # only this bench's
        return crm


class TestIrc(ConnectorSuite):
    connector = IrcConnector

    @pytest.fixture(autouse=True)
    def odd_values_of_their_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let each odd value be a copy: a shared list that is appended to itself has no end."""
        monkeypatch.setattr(_mangle, "_ODD", _mangle._ODD.map(copy.deepcopy))

    def bench(self, scenario: Scenario, platform: Callable[[], Any] | None = None) -> Bench:
        return Watching(self.connector, scenario, platform)

    @pytest.mark.skip(reason="live streams are watched on threads only")
    def test_sync_and_async_agree(self, scenario: Scenario) -> None: ...

    @pytest.fixture
    def scenario(self, network: Any) -> Scenario:
        def world() -> Any:
            made = type(network)()
            made.say("mara", "Where is my parcel?")
            made.say("jonas", "mara: same here")
            made.say("jonas", "And in private: it was number 17", target="acme")
            return made

        def settings(ports: Mapping[str, int]) -> dict[str, Any]:
            return {
                "host": "127.0.0.1", "port": ports["irc"], "security": "plain", "nick": "acme", "channels": ["#support"],
                "account": "Acme", "password": "hunter2-hunter2", "pace": 0,
            }  # fmt: skip

        def export(folder: Path) -> Path:
            path = folder / "#support_20260301.log"
            path.write_text(
                "[12:00:00] *** Joins: mara (~mara@home.example.com)\n[12:00:01] <mara> Hello\n[12:00:02] <acme> Hi\n"
            )
            return path

        return Scenario(
            platform=world,
            settings=settings,
            streams=lambda platform: platform.streams(),
            changes=(lambda platform: platform.say("mara", "One more"),),
            archive=export,
            archived=("Hello", "Hi"),
            settles=False,
            samples=(
                Raw(
                    "line",
                    b":mara!u@h PRIVMSG #support :\x01ACTION waves\x01",
                    {"id": "a", "at": "2026-03-01T00:00:00+00:00", "who": "m"},
                ),
                Raw("line", b"\xff\xfe", {"id": "b", "at": "x", "who": "m"}),
                Raw("hole", {"id": "h", "since": "2026-03-01T00:00:00+00:00", "until": "2026-03-01T01:00:00+00:00"}),
            ),
        )
