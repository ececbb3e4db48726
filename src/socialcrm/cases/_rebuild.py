"""The event log is the truth, the table of cases its projection: rebuilding it gives the same rows.

Case by case, so that one case is in memory at a time, however long the log is.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from socialcrm.cases._evolve import advance, evolve
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["differences", "rebuild"]


def rebuild(tx: Tx) -> Iterator[CaseRow]:
    """Fold the whole event log of the workspace.

    Yields:
        Every case as the log tells it, in the order of the numbers.
    """
    table = tables.events
    log = select(table).where(table.c.ws == tx.ws).order_by(table.c.case_id, table.c.seq)
    case: CaseRow | None = None
    for row in tx.connection.execution_options(yield_per=5000).execute(log):
        event = EventRow.of(row)
        if case is not None and case.id != event.case_id:
            yield case
            case = None
        case = evolve(case, event) if case is None or event.kind == "corrected" else advance(case, event)
    if case is not None:
        yield case


def differences(tx: Tx) -> list[int]:
    """Return the numbers of the cases whose row is not what the log says; empty when all is well."""
    table = tables.cases
    stored = tx.connection.execution_options(yield_per=5000).execute(
        select(table).where(table.c.ws == tx.ws).order_by(table.c.id)
    )
    rows, told = map(CaseRow.of, stored), rebuild(tx)
    row, case = next(rows, None), next(told, None)
    found = []
    while row is not None or case is not None:
        key = min(one.id for one in (row, case) if one is not None)
        here, there = (
            (row if row is not None and row.id == key else None),
            (case if case is not None and case.id == key else None),
        )
        if here != there:
            found.append(key)
        row = next(rows, None) if here is not None else row
        case = next(told, None) if there is not None else case
    return found
