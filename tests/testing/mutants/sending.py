"""Faults in what is sent and in what is declared, and credentials that show."""

from __future__ import annotations

import logging
from typing import Any

import attrs

from socialcrm.connectors import (
    Answer,
    Batch,
    Call,
    Cursor,
    Flow,
    Grant,
    Now,
    Outgoing,
    Receipt,
    TextLimit,
    Unit,
)
from socialcrm.testing import FakeConnector, FakeSettings

from .faults import Mutant, able, altered


class LogsTheToken(FakeConnector):
    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        logging.getLogger("plugin").debug("fetching with %s", self.settings.token.reveal())
        yield from super().fetch(stream, cursor)


class ShowsTheTokenInErrors(FakeConnector):
    def judge(self, call: Call, answer: Answer) -> Any:
        verdict = super().judge(call, answer)
        if verdict.error is None:
            return verdict
        return attrs.evolve(verdict, error=type(verdict.error)(f"{verdict.error} (token {self.settings.token.reveal()})"))


class RepeatsAnUnsafeSend(FakeConnector):
    def post(self, message: Outgoing, number: int, text: str, parent: str | None) -> Flow[Any]:
        return (yield from altered(super().post(message, number, text, parent), _repeatable))


def _repeatable(step: Any) -> Any:
    return attrs.evolve(step, repeatable=True) if isinstance(step, Call) else step


class ForgetsWhichPartsWentOut(FakeConnector):
    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        return (yield from super().send(message, {}))


class NamesItsPartsOtherwise(FakeConnector):
    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        known = {key.replace("sent-", "part:"): value for key, value in cursor.items()}
        return (yield from altered(super().send(message, known), _otherwise))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        known = {key.replace("sent-", "part:"): value for key, value in cursor.items()}
        return (yield from altered(super().settle(message, known), _otherwise))


def _otherwise(step: Any) -> Any:
    if not isinstance(step, Batch):
        return step
    return attrs.evolve(step, cursor={key.replace("part:", "sent-"): value for key, value in step.cursor.items()})


class SendsTheFirstPartOnly(FakeConnector):
    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        return (yield from super().send(attrs.evolve(message, parts=message.parts[:1]), cursor))


class SettlesBlindly(FakeConnector):
    """Says that what it did not find arrived."""

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        yield from Now()
        return Receipt(ids=tuple(f"x{number}" for number, _ in enumerate(message.parts)))


class NeverFindsWhatItSent(FakeConnector):
    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        yield from Now()
        return None


class NamesAnotherIdInTheReceipt(FakeConnector):
    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        receipt = yield from super().send(message, cursor)
        return attrs.evolve(receipt, ids=tuple(f"post-{one}" for one in receipt.ids))


class DeclaresWhatItLacks(FakeConnector):
    info = able(search=True)


class LacksADeclaration(FakeConnector):
    info = able(retract=False)


class CountsInTheWrongUnit(FakeConnector):
    info = able(text=TextLimit(200, Unit.CODE_POINTS))


class RetractsTheFirstPartOnly(FakeConnector):
    def retract(self, receipt: Receipt) -> Flow[None]:
        yield from Call("DELETE", f"/api/threads/{receipt.conversation}/posts/{receipt.ids[0]}")


class KeepsTheOldToken(FakeConnector):
    def renew(self, grant: Grant) -> Flow[Grant]:
        yield from Call("POST", "/api/token", json={"refresh": grant["refresh"]}, auth=False)
        return grant


@attrs.frozen(kw_only=True)
class PlainSettings(FakeSettings):
    """Holds a credential as a plain text."""

    api_key: str = attrs.field(default="", metadata={"help": "a key"})


class HoldsAPlainSecret(FakeConnector):
    info = attrs.evolve(FakeConnector.info, settings=PlainSettings)


class SignsItsRenewal(FakeConnector):
    def renew(self, grant: Grant) -> Flow[Grant]:
        answer = yield from Call("POST", "/api/me", json={"refresh": grant["refresh"]})
        return {**grant, "token": answer.json()["token"]}


MUTANTS = (
    Mutant(LogsTheToken, "test_secrets_show_nowhere", "a credential shows nowhere"),
    Mutant(ShowsTheTokenInErrors, "test_secrets_show_nowhere", "a credential shows nowhere"),
    Mutant(RepeatsAnUnsafeSend, "test_any_failure_of_a_delivery_is_survived", "exactly once"),
    Mutant(ForgetsWhichPartsWentOut, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(NamesItsPartsOtherwise, "test_killed_anywhere_a_reply_arrives_once", "called part:0, part:1"),
    Mutant(SendsTheFirstPartOnly, "test_a_reply_arrives_once", "exactly once"),
    Mutant(SettlesBlindly, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(NeverFindsWhatItSent, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(NamesAnotherIdInTheReceipt, "test_a_reply_arrives_once", "the interaction that its Receipt named"),
    Mutant(DeclaresWhatItLacks, "test_what_it_declares_is_what_it_implements", "declared = implemented"),
    Mutant(LacksADeclaration, "test_what_it_declares_is_what_it_implements", "declared = implemented"),
    Mutant(CountsInTheWrongUnit, "test_texts_fit_the_declared_limit", "exactly once"),
    Mutant(RetractsTheFirstPartOnly, "test_what_was_sent_can_be_taken_back", "harmless for what is gone"),
    Mutant(KeepsTheOldToken, "test_an_expired_token_is_renewed", "renew() returns the fresh grant"),
    Mutant(HoldsAPlainSecret, "test_settings_are_typed_and_credentials_are_secrets", "every credential is a Secret"),
    Mutant(SignsItsRenewal, "test_an_expired_token_is_renewed", "renew() returns the fresh grant"),
)
