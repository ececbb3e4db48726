"""Collects what a fold decided and writes it: cases, events and each customer's latest case, one statement each."""

from __future__ import annotations

from operator import attrgetter

from attrs import define, field

from socialcrm.store import CaseRow, EventRow, Tx, case_values, event_values, tables

__all__ = ["Ledger"]

_COLUMNS = tuple(column.name for column in tables.cases.columns if column.name not in ("ws", "id"))
_NARROW = (
    "state", "contacts", "waiting", "due", "need", "answered", "last_in", "last_out", "snoozed", "last", "touched",
    "playbook", "version", "flags", "alarm",
)  # fmt: skip
_USUAL = frozenset({"received", "replied", "withdrawn", "noted", "acknowledged"})
"""Events that change no other column, unless they say so in their data."""
_narrow_values = attrgetter(*_NARROW, "id")


@define
class Ledger:
    """The cases and events of one transaction."""

    tx: Tx
    cases: dict[int, CaseRow] = field(factory=dict)
    events: list[EventRow] = field(factory=list)
    _new: set[int] = field(factory=set)
    _last: dict[int, int | None] = field(factory=dict)
    _key: int | None = None

    @property
    def ws(self) -> int:
        """The workspace."""
        return self.tx.ws

    def next_case(self) -> int:
        """Return the key that the next opened case will have."""
        if self._key is None:
            self._key = self.tx.allocate(tables.cases)
        return self._key

    def opened(self, customer: int) -> int:
        """Use up the next key: a case of the customer begins with it, and is their latest.

        Returns:
            The key.
        """
        key = self.next_case()
        self._new.add(key)
        self._last[customer] = key
        self._key = None
        return key

    def latest(self, customer: int, key: int | None) -> None:
        """Say which case is the customer's latest (if any), after a fold of their whole history."""
        self._last[customer] = key

    def record(self, case: CaseRow, event: EventRow) -> None:
        """Keep a case as an event left it, and the event."""
        self.cases[case.id] = case
        self.events.append(event)

    def forget(self, since: int) -> None:
        """Drop what was recorded since there were so many events, with all that was recorded of its cases."""
        for event in self.events[since:]:
            self.cases.pop(event.case_id, None)
        del self.events[since:]

    def write(self) -> list[EventRow]:
        """Write everything.

        Returns:
            The events with their places in the log.
        """
        tx = self.tx
        wide = {event.case_id for event in self.events if event.data or event.kind not in _USUAL}
        old = [case for key, case in self.cases.items() if key not in self._new]
        tx.insert(tables.cases, [case for key, case in self.cases.items() if key in self._new], case_values)
        tx.update(tables.cases, _NARROW, [_narrow_values(case) for case in old if case.id not in wide])
        whole = [case_values(case) for case in old if case.id in wide]
        tx.update(tables.cases, _COLUMNS, ((*row[2:], row[1]) for row in whole))
        tx.update(tables.customers, ("last_case",), ((key, customer) for customer, key in self._last.items()))
        if self.events:
            seq = tx.allocate(tables.events, len(self.events))
            for place, event in enumerate(self.events, seq):
                event.seq = place
            tx.insert(tables.events, self.events, event_values)
        return self.events
