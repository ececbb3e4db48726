"""The event log is the truth, the table of cases its projection: rebuilding it gives the same rows."""

from __future__ import annotations

from sqlalchemy import select

from socialcrm.cases._evolve import evolve
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["differences", "rebuild"]


def rebuild(tx: Tx) -> dict[int, CaseRow]:
    """Fold the whole event log of the workspace.

    Returns:
        Every case by its number, as the log tells it.
    """
    cases: dict[int, CaseRow] = {}
    log = select(tables.events).where(tables.events.c.ws == tx.ws).order_by(tables.events.c.seq)
    result = tx.connection.execution_options(yield_per=5000).execute(log)
    for row in result:
        event = EventRow.of(row)
        cases[event.case_id] = evolve(cases.get(event.case_id), event)
    return cases


def differences(tx: Tx) -> list[int]:
    """Return the numbers of the cases whose row is not what the log says; empty when all is well."""
    told = rebuild(tx)
    rows = {row.id: CaseRow.of(row) for row in tx.rows(select(tables.cases).where(tables.cases.c.ws == tx.ws))}
    return sorted(key for key in told.keys() | rows.keys() if told.get(key) != rows.get(key))
