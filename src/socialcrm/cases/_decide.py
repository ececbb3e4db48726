"""The two pure functions that cases are made of.

``decide(case, fact, playbook)`` says what happens, ``evolve(case, event)`` says what that makes of the case. Neither reads a
clock, a database or a platform: the time is in the fact. What influence a customer has can't be asked here, because a `Fact`
has no field for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import define, fields

from socialcrm.cases._playbook import Playbook
from socialcrm.store import CaseRow, EventRow
from socialcrm.types import CaseState, Moderation, Severity

__all__ = ["TRANSITIONS", "Fact", "correction", "decide", "evolve"]

_NEW, _OPEN, _PENDING = CaseState.NEW.value, CaseState.OPEN.value, CaseState.PENDING.value
_SNOOZED, _RESOLVED, _CLOSED = CaseState.SNOOZED.value, CaseState.RESOLVED.value, CaseState.CLOSED.value
_NORMAL = Severity.NORMAL.value
_HIDDEN = (Moderation.SPAM.value, Moderation.REMOVED.value)

TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset(
        {CaseState.OPEN, CaseState.PENDING, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}
    ),
    CaseState.OPEN: frozenset({CaseState.PENDING, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.PENDING: frozenset({CaseState.OPEN, CaseState.SNOOZED, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.SNOOZED: frozenset({CaseState.OPEN, CaseState.PENDING, CaseState.RESOLVED, CaseState.CLOSED}),
    CaseState.RESOLVED: frozenset({CaseState.OPEN, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset(),
}
"""Which state may follow which. A closed case stays closed: what the customer says later opens a new one."""


@define
class Fact:
    """Something that happened, as the playbook may see it.

    Args:
        kind: ``received`` (from the customer), ``replied`` (from us), ``withdrawn`` (the customer took something back), or a
            command of an agent: ``resolve``, ``close``, ``reopen``, ``snooze``, ``wake``, ``assign``, ``tag``, ``grade``.
        at: When, in microseconds UTC.
        interaction: The key of the interaction, where one is meant.
        what: The interaction's kind.
        moderation: How the platform's moderation stands to it.
        actor: The agent, for commands.
        value: The command's argument: the assignee, the tags, the severity, until when to snooze; for ``withdrawn``, when
            the thing taken back had been written.
    """

    kind: str
    at: int
    interaction: int | None = None
    what: str = ""
    moderation: str = ""
    actor: str = ""
    value: str = ""


def decide(case: CaseRow | None, fact: Fact, playbook: Playbook, *, key: int, ws: int, customer: int) -> Sequence[EventRow]:
    """Say what a fact does.

    Args:
        case: The customer's latest case, ``None`` if there is none.
        fact: What happened.
        playbook: The process in force.
        key: The key that a case would get if one is opened.
        ws: The workspace.
        customer: The customer; only handed through.

    Returns:
        Events in order; none where the fact changes nothing. An ``opened`` event belongs to ``key``, others to the case.
    """
    kind = fact.kind
    if kind == "received":
        return _received(case, fact, playbook, key, ws, customer)
    if case is None:
        return ()
    if kind == "replied":
        return (_event(case, "replied", fact, playbook),)
    if kind == "withdrawn":
        return _withdrawn(case, fact, playbook)
    return _command(case, fact, playbook)


def _received(
    case: CaseRow | None, fact: Fact, playbook: Playbook, key: int, ws: int, customer: int
) -> Sequence[EventRow]:
    at = fact.at
    ignored = playbook.ignores(fact.what, fact.moderation)
    if (
        case is None
        or case.state == _CLOSED
        or (case.state == _RESOLVED and not playbook.reopens(case.resolved or at, at))
    ):
        if ignored:
            return ()
        due = playbook.due(at, _NORMAL)
        need = playbook.need(due, 1)
        data = json.dumps({"customer": customer, "queue": playbook.queue, "severity": _NORMAL})
        return (EventRow(ws, 0, key, "opened", at, "", fact.interaction, playbook.version, "", due, need, data),)
    if ignored:
        return () if fact.moderation in _HIDDEN else (_event(case, "noted", fact, playbook),)
    waiting = case.waiting if case.waiting is not None else at
    due = playbook.due(waiting, case.severity)
    need = playbook.need(due, case.contacts + 1)
    event = EventRow(
        case.ws, 0, case.id, "received", at, "", fact.interaction, playbook.version, "", due, need, ""
    )
    if case.state == _RESOLVED:
        return (_event(case, "reopened", fact, playbook), event)
    return (event,)


def _withdrawn(case: CaseRow, fact: Fact, playbook: Playbook) -> Sequence[EventRow]:
    unanswered = case.waiting is not None and int(fact.value) >= case.waiting
    if not unanswered or playbook.ignores(fact.what, fact.moderation):
        return ()
    left = case.contacts - 1
    due = need = None
    if left > 0 and case.waiting is not None:
        due = playbook.due(case.waiting, case.severity)
        need = playbook.need(due, left)
    event = _event(case, "withdrawn", fact, playbook)
    event.due, event.need = due, need
    if left > 0 or case.answered is not None:
        return (event,)
    return (event, _event(case, "closed", fact, playbook, rule="withdrawn"))


_COMMANDS = {
    "resolve": ("resolved", CaseState.RESOLVED),
    "close": ("closed", CaseState.CLOSED),
    "reopen": ("reopened", CaseState.OPEN),
    "snooze": ("snoozed", CaseState.SNOOZED),
    "wake": ("woken", CaseState.OPEN),
    "assign": ("assigned", None),
    "tag": ("tagged", None),
    "grade": ("graded", None),
}


def _command(case: CaseRow, fact: Fact, playbook: Playbook) -> Sequence[EventRow]:
    kind, target = _COMMANDS[fact.kind]
    if target is not None and target not in TRANSITIONS[CaseState(case.state)]:
        return ()
    event = _event(case, kind, fact, playbook)
    event.data = json.dumps({"value": fact.value}) if fact.value else ""
    if kind in ("woken", "reopened", "graded") and case.waiting is not None:
        severity = fact.value if kind == "graded" else case.severity
        event.due = playbook.due(case.waiting, severity)
        event.need = playbook.need(event.due, case.contacts)
    return (event,)


def _event(case: CaseRow, kind: str, fact: Fact, playbook: Playbook, *, rule: str = "") -> EventRow:
    return EventRow(
        case.ws, 0, case.id, kind, fact.at, fact.actor, fact.interaction, playbook.version, rule, None, None, ""
    )


def evolve(case: CaseRow | None, event: EventRow) -> CaseRow:
    """Return what an event makes of a case.

    Args:
        case: Before; ``None`` for an ``opened`` or ``corrected`` event.
        event: As `decide` returned it, or as read from the log.
    """
    kind, at = event.kind, event.at
    if kind == "opened":
        data = json.loads(event.data)
        return CaseRow(
            event.ws, event.case_id, data["customer"], _NEW, data["severity"], data["queue"], "", 1, at, at, event.due,
            event.need, None, at, None, None, None, None, event.interaction, event.interaction, at, "", event.playbook, 1, None,
        )  # fmt: skip
    if kind == "corrected":
        return CaseRow(**json.loads(event.data))
    if case is None:
        raise ValueError(f"the log begins a case with {kind!r}; it should begin with 'opened'")
    return _EVOLVE[kind](_copy(case, event), event)


def correction(case: CaseRow) -> str:
    """Return the data of a ``corrected`` event: the whole case, as late arrivals left it. It holds no message text."""
    return json.dumps({field.name: getattr(case, field.name) for field in fields(CaseRow)})


def _copy(c: CaseRow, event: EventRow) -> CaseRow:
    return CaseRow(
        c.ws, c.id, c.customer, c.state, c.severity, c.queue, c.assignee, c.contacts, c.opened, c.waiting, c.due, c.need,
        c.answered, c.last_in, c.last_out, c.resolved, c.closed, c.snoozed, c.first, c.last,
        event.at if event.at > c.touched else c.touched, c.tags, event.playbook, c.version + 1, c.merged,
    )  # fmt: skip


def _was_received(case: CaseRow, event: EventRow) -> CaseRow:
    case.contacts += 1
    if case.waiting is None:
        case.waiting = event.at
    case.due, case.need = event.due, event.need
    case.last_in = event.at
    case.last = event.interaction
    case.snoozed = None
    if case.state != _NEW:
        case.state = _OPEN
    return case


def _rest(case: CaseRow) -> None:
    case.waiting = case.due = case.need = case.snoozed = None
    case.contacts = 0


def _was_replied(case: CaseRow, event: EventRow) -> CaseRow:
    case.last_out = event.at
    case.last = event.interaction
    if case.answered is None:
        case.answered = event.at
    if case.state not in (_RESOLVED, _CLOSED):
        case.state = _PENDING
        _rest(case)
    return case


def _was_withdrawn(case: CaseRow, event: EventRow) -> CaseRow:
    case.contacts = max(case.contacts - 1, 0)
    case.due, case.need = event.due, event.need
    if case.contacts == 0:
        _rest(case)
        if case.state == _OPEN:
            case.state = _PENDING
    return case


def _was_resolved(case: CaseRow, event: EventRow) -> CaseRow:
    case.state, case.resolved = _RESOLVED, event.at
    _rest(case)
    return case


def _was_closed(case: CaseRow, event: EventRow) -> CaseRow:
    case.state, case.closed = _CLOSED, event.at
    _rest(case)
    return case


def _was_reopened(case: CaseRow, event: EventRow) -> CaseRow:
    case.state, case.resolved = _OPEN, None
    case.due, case.need = event.due, event.need
    return case


def _was_snoozed(case: CaseRow, event: EventRow) -> CaseRow:
    case.state, case.need = _SNOOZED, None
    case.snoozed = int(json.loads(event.data)["value"])
    return case


def _was_woken(case: CaseRow, event: EventRow) -> CaseRow:
    case.state = _OPEN if case.waiting is not None else _PENDING
    case.snoozed, case.due, case.need = None, event.due, event.need
    return case


def _was_assigned(case: CaseRow, event: EventRow) -> CaseRow:
    case.assignee = json.loads(event.data)["value"] if event.data else ""
    return case


def _was_tagged(case: CaseRow, event: EventRow) -> CaseRow:
    case.tags = json.loads(event.data)["value"] if event.data else ""
    return case


def _was_graded(case: CaseRow, event: EventRow) -> CaseRow:
    case.severity = json.loads(event.data)["value"]
    if case.state in (_NEW, _OPEN):
        case.due, case.need = event.due, event.need
    return case


def _was_noted(case: CaseRow, _event: EventRow) -> CaseRow:
    return case


def _was_merged(case: CaseRow, event: EventRow) -> CaseRow:
    case.state, case.closed = _CLOSED, event.at
    case.merged = int(json.loads(event.data)["value"])
    _rest(case)
    return case


_EVOLVE = {
    "received": _was_received,
    "replied": _was_replied,
    "withdrawn": _was_withdrawn,
    "resolved": _was_resolved,
    "closed": _was_closed,
    "reopened": _was_reopened,
    "snoozed": _was_snoozed,
    "woken": _was_woken,
    "assigned": _was_assigned,
    "tagged": _was_tagged,
    "graded": _was_graded,
    "noted": _was_noted,
    "merged": _was_merged,
}
