"""Connectors of the invented platform with one fault each, as plugin authors make them."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs

from socialcrm.connectors import (
    Answer,
    Batch,
    Call,
    Connector,
    Cursor,
    Flow,
    Grant,
    Hook,
    Incoming,
    Now,
    Outgoing,
    Raw,
    Receipt,
    Step,
    TextLimit,
    Unit,
)
from socialcrm.errors import ForbiddenError, NotFound, PayloadError, SocialCRMError
from socialcrm.testing import FakeConnector, FakeSettings
from socialcrm.types import Account, Census, Deletion, Edit, Identity, Interaction, Item, Secret

__all__ = ["MUTANTS", "Mutant"]


@attrs.frozen
class Mutant:
    """A faulty connector.

    Args:
        connector: It.
        test: The test of the suite that has to fail.
        reason: Words of the promise that it breaks.
        paging: How its platform pages.
    """

    connector: type[Connector[Any]]
    test: str
    reason: str
    paging: str = "since"

    def __str__(self) -> str:
        return self.connector.__name__


def able(**changes: Any) -> Any:
    """Return the connector's info with other capabilities."""
    return attrs.evolve(FakeConnector.info, capabilities=attrs.evolve(FakeConnector.info.capabilities, **changes))


def altered(flow: Flow[Any], change: Any) -> Flow[Any]:
    """Run a flow with each of its steps changed."""
    value: Any = None
    error: SocialCRMError | None = None
    while True:
        try:
            step: Step[Any] = flow.send(value) if error is None else flow.throw(error)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            value = yield change(step)
        except SocialCRMError as thrown:
            error = thrown


def posts_of(step: Any) -> bool:
    return isinstance(step, Batch) and any(raw.kind == "post" for raw in step.raws)


class SkipsTheLastOfAPage(FakeConnector):
    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        def change(step: Any) -> Any:
            return attrs.evolve(step, raws=step.raws[:-1]) if posts_of(step) and step.cursor else step

        yield from altered(super().fetch(stream, cursor), change)

    def rescan(self, now: Any, since: Any) -> Flow[None]:
        return
        yield


class MovesTheCursorAhead(FakeConnector):
    """Stores the end of a page before its elements."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        flow, value, error = super().fetch(stream, cursor), None, None
        while True:
            try:
                step: Any = flow.send(value) if error is None else flow.throw(error)
            except StopIteration:
                return
            value, error = None, None
            try:
                if isinstance(step, Batch) and step.cursor and step.raws:
                    yield Batch([], step.cursor)
                    step = Batch(step.raws)
                value = yield step
            except SocialCRMError as thrown:
                error = thrown

    def rescan(self, now: Any, since: Any) -> Flow[None]:
        return
        yield


class KeepsTheNextLink(FakeConnector):
    """Stores the platform's link, and with it the token."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        link = ""

        def change(step: Any) -> Any:
            return attrs.evolve(step, cursor={**step.cursor, "next": link}) if posts_of(step) and link else step

        flow, value, error = super().fetch(stream, {k: v for k, v in cursor.items() if k != "next"}), None, None
        while True:
            try:
                step = flow.send(value) if error is None else flow.throw(error)
            except StopIteration:
                return
            value, error = None, None
            try:
                value = yield change(step)
                if isinstance(value, Answer):
                    link = value.headers.get("link", link)
            except SocialCRMError as thrown:
                error = thrown


class TakesALostPermissionForDeletions(FakeConnector):
    def rescan(self, now: Any, since: Any) -> Flow[None]:
        try:
            yield from super().rescan(now, since)
        except (ForbiddenError, NotFound):
            threads: dict[str, list[str]] = {f"t{number}": [] for number in range(1, 9)}
            census = {"since": since.isoformat(), "until": now.isoformat(), "threads": threads}
            yield from Batch([Raw("census", census)], {"rescanned": now.isoformat()})


class IgnoresEarlyEdits(FakeConnector):
    """Remembers what it saw on each channel, and drops edits of what it did not see."""

    known: ClassVar[dict[int, set[str]]] = {}
    secrets: ClassVar[list[Secret]] = []

    def parse(self, raw: Raw) -> Iterable[Item]:
        self.secrets.append(self.settings.token)  # keeps the number its own
        seen = self.known.setdefault(id(self.settings.token), set())
        for item in super().parse(raw):
            if isinstance(item, Interaction):
                seen.add(item.scope)
            if not isinstance(item, Edit | Deletion) or item.scope in seen:
                yield item


class ReadsTheFirstEventOnly(FakeConnector):
    def receive(self, request: Incoming) -> Hook:
        hook = super().receive(request)
        return attrs.evolve(hook, batches=tuple(Batch(batch.raws[:1]) for batch in hook.batches))


class MixesUpThreads(FakeConnector):
    """Takes ids that are unique in their thread for unique everywhere."""

    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            yield item if isinstance(item, Census | Account) else attrs.evolve(item, scope="")


class VerifiesAfterParsing(FakeConnector):
    def receive(self, request: Incoming) -> Hook:
        if request.method == "POST" and not request.body.rstrip().endswith(b"}"):
            raise PayloadError("no JSON")
        return super().receive(request)


class VerifiesNothingWithoutAHeader(FakeConnector):
    def _verify(self, request: Incoming) -> None:
        if "x-fake-signature" in request.headers:
            super()._verify(request)


class IgnoresTheAgeOfWebhooks(FakeConnector):
    def _verify(self, request: Incoming) -> None:
        stamp = request.headers.get("x-fake-signature", "").partition(",")[0].removeprefix("t=")
        at = datetime.fromtimestamp(int(stamp), UTC) if stamp.isdecimal() else request.at
        super()._verify(attrs.evolve(request, at=at))


class DropsUnknownEvents(FakeConnector):
    def receive(self, request: Incoming) -> Hook:
        hook = super().receive(request)
        known = ("post", "edit", "deletion")
        return attrs.evolve(hook, batches=tuple(Batch([r for r in b.raws if r.kind in known]) for b in hook.batches))


class AnswersNoChallenge(FakeConnector):
    def receive(self, request: Incoming) -> Hook:
        return Hook() if request.method == "GET" else super().receive(request)


class ReadsNaiveTimes(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            yield attrs.evolve(item, at=item.at.replace(tzinfo=None)) if isinstance(item, Interaction) else item


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


class SwallowsErrors(FakeConnector):
    """Takes a failed page for the end, and goes on as if all were well."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        try:
            yield from super().fetch(stream, cursor)
        except SocialCRMError:
            yield from Batch([], {"after": "99"})

    def rescan(self, now: Any, since: Any) -> Flow[None]:
        return
        yield


class TrustsTheBody(FakeConnector):
    def identify(self) -> Flow[Account]:
        body = (yield from Call("GET", "/api/me")).json()
        return Account(id=body["id"], name=body["name"])


class ReadsOptionalFields(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            if isinstance(item, Interaction):
                yield attrs.evolve(item, url=raw.body["author"]["handle"].lower())
            else:
                yield item


class ChangesWhatItParses(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        items = list(super().parse(raw))
        if isinstance(raw.body, dict):
            raw.body.pop("visibility", None)
        return items


class AsksTheClock(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        now = datetime.now(UTC)
        return [item for item in super().parse(raw) if not isinstance(item, Interaction) or item.at < now]


class CachesInAFile(FakeConnector):
    def identify(self) -> Flow[Account]:
        account = yield from super().identify()
        return account

    def parse(self, raw: Raw) -> Iterable[Item]:
        with open("/dev/null", "a") as file:
            file.write(raw.kind)
        return super().parse(raw)


class StopsAtAnEmptyPage(FakeConnector):
    """Takes an empty page for the end, although the platform says that there is more."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        flow, value, error = super().fetch(stream, cursor), None, None
        while True:
            try:
                step: Any = flow.send(value) if error is None else flow.throw(error)
            except StopIteration:
                return
            value, error = None, None
            if isinstance(step, Batch) and not step.raws and step.cursor:
                return
            try:
                value = yield step
            except SocialCRMError as thrown:
                error = thrown


class MakesUpIds(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            if isinstance(item, Interaction) and item.kind == "post":
                yield attrs.evolve(item, id=f"{item.id}-{hash(str(item.text)) % 10**6}")
            else:
                yield item


class RollsDice(FakeConnector):
    """Leaves something in the cursor that is different each time."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        yield from super().fetch(stream, cursor)
        yield from Batch([], {"last": str(random.random())})


class RemembersInTheClass(FakeConnector):
    """Keeps its position in the process, not in the cursor."""

    done: ClassVar[set[str]] = set()

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        def change(step: Any) -> Any:
            if not posts_of(step):
                return step
            fresh = [raw for raw in step.raws if raw.body["text"] not in self.done]
            self.done.update(raw.body["text"] for raw in fresh)
            return attrs.evolve(step, raws=tuple(fresh))

        yield from altered(super().fetch(stream, cursor), change)


class CountsPages(FakeConnector):
    """Pages by number and never looks left, so that a deletion between two pages hides an element."""

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        page = int(cursor.get("page", "1"))
        while True:
            body = (yield from Call("GET", "/api/posts", params={"page": str(page)})).json()
            if not isinstance(body, dict) or not isinstance(body.get("items"), list):
                raise PayloadError("no page")
            full = page < body["pages"]
            page += full
            yield from Batch([Raw("post", row) for row in body["items"]], {"page": str(page)})
            if not full:
                return


class NeverLooksBack(FakeConnector):
    """Declares edits and deletions that it does not look for."""

    def rescan(self, now: Any, since: Any) -> Flow[None]:
        return
        yield


class ForgetsTheLastLines(FakeConnector):
    def load(self, path: Path) -> Iterator[Batch]:
        raws = [raw for batch in super().load(path) for raw in batch.raws]
        for start in range(0, len(raws) - 2, 3):
            yield Batch(raws[start : start + 3][: len(raws) - start - 2])


class NumbersTheLines(FakeConnector):
    lines = 0

    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            type(self).lines += 1
            yield attrs.evolve(item, id=f"line-{type(self).lines}") if isinstance(item, Interaction) else item


class LetsTheParserFail(FakeConnector):
    def load(self, path: Path) -> Iterator[Batch]:
        path.read_text(encoding="utf-8")
        yield from super().load(path)


@attrs.frozen(kw_only=True)
class PlainSettings(FakeSettings):
    """Holds a credential as a plain text."""

    api_key: str = attrs.field(default="", metadata={"help": "a key"})


class HoldsAPlainSecret(FakeConnector):
    info = attrs.evolve(FakeConnector.info, settings=PlainSettings)


class TakesEveryStream(FakeConnector):
    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        yield from super().fetch("posts", cursor)


class KeepsARecordOfItsOwn(FakeConnector):
    """Puts an object into the raw body."""

    def entry(self, event: Any) -> Raw:
        raw = super().entry(event)
        return attrs.evolve(raw, body={**raw.body, "seen": (1, 2)}) if isinstance(raw.body, dict) else raw


class NamesTheAuthorByName(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            yield attrs.evolve(item, author=Identity(id="", name=item.author.name)) if isinstance(item, Interaction) else item


class SignsItsRenewal(FakeConnector):
    def renew(self, grant: Grant) -> Flow[Grant]:
        answer = yield from Call("POST", "/api/me", json={"refresh": grant["refresh"]})
        return {**grant, "token": answer.json()["token"]}


MUTANTS = (
    Mutant(SkipsTheLastOfAPage, "test_everything_arrives", "every element of every page arrives"),
    Mutant(MovesTheCursorAhead, "test_killed_anywhere_it_ends_the_same", "killed anywhere"),
    Mutant(KeepsTheNextLink, "test_secrets_show_nowhere", "a credential shows nowhere", "link"),
    Mutant(TakesALostPermissionForDeletions, "test_a_failure_deletes_nothing", "a lost permission is no mass deletion"),
    Mutant(IgnoresEarlyEdits, "test_events_in_any_order_mean_the_same", "an edit or a deletion may come before"),
    Mutant(ReadsTheFirstEventOnly, "test_events_in_any_order_mean_the_same", "every event of a body is read"),
    Mutant(MixesUpThreads, "test_everything_arrives", "no two become one"),
    Mutant(VerifiesAfterParsing, "test_a_forged_webhook_is_refused", "before its body is parsed"),
    Mutant(VerifiesNothingWithoutAHeader, "test_a_forged_webhook_is_refused", "raises VerificationError"),
    Mutant(IgnoresTheAgeOfWebhooks, "test_an_old_webhook_is_refused", "too old"),
    Mutant(DropsUnknownEvents, "test_an_unknown_event_is_kept", "does not know it passes on"),
    Mutant(AnswersNoChallenge, "test_the_challenge_is_answered", "verification challenge"),
    Mutant(ReadsNaiveTimes, "test_everything_arrives", "can be parsed"),
    Mutant(LogsTheToken, "test_secrets_show_nowhere", "a credential shows nowhere"),
    Mutant(ShowsTheTokenInErrors, "test_secrets_show_nowhere", "a credential shows nowhere"),
    Mutant(RepeatsAnUnsafeSend, "test_any_failure_of_a_delivery_is_survived", "exactly once"),
    Mutant(ForgetsWhichPartsWentOut, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(SendsTheFirstPartOnly, "test_a_reply_arrives_once", "exactly once"),
    Mutant(SettlesBlindly, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(NeverFindsWhatItSent, "test_killed_anywhere_a_reply_arrives_once", "exactly once"),
    Mutant(NamesAnotherIdInTheReceipt, "test_a_reply_arrives_once", "the interaction that its Receipt named"),
    Mutant(DeclaresWhatItLacks, "test_what_it_declares_is_what_it_implements", "declared = implemented"),
    Mutant(LacksADeclaration, "test_what_it_declares_is_what_it_implements", "declared = implemented"),
    Mutant(CountsInTheWrongUnit, "test_texts_fit_the_declared_limit", "exactly once"),
    Mutant(RetractsTheFirstPartOnly, "test_what_was_sent_can_be_taken_back", "harmless for what is gone"),
    Mutant(KeepsTheOldToken, "test_an_expired_token_is_renewed", "renew() returns the fresh grant"),
    Mutant(SignsItsRenewal, "test_an_expired_token_is_renewed", "renew() returns the fresh grant"),
    Mutant(SwallowsErrors, "test_any_failure_is_survived", "goes on where the last batch ended"),
    Mutant(TrustsTheBody, "test_any_failure_is_survived", "one of socialcrm.errors"),
    Mutant(ReadsOptionalFields, "test_parse_survives_what_it_does_not_know", "items or PayloadError"),
    Mutant(ChangesWhatItParses, "test_parsing_is_pure", "parse() is pure"),
    Mutant(AsksTheClock, "test_it_does_no_io_of_its_own", "has no clock"),
    Mutant(CachesInAFile, "test_it_does_no_io_of_its_own", "does no I/O"),
    Mutant(StopsAtAnEmptyPage, "test_other_pages_bring_the_same", "be empty", "cursor"),
    Mutant(MakesUpIds, "test_changes_are_seen_whenever_they_happen", "declared edits"),
    Mutant(RollsDice, "test_everything_arrives", "comes to rest"),
    Mutant(RemembersInTheClass, "test_sync_and_async_agree", "can't tell whether it runs on a thread"),
    Mutant(CountsPages, "test_changes_are_seen_whenever_they_happen", "disappears or moves between two pages", "page"),
    Mutant(NeverLooksBack, "test_changes_are_seen_whenever_they_happen", "declared edits"),
    Mutant(ForgetsTheLastLines, "test_loading_twice_is_loading_once", "every element of an archive arrives"),
    Mutant(NumbersTheLines, "test_loading_twice_is_loading_once", "again changes nothing"),
    Mutant(LetsTheParserFail, "test_a_damaged_archive_is_told", "no such archive raises PayloadError"),
    Mutant(HoldsAPlainSecret, "test_settings_are_typed_and_credentials_are_secrets", "every credential is a Secret"),
    Mutant(TakesEveryStream, "test_an_unknown_stream_is_refused", "refuses a stream"),
    Mutant(KeepsARecordOfItsOwn, "test_elements_come_back_as_they_were", "without loss"),
    Mutant(NamesTheAuthorByName, "test_items_are_sound", "stable account id"),
)
