"""What agents do to a case: guarded by the state table and by the version that they saw."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from socialcrm.cases._decide import Fact, decide, evolve
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._write import Ledger
from socialcrm.errors import ConflictError, NotFound, StateError
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["command", "due_for_waking", "find_case"]


def find_case(tx: Tx, key: int) -> CaseRow:
    """Return a case by its number; that of a merged one leads to the case that took it in.

    Raises:
        NotFound: There is none.
    """
    for _ in range(100):
        row = tx.row(select(tables.cases).where(tables.cases.c.ws == tx.ws, tables.cases.c.id == key))
        if row is None:
            break
        if row.merged is None:
            return CaseRow.of(row)
        key = row.merged
    raise NotFound(f"there is no case c{key}; see the inbox for those there are")


def command(
    tx: Tx, key: int, kind: str, playbook: Playbook, *, at: int, by: str, value: str = "", version: int | None = None
) -> list[EventRow]:
    """Do something to a case.

    Args:
        tx: A writing transaction.
        key: The case's number.
        kind: ``resolve``, ``close``, ``reopen``, ``snooze``, ``wake``, ``assign``, ``tag`` or ``grade``.
        playbook: The process in force.
        at: When, in microseconds UTC.
        by: Who; not empty.
        value: The argument.
        version: The version of the case that the agent saw; ``None`` does not ask.

    Returns:
        The events.

    Raises:
        NotFound: There is no such case.
        ConflictError: It has changed since that version.
        StateError: The state table does not allow it.
    """
    case = find_case(tx, key)
    if version is not None and version != case.version:
        raise ConflictError(
            f"case c{case.id} has changed since you read it (version {version}, now {case.version}); read it again"
        )
    at = max(at, case.touched)
    fact = Fact(kind, at, case.last, actor=by, value=value)
    events = decide(case, fact, playbook, key=0, ws=tx.ws, customer=case.customer)
    if not events:
        raise StateError(f"case c{case.id} is {case.state}; {kind} is not possible from there")
    ledger = Ledger(tx)
    for event in events:
        case = evolve(case, event)
        ledger.record(case, event)
    return ledger.write()


def due_for_waking(tx: Tx, now: int) -> Sequence[int]:
    """Return the cases whose snooze is over."""
    statement = select(tables.cases.c.id).where(
        tables.cases.c.ws == tx.ws, tables.cases.c.state == "snoozed", tables.cases.c.snoozed <= now
    )
    return [row.id for row in tx.rows(statement)]
