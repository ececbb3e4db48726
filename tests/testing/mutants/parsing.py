"""Faults in what is understood: elements, webhooks, archives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import attrs

from socialcrm.connectors import (
    Batch,
    Call,
    Flow,
    Hook,
    Incoming,
    Raw,
)
from socialcrm.errors import PayloadError
from socialcrm.testing import FakeConnector
from socialcrm.types import Account, Census, Deletion, Edit, Identity, Interaction, Item, Secret

from .faults import Mutant


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


class MakesUpIds(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            if isinstance(item, Interaction) and item.kind == "post":
                yield attrs.evolve(item, id=f"{item.id}-{hash(str(item.text)) % 10**6}")
            else:
                yield item


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


class NamesTheAuthorByName(FakeConnector):
    def parse(self, raw: Raw) -> Iterable[Item]:
        for item in super().parse(raw):
            yield attrs.evolve(item, author=Identity(id="", name=item.author.name)) if isinstance(item, Interaction) else item


MUTANTS = (
    Mutant(IgnoresEarlyEdits, "test_events_in_any_order_mean_the_same", "an edit or a deletion may come before"),
    Mutant(ReadsTheFirstEventOnly, "test_events_in_any_order_mean_the_same", "every event of a body is read"),
    Mutant(MixesUpThreads, "test_everything_arrives", "no two become one"),
    Mutant(VerifiesAfterParsing, "test_a_forged_webhook_is_refused", "before its body is parsed"),
    Mutant(VerifiesNothingWithoutAHeader, "test_a_forged_webhook_is_refused", "raises VerificationError"),
    Mutant(IgnoresTheAgeOfWebhooks, "test_an_old_webhook_is_refused", "too old"),
    Mutant(DropsUnknownEvents, "test_an_unknown_event_is_kept", "does not know it passes on"),
    Mutant(AnswersNoChallenge, "test_the_challenge_is_answered", "verification challenge"),
    Mutant(ReadsNaiveTimes, "test_everything_arrives", "can be parsed"),
    Mutant(TrustsTheBody, "test_any_failure_is_survived", "one of socialcrm.errors"),
    Mutant(ReadsOptionalFields, "test_parse_survives_what_it_does_not_know", "items or PayloadError"),
    Mutant(ChangesWhatItParses, "test_parsing_is_pure", "parse() is pure"),
    Mutant(AsksTheClock, "test_it_does_no_io_of_its_own", "has no clock"),
    Mutant(CachesInAFile, "test_it_does_no_io_of_its_own", "does no I/O"),
    Mutant(MakesUpIds, "test_changes_are_seen_whenever_they_happen", "declared edits"),
    Mutant(ForgetsTheLastLines, "test_loading_twice_is_loading_once", "every element of an archive arrives"),
    Mutant(NumbersTheLines, "test_loading_twice_is_loading_once", "again changes nothing"),
    Mutant(LetsTheParserFail, "test_a_damaged_archive_is_told", "no such archive raises PayloadError"),
    Mutant(NamesTheAuthorByName, "test_items_are_sound", "stable account id"),
)
