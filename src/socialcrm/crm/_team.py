"""What a team does with cases and customers: ``crm.cases``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from socialcrm import cases, identity, ingest
from socialcrm.errors import NotFound, SettingsError
from socialcrm.store import CaseRow, Tx, number, records, tables
from socialcrm.types import Case, CaseState, Customer, Identity, Severity, micros, utc

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["Team"]


class Team:
    """Commands of agents. Each is one event in the case's audit trail, guarded by the state table.

    Every method takes a case as its short id or as a `Case`; a `Case` that has changed since it was read is refused.
    """

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    def resolve(self, case: str | Case, *, by: str) -> Case:
        """Say that the problem is solved; the customer's next word within the playbook's window reopens it."""
        return self._do(case, "resolve", by)

    def close(self, case: str | Case, *, by: str) -> Case:
        """End a case for good; what the customer says later opens a new one."""
        return self._do(case, "close", by)

    def reopen(self, case: str | Case, *, by: str) -> Case:
        """Take a resolved case up again."""
        return self._do(case, "reopen", by)

    def snooze(self, case: str | Case, until: datetime, *, by: str) -> Case:
        """Put a case aside until a time (aware); the customer's next word or ``crm.tick()`` wakes it."""
        return self._do(case, "snooze", by, str(micros(utc(until))))

    def wake(self, case: str | Case, *, by: str) -> Case:
        """Take a snoozed case up again."""
        return self._do(case, "wake", by)

    def assign(self, case: str | Case, agent: str, *, by: str) -> Case:
        """Give a case to an agent; empty text gives it to nobody."""
        return self._do(case, "assign", by, agent)

    def grade(self, case: str | Case, severity: Severity, *, by: str) -> Case:
        """Say how bad the problem is; when an answer is due follows from it."""
        return self._do(case, "grade", by, Severity(severity).value)

    def tag(self, case: str | Case, tags: Iterable[str], *, by: str) -> Case:
        """Set a case's tags."""
        wanted = sorted({tag.strip() for tag in tags if tag.strip()})
        if any("," in tag for tag in wanted):
            raise SettingsError("a tag can't hold a comma; give several tags instead")
        return self._do(case, "tag", by, ",".join(wanted))

    def find(
        self,
        *,
        state: CaseState | None = None,
        customer: str | Customer | None = None,
        limit: int | None = None,
    ) -> list[Case]:
        """Return cases, the newest first.

        Args:
            state: Only those in this state.
            customer: Only this customer's.
            limit: At most so many.
        """
        table = tables.cases
        with self._crm.store.read() as tx:
            statement = select(table).where(table.c.ws == tx.ws, table.c.merged.is_(None))
            if state is not None:
                statement = statement.where(table.c.state == CaseState(state).value)
            if customer is not None:
                key = self.customer_key(tx, customer if isinstance(customer, str) else customer.ref)
                statement = statement.where(table.c.customer == key)
            statement = statement.order_by(table.c.opened.desc(), table.c.id.desc()).limit(limit)
            return self._crm.records_of(tx, [CaseRow.of(row) for row in tx.rows(statement)])

    def join(self, a: str | Identity | Customer, b: str | Identity | Customer, *, by: str, reason: str) -> Customer:
        """Say that two identities (or customers) are one person. Cases that span them are drawn anew.

        Args:
            a: An identity or customer, or its short id.
            b: The other one.
            by: Who says so.
            reason: Why, for whoever asks later.
        """
        return self._assert(a, b, same=True, by=by, reason=reason)

    def separate(self, a: str | Identity | Customer, b: str | Identity | Customer, *, by: str, reason: str) -> Customer:
        """Say that two identities are different people; what joined them no longer counts.

        Returns:
            The customer behind ``a``.
        """
        return self._assert(a, b, same=False, by=by, reason=reason)

    def _assert(
        self, a: str | Identity | Customer, b: str | Identity | Customer, *, same: bool, by: str, reason: str
    ) -> Customer:
        crm = self._crm
        with crm.store.write() as tx:
            first, second = self._identity_key(tx, a), self._identity_key(tx, b)
            if first == second:
                raise SettingsError("that is one and the same identity")
            now = crm.now()
            if same:
                again = identity.join(tx, [(first, second, reason)], now=now, actor=by)
            else:
                again = identity.separate(tx, first, second, reason, now=now, actor=by)
            events = cases.fold(tx, cases.Work(new=(), again=again), crm.playbook)
            people = tables.identities
            key = tx.value(select(people.c.customer).where(people.c.ws == tx.ws, people.c.id == first))
            customer = records.customers(tx, [key])[key]
        crm.announce(events)
        return customer

    def tick(self) -> int:
        """Let time pass: wakes what was snoozed until now, marks missed targets and escalates, each once."""
        crm, now = self._crm, self._crm.now()
        with crm.store.write() as tx:
            events = cases.tick(tx, now, crm.playbook)
        crm.announce(events)
        return len({event.case_id for event in events})

    def _do(self, case: str | Case, kind: str, by: str, value: str = "") -> Case:
        if not by:
            raise SettingsError(f"{kind} needs its author: by='ana'")
        crm = self._crm
        version = case.version if isinstance(case, Case) else None
        key = number("case", case if isinstance(case, str) else case.ref)
        with crm.store.write() as tx:
            events = cases.command(tx, key, kind, crm.playbook, at=crm.now(), by=by, value=value, version=version)
            shown = crm.records_of(tx, [cases.find_case(tx, key)])[0]
        crm.announce(events)
        return shown

    def customer_key(self, tx: Tx, customer: str) -> int:
        """Return the key behind a customer's short id, following merges.

        Raises:
            NotFound: There is no such customer.
        """
        key, table = number("customer", customer), tables.customers
        for _ in range(100):
            row = tx.row(select(table.c.id, table.c.merged).where(table.c.ws == tx.ws, table.c.id == key))
            if row is None:
                break
            if row.merged is None:
                return key
            key = row.merged
        raise NotFound(f"there is no customer {customer}")

    def _identity_key(self, tx: Tx, who: str | Identity | Customer) -> int:
        short = who if isinstance(who, str) else who.ref
        if short.startswith("u"):
            key = self.customer_key(tx, short)
            return number("identity", records.customers(tx, [key])[key].identities[0].ref)
        key = number("identity", short)
        if tx.row(select(tables.identities.c.id).where(tables.identities.c.ws == tx.ws, tables.identities.c.id == key)) is None:
            raise NotFound(f"there is no identity {short}")
        return key

    def raw(self, interaction: str) -> Any:
        """Return an interaction's element exactly as the platform sent it."""
        table = tables.interactions
        key = number("interaction", interaction)
        with self._crm.store.read() as tx:
            row = tx.row(select(table.c.journal, table.c.pos).where(table.c.ws == tx.ws, table.c.id == key))
            if row is None:
                raise NotFound(f"there is no interaction {interaction}")
            if row.journal is None:
                raise NotFound(f"{interaction} was sent by us and not fetched yet; sync its channel first")
            return ingest.read(tx, row.journal, row.pos).body

