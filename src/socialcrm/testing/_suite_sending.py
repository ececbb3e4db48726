"""The contract of sending: once, whole, or honestly unknown."""

from __future__ import annotations

import bisect
import json
from collections.abc import Callable

from sqlalchemy import select

from socialcrm import outbox
from socialcrm.connectors import Connector, Receipt, Unit
from socialcrm.crm._pull import Pull
from socialcrm.errors import SocialCRMError, TooLong, UnsupportedError
from socialcrm.store import tables
from socialcrm.testing._bench import CHANNEL, Bench
from socialcrm.testing._platform import FAULTS
from socialcrm.testing._probe import Killed
from socialcrm.testing._promise import broken, check
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._state import State
from socialcrm.testing._suite_base import SuiteBase, moments_of, nothing, spread
from socialcrm.types import Direction, OutboxState, Reply

__all__ = ["Sending"]

_ONCE = "a reply arrives exactly once, whatever happens; what can't be known stays unknown and is never sent again blindly"
_TWICE = (
    "it marks a POST as repeatable, sends again what an earlier attempt sent (keep each part by Batch([], {...})), or settle() "
    "does not find what stands there"
)
_LOST = "settle() returns a receipt for what it did not find, send() leaves out parts, or it swallows the error of the call"
_OVER = ("sent", "reconciled")


class Sending(SuiteBase):
    """Answering."""

    def test_a_reply_arrives_once(self, scenario: Scenario) -> None:
        """A short reply and a long one arrive, in as many messages as they have parts, and come back as the same."""
        self._sends(scenario)
        for text in self._texts(scenario):
            with self.bench(scenario) as bench:
                reply = self._queue(bench, text)
                bench.deliver()
                self._arrived(bench, reply, "undisturbed")
                self._comes_back(bench, reply)

    def test_killed_anywhere_a_reply_arrives_once(self, scenario: Scenario) -> None:
        """After a crash at any step of a delivery, the reply still arrives once."""
        self._sends(scenario)
        text = self._texts(scenario)[-1]
        with self.bench(scenario) as whole:
            self._queue(whole, text)
            moments = moments_of(whole, whole.deliver)
        for number in spread(len(moments)):
            with self.bench(scenario) as bench:
                reply = self._queue(bench, text)
                try:
                    with bench.killed_after(number):
                        bench.deliver()
                except Killed:
                    bench.reopen()
                self._kept(bench, f"killed {moments[number]} (moment {number})")
                bench.deliver()
                self._arrived(bench, reply, f"killed {moments[number]} (moment {number})")

    def test_any_failure_of_a_delivery_is_survived(self, scenario: Scenario) -> None:
        """Whatever goes wrong with any exchange of a delivery, the reply still arrives once, or says why not."""
        self._sends(scenario)
        self.need(scenario.streams is None, "it sends over byte streams; see the test of broken connections")
        with self.bench(scenario) as whole:
            self._queue(whole, scenario.reply)
            before = len(whole.gate.log)
            whole.deliver()
            count = len(whole.gate.log) - before
        for number in range(count):
            for name, fault in FAULTS.items():
                with self.bench(scenario) as bench:
                    reply = self._queue(bench, scenario.reply)
                    bench.gate.spoil(fault, first=number, times=2)
                    bench.crm.flush()
                    bench.gate.heal()
                    bench.deliver()
                    self._arrived(bench, reply, f"with {name} at exchange {number} of the delivery", refusable=True)

    def test_broken_connections_of_a_delivery_are_survived(self, scenario: Scenario) -> None:
        """A byte stream that breaks off anywhere in a delivery neither loses nor doubles the reply."""
        self._sends(scenario)
        self.need(scenario.streams, "it speaks no byte streams")
        counted: list[int] = []
        with self.bench(scenario) as whole:
            self._queue(whole, scenario.reply)
            whole.gate.happen = counted.append
            whole.deliver()
        for number in counted:
            with self.bench(scenario) as bench:
                reply = self._queue(bench, scenario.reply)
                bench.gate.happen = _breaking(number)
                bench.crm.flush()
                bench.gate.happen = nothing
                bench.deliver()
                self._arrived(bench, reply, f"with the connection broken at message {number}", refusable=True)

    def test_texts_fit_the_declared_limit(self, scenario: Scenario) -> None:
        """At the limit and one under it is one message that the platform takes; one over is parts, or refused."""
        self._sends(scenario)
        with self.bench(scenario) as bench:
            limit = bench.connector.text_limit
            self.need(limit.size, "it declares no limit of its texts")
            size = limit.size or 0
            check(
                (limit.weigh is not None) == (limit.unit is Unit.WEIGHTED),
                "a weighted limit comes with the platform's own count (TextLimit(size, Unit.WEIGHTED, weigh))",
                "weigh is missing, or given with another unit",
            )
            full = self._text_of(bench, size)
            reply = self._queue(bench, full)
            check(
                len(reply.parts) == 1 and len(bench.crm.preview(reply.case, self._text_of(bench, size - 1)).parts) == 1,
                "a text at the limit is one message",
                "size is one less than the platform allows",
                f"{len(reply.parts)} parts of a text of {limit.measure(full)} {limit.unit.value}",
            )
            bench.deliver()
            self._arrived(bench, reply, f"a text of exactly {size} {limit.unit.value}")
            self._one_over(bench, reply, size)

    def test_what_was_sent_can_be_taken_back(self, scenario: Scenario) -> None:
        """Where it is declared, a message of ours is taken back, and doing so twice is harmless."""
        self._sends(scenario)
        self.need(self.connector.info.capabilities.retract, "it declares no retraction")
        promise = "retract() takes every part back, and is harmless for what is gone already"
        usually = "it takes only the first id back, or lets NotFound pass"
        with self.bench(scenario) as bench:
            reply = self._queue(bench, self._texts(scenario)[-1])
            bench.deliver()
            sent = bench.crm.outbox()[-1]
            mine = [one for one in bench.crm.interactions() if one.id in sent.ids and one.text in sent.parts]
            texts = len(bench.platform.texts())
            for _ in range(2):
                try:
                    self._retract(bench, Receipt(ids=sent.ids, conversation=mine[0].conversation))
                except SocialCRMError as error:
                    broken(promise, usually, error)
                left = texts - len(bench.platform.texts())
                check(left == len(reply.parts), promise, usually, f"{left} of {len(reply.parts)} parts were taken back")

    def _retract(self, bench: Bench, receipt: Receipt) -> None:
        row, connector = bench.crm.channels.row(CHANNEL), bench.connector
        host = Pull(bench.crm, row, None).host(connector, "retract")
        with bench.crm.driver(connector, host, row.id) as driver:
            driver.run(connector.retract(receipt))

    # -- helps -----------------------------------------------------------------------------------------------------------

    def _sends(self, scenario: Scenario) -> None:
        self.need(self.connector.info.capabilities.send and scenario.sends, "it does not send, or its scenario does not let it")

    def _texts(self, scenario: Scenario) -> list[str]:
        able = self.connector.info.capabilities
        size = able.text.size
        if not able.threads or size is None:
            return [scenario.reply]
        sentence = "We are sorry, and we are looking into it. "
        return [scenario.reply, (sentence * (2 + size * 3 // 2 // len(sentence))).strip()]

    def _queue(self, bench: Bench, text: str) -> Reply:
        bench.crm.sync()
        refused = ""
        for case in bench.crm.inbox():
            try:
                return bench.crm.reply(case, text, by="tests", anyway=True)
            except UnsupportedError as error:
                refused = str(error)
        return broken(
            "a connector that declares sending can answer what it fetched",
            "Capabilities.visibility lacks the visibility of what arrives, or the scenario holds nothing to answer",
            refused or "the inbox is empty",
        )

    def _arrived(self, bench: Bench, reply: Reply, place: str, *, refusable: bool = False) -> None:
        came = len(bench.platform.received())
        now = next(one for one in bench.crm.outbox() if one.ref == reply.ref)
        count = f"{came} messages for {len(reply.parts)} parts, and the reply is {now.state.value} ({now.error or 'no error'})"
        check(
            "the plugin for" not in now.error, _ONCE, "an error that is none of socialcrm.errors escapes", f"{place}: {count}"
        )
        check(came <= len(reply.parts), _ONCE, _TWICE, f"{place}: {count}")
        if now.state is OutboxState.UNKNOWN:
            able = self.connector.settle is not Connector.settle and bench.scenario.settles
            check(not able, _ONCE, "settle() raises UnclearError although it could look", f"{place}: {count}")
            return
        honest = refusable and now.state is OutboxState.FAILED and came == 0 and now.error
        check(honest or (now.state.value in _OVER and came == len(reply.parts)), _ONCE, _LOST, f"{place}: {count}")
        if now.state.value in _OVER:
            check(
                len(now.ids) == len(reply.parts) and all(now.ids),
                "a Receipt has the platform's id of every part",
                "it has the id of the first part only",
                f"{place}: {now.ids}",
            )

    def _kept(self, bench: Bench, place: str) -> None:
        came = len(bench.platform.received())
        with bench.crm.store.read() as tx:
            cursor = tx.value(select(tables.outbox.c.cursor).where(tables.outbox.c.ws == tx.ws))
        kept = outbox.left(json.loads(cursor or "{}"))
        check(
            kept >= came - 1,
            "each part that has left is kept before the next one leaves, in a row of the cursor called part:0, part:1 …",
            "its rows have other names; a person who orders again what bounced goes by these",
            f"{place}: {came} messages came, and {kept} are kept",
        )

    def _comes_back(self, bench: Bench, reply: Reply) -> None:
        before = _outbound(bench)
        bench.wait()
        bench.settle()
        after = _outbound(bench)
        ids = next(one.ids for one in bench.crm.outbox() if one.ref == reply.ref)
        check(
            len(before) == len(after) and set(ids) <= set(after),
            "what we sent comes back by fetch() as the interaction that its Receipt named, and stays",
            "the receipt's id is another one than parse() gives, the scope differs, or our own posts are not fetched and a "
            "Census takes them back",
            f"the receipt named {ids}; outbound before the next sync were {before}, after it {after}",
        )
        found = State.of(bench.crm).parts["outbox"]
        check(all(row["intent"] == "" for row in found.values()), _ONCE, "", found)

    def _text_of(self, bench: Bench, size: int) -> str:
        """Return a text that measures exactly so much, with characters that count differently in each unit."""
        limit, piece = bench.connector.text_limit, "naïve 👍🏽 words "
        fits = bisect.bisect_right(range(size + 1), size, key=lambda count: limit.measure(piece * count)) - 1
        text = piece * max(0, fits - 2)
        while limit.measure(text) < size:
            text += "x"
        if limit.measure(text) != size:
            broken(
                "a limit measures texts: one letter more is at least one more",
                "weigh() rounds, or counts letters as nothing",
                f"no text of exactly {size} {limit.unit.value} was found, got {limit.measure(text)}",
            )
        return text

    def _one_over(self, bench: Bench, reply: Reply, size: int) -> None:
        limit = bench.connector.text_limit
        try:
            parts = bench.crm.preview(reply.case, self._text_of(bench, size + 1)).parts
        except TooLong as error:
            check(
                not self.connector.info.capabilities.threads and error.excess == 1,
                "one over the limit is refused with the exact excess, or split where threads are declared",
                "weigh() counts other than the unit says",
                f"excess {error.excess}",
            )
            return
        except SocialCRMError as error:
            broken("a text over the limit is refused as TooLong", "text_limit fails", error)
        check(
            len(parts) > 1 and all(limit.measure(part) <= size for part in parts),
            "no part of a long text exceeds the limit",
            "weigh() counts other than the unit says",
            [limit.measure(part) for part in parts],
        )


def _outbound(bench: Bench) -> list[str]:
    found = bench.crm.interactions()
    return sorted(one.id for one in found if one.direction is Direction.OUTBOUND and one.deleted_at is None)


def _breaking(at: int) -> Callable[[int], None]:
    def happen(number: int) -> None:
        if number >= at:
            raise ConnectionResetError("broken off")

    return happen
