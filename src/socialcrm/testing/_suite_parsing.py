"""The contract of parsing: pure, total, lossless."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings

from socialcrm.connectors import Connector, Raw
from socialcrm.errors import PayloadError
from socialcrm.ingest import unpack
from socialcrm.ingest._journal import pack
from socialcrm.testing._mangle import mangled
from socialcrm.testing._promise import broken, check
from socialcrm.testing._purity import noticing
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._suite_base import SuiteBase
from socialcrm.types import Interaction, Item

__all__ = ["Parsing"]

_TOTAL = "parse() gives items or PayloadError for whatever an element holds: a missing optional field is no reason to fail"


class Parsing(SuiteBase):
    """From elements to items."""

    def test_elements_come_back_as_they_were(self, scenario: Scenario) -> None:
        """The journal keeps every element without loss."""
        for raw in self._samples(scenario):
            try:
                (kept,) = unpack(pack([raw]))
            except (TypeError, ValueError) as error:
                broken(
                    "Raw.body is a JSON value, text or bytes, and is kept without loss",
                    "it holds a datetime, a tuple, a set or a record of a vendor's library; give what the platform sent",
                    f"{raw.kind}: {error}",
                )
            check(
                kept == raw,
                "Raw.body is a JSON value, text or bytes, and is kept without loss",
                "a dictionary has keys that are no texts, or holds tuples",
                f"{raw.kind}: {raw.body!r} came back as {kept.body!r}",
            )

    def test_parsing_is_pure(self, scenario: Scenario) -> None:
        """The same element means the same, as often as it is read, and stays as it is."""
        samples = self._samples(scenario)
        with self.bench(scenario) as bench:
            connector = bench.connector
            for raw in [*samples, *reversed(samples)]:
                before = copy.deepcopy(raw)
                first, second = self._items(connector, raw), self._items(connector, raw)
                check(
                    first == second and raw == before,
                    "parse() is pure: no state, no clock, and the element stays as it is",
                    "it pops keys off the body, numbers what it parses, or asks datetime.now()",
                    f"{raw.kind}: {first} and then {second}" if first != second else f"{before.body} became {raw.body}",
                )

    def test_items_are_sound(self, scenario: Scenario) -> None:
        """Items have ids, times in UTC, and authors; extras are JSON."""
        with self.bench(scenario) as bench:
            for raw in self._samples(scenario):
                for item in self._items(bench.connector, raw):
                    check(isinstance(item, Item), "parse() yields items", "it yields dictionaries or None", item)
                    check(
                        bool(item.id) and all(type(one) is str for one in (item.id, item.scope)),
                        "every item has the platform's id, as text",
                        "a number, or empty text where the field is missing",
                        item,
                    )
                    self._in_utc(item)
                    if isinstance(item, Interaction):
                        check(
                            bool(item.author.id) and type(item.author.id) is str,
                            "the author is keyed by the platform's stable account id",
                            "the id is missing, a number, or the name",
                            item.author,
                        )

    def test_parse_survives_what_it_does_not_know(self, scenario: Scenario) -> None:
        """Elements with fields dropped, added and of another kind give items or PayloadError."""
        samples = self._samples(scenario)
        self.need(samples, "its scenario brings no elements")
        with self.bench(scenario) as bench:
            connector = bench.connector
            tried = settings(
                max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
            )

            @tried
            @given(mangled([*samples, *(attrs.evolve(raw, kind="an-unheard-of-kind") for raw in samples[:1])]))
            def survive(raw: Raw) -> None:
                try:
                    items: Iterable[Item] = list(connector.parse(raw))
                except PayloadError:
                    return
                except Exception as error:  # noqa: BLE001 - whatever escapes is the finding
                    broken(
                        _TOTAL,
                        "it reads body['key'] of an optional field, or takes a list for an object",
                        f"{type(error).__name__}: {error}, for {raw}",
                    )
                for item in items:
                    check(isinstance(item, Item), _TOTAL, "it yields something that is no item", item)

            survive()

    def test_it_does_no_io_of_its_own(self, scenario: Scenario) -> None:
        """Neither flows nor parse nor receive use a clock, a file or a socket."""
        seen: list[str] = []
        with self.bench(scenario) as bench:
            bench.settle()  # what is loaded when it is first used is loaded now
            bench.wait()
            bench.probe.inside = lambda: noticing(seen)
            bench.settle()
            if scenario.webhook is not None:
                hook = scenario.webhook(bench.platform)
                for body in hook.events:
                    bench.connector.receive(hook.sign(body, bench.time.now))
            self._answer(bench, scenario)
        check(
            not seen,
            "a connector does no I/O and has no clock: it yields Call, Now, Open … and its driver does the work",
            "datetime.now() for a time that is missing, requests.get() for one more look, a file as a cache",
            "; ".join(dict.fromkeys(seen)),
        )

    # -- helps -----------------------------------------------------------------------------------------------------------

    def _answer(self, bench: Any, scenario: Scenario) -> None:
        if self.connector.info.capabilities.send and scenario.sends and bench.crm.inbox():
            bench.crm.reply(bench.crm.inbox()[0], scenario.reply, by="tests", anyway=True)
            bench.crm.flush()

    def _samples(self, scenario: Scenario) -> list[Raw]:
        with self.bench(scenario) as bench:
            bench.settle()
            if scenario.webhook is not None:
                hook = scenario.webhook(bench.platform)
                for body in (*hook.events, hook.unknown):
                    if body:
                        bench.connector.receive(hook.sign(body, bench.time.now))
            if scenario.archive is not None:
                for _ in bench.connector.load(scenario.archive(bench.folder)):
                    pass
            found: list[Raw] = []
            for raw in [*bench.probe.raws, *scenario.samples]:
                if raw not in found:
                    found.append(raw)
            return found

    def _items(self, connector: Connector[Any], raw: Raw) -> list[Item]:
        try:
            return list(connector.parse(raw))
        except PayloadError:
            return []

    def _in_utc(self, item: Item) -> None:
        for field in attrs.fields(type(item)):
            value = getattr(item, field.name)
            if isinstance(value, datetime):
                check(
                    value.utcoffset() == timedelta(0),
                    "times are aware, in UTC",
                    "datetime.fromisoformat() without socialcrm.types.utc()",
                    f"{field.name} of {type(item).__name__} {item.id} is {value.isoformat()}",
                )
