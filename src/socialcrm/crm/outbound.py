"""The outbound corridor: from a queued reply to its place in the conversation.

A reply is claimed → its connector yields calls → before each step that can't be repeated the intent is stored → the receipt
is stored, in one transaction with the interaction it became and what that means for the case. After a crash, a reply with an
open intent is settled, never sent again blindly; one without goes on from its cursor.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve
from sqlalchemy import select

from socialcrm import cases, identity, ingest, outbox
from socialcrm.cases import Playbook
from socialcrm.connectors import Batch, Connector, Flow, Outgoing, Receipt, Step
from socialcrm.crm._accounts import ChannelRow
from socialcrm.crm._blame import guarded
from socialcrm.crm._reports import FlushReport
from socialcrm.errors import RetryError, SocialCRMError, UnclearError
from socialcrm.outbox import Letter
from socialcrm.store import BEHIND, EventRow, Store, Tx, catch_up, ref, tables
from socialcrm.types import Direction, Identity, Interaction, Kind, Visibility, from_micros, micros

__all__ = ["Delivery", "message_of"]

_LONGEST = timedelta(hours=1)
_GONE = (
    "the platform shows only the message that it could not deliver before; whether the new one arrived can't be told: look "
    "there, then decide"
)


def message_of(letter: Letter) -> Outgoing:
    """Return the message exactly as it was stored, the same at every attempt."""
    told = letter.message
    return Outgoing(
        id=told["id"],
        conversation=told["conversation"],
        parts=tuple(told["parts"]),
        reply_to=told["reply_to"],
        scope=told["scope"],
        to=told["to"],
        to_handle=told["to_handle"],
        visibility=Visibility(told["visibility"]),
        subject=told["subject"],
        references=tuple(told["references"]),
        media=tuple(outbox.blob_of(one) for one in told.get("media", ())),
        at=from_micros(told["at"]),
    )


class Delivery:
    """One reply on its way out.

    Args:
        store: The workspace's store.
        channel: Where it leaves.
        connector: Who speaks there.
        letter: The claimed row.
        playbook: The process in force.
        clock: The time, aware UTC.
        announce: Told of the events that a reply brings, once they are durable.
    """

    def __init__(
        self,
        store: Store,
        channel: ChannelRow,
        connector: Connector[Any],
        letter: Letter,
        *,
        playbook: Playbook,
        clock: Callable[[], datetime],
        announce: Callable[[list[EventRow]], None],
    ) -> None:
        self.store = store
        self.channel = channel
        self.connector = connector
        self.letter = letter
        self.message = message_of(letter)
        self._playbook = playbook
        self._clock = clock
        self._announce = announce
        self._settling = bool(letter.intent) or letter.state == "unknown"
        self._intended: Step[object] | None = None
        self._acted = False

    def flow(self) -> Flow[Receipt | None]:
        """Return what to drive: the send, or the question whether it arrived."""
        return guarded(self._attempt, self.channel.platform)

    def _attempt(self) -> Flow[Receipt | None]:
        count = len(self.message.parts)
        while True:
            message, cursor = self._next()
            if self._settling:
                receipt = yield from self.connector.settle(message, cursor)
                if receipt is None:
                    with self.store.write() as tx:
                        outbox.keep(tx, self.letter, {})
                    self._settling = False
                    continue
            else:
                receipt = yield from self._send(message, cursor)
            end = len(message.parts)
            if receipt is None or end == count:
                return receipt
            # what comes next in the reply has stood there since an earlier try
            self.letter.ids = (*receipt.ids, *self.letter.ids[end:])
            self.commit(Batch((), {**outbox.rows(receipt.ids, end), **self.letter.cursor}))
            if outbox.left(self.letter.cursor) == count:
                return evolve(receipt, ids=self.letter.ids)
            self._settling = False

    def _next(self) -> tuple[Outgoing, dict[str, str]]:
        """Return what to bring now: the reply up to the end of the first parts that do not stand there.

        To a connector that looks like any reply that was interrupted: what comes before has left, and the rest has not.
        """
        cursor, count = self.letter.cursor, len(self.message.parts)
        first, end = outbox.gap(cursor, count)
        if not self.letter.ids or end == count:
            return self.message, dict(cursor)
        return evolve(self.message, parts=self.message.parts[:end]), outbox.until(cursor, first)

    def _send(self, message: Outgoing, cursor: dict[str, str]) -> Flow[Receipt | None]:
        outbox.unchanged(message.media)
        if self.letter.message.get("moves") and self.connector.info.capabilities.move_to_private:
            return (yield from self.connector.move_to_private(message, cursor))
        return (yield from self.connector.send(message, cursor))

    def intend(self, step: Step[object]) -> None:
        """Store that a step which can't be repeated comes next; questions of ``settle`` leave no mark."""
        if not self._settling:
            with self.store.write() as tx:
                outbox.intend(tx, self.letter.id, type(step).__name__)
            self.letter.intent = type(step).__name__
            self._intended, self._acted = step, False

    def progress(self, step: Step[object]) -> None:
        """Take note that the step which can't be repeated has happened."""
        self._acted = self._acted or step is self._intended

    def commit(self, batch: Batch) -> None:
        """Store the progress of a send of several steps."""
        if outbox.names_gone(self.letter.message, batch.cursor):
            raise UnclearError(_GONE)
        self._intended, self._acted = None, False
        with self.store.write() as tx:
            outbox.keep(tx, self.letter, batch.cursor)

    def done(self, receipt: Receipt | None, report: FlushReport) -> None:
        """Store the receipt, the interaction it is, and what it means for the case: one transaction."""
        name = ref("reply", self.letter.id)
        if receipt is None:
            self.failed(UnclearError("the platform confirmed nothing"), report)
            return
        if outbox.names_gone(self.letter.message, outbox.rows(receipt.ids, len(receipt.ids))):
            self.failed(UnclearError(_GONE), report)
            return
        now = micros(self._clock())
        state = "reconciled" if self._settling else "sent"
        with self.store.write() as tx:
            at = micros(receipt.at) if receipt.at is not None else now
            events = self._remember(tx, receipt, at, now)
            failed = ingest.link_reply(tx, self.channel.id, self._scope(receipt), receipt.ids, self.letter.id)
            error = outbox.delivered(tx, self.letter.id, state, receipt.ids, sent=at, failed=failed)
            catch_up(tx, behind=BEHIND)
        self._announce(events)
        if error:
            report.failed[name] = error
        else:
            (report.reconciled if self._settling else report.sent).append(name)

    @property
    def acted(self) -> bool:
        """Whether the last step that can't be repeated has happened."""
        return self._acted

    def refused(self) -> None:
        """Take note that the platform said no: whatever step came before, nothing stands there."""
        self._acted = False

    def failed(self, error: SocialCRMError, report: FlushReport) -> None:
        """Store why it did not go out, and what happens next."""
        name, key, reason = ref("reply", self.letter.id), self.letter.id, str(error)
        with self.store.write() as tx:
            if self._is_unclear(error):
                later = micros(self._clock() + _wait(self.letter.attempts, None))
                outbox.postpone(tx, key, "unknown", later, reason)
                report.unknown[name] = reason
            elif isinstance(error, RetryError):
                outbox.intend(tx, key, "")
                later = micros(self._clock() + _wait(self.letter.attempts, error.retry_after))
                outbox.postpone(tx, key, "queued", later, reason)
                report.postponed[name] = reason
            else:
                reason += self._partly()
                outbox.failed(tx, key, reason)
                report.failed[name] = reason

    def _is_unclear(self, error: SocialCRMError) -> bool:
        """Tell whether the message may stand on the platform all the same."""
        return isinstance(error, UnclearError) or self._acted or self._settling

    def _partly(self) -> str:
        count, there = len(self.message.parts), outbox.left(self.letter.cursor)
        return f"; {there} of {count} parts stand there, another try sends the rest" if 0 < there < count else ""

    def _scope(self, receipt: Receipt) -> str:
        return receipt.scope if receipt.scope is not None else self.message.scope

    def _remember(self, tx: Tx, receipt: Receipt, at: int, now: int) -> list[EventRow]:
        """Put what we sent into the conversation, as fetching it will confirm."""
        account = self.channel.accounts[0] if self.channel.accounts else None
        author = Identity(
            id=account.id if account else self.channel.name,
            name=account.name if account else self.channel.name,
            handle=account.handle if account else "",
            url=account.url if account else "",
        )
        message, found = self.message, []
        scope = self._scope(receipt)
        # an id means something only in its own namespace
        parent = message.reply_to if scope == message.scope else None
        for place, (one, text) in enumerate(zip(receipt.ids, message.parts, strict=False)):
            item = Interaction(
                id=one,
                scope=scope,
                at=from_micros(at + place),
                author=author,
                conversation=receipt.conversation if receipt.conversation is not None else message.conversation,
                parent=parent,
                references=message.references,
                kind=Kind(self.letter.message["kind"]),
                direction=Direction.OUTBOUND,
                visibility=message.visibility,
                text=text,
                subject=message.subject,
                url=receipt.url,
            )
            found.append(item)
            parent = one
        people = identity.recognise(tx, self.channel.platform, ingest.authors_of(found), now)
        source = ingest.Source(channel=self.channel.id, journal=None, received=now, ours=self.channel.ours)
        authors = {name: (known.identity, known.customer) for name, known in people.by_account.items()}
        seen = {item.id: self.letter.seen for item in found}
        placed = ingest.place(tx, source, found, [0] * len(found), authors, seen=seen)
        for row in placed.new:
            if row.party is None:
                row.party = self.letter.identity
                row.customer = self._customer(tx)
        events = cases.fold(tx, cases.Work(new=placed.new, again={**placed.again, **people.again}), self._playbook)
        ingest.finish(tx, placed)
        return events

    def _customer(self, tx: Tx) -> int | None:
        table = tables.identities
        found = tx.value(select(table.c.customer).where(table.c.ws == tx.ws, table.c.id == self.letter.identity))
        return int(found) if found is not None else None


def _wait(attempts: int, asked: float | None) -> timedelta:
    """Return how long until the next attempt: what the platform asked for, else doubling from half a minute to an hour."""
    if asked is not None:
        return timedelta(seconds=asked)
    return min(timedelta(seconds=30 * 2 ** min(attempts, 10)), _LONGEST)
