"""The contract of fetching: nothing lost, nothing doubled, whatever happens."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable

from socialcrm.connectors import Batch, Raw
from socialcrm.crm._pull import Pull
from socialcrm.errors import SocialCRMError, UnsupportedError
from socialcrm.testing._bench import CHANNEL, Bench
from socialcrm.testing._platform import FAULTS
from socialcrm.testing._probe import Killed
from socialcrm.testing._promise import check, check_texts
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._state import State, compare, live_texts
from socialcrm.testing._suite_base import ABOUT_ANSWERS, SuiteBase, moments_of, nothing, picks, spread, typed
from socialcrm.types import Account, Census

__all__ = ["Fetching"]

_SAME = "killed anywhere and started again from what was committed, a stream ends in the same state"


class Fetching(SuiteBase):
    """Following streams."""

    def test_it_says_who_we_are(self, scenario: Scenario) -> None:
        """Who we are comes with a stable id; what that account wrote is outbound."""
        with self.bench(scenario) as bench:
            try:
                account = bench.crm.check(CHANNEL)
            except UnsupportedError:
                return
            check(
                isinstance(account, Account) and bool(account.id),  # type: ignore[redundant-expr]  # a plugin need not be typed
                "identify() returns an Account with the platform's stable id",
                "it returns the handle, or nothing",
                account,
            )

    def test_everything_arrives(self, scenario: Scenario) -> None:
        """Every element that is there is held, and none that is not."""
        with self.bench(scenario) as bench:
            bench.settle()
            check(
                not _quarantined(bench),
                "what the platform usually sends can be parsed",
                "parse() raises for a missing optional field, or makes a time without zone (datetime.fromisoformat of a text "
                "without offset)",
                "; ".join(_quarantined(bench)),
            )
            check_texts(
                bench.platform.texts(),
                live_texts(bench.crm),
                "every element of every page arrives, and no two become one",
                "it leaves out the first or last element of a page, stops at a short page, or uses an id that is unique only "
                "within its thread (then give Item.scope)",
            )

    def test_fetching_again_changes_nothing(self, scenario: Scenario) -> None:
        """From the beginning once more, the state stays."""
        with self.bench(scenario) as bench:
            before = bench.settle()
            bench.crm.channels.forget_position(CHANNEL)
            check(
                not (found := compare(before, bench.settle(), without=frozenset({"cursor"}))),
                "delivering again is harmless, because ids are stable",
                "an id is made of a position on the page, of the time of fetching, or of what can be edited",
                found,
            )

    def test_killed_anywhere_it_ends_the_same(self, scenario: Scenario) -> None:
        """After a crash at any step, going on leads to the same store as never crashing."""
        with self.bench(scenario) as whole:
            moments = moments_of(whole, whole.settle)
            expected = State.of(whole.crm)
        for number in spread(len(moments)):
            with self.bench(scenario) as bench:
                self._die(bench, number)
                bench.reopen()
                check(
                    not (found := compare(expected, bench.settle())),
                    _SAME,
                    "the cursor runs ahead of its batch (a page's end is stored before its elements), or lies in the connector",
                    f"killed {moments[number]} (moment {number}):\n{found}",
                )

    def _die(self, bench: Bench, number: int) -> None:
        try:
            with bench.killed_after(number):
                bench.settle()
        except Killed:
            return

    def test_sync_and_async_agree(self, scenario: Scenario) -> None:
        """On a thread and on an event loop the same comes out."""
        with self.bench(scenario) as one, self.bench(scenario) as other:
            one.crm.sync()
            check(
                not (errors := other.async_sync().errors),
                "a flow can't tell whether it runs on a thread or on an event loop",
                "it calls blocking code itself instead of yielding Blocking(...)",
                errors,
            )
            check(
                not (found := compare(State.of(one.crm), State.of(other.crm))),
                "a flow can't tell whether it runs on a thread or on an event loop",
                "it keeps state between flows, in the class or in a module",
                found,
            )

    def test_any_failure_is_survived(self, scenario: Scenario) -> None:
        """Whatever goes wrong with any exchange, the next sync brings everything."""
        with self.bench(scenario) as whole:
            expected = whole.settle()
            log = list(whole.gate.log)
        self.need(log, "it makes no HTTP calls; see the test of broken connections")
        for number in picks(log):
            for name, fault in FAULTS.items():
                with self.bench(scenario) as bench:
                    bench.gate.spoil(fault, first=number)
                    place = f"with {name} at exchange {number} ({log[number].method} {log[number].url.partition('?')[0]})"
                    typed(bench.sync, place)
                    self._recovers(bench, expected, place)

    def test_a_failure_deletes_nothing(self, scenario: Scenario) -> None:
        """A lost permission, or a log-in page, does not look like deletions."""
        with self.bench(scenario) as whole:
            expected = whole.settle()
            first = len(whole.gate.log)
            whole.wait()
            whole.sync()
            log = whole.gate.log[first:]
        self.need(log, "it makes no HTTP calls; see the test of broken connections")
        for number in picks(log):
            with self.bench(scenario) as bench:
                bench.settle()
                held = live_texts(bench.crm)
                for name, fault in FAULTS.items():
                    bench.wait()
                    bench.gate.spoil(fault, first=number)
                    place = f"with {name} at exchange {number} of a later sync ({log[number].url.partition('?')[0]})"
                    typed(bench.sync, place)
                    check_texts(
                        held.elements(),
                        live_texts(bench.crm),
                        "a Census is yielded only after every page succeeded, and a lost permission is no mass deletion",
                        f"it catches ForbiddenError, NotFound or an odd body, and counts what it got until then ({place})",
                    )
                self._recovers(bench, expected, f"with one failure after another at exchange {number} of later syncs")

    def _recovers(self, bench: Bench, expected: State, place: str) -> None:
        bench.gate.heal()
        bench.gate.happen = nothing
        bench.wait()
        bench.sync()
        found = compare(expected, State.of(bench.crm), without=ABOUT_ANSWERS)
        check(
            not (found and (found := compare(expected, bench.settle(), without=ABOUT_ANSWERS))),
            "after any failure the next sync goes on where the last batch ended, and brings everything",
            "it catches the error and moves the cursor on, or takes an odd body for an empty page",
            f"{place}:\n{found}",
        )

    def test_broken_connections_are_survived(self, scenario: Scenario) -> None:
        """A byte stream that breaks off anywhere is opened again at the next sync."""
        self.need(scenario.streams, "it speaks no byte streams")
        counted: list[int] = []
        with self.bench(scenario) as whole:
            whole.gate.happen = counted.append
            expected = whole.settle()
        for number in spread(len(counted)):
            with self.bench(scenario) as bench:
                bench.gate.happen = _breaker(number)
                place = f"with the connection broken at message {number}"
                typed(bench.sync, place)
                self._recovers(bench, expected, place)

    def test_changes_are_seen_whenever_they_happen(self, scenario: Scenario) -> None:
        """Something new, edited or deleted between any two calls is known once the streams are quiet."""
        self.need(scenario.changes, "its scenario has no changes")
        with self.bench(scenario) as whole:
            counted: list[int] = []
            whole.gate.happen = counted.append
            whole.settle()
        for place, change in enumerate(scenario.changes):
            for number in [*spread(len(counted)), None]:
                with self.bench(scenario) as bench:
                    was = Counter(bench.platform.texts())
                    if number is not None:
                        bench.gate.happen = lambda now, at=number, bench=bench, change=change: (  # type: ignore[misc]  # bound by value
                            change(bench.platform) if now == at else None
                        )
                    bench.crm.sync()
                    if number is None:
                        change(bench.platform)
                    for _ in range(2):  # the change may have come after the last look of a sync
                        bench.wait()
                        bench.crm.sync()
                    self._knows(
                        bench,
                        was,
                        f"change {place} {'before call ' + str(number) if number is not None else 'between two syncs'}",
                    )

    def _knows(self, bench: Bench, was: Counter[str], place: str) -> None:
        able = self.connector.info.capabilities
        check_texts(
            bench.platform.texts(),
            live_texts(bench.crm),
            "paging survives what arrives, disappears or moves between two pages; declared edits and deletions are seen",
            "it pages by counting without overlap, moves the cursor past what was not in the batch, never looks back, or makes "
            f"a new id of an edit ({place})",
            extra=Counter() if able.deletions and able.edits else was,
        )

    def test_other_pages_bring_the_same(self, scenario: Scenario) -> None:
        """Overlapping, repeated, reordered and empty pages, and other sizes, lead to the same state."""
        self.need(scenario.variants, "its scenario has no variants")
        with self.bench(scenario) as whole:
            expected = whole.settle()
        for name, platform in scenario.variants.items():
            with self.bench(scenario, platform) as bench:
                check(
                    not (found := compare(expected, bench.settle(), without=ABOUT_ANSWERS)),
                    "pages may overlap, repeat, run backwards or be empty: the elements count, not their places",
                    "it stops at an empty or short page although there is more, or takes the last row for the newest",
                    f"with {name}:\n{found}",
                )

    def test_elements_in_any_order_mean_the_same(self, scenario: Scenario) -> None:
        """The same elements shuffled, repeated and cut into other batches lead to the same state."""
        with self.bench(scenario) as whole:
            expected = whole.settle()
            raws = list(whole.probe.raws)
            counts = [raw for raw in raws if _is_census(whole, raw)]
        others = [raw for raw in raws if raw not in counts]
        for seed in range(4):
            dice = random.Random(seed)  # noqa: S311 - a repeatable shuffle
            shuffled = dice.sample([*others, *others], 2 * len(others))
            with self.bench(scenario) as bench:
                pull = Pull(bench.crm, bench.crm.channels.row(CHANNEL), None)
                for account in expected.parts["accounts"].values():
                    _adopt(bench, str(account["accounts"]))
                connector = bench.connector
                for start in range(0, len(shuffled), 3):
                    pull = Pull(bench.crm, bench.crm.channels.row(CHANNEL), None)
                    pull.take(connector, Batch(shuffled[start : start + 3]), "shuffled")
                pull.take(connector, Batch(counts), "shuffled")
                check(
                    not (found := compare(expected, State.of(bench.crm), without=ABOUT_ANSWERS)),
                    "elements may come in any order and several times: ids, parents and times say where they belong",
                    "parse() depends on what it parsed before, or a time of fetching takes the place of edited_at",
                    f"shuffle {seed}:\n{found}",
                )

    def test_an_expired_token_is_renewed(self, scenario: Scenario) -> None:
        """Where renewal is declared, a token that expires between any two calls interrupts nothing."""
        self.need(self.connector.info.capabilities.renew, "it declares no renewal")
        with self.bench(scenario) as whole:
            expected = whole.settle()
            count = len(whole.gate.log)
        for number in spread(count):
            with self.bench(scenario) as bench:
                self.need(hasattr(bench.platform, "expire"), "its platform has no method expire()")
                bench.gate.happen = lambda now, at=number, bench=bench: bench.platform.expire() if now == at else None  # type: ignore[misc]  # bound by value
                promise = "renew() returns the fresh grant, and the call that met the expired one is made again"
                usually = "renew() signs its own call with the expired token (set auth=False), or returns the old grant"
                try:
                    found = compare(expected, bench.settle(), without=ABOUT_ANSWERS)
                except SocialCRMError as error:
                    found = f"{type(error).__name__}: {error}"
                check(not found, promise, usually, f"expired before exchange {number}:\n{found}")


def _adopt(bench: Bench, accounts: str) -> None:
    pull = Pull(bench.crm, bench.crm.channels.row(CHANNEL), None)
    for told in json.loads(accounts or "[]"):
        pull.adopt(Account(**told))


def _is_census(bench: Bench, raw: Raw) -> bool:
    return any(isinstance(item, Census) for item in bench.cls(bench.connector.settings).parse(raw))


def _breaker(at: int) -> Callable[[int], None]:
    def happen(number: int) -> None:
        if number >= at:
            raise ConnectionResetError("broken off")

    return happen


def _quarantined(bench: Bench) -> list[str]:
    return [f"{key[1]}: {key[2]}" for key in State.of(bench.crm).parts["quarantine"]]
