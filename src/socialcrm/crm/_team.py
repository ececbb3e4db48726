"""What a team does with cases and customers: ``crm.cases``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field
from sqlalchemy import select

from socialcrm import cases, identity, ingest
from socialcrm.crm._process import Incidents
from socialcrm.errors import ConflictError, NotFound, SettingsError, SocialCRMError, StateError
from socialcrm.store import CaseRow, EventRow, Tx, number, records, ref, tables
from socialcrm.types import Case, CaseState, Customer, Identity, Interaction, Severity, micros, utc

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["BulkReport", "Team"]

_BULK = ("resolve", "close", "reopen", "pend", "assign", "grade", "move", "tag")


@define(kw_only=True)
class BulkReport:
    """What came of doing the same to many cases: short ids, and why some were refused."""

    done: list[str] = field(factory=list)
    refused: dict[str, str] = field(factory=dict)


class Team:
    """Commands of agents. Each is one event in the case's audit trail, guarded by the state table.

    Every method takes a case as its short id or as a `Case`; a `Case` that has changed since it was read is refused.
    """

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self.incidents = Incidents(crm)

    def resolve(self, case: str | Case, *, by: str, reason: str = "") -> Case:
        """Say that the problem is solved; the customer's next word within the playbook's window reopens it."""
        return self._do(case, "resolve", by, reason)

    def close(self, case: str | Case, *, by: str, reason: str = "") -> Case:
        """End a case for good (``reason="spam"``, say); what the customer says later opens a new one."""
        return self._do(case, "close", by, reason)

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

    def pend(self, case: str | Case, reason: str, *, by: str) -> Case:
        """Say that we wait for the customer, and for what; the clock of the solution stands still meanwhile."""
        return self._do(case, "pend", by, reason)

    def move(self, case: str | Case, queue: str, *, by: str) -> Case:
        """Put a case into another queue; when an answer is due follows from it."""
        return self._do(case, "move", by, queue)

    def claim(self, case: str | Case, *, by: str, minutes: float = 15) -> Case:
        """Say that one is at it: until then others can't change the case, and whoever read it before has to read it again."""
        until = self._crm.now() + int(minutes * 60_000_000)
        return self._do(case, "claim", by, str(until))

    def release(self, case: str | Case, *, by: str) -> Case:
        """Give up a claim."""
        return self._do(case, "claim", by)

    def describe(self, case: str | Case, fields: Mapping[str, str | int | float | bool], *, by: str) -> Case:
        """Set a case's custom fields."""
        return self._do(case, "describe", by, json.dumps(dict(fields), sort_keys=True))

    def note(self, case: str | Case, text: str, *, by: str) -> cases.Note:
        """Write something about a case for other agents; ``@ana`` mentions one. Never seen by the customer."""
        if not text.strip():
            raise SettingsError("an empty note tells nobody anything")
        crm, key = self._crm, number("case", case if isinstance(case, str) else case.ref)
        with crm.store.write() as tx:
            row, now = cases.find_case(tx, key), crm.now()
            place = cases.add_note(tx, row.id, text, by=by, at=now)
            events = cases.command(tx, row.id, "annotate", crm.playbook, at=now, by=by, value=str(place))
            written = cases.notes_of(tx, row.id)[-1]
        crm.announce(events)
        return written

    def notes(self, case: str | Case) -> list[cases.Note]:
        """Return a case's notes, oldest first."""
        with self._crm.store.read() as tx:
            return cases.notes_of(tx, cases.find_case(tx, number("case", case if isinstance(case, str) else case.ref)).id)

    def detail(self, case: str | Case) -> cases.CaseDetail:
        """Return what a `Case` does not show: reason, claim, fields, solution clock, missed targets, playbook."""
        with self._crm.store.read() as tx:
            row = cases.find_case(tx, number("case", case if isinstance(case, str) else case.ref))
        return cases.detail_of(row)

    def merge(self, case: str | Case, into: str | Case, *, by: str) -> Case:
        """Let a case take in another one of the same customer; the number of the other leads to it.

        Raises:
            StateError: They belong to different customers, or the taking one is closed.
        """
        heir = number("case", into if isinstance(into, str) else into.ref)
        return self._redraw(case, by, lambda tx, key, told: cases.merge(tx, key, heir, self._crm.playbook, **told), heir)

    def split(self, case: str | Case, interactions: Iterable[str | Interaction], *, by: str) -> Case:
        """Take interactions out of a case (the customer's, and our answers to them); they make a case of their own.

        Returns:
            The new case.
        """
        parts = [number("interaction", one if isinstance(one, str) else one.ref) for one in interactions]
        self._redraw(case, by, lambda tx, key, told: cases.split(tx, key, parts, self._crm.playbook, **told), None)
        table = tables.interactions
        with self._crm.store.read() as tx:
            key = tx.value(select(table.c.case_id).where(table.c.ws == tx.ws, table.c.id == parts[0]))
            return self._crm.records_of(tx, [cases.find_case(tx, key)])[0]

    def follow_up(self, case: str | Case, *, by: str, reason: str = "") -> Case:
        """Open a case after another one, for what is left to do; the customer's next word goes there."""
        crm, key = self._crm, number("case", case if isinstance(case, str) else case.ref)
        with crm.store.write() as tx:
            events = cases.follow(tx, key, crm.playbook, at=crm.now(), by=by, reason=reason)
            shown = crm.records_of(tx, [cases.find_case(tx, events[0].case_id)])[0]
        crm.announce(events)
        return shown

    def _redraw(
        self, case: str | Case, by: str, act: Callable[[Tx, int, dict[str, Any]], list[EventRow]], shows: int | None
    ) -> Case:
        if not by:
            raise SettingsError("moving what belongs to a case needs its author: by='ana'")
        crm, key = self._crm, number("case", case if isinstance(case, str) else case.ref)
        told = {"at": crm.now(), "by": by, "version": case.version if isinstance(case, Case) else None}
        with crm.store.write() as tx:
            events = act(tx, key, told)
            shown = crm.records_of(tx, [cases.find_case(tx, shows if shows is not None else key)])[0]
        crm.announce(events)
        return shown

    def each(self, chosen: Iterable[str | Case], verb: str, value: str = "", *, by: str) -> BulkReport:
        """Do the same to many cases; one that can't be done does not stop the others.

        Args:
            chosen: Which.
            verb: ``resolve``, ``close``, ``reopen``, ``pend``, ``assign``, ``grade``, ``move`` or ``tag``.
            value: The reason, agent, severity, queue, or tags separated by commas.
            by: Who.
        """
        if verb not in _BULK:
            raise SettingsError(f"{verb!r} can't be done to many cases; what can: {', '.join(_BULK)}")
        report = BulkReport()
        for case in chosen:
            name = case if isinstance(case, str) else case.ref
            try:
                report.done.append(self._do(case, verb, by, value).ref)
            except (StateError, ConflictError, NotFound) as error:
                report.refused[name] = str(error)
        return report

    def know(
        self,
        customer: str | Customer,
        *,
        by: str,
        tags: Iterable[str] = (),
        entitlement: str = "",
        since: datetime | None = None,
    ) -> None:
        """Say what rules may know about a customer from now on: tags and contract. What was decided before stays.

        Args:
            customer: Who.
            by: Who says so.
            tags: All their tags; ``blocked`` makes whatever they say open nothing.
            entitlement: Their contract.
            since: From when on, if not from now.
        """
        crm = self._crm
        at = crm.now() if since is None else micros(utc(since))
        with crm.store.write() as tx:
            identity_key = self._identity_key(tx, customer)
            key = self.customer_key(tx, customer if isinstance(customer, str) else customer.ref)
            wanted = {tag.strip() for tag in tags if tag.strip()}
            cases.describe_customer(tx, identity_key, at=at, tags=wanted, entitlement=entitlement, actor=by)
            events = cases.fold(tx, cases.Work(again={key: key}), crm.playbook)
        crm.announce(events)

    def block(self, customer: str | Customer, *, by: str) -> None:
        """Let nothing that a customer says from now on open or reopen a case: for spammers."""
        with self._crm.store.read() as tx:
            key = self.customer_key(tx, customer if isinstance(customer, str) else customer.ref)
            tags, entitlement = cases.Profiles.load(tx, {key}).at(key, self._crm.now())
        self.know(customer, by=by, tags={*tags, cases.BLOCKED}, entitlement=entitlement)

    def route(self) -> dict[str, str]:
        """Hand out the waiting cases that nobody has, as the playbook says; the reason stands in the audit trail.

        Returns:
            For each case that nobody could take, why.
        """
        crm = self._crm
        with crm.store.write() as tx:
            events, left = cases.assign(tx, crm.playbook, now=crm.now())
        crm.announce(events)
        return {f"c{key}": why for key, why in left.items()}

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
        """Let time pass: wakes what was snoozed, marks missed targets, escalates once, queues what rules send by themselves."""
        crm, now = self._crm, self._crm.now()
        with crm.store.write() as tx:
            events = cases.tick(tx, now, crm.playbook)
            asks = cases.take_asks(tx, crm.playbook, now)
        crm.announce(events)
        for ask in asks:
            self._send(ask)
        return len({event.case_id for event in events})

    def _send(self, ask: cases.Ask) -> None:
        """Queue an automatic message; what holds it back stands in the audit trail. It has seen nothing, so it is no answer."""
        crm, told = self._crm, f"{ask.verb} queued"
        try:
            crm._replies.reply(
                ref("case", ask.case),
                ask.text,
                by=cases.AUTOMATIC,
                to=ref("interaction", ask.interaction),
                visibility=None,
                anyway=False,
                allowed=(),
                version=None,
                automatic=True,
            )
        except SocialCRMError as error:
            told = f"{ask.verb} held back: {type(error).__name__}"
        with crm.store.write() as tx:
            now, by = crm.now(), cases.AUTOMATIC
            cases.command(tx, ask.case, "annotate", crm.playbook, at=now, by=by, value=told, rule=ask.rule)

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
