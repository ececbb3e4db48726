"""Faults in what is fetched: pages, cursors, failures."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import attrs

from socialcrm.connectors import (
    Answer,
    Batch,
    Call,
    Cursor,
    Flow,
    Raw,
)
from socialcrm.errors import ForbiddenError, NotFound, PayloadError, SocialCRMError
from socialcrm.testing import FakeConnector

from .faults import Mutant, altered, posts_of


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


class TakesEveryStream(FakeConnector):
    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        yield from super().fetch("posts", cursor)


class KeepsARecordOfItsOwn(FakeConnector):
    """Puts an object into the raw body."""

    def entry(self, event: Any) -> Raw:
        raw = super().entry(event)
        return attrs.evolve(raw, body={**raw.body, "seen": (1, 2)}) if isinstance(raw.body, dict) else raw


MUTANTS = (
    Mutant(SkipsTheLastOfAPage, "test_everything_arrives", "every element of every page arrives"),
    Mutant(MovesTheCursorAhead, "test_killed_anywhere_it_ends_the_same", "killed anywhere"),
    Mutant(KeepsTheNextLink, "test_secrets_show_nowhere", "a credential shows nowhere", "link"),
    Mutant(TakesALostPermissionForDeletions, "test_a_failure_deletes_nothing", "a lost permission is no mass deletion"),
    Mutant(SwallowsErrors, "test_any_failure_is_survived", "goes on where the last batch ended"),
    Mutant(StopsAtAnEmptyPage, "test_other_pages_bring_the_same", "be empty", "cursor"),
    Mutant(RollsDice, "test_everything_arrives", "comes to rest"),
    Mutant(RemembersInTheClass, "test_sync_and_async_agree", "can't tell whether it runs on a thread"),
    Mutant(CountsPages, "test_changes_are_seen_whenever_they_happen", "disappears or moves between two pages", "page"),
    Mutant(NeverLooksBack, "test_changes_are_seen_whenever_they_happen", "declared edits"),
    Mutant(TakesEveryStream, "test_an_unknown_stream_is_refused", "refuses a stream"),
    Mutant(KeepsARecordOfItsOwn, "test_elements_come_back_as_they_were", "without loss"),
)
