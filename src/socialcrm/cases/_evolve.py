"""What an event makes of a case: the second of the two pure functions, and the only one that changes a field."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from attrs import fields

from socialcrm.cases._states import LATE_ANSWER, LATE_SOLUTION
from socialcrm.store import CaseRow, EventRow
from socialcrm.types import CaseState

__all__ = ["advance", "begin", "correction", "evolve", "more_of"]

_NEW, _OPEN, _PENDING = CaseState.NEW.value, CaseState.OPEN.value, CaseState.PENDING.value
_SNOOZED, _RESOLVED, _CLOSED = CaseState.SNOOZED.value, CaseState.RESOLVED.value, CaseState.CLOSED.value

_SETTABLE = frozenset(
    {"severity", "queue", "assignee", "tags", "channel", "entitlement", "flags", "first", "resolve_by", "running", "spent"}
)
"""What an event may say about a case in so many words."""


def evolve(case: CaseRow | None, event: EventRow) -> CaseRow:
    """Return what an event makes of a case; the case itself stays as it is.

    Args:
        case: Before; ``None`` for an ``opened`` or ``corrected`` event.
        event: As `decide` returned it, or as read from the log.
    """
    kind = event.kind
    if kind == "opened":
        return begin(event)
    if kind == "corrected":
        told = json.loads(event.data)
        del told["missed"]
        return CaseRow(**told)
    if case is None:
        raise ValueError(f"the log begins a case with {kind!r}; it should begin with 'opened'")
    return advance(_copy(case), event)


def advance(case: CaseRow, event: EventRow) -> CaseRow:
    """Let an event that begins nothing change a case in place; for those who own it alone. Returns it."""
    at = event.at
    if at > case.touched:
        case.touched = at
    case.playbook = event.playbook
    case.version += 1
    data = None
    if event.data:
        data, settable = _told(event.data)
        for name in settable:
            setattr(case, name, data[name])
    change = _EVOLVE[event.kind]
    if change is not None:
        change(case, event, data)
    case.alarm = _alarm(case)
    return case


@lru_cache(maxsize=4096)
def _told(data: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return an event's data, to be read only, and which of it are fields: the same few texts come again and again."""
    told: dict[str, Any] = json.loads(data)
    return told, tuple(told.keys() & _SETTABLE)


def begin(event: EventRow) -> CaseRow:
    """Return the case that an ``opened`` event begins."""
    data = json.loads(event.data)
    at = event.at
    contact = event.interaction is not None
    told = data.get
    more = {name: data[name] for name in ("follows",) if name in data}
    case = CaseRow(
        event.ws, event.case_id, data["customer"], _NEW if contact else _OPEN, data["severity"], data["queue"],
        told("assignee", ""), 1 if contact else 0, at, at if contact else None, event.due, event.need, None,
        at if contact else None, None, None, None, None, event.interaction, event.interaction, at, told("tags", ""),
        event.playbook, 1, None, told("channel", ""), told("entitlement", ""), told("flags", 0), None,
        told("resolve_by"), told("running"), 0, json.dumps(more) if more else "",
    )  # fmt: skip
    case.alarm = _alarm(case)
    return case


def correction(case: CaseRow, missed: Sequence[str]) -> str:
    """Return the data of a ``corrected`` event: the whole case as late arrivals left it, and the targets that it has missed.

    It holds no message text.
    """
    return json.dumps({**{field.name: getattr(case, field.name) for field in fields(CaseRow)}, "missed": list(missed)})


def more_of(case: CaseRow) -> dict[str, Any]:
    """Return what a case holds besides its columns: ``reason``, ``claimant``, ``claimed``, ``fields``, ``follows``."""
    told: dict[str, Any] = json.loads(case.more) if case.more else {}
    return told


def _copy(c: CaseRow) -> CaseRow:
    return CaseRow(
        c.ws, c.id, c.customer, c.state, c.severity, c.queue, c.assignee, c.contacts, c.opened, c.waiting, c.due, c.need,
        c.answered, c.last_in, c.last_out, c.resolved, c.closed, c.snoozed, c.first, c.last, c.touched, c.tags, c.playbook,
        c.version, c.merged, c.channel, c.entitlement, c.flags, c.alarm, c.resolve_by, c.running, c.spent, c.more,
    )  # fmt: skip


def _alarm(case: CaseRow) -> int | None:
    """Return the last moment at which nothing happens by itself: right after it a target is missed, or a snooze is over."""
    alarm = case.due
    if alarm is not None and case.flags & LATE_ANSWER:
        alarm = None
    if case.resolve_by is not None and not case.flags & LATE_SOLUTION and (alarm is None or case.resolve_by < alarm):
        alarm = case.resolve_by
    if case.snoozed is not None and (alarm is None or case.snoozed <= alarm):
        alarm = case.snoozed - 1
    return alarm


def _rest(case: CaseRow) -> None:
    case.waiting = case.due = case.need = case.snoozed = None
    case.contacts = 0
    case.flags &= ~LATE_ANSWER


def _keep(case: CaseRow, **values: Any) -> None:
    told = {name: value for name, value in {**more_of(case), **values}.items() if value not in (None, "", {})}
    case.more = json.dumps(told, sort_keys=True) if told else ""


def _was_received(case: CaseRow, event: EventRow, _: Any) -> None:
    case.contacts += 1
    if case.waiting is None:
        case.waiting = event.at
    case.due, case.need = event.due, event.need
    case.last_in = event.at
    case.last = event.interaction
    case.snoozed = None
    if case.state != _NEW:
        case.state = _OPEN


def _was_replied(case: CaseRow, event: EventRow, _: Any) -> None:
    case.last_out = event.at
    case.last = event.interaction
    if case.answered is None:
        case.answered = event.at
    if case.state not in (_RESOLVED, _CLOSED):
        case.state = _PENDING
        _rest(case)


def _was_withdrawn(case: CaseRow, event: EventRow, _: Any) -> None:
    case.contacts = max(case.contacts - 1, 0)
    case.due, case.need = event.due, event.need
    if case.contacts == 0:
        _rest(case)
        if case.state == _OPEN:
            case.state = _PENDING


def _was_resolved(case: CaseRow, event: EventRow, data: Any) -> None:
    case.state, case.resolved = _RESOLVED, event.at
    _rest(case)
    _keep(case, reason=data.get("reason") if data else None)


def _was_closed(case: CaseRow, event: EventRow, data: Any) -> None:
    case.state, case.closed = _CLOSED, event.at
    case.running = case.resolve_by = None
    _rest(case)
    _keep(case, reason=data.get("reason") if data else None)


def _was_reopened(case: CaseRow, event: EventRow, _: Any) -> None:
    case.state, case.resolved = _OPEN, None
    case.due, case.need = event.due, event.need
    _keep(case, reason=None)


def _was_pended(case: CaseRow, _: EventRow, data: Any) -> None:
    case.state = _PENDING
    _rest(case)
    _keep(case, reason=data.get("reason") if data else None)


def _was_snoozed(case: CaseRow, _: EventRow, data: Any) -> None:
    case.state, case.need = _SNOOZED, None
    case.snoozed = int(data["value"])


def _was_woken(case: CaseRow, event: EventRow, _: Any) -> None:
    case.state = _OPEN if case.waiting is not None else _PENDING
    case.snoozed, case.due, case.need = None, event.due, event.need


def _was_assigned(case: CaseRow, _: EventRow, data: Any) -> None:
    case.assignee = data["value"] if data and "value" in data else ""


def _was_tagged(case: CaseRow, _: EventRow, data: Any) -> None:
    case.tags = data["value"] if data else ""


def _was_judged_anew(case: CaseRow, event: EventRow, _: Any) -> None:
    if event.due is not None:
        case.due = event.due
        case.need = event.need if case.state != _SNOOZED else None


def _was_claimed(case: CaseRow, event: EventRow, data: Any) -> None:
    until = data["value"] if data and "value" in data else ""
    _keep(case, claimant=event.actor if until else None, claimed=int(until) if until else None)


def _was_described(case: CaseRow, _: EventRow, data: Any) -> None:
    _keep(case, fields=json.loads(data["value"]) if data and "value" in data else {})


def _was_merged(case: CaseRow, event: EventRow, data: Any) -> None:
    case.state, case.closed = _CLOSED, event.at
    case.merged = int(data["value"])
    case.running = case.resolve_by = None
    _rest(case)


def _has_absorbed(case: CaseRow, event: EventRow, data: Any) -> None:
    for name, value in data["case"].items():
        setattr(case, name, value)
    case.due, case.need = event.due, event.need


_EVOLVE: dict[str, Callable[[CaseRow, EventRow, Any], None] | None] = {
    "received": _was_received,
    "replied": _was_replied,
    "acknowledged": None,
    "withdrawn": _was_withdrawn,
    "breached": _was_judged_anew,
    "resolved": _was_resolved,
    "closed": _was_closed,
    "reopened": _was_reopened,
    "pended": _was_pended,
    "snoozed": _was_snoozed,
    "woken": _was_woken,
    "assigned": _was_assigned,
    "tagged": _was_tagged,
    "graded": _was_judged_anew,
    "moved": _was_judged_anew,
    "migrated": _was_judged_anew,
    "claimed": _was_claimed,
    "described": _was_described,
    "noted": None,
    "annotated": None,
    "linked": None,
    "merging": None,
    "splitting": None,
    "merged": _was_merged,
    "absorbed": _has_absorbed,
}
"""What each event changes, besides what it says in so many words."""
