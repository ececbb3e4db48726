"""The reading half of the CRM object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from socialcrm import cases, inbox
from socialcrm.errors import NotFound
from socialcrm.store import CaseRow, Store, Tx, catch_up, find, number, records, tables
from socialcrm.types import Case, Conversation, Customer, Event, Interaction, Reply, Severity, micros

if TYPE_CHECKING:
    from socialcrm.crm._channels import Channels
    from socialcrm.crm._team import Team

__all__ = ["Reads", "short"]


class Reads:
    """What `CRM` can show. Nothing here changes anything."""

    store: Store
    clock: Callable[[], datetime]
    channels: Channels
    cases: Team

    def now(self) -> int:
        """Return our time in microseconds UTC."""
        return micros(self.clock())

    def inbox(
        self,
        *,
        limit: int = 50,
        queue: str | None = None,
        assignee: str | None = None,
        severity: Severity | None = None,
    ) -> list[Case]:
        """Return the cases that wait for us, the greatest need first; ``case.why`` explains each one's place.

        Args:
            limit: At most so many.
            queue: Only of this queue.
            assignee: Only of this agent; empty text for those that nobody has.
            severity: Only of this severity.
        """
        with self.store.read() as tx:
            return inbox.inbox(tx, self.now(), limit=limit, queue=queue, assignee=assignee, severity=severity)

    def case(self, case: str | Case) -> Case:
        """Return a case as it stands now; that of a merged one leads to the one that took it in.

        Raises:
            NotFound: There is no such case.
        """
        with self.store.read() as tx:
            row = cases.find_case(tx, number("case", short(case)))
            return self.records_of(tx, [row])[0]

    def records_of(self, tx: Tx, rows: list[CaseRow]) -> list[Case]:
        """Return cases as users see them, in the order of their rows."""
        now = self.now()
        return records.cases(tx, rows, lambda row: inbox.explain(row, now))

    def interactions(
        self,
        *,
        case: str | Case | None = None,
        customer: str | Customer | None = None,
        thread: str | None = None,
        channel: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[Interaction]:
        """Return interactions in the order in which they happened.

        Args:
            case: Only of this case.
            customer: Only of this customer's matters.
            thread: Only of this conversation.
            channel: Only of this channel.
            limit: At most so many.
            newest: The newest first.
        """
        table = tables.interactions
        where = []
        with self.store.read() as tx:
            if case is not None:
                row = cases.find_case(tx, number("case", short(case)))
                where += [table.c.customer == row.customer, table.c.case_id == row.id]
            if customer is not None:
                where.append(table.c.customer == self._customer_key(tx, customer))
            if thread is not None:
                where.append(table.c.conversation == number("conversation", thread))
            if channel is not None:
                where.append(table.c.channel == self.channels.row(channel).id)
            return records.interactions(tx, *where, limit=limit, newest=newest)

    def conversation(self, thread: str) -> Conversation:
        """Return a conversation with everything in it.

        Raises:
            NotFound: There is no such conversation.
        """
        found = self.interactions(thread=thread)
        if not found:

            raise NotFound(f"there is no conversation {thread}")
        first = found[0]
        return Conversation(ref=first.thread, channel=first.channel, key=first.conversation, interactions=tuple(found))

    def customer(self, customer: str) -> Customer:
        """Return a customer with all identities; the id of one who was merged leads to whom they were merged into.

        Raises:
            NotFound: There is no such customer.
        """
        with self.store.read() as tx:
            key = self._customer_key(tx, customer)
            return records.customers(tx, [key])[key]

    def _customer_key(self, tx: Tx, customer: str | Customer) -> int:
        return self.cases.customer_key(tx, short(customer))

    def events(self, case: str | Case) -> list[Event]:
        """Return the audit trail of a case, oldest first."""
        with self.store.read() as tx:
            row = cases.find_case(tx, number("case", short(case)))
            return records.events(tx, tables.events.c.case_id == row.id)

    def search(self, query: str, *, limit: int = 50) -> list[Interaction]:
        """Find interactions by their words, newest first.

        Args:
            query: Words that all have to occur; ``"a phrase"``; ``begin*``.
            limit: At most so many.
        """
        with self.store.write() as tx:
            catch_up(tx)
        with self.store.read() as tx:
            keys = find(tx, query, limit=limit)
            found = records.interactions(tx, tx.sets.among(tables.interactions.c.id, "keys"), keys=keys)
        order = {f"i{key}": place for place, key in enumerate(keys)}
        return sorted(found, key=lambda one: order[one.ref])

    def raw(self, interaction: str | Interaction) -> Any:
        """Return an interaction's element exactly as the platform sent it.

        Raises:
            NotFound: There is no such interaction, or it was not fetched yet (a reply just sent).
        """
        return self.cases.raw(short(interaction))


def short(record: str | Case | Customer | Interaction | Reply) -> str:
    """Return a record's short id, or the text that is one."""
    return record if isinstance(record, str) else record.ref
