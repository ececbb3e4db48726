"""What a fact does to a case: the first of the two pure functions.

``decide(case, fact, process)`` says what happens, ``evolve(case, event)`` says what that makes of the case. Neither reads a
clock, a database or a platform: the time is in the fact, and what has elapsed until then (a missed target, the end of a
snooze) is decided first, at the moment at which it happened. So it makes no difference whether somebody's scheduler looked in
between. What influence a customer has can't be asked here, because a `Fact` has no field for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from socialcrm.cases._evolve import evolve
from socialcrm.cases._facts import ACKNOWLEDGED, RECEIVED, REPLIED, WITHDRAWN, Fact
from socialcrm.cases._parts import Effects
from socialcrm.cases._playbook import Playbook, Process
from socialcrm.cases._states import ESCALATED, LATE_ANSWER, LATE_SOLUTION, PARALLEL, TRANSITIONS
from socialcrm.errors import StateError
from socialcrm.store import CaseRow, EventRow
from socialcrm.types import CaseState, Moderation, Severity

__all__ = ["BLOCKED", "COMMANDS", "decide", "elapse", "impossible"]

BLOCKED = "blocked"
"""The customer's tag that makes whatever they say open and reopen nothing."""

_RESOLVED, _CLOSED = CaseState.RESOLVED.value, CaseState.CLOSED.value
_NORMAL = Severity.NORMAL.value
_HIDDEN = (Moderation.SPAM.value, Moderation.REMOVED.value)


def decide(case: CaseRow | None, fact: Fact, process: Process, key: int, ws: int, customer: int) -> Sequence[EventRow]:
    """Say what a fact does.

    Args:
        case: The customer's latest case, ``None`` if there is none.
        fact: What happened.
        process: Which playbook decides; a `Playbook` is one that never changed.
        key: The key that a case would get if one is opened.
        ws: The workspace.
        customer: The customer; only handed through.

    Returns:
        Events in order; none where the fact changes nothing. An ``opened`` event belongs to ``key``, others to the case.
    """
    if case is not None and case.alarm is not None and case.alarm < fact.at:
        before, case = elapse(case, fact, process.behind(case.playbook))
        after = _decide(case, fact, process, key, ws, customer)
        # what changes nothing does not make time pass either, so that it may be missing
        return (*before, *after) if after or fact.kind == "tick" else ()
    if fact.kind == RECEIVED:
        return _received(case, fact, process, key, ws, customer)
    return _decide(case, fact, process, key, ws, customer)


def _decide(case: CaseRow | None, fact: Fact, process: Process, key: int, ws: int, customer: int) -> Sequence[EventRow]:
    kind = fact.kind
    if kind == RECEIVED:
        return _received(case, fact, process, key, ws, customer)
    if case is None or kind == "tick":
        return ()
    if kind == REPLIED:
        return (_replied(case, fact, process.behind(case.playbook)),)
    if kind == ACKNOWLEDGED:
        return (_event(case, "acknowledged", fact),)
    if kind == WITHDRAWN:
        return _withdrawn(case, fact, process.behind(case.playbook))
    return _command(case, fact, process)


def _event(case: CaseRow, kind: str, fact: Fact, rule: str = "", data: dict[str, Any] | None = None) -> EventRow:
    told = json.dumps(data) if data else ""
    return EventRow(case.ws, 0, case.id, kind, fact.at, fact.actor, fact.interaction, case.playbook, rule, None, None, told)


# -- what the customer says ------------------------------------------------------------------------------------------------


def _received(case: CaseRow | None, fact: Fact, process: Process, key: int, ws: int, customer: int) -> Sequence[EventRow]:
    at = fact.at
    playbook = None
    if case is not None:
        playbook = process.behind(case.playbook)
        if case.state == _CLOSED or (case.state == _RESOLVED and not playbook.reopens(case.resolved or at, at)):
            case = playbook = None
    if playbook is None:
        playbook = process.at(at)
    effects = playbook.triage(fact, case) if playbook.rules else None
    ignored = playbook.ignores(fact.what, fact.moderation) or BLOCKED in fact.tags
    if effects is not None:
        ignored = effects.ignore or (ignored and (not effects.open or fact.moderation in _HIDDEN or BLOCKED in fact.tags))
    if case is None or (effects is not None and effects.open and not ignored):
        if ignored or (effects is not None and effects.join):
            return ()
        return (_opened(fact, playbook, effects, key, ws, customer, parallel=case is not None),)
    if ignored:
        if fact.moderation in _HIDDEN:
            return ()
        return (_event(case, "noted", fact, rule=effects.rules if effects is not None else ""),)
    event = _again(case, fact, playbook, effects)
    if case.state == _RESOLVED:
        return (_event(case, "reopened", fact), event)
    return (event,)


def _opened(
    fact: Fact, playbook: Playbook, effects: Effects | None, key: int, ws: int, customer: int, *, parallel: bool
) -> EventRow:
    at, queue, severity, rule = fact.at, playbook.queue, _NORMAL, ""
    data: dict[str, Any] = {"customer": customer, "queue": queue, "severity": severity}
    if fact.channel:
        data["channel"] = fact.channel
    if fact.entitlement:
        data["entitlement"] = fact.entitlement
    if parallel:
        data["flags"] = PARALLEL
    if effects is not None:
        data.update(_changes(None, effects, playbook, data.get("flags", 0)))
        queue, severity, rule = data["queue"], data["severity"], effects.rules
        if effects.asks:
            data["asks"] = effects.asks
    due = playbook.due(at, severity, queue=queue, channel=fact.channel)
    need = playbook.need(due, severity, 1, fact.entitlement)
    span = playbook.within("resolution", severity, queue, fact.channel)
    if span is not None:
        data["running"], data["resolve_by"] = at, playbook.later(at, span, queue)
    return EventRow(ws, 0, key, "opened", at, "", fact.interaction, playbook.version, rule, due, need, json.dumps(data))


def _again(case: CaseRow, fact: Fact, playbook: Playbook, effects: Effects | None) -> EventRow:
    """Return the event of a further contact."""
    at, rule = fact.at, ""
    data: dict[str, Any] = {}
    waiting, channel = case.waiting, case.channel
    if waiting is None:
        waiting = at
        if fact.channel != channel:
            channel = data["channel"] = fact.channel
    if fact.entitlement != case.entitlement:
        data["entitlement"] = fact.entitlement
    if case.first is None:
        data["first"] = fact.interaction
    severity, queue = case.severity, case.queue
    if effects is not None:
        rule = effects.rules
        if not _holds(effects, case):
            data.update(_changes(case, effects, playbook, case.flags))
        severity, queue = data.get("severity", severity), data.get("queue", queue)
        if asks := effects.asks:
            data["asks"] = asks
    if (playbook.resolves or case.spent) and (case.running is None or data):
        data.update(_clock(case, playbook, at, False, severity, queue, channel))
    span = playbook.within("first" if case.answered is None else "next", severity, queue, channel)
    due = playbook.later(waiting, span or 0, queue)
    need = playbook.need(due, severity, case.contacts + 1, fact.entitlement)
    told = json.dumps(data) if data else ""
    return EventRow(case.ws, 0, case.id, "received", at, "", fact.interaction, case.playbook, rule, due, need, told)


def _holds(effects: Effects, case: CaseRow) -> bool:
    """Tell whether rules only say what is so already: that is what they mostly do."""
    return (
        (effects.severity is None or effects.severity == case.severity)
        and (not effects.queue or effects.queue == case.queue)
        and (not effects.tags or case.tags == ",".join(effects.tags))
        and not effects.assign
        and not effects.escalate
    )


def _changes(case: CaseRow | None, effects: Effects, playbook: Playbook, flags: int) -> dict[str, Any]:
    """Return what rules change about a case (``None`` for one that begins)."""
    told: dict[str, Any] = {}
    if effects.severity is not None:
        told["severity"] = effects.severity.value
    if effects.queue:
        told["queue"] = effects.queue
    if effects.assign and (case is None or not case.assignee):
        told["assignee"] = effects.assign
    tags = set(effects.tags)
    if effects.escalate and not flags & ESCALATED:
        told.update(_escalate(playbook, flags))
        tags.update(playbook.escalation.tags if playbook.escalation is not None else ())
    if tags:
        told["tags"] = _tags(case, tags)
    if case is None:
        return told
    return {name: value for name, value in told.items() if value != getattr(case, name)}


def _tags(case: CaseRow | None, tags: set[str]) -> str:
    return ",".join(sorted({*tags, *(case.tags.split(",") if case is not None and case.tags else ())}))


def _escalate(playbook: Playbook, flags: int) -> dict[str, Any]:
    escalation = playbook.escalation
    if escalation is None:
        return {}
    told: dict[str, Any] = {"flags": flags | ESCALATED}
    if escalation.queue:
        told["queue"] = escalation.queue
    if escalation.severity is not None:
        told["severity"] = escalation.severity.value
    if escalation.assign:
        told["assignee"] = escalation.assign
    return told


def _withdrawn(case: CaseRow, fact: Fact, playbook: Playbook) -> Sequence[EventRow]:
    unanswered = case.waiting is not None and int(fact.value) >= case.waiting
    if not unanswered:
        return ()
    left = case.contacts - 1
    event = _event(case, "withdrawn", fact)
    if left > 0:
        _judge(event, case, playbook, contacts=left)
    if left > 0 or case.answered is not None:
        return (event,)
    return (event, _event(case, "closed", fact, rule="withdrawn"))


# -- what we do ------------------------------------------------------------------------------------------------------------


def _replied(case: CaseRow, fact: Fact, playbook: Playbook) -> EventRow:
    event = _event(case, "replied", fact)
    if case.running is not None and playbook.rests("pending"):
        event.data = json.dumps(_clock(case, playbook, fact.at, True, case.severity, case.queue, case.channel))
    return event


COMMANDS = {
    "resolve": ("resolved", CaseState.RESOLVED),
    "close": ("closed", CaseState.CLOSED),
    "reopen": ("reopened", CaseState.OPEN),
    "pend": ("pended", CaseState.PENDING),
    "snooze": ("snoozed", CaseState.SNOOZED),
    "wake": ("woken", CaseState.OPEN),
    "assign": ("assigned", None),
    "tag": ("tagged", None),
    "grade": ("graded", None),
    "move": ("moved", None),
    "migrate": ("migrated", None),
    "claim": ("claimed", None),
    "describe": ("described", None),
    "annotate": ("annotated", None),
    "link": ("linked", None),
    "merge": ("merging", None),
    "split": ("splitting", None),
}
"""The command's event, and the state to which it leads."""

_FIELD = {"resolve": "reason", "close": "reason", "pend": "reason", "grade": "severity", "move": "queue"}


def _command(case: CaseRow, fact: Fact, process: Process) -> Sequence[EventRow]:
    kind, target = COMMANDS[fact.kind]
    state = CaseState(case.state)
    if target is not None and target not in TRANSITIONS[state]:
        return ()
    if fact.kind == "wake" and state is not CaseState.SNOOZED:
        return ()
    playbook = process.behind(fact.value if kind == "migrated" else case.playbook)
    data: dict[str, Any] = {_FIELD.get(fact.kind, "value"): fact.value} if fact.value else {}
    severity, queue = data.get("severity", case.severity), data.get("queue", case.queue)
    if kind in ("woken", "reopened", "graded", "moved", "migrated") and not (kind == "migrated" and state == _CLOSED):
        later = CaseState.PENDING if kind == "woken" and case.waiting is None else target or state
        resting = later in (_RESOLVED, _CLOSED) or playbook.rests(later)
        data.update(_clock(case, playbook, fact.at, resting, severity, queue, case.channel))
    elif target is not None and case.running is not None and (target == _RESOLVED or playbook.rests(target)):
        data.update(_clock(case, playbook, fact.at, True, severity, queue, case.channel))
    event = _event(case, kind, fact, data=data)
    event.playbook = playbook.version if kind == "migrated" else case.playbook
    if kind in ("woken", "reopened", "graded", "moved", "migrated") and case.waiting is not None:
        _judge(event, case, playbook, severity=severity, queue=queue)
    return (event,)


def _judge(
    event: EventRow,
    case: CaseRow,
    playbook: Playbook,
    *,
    severity: str | None = None,
    queue: str | None = None,
    contacts: int | None = None,
) -> None:
    """Say in an event by when the waiting customer should be answered, and how much they need it."""
    if case.waiting is None:
        return
    severity = severity or case.severity
    due = playbook.due(
        case.waiting,
        severity,
        queue=case.queue if queue is None else queue,
        channel=case.channel,
        answered=case.answered is not None,
    )
    contacts = case.contacts if contacts is None else contacts
    event.due, event.need = due, playbook.need(due, severity, contacts, case.entitlement)


def _clock(case: CaseRow, playbook: Playbook, at: int, rests: bool, severity: str, queue: str, channel: str) -> dict[str, Any]:
    """Return how the clock of the solution stands from now on; it keeps what has elapsed."""
    spent = case.spent
    if case.running is not None and at > case.running:
        spent += playbook.worked(case.running, at, case.queue)
    span = playbook.within("resolution", severity, queue, channel)
    if span is None and case.running is None and case.spent == 0:
        return {}
    if rests or span is None:
        return {"spent": spent, "running": None, "resolve_by": None}
    return {"spent": spent, "running": at, "resolve_by": playbook.later(at, max(span - spent, 0), queue)}


# -- what elapses ----------------------------------------------------------------------------------------------------------


def elapse(case: CaseRow, fact: Fact, playbook: Playbook) -> tuple[list[EventRow], CaseRow]:
    """Let time pass until a fact: what is over by then happened at its own moment."""
    events = []
    while case.alarm is not None and case.alarm < fact.at:
        event = _next(case, playbook)
        event.at = max(event.at, case.touched)
        if fact.kind == "tick":
            # somebody looked: folding the history again has to look at the same moment
            event.actor = fact.actor
            event.data = json.dumps({**(json.loads(event.data) if event.data else {}), "until": fact.at})
        events.append(event)
        case = evolve(case, event)
    return events, case


def _next(case: CaseRow, playbook: Playbook) -> EventRow:
    if case.snoozed is not None and case.alarm == case.snoozed - 1:
        over = Fact("wake", case.snoozed, case.last)
        event = _event(case, "woken", over)
        state = "open" if case.waiting is not None else "pending"
        clock = _clock(case, playbook, over.at, playbook.rests(state), case.severity, case.queue, case.channel)
        event.data = json.dumps(clock) if clock else ""
        _judge(event, case, playbook)
        return event
    late = case.due if not case.flags & LATE_ANSWER else None
    clock_name = "resolution" if case.alarm != late else "next" if case.answered is not None else "first"
    flags = case.flags | (LATE_SOLUTION if clock_name == "resolution" else LATE_ANSWER)
    event = _event(case, "breached", Fact("breach", case.alarm or 0, case.last))
    event.data = _missed(clock_name, flags)
    if not flags & ESCALATED and playbook.escalation is not None:
        data: dict[str, Any] = {"clock": clock_name, "flags": flags}
        data.update(_escalate(playbook, flags))
        if playbook.escalation.tags:
            data["tags"] = _tags(case, set(playbook.escalation.tags))
        data["escalated"] = True
        if case.state != "snoozed":
            _judge(event, case, playbook, severity=data.get("severity"), queue=data.get("queue"))
        event.data = json.dumps(data)
    return event


@lru_cache(maxsize=64)
def _missed(clock: str, flags: int) -> str:
    return json.dumps({"clock": clock, "flags": flags})


def impossible(case: CaseRow, kind: str) -> StateError:
    """Return the error of a command that the state table does not have."""
    return StateError(f"case c{case.id} is {case.state}; {kind} is not possible from there")
