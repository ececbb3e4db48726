"""What is known about a case besides what its line in the inbox shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, frozen

from socialcrm.cases._evolve import more_of
from socialcrm.cases._states import ESCALATED, LATE_ANSWER, LATE_SOLUTION
from socialcrm.store import CaseRow, ref
from socialcrm.types import from_micros

__all__ = ["CaseDetail", "detail_of"]


@frozen(kw_only=True)
class CaseDetail:
    """What a `Case` does not show.

    Args:
        playbook: The version that it is under.
        reason: Why it is pending, resolved or closed.
        claimed_by: Who is at it; empty for nobody.
        claimed_until: Until when.
        fields: Custom fields.
        follows: The case that it follows.
        entitlement: The contract under which it is handled.
        resolve_by: By when it should be resolved; ``None`` while that clock stands still, or where there is no target.
        late_answer: The answer that is due now is late.
        late_solution: The solution is late.
        escalated: It was escalated.
    """

    playbook: str
    reason: str = ""
    claimed_by: str = ""
    claimed_until: datetime | None = None
    fields: Mapping[str, Any] = Factory(dict)
    follows: str = ""
    entitlement: str = ""
    resolve_by: datetime | None = None
    late_answer: bool = False
    late_solution: bool = False
    escalated: bool = False


def detail_of(row: CaseRow) -> CaseDetail:
    """Return the details of a case."""
    more = more_of(row)
    return CaseDetail(
        playbook=row.playbook,
        reason=more.get("reason", ""),
        claimed_by=more.get("claimant", ""),
        claimed_until=from_micros(more["claimed"]) if "claimed" in more else None,
        fields=more.get("fields", {}),
        follows=ref("case", more["follows"]) if "follows" in more else "",
        entitlement=row.entitlement,
        resolve_by=from_micros(row.resolve_by) if row.resolve_by is not None else None,
        late_answer=bool(row.flags & LATE_ANSWER),
        late_solution=bool(row.flags & LATE_SOLUTION),
        escalated=bool(row.flags & ESCALATED),
    )
