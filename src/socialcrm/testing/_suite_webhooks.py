"""The contract of webhooks: verified first, whole, in any order."""

from __future__ import annotations

import itertools
from datetime import timedelta

import attrs

from socialcrm.connectors import Incoming
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.testing._bench import CHANNEL, Bench
from socialcrm.testing._promise import broken, check
from socialcrm.testing._scenario import Scenario, Webhook
from socialcrm.testing._state import State, compare
from socialcrm.testing._suite_base import SuiteBase

__all__ = ["Webhooks"]

_NOT_HERE = frozenset({"cursor", "outbox", "accounts"})
_VERIFY = "a webhook whose signature is wrong, missing or too old raises VerificationError, before its body is parsed"


class Webhooks(SuiteBase):
    """What the platform sends on its own."""

    def test_events_in_any_order_mean_the_same(self, scenario: Scenario) -> None:
        """Events one by one in any order, all in one body, and all of them twice lead to the same state."""
        hook = self._hook(scenario)
        expected = self._after(scenario, list(hook.events))
        for order in itertools.islice(itertools.permutations(hook.events), 24):
            found = compare(expected, self._after(scenario, list(order)), without=_NOT_HERE)
            check(
                not found,
                "webhooks come in any order: an edit or a deletion may come before what it is about",
                "an event whose interaction is not known is dropped, or changes the interaction it makes up",
                found,
            )
        twice = compare(expected, self._after(scenario, [*hook.events, *hook.events]), without=_NOT_HERE)
        check(not twice, "a webhook that is delivered again changes nothing", "ids are made on arrival", twice)
        if hook.many:
            found = compare(expected, self._after(scenario, [hook.many]), without=_NOT_HERE)
            check(
                not found,
                "every event of a body is read",
                "only the first entry is read, which is all there is while one tries it out",
                found,
            )

    def test_a_forged_webhook_is_refused(self, scenario: Scenario) -> None:
        """A body that was changed, another signature and none at all are refused, whatever the body holds."""
        hook = self._hook(scenario)
        self.need(hook.header, "its platform does not sign webhooks")
        with self.bench(scenario) as bench:
            before = State.of(bench.crm)
            for name, request in self._forged(hook, bench).items():
                try:
                    bench.crm.receive(CHANNEL, request)
                except VerificationError:
                    pass
                except PayloadError as error:
                    broken(_VERIFY, "it parses the body before it has verified it", f"{name}: PayloadError: {error}")
                else:
                    broken(_VERIFY, "it compares nothing where the header is missing, or signs another body", name)
            check(not compare(before, State.of(bench.crm)), "what is refused leaves nothing behind", "", "")

    def test_an_old_webhook_is_refused(self, scenario: Scenario) -> None:
        """A request that was signed yesterday is refused today, and so is one whose time was changed."""
        hook = self._hook(scenario)
        self.need(hook.ages, "its webhooks do not age")
        with self.bench(scenario) as bench:
            old = hook.sign(hook.events[0], bench.time.now - timedelta(days=1))
            try:
                bench.crm.receive(CHANNEL, attrs.evolve(old, at=bench.time.now))
            except VerificationError:
                return
            broken(_VERIFY, "the age is not looked at, so that a recorded request can be repeated for ever", "a day old")

    def test_an_unknown_event_is_kept(self, scenario: Scenario) -> None:
        """An event that nobody knows is answered well and passed on as it is."""
        hook = self._hook(scenario)
        self.need(hook.unknown, "its scenario has no unknown event")
        with self.bench(scenario) as bench:
            answer = bench.crm.receive(CHANNEL, hook.sign(hook.unknown, bench.time.now))
            check(
                200 <= answer.status < 300 and any(batch.raws for batch in answer.batches),
                "what a connector does not know it passes on as Raw, and answers well: webhooks that fail are switched off",
                "unknown events are dropped or refused",
                answer,
            )

    def test_a_body_that_can_t_be_read_is_told(self, scenario: Scenario) -> None:
        """A signed body that is no such body raises PayloadError, or is passed on."""
        hook = self._hook(scenario)
        with self.bench(scenario) as bench:
            for body in (b"", b"<html>", b"[]", b"null", b'{"events": 1}', b"\xff\xfe"):
                try:
                    bench.crm.receive(CHANNEL, hook.sign(body, bench.time.now))
                except (PayloadError, VerificationError):
                    continue
                except Exception as error:  # noqa: BLE001 - whatever escapes is the finding
                    broken(
                        "a webhook's body that can't be read raises PayloadError",
                        "a KeyError or TypeError escapes for a body of another shape",
                        f"{type(error).__name__}: {error}, for {body!r}",
                    )

    def test_the_challenge_is_answered(self, scenario: Scenario) -> None:
        """The platform's question whether we are there is answered with what it wants to hear."""
        hook = self._hook(scenario)
        self.need(hook.challenge, "its platform asks no challenge")
        assert hook.challenge is not None  # noqa: S101 - said above
        with self.bench(scenario) as bench:
            request, wanted = hook.challenge
            answer = bench.crm.receive(CHANNEL, request)
            check(
                answer.status == 200 and answer.body == wanted,
                "a verification challenge is answered with the word that it holds",
                "it is answered as JSON, or not at all",
                answer,
            )

    # -- helps -----------------------------------------------------------------------------------------------------------

    def _hook(self, scenario: Scenario) -> Webhook:
        declared = self.connector.info.capabilities.webhook
        self.need(declared, "it declares no webhook")
        check(scenario.webhook, "a declared webhook is tested", "Scenario(webhook=…) is left out")
        assert scenario.webhook is not None  # noqa: S101 - said above
        return scenario.webhook(scenario.platform())

    def _after(self, scenario: Scenario, bodies: list[bytes]) -> State:
        hook = self._hook(scenario)
        with self.bench(scenario) as bench:
            for body in bodies:
                bench.crm.receive(CHANNEL, hook.sign(body, bench.time.now))
            return State.of(bench.crm)

    def _forged(self, hook: Webhook, bench: Bench) -> dict[str, Incoming]:
        good = hook.sign(hook.events[0], bench.time.now)
        code = good.headers[hook.header]
        others = {name: value for name, value in good.headers.items() if name != hook.header}
        last = "0" if code[-1] != "0" else "1"
        return {
            "another body": attrs.evolve(good, body=hook.events[-1] + b" "),
            "a body that can't be read": attrs.evolve(good, body=b"{not json"),
            "another signature": attrs.evolve(good, headers={**others, hook.header: code[:-1] + last}),
            "an empty signature": attrs.evolve(good, headers={**others, hook.header: ""}),
            "a signature with typographic quotes": attrs.evolve(good, headers={**others, hook.header: f"“{code}”"}),
            "no signature": attrs.evolve(good, headers=others),
        }
