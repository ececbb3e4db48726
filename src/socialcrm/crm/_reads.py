"""The reading half of the CRM object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from socialcrm import cases, inbox, journeys, measures, privacy
from socialcrm.cases import Playbook
from socialcrm.connectors import PluginManager
from socialcrm.crm._shown import Shown
from socialcrm.errors import NotFound, SettingsError, SocialCRMError
from socialcrm.journeys import Coverage, Journey, Map
from socialcrm.measures import Report
from socialcrm.privacy import Forgotten
from socialcrm.store import CaseRow, EventRow, Store, Tx, catch_up, find, number, records, tables
from socialcrm.types import Case, Conversation, Customer, Event, Interaction, Reply, Severity, micros

if TYPE_CHECKING:
    from socialcrm.crm._channels import Channels
    from socialcrm.crm._team import Team

__all__ = ["Measures", "Reads", "short"]

_log = logging.getLogger("socialcrm")


class Reads:
    """What `CRM` can show. Nothing here changes anything, but for `forget`."""

    store: Store
    clock: Callable[[], datetime]
    channels: Channels
    cases: Team
    plugins: PluginManager
    playbook: Playbook
    announce: Callable[[list[EventRow]], None]

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
    ) -> Shown[Case]:
        """Return the cases that wait for us, the greatest need first; ``case.why`` explains each one's place.

        Args:
            limit: At most so many.
            queue: Only of this queue.
            assignee: Only of this agent; empty text for those that nobody has.
            severity: Only of this severity.
        """
        with self.store.read() as tx:
            found = inbox.inbox(tx, self.now(), limit=limit, queue=queue, assignee=assignee, severity=severity)
        return Shown(found, Case)

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
    ) -> Shown[Interaction]:
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
            return Shown(records.interactions(tx, *where, limit=limit, newest=newest), Interaction)

    def stream(self, *, channel: str | None = None) -> Iterator[Interaction]:
        """Yield interactions in the order in which they happened, without holding them all.

        Args:
            channel: Only of this channel.
        """
        table = tables.interactions
        where = [table.c.channel == self.channels.row(channel).id] if channel is not None else []
        with self.store.read() as tx:
            yield from records.stream_interactions(tx, *where)

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

    def journey(self, customer: str | Customer) -> Journey:
        """Return what happened between a customer and us, across channels: with waits, and where they went on elsewhere.

        Raises:
            NotFound: There is no such customer.

        Example:
            >>> crm.journey("u7").changes  # doctest: +SKIP
        """
        now = self.now()
        with self.store.read() as tx:
            key = self._customer_key(tx, customer)
            return journeys.journey(tx, key, now, lambda row: inbox.explain(row, now))

    def map(self) -> Map:
        """Return the map of all journeys: channels, volumes, paths from channel to channel, waits.

        Example:
            >>> crm.map().paths  # doctest: +SKIP
        """
        with self.store.read() as tx:
            return journeys.journey_map(tx)

    def coverage(self) -> Coverage:
        """Return what we see of each channel and what we don't: last seen, unanswered, holes, quarantine.

        Example:
            >>> crm.coverage().to_frame()  # doctest: +SKIP
        """
        with self.store.read() as tx:
            return journeys.coverage(tx, self.now())

    def event_log(self) -> Shown[dict[str, str]]:
        """Return what happened in each case as rows for process mining (XES names), without a word of what was said.

        Example:
            >>> crm.event_log().to_frame("polars")  # doctest: +SKIP
        """
        with self.store.read() as tx:
            return Shown(journeys.event_log(tx), dict)

    def write_event_log(self, path: str | Path) -> int:
        """Write the event log as CSV, row by row; returns how many rows.

        Raises:
            SettingsError: The file can't be written.
        """
        try:
            with self.store.read() as tx, Path(path).open("w", encoding="utf-8", newline="") as file:
                return journeys.write_csv(journeys.event_log(tx), file)
        except OSError as error:
            raise SettingsError(f"{path} can't be written: {error.strerror or error}; give another path") from error

    @property
    def measures(self) -> Measures:
        """Counts and waits: ``crm.measures.report(by="channel")``."""
        return Measures(self)

    def export(self, customer: str | Customer) -> dict[str, Any]:
        """Return everything that is held about a customer, as values that ``json.dumps`` takes.

        Raises:
            NotFound: There is no such customer.
        """
        with self.store.read() as tx:
            return privacy.export(tx, self._customer_key(tx, customer))

    def forget(self, customer: str | Customer, *, by: str) -> Forgotten:
        """Erase a customer for good: names, addresses, words, and the elements that the platforms sent.

        What counts stays without them, so measures stay what they were; `socialcrm.privacy` says what remains and why.

        Args:
            customer: Who.
            by: Who decided it.

        Returns:
            What was erased; ``failed`` names plugins that could not erase their part.

        Raises:
            NotFound: There is no such customer.
            ConflictError: A reply to them is being delivered at this moment.
        """
        if not by:
            raise SettingsError("forget needs its author: by='ana'")
        parsers: dict[int, privacy.Parse] = {}
        for row in self.channels.rows():
            try:
                parsers[row.id] = self.channels.connector(row).parse
            except SocialCRMError as error:
                _log.warning("the channel %s has no parser (%s); its elements are searched for telling words", row.name, error)
        with self.store.write() as tx:
            key = self._customer_key(tx, customer)
            who = records.customers(tx, [key])[key]
            done = privacy.forget(tx, key, now=self.now(), by=by, playbook=self.playbook, parsers=parsers)
        privacy.empty_log(self.store)
        self.announce(done.events)
        return attrs.evolve(done, failed=self._ask_plugins_to_forget(who))

    def _ask_plugins_to_forget(self, customer: Customer) -> dict[str, str]:
        failed = {}
        for implementation in self.plugins.hook.socialcrm_forget.get_hookimpls():
            try:
                implementation.function(customer=customer)
            except Exception as error:  # noqa: BLE001 - what is erased here stays erased, whatever a plugin does
                failed[implementation.plugin_name] = f"{type(error).__name__}: {error}"
        return failed

    def search(self, query: str, *, limit: int = 50) -> Shown[Interaction]:
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
        return Shown(sorted(found, key=lambda one: order[one.ref]), Interaction)

    def raw(self, interaction: str | Interaction) -> Any:
        """Return an interaction's element exactly as the platform sent it.

        Raises:
            NotFound: There is no such interaction, or it was not fetched yet (a reply just sent).
        """
        return self.cases.raw(short(interaction))


class Measures:
    """Counts and waits, each with a written definition: ``crm.measures``."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    @property
    def definitions(self) -> dict[str, str]:
        """What each measure counts, by its name."""
        return {name: measure.definition for name, measure in measures.MEASURES.items()}

    def report(self, *, since: datetime | None = None, until: datetime | None = None, by: str | None = None) -> Report:
        """Measure a period, as a whole and in parts.

        Args:
            since: Its begin, aware; the beginning of everything by default.
            until: Its end, aware; now by default.
            by: ``channel``, ``severity``, ``queue`` or ``day``.

        Raises:
            SettingsError: It can't be divided by that, or ends before it begins.

        Example:
            >>> print(crm.measures.report(by="channel"))  # doctest: +SKIP
        """
        with self._reads.store.read() as tx:
            extra: dict[str, Any] = {}
            for told in self._reads.plugins.hook.socialcrm_measures():
                extra.update({name: function(tx) for name, function in told.items()})
            return measures.report(tx, self._reads.now(), since, until, by, extra)


def short(record: str | Case | Customer | Interaction | Reply) -> str:
    """Return a record's short id, or the text that is one."""
    return record if isinstance(record, str) else record.ref
