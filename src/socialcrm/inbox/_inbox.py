"""What needs an answer, in order of need.

The order is stored: a case's ``need`` is the time at which it counts as due, so the inbox is a scan of one index, at any size,
and the order does not depend on the moment at which one looks.
"""

from __future__ import annotations

from sqlalchemy import select

from socialcrm.store import CaseRow, Tx, records, tables
from socialcrm.types import Case, Severity

__all__ = ["explain", "inbox"]


def inbox(
    tx: Tx,
    now: int,
    *,
    limit: int = 50,
    queue: str | None = None,
    assignee: str | None = None,
    severity: Severity | None = None,
) -> list[Case]:
    """Return the cases that wait for us, the greatest need first.

    Args:
        tx: Any transaction.
        now: Our time, in microseconds UTC; only for the words of ``why``.
        limit: At most so many.
        queue: Only of this queue.
        assignee: Only of this agent; empty text for those that nobody has.
        severity: Only of this severity.
    """
    table = tables.cases
    statement = select(table).where(table.c.ws == tx.ws, table.c.need.is_not(None)).order_by(table.c.need, table.c.id)
    if queue is not None:
        statement = statement.where(table.c.queue == queue)
    if assignee is not None:
        statement = statement.where(table.c.assignee == assignee)
    if severity is not None:
        statement = statement.where(table.c.severity == severity.value)
    rows = [CaseRow.of(row) for row in tx.rows(statement.limit(limit))]
    return records.cases(tx, rows, lambda row: explain(row, now))


def explain(case: CaseRow, now: int) -> str:
    """Say in words why a case stands where it does.

    Args:
        case: Which.
        now: Our time, in microseconds UTC.
    """
    if case.waiting is None or case.due is None:
        return {
            "pending": "we wait for the customer",
            "resolved": "resolved",
            "closed": "closed",
        }.get(case.state, "nothing to answer")
    parts = [f"waits {_span(now - case.waiting)}"]
    parts.append(f"overdue by {_span(now - case.due)}" if now > case.due else f"due in {_span(case.due - now)}")
    if case.severity != Severity.NORMAL:
        parts.append(f"{case.severity} severity")
    if case.entitlement:
        parts.append(f"contract {case.entitlement}")
    if case.contacts > 1:
        parts.append(f"wrote {case.contacts} times")
    if case.state == "snoozed":
        parts.append("snoozed")
    return ", ".join(parts)


def _span(micros: int) -> str:
    minutes = max(micros, 0) // 60_000_000
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 and hours < 10 else f"{hours} h"
    return f"{hours // 24} days"
