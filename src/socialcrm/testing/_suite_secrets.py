"""The contract of secrets: they show nowhere."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import select

from socialcrm.store import tables
from socialcrm.testing._bench import Bench
from socialcrm.testing._platform import FAULTS
from socialcrm.testing._promise import check
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._suite_base import SuiteBase, typed
from socialcrm.transport import Cassette, Driver, Host, Local, open_client

__all__ = ["Secrets"]

_NOWHERE = "a credential shows nowhere: not in logs, reprs, errors, cursors, tables or cassettes"
_LONG_ENOUGH = 8


class _Listener(logging.Handler):
    """Keeps every log record, as it would be written."""

    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.lines.append(f"{record.name}: {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.lines.extend(traceback.format_exception(record.exc_info[1]))


class Secrets(SuiteBase):
    """Credentials."""

    def test_secrets_show_nowhere(self, scenario: Scenario) -> None:
        """Canaries in the settings are found in no log, repr, error, cursor and table, even when calls fail."""
        listener, root = _Listener(), logging.getLogger()
        level = root.level
        root.addHandler(listener)
        root.setLevel(logging.DEBUG)
        try:
            with self.bench(scenario) as bench:
                self.need(bench.secrets, "its settings hold no secret")
                for name, value in bench.secrets.items():
                    check(len(value) >= _LONG_ENOUGH, "a canary has eight letters or more, to be found", "", name)
                self._use(bench, scenario)
                self._look(bench, "a repr", [repr(bench.connector), repr(bench.connector.settings), str(vars(bench.connector))])
                self._look(bench, "the database", _rows(bench))
                for name, step in bench.probe.steps:
                    cursor = getattr(step, "cursor", {})
                    self._look(bench, f"a cursor of {name}()", [*cursor, *(str(value) for value in cursor.values())])
                self._look(bench, "a log record", listener.lines)
                listener.lines.clear()
        finally:
            root.removeHandler(listener)
            root.setLevel(level)

    def test_secrets_are_not_recorded(self, scenario: Scenario) -> None:
        """A cassette that was recorded holds no canary."""
        self.need(scenario.streams is None, "it makes no HTTP calls")
        with self.bench(scenario) as bench:
            secrets = bench.secrets
            self.need(secrets, "its settings hold no secret")
            path = bench.folder / "cassette.json"
            tape = Cassette(path, record=Local(bench.gate), secrets=secrets.values)
            connector = bench.connector
            with open_client(transport=tape) as client, Driver(connector, Host(secrets), client=client) as driver:
                for name, stream in connector.info.streams.items():
                    if not stream.live:
                        driver.run(connector.fetch(name, {}))
            self._look(bench, "a cassette", [path.read_text(encoding="utf-8")] if path.exists() else [])

    def _use(self, bench: Bench, scenario: Scenario) -> None:
        bench.settle()
        if self.connector.info.capabilities.send and scenario.sends and bench.crm.inbox():
            bench.crm.reply(bench.crm.inbox()[0], scenario.reply, by="tests", anyway=True)
            bench.deliver()
        for name in ("401", "500", "an HTML page with status 200", "a reset"):
            bench.wait()
            bench.gate.spoil(FAULTS[name], first=0)
            report = bench.sync()
            typed(lambda report=report: report, f"with {name}")  # type: ignore[misc]  # bound by value
            self._look(bench, f"an error, with {name}", _words(report.errors.values()))
        bench.gate.heal()

    def _look(self, bench: Bench, where: str, lines: Iterable[str]) -> None:
        for name, value in bench.secrets.items():
            forms = {
                value,
                quote(value, safe=""),
                base64.b64encode(value.encode()).decode().rstrip("="),
                json.dumps(value)[1:-1],
            }
            for line in lines:
                for form in forms:
                    check(
                        form not in line,
                        _NOWHERE,
                        "a platform's 'next' link carries the token and is kept whole, a message quotes an address, or "
                        "settings.token.reveal() is kept; flows never need it: Connector.sign gets the grant",
                        f"the value of {name!r} in {where}: {line.replace(form, '<HERE>')[:300]}",
                    )


def _words(errors: Iterable[BaseException]) -> list[str]:
    return ["".join(traceback.format_exception(error)) + repr(error) for error in errors]


def _rows(bench: Bench) -> list[str]:
    found = []
    with bench.crm.store.read() as tx:
        for table in tables.metadata.sorted_tables:
            if table.name not in ("journal", "grants"):
                found += [repr(tuple(row)) for row in tx.connection.execute(select(table))]
    return found
