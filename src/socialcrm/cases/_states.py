"""The state table of cases, and the marks that a case carries."""

from __future__ import annotations

from socialcrm.types import CaseState

__all__ = ["ESCALATED", "LATE_ANSWER", "LATE_SOLUTION", "PARALLEL", "TRANSITIONS"]

TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset({CaseState.OPEN, CaseState.PENDING, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.OPEN: frozenset({CaseState.PENDING, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.PENDING: frozenset({CaseState.OPEN, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.SNOOZED: frozenset({CaseState.OPEN, CaseState.PENDING, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.RESOLVED: frozenset({CaseState.OPEN, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset(),
}
"""Which state may follow which. A closed case stays closed: what the customer says later opens a new one."""

LATE_ANSWER = 1
"""The answer that is due now is late; gone with the answer."""

LATE_SOLUTION = 2
"""The solution is late."""

ESCALATED = 4
"""It was escalated; that happens once."""

PARALLEL = 8
"""The customer has several cases at a time: it takes their whole history to tell which one something belongs to."""
