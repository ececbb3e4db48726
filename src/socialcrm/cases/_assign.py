"""Hands out the cases that wait and that nobody has, the most needed first."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Row, func, select

from socialcrm.cases._decide import decide
from socialcrm.cases._evolve import evolve
from socialcrm.cases._facts import Fact
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._routing import Choice, Desk, Wish, choose
from socialcrm.cases._timeline import Timeline
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["ROUTER", "assign"]

ROUTER = "routing"
"""Who assigned, in the audit trail."""

_C, _I, _E = tables.cases, tables.interactions, tables.events


def assign(tx: Tx, default: Playbook, *, now: int, limit: int = 500) -> tuple[list[EventRow], dict[int, str]]:
    """Give waiting cases to agents, as their playbooks say.

    Args:
        tx: A writing transaction.
        default: What applies where none was published.
        now: Our time, in microseconds UTC.
        limit: At most so many cases.

    Returns:
        The events, each with its reason as the rule; and for each case that nobody could take, why.
    """
    timeline = Timeline.load(tx, default)
    waiting = select(_C).where(_C.c.ws == tx.ws, _C.c.need.is_not(None), _C.c.assignee == "").order_by(_C.c.need, _C.c.id)
    cases = [CaseRow.of(row) for row in tx.rows(waiting.limit(limit))]
    wishes = _wishes(tx, cases)
    desk = _desk(tx, now)
    ledger, left = Ledger(tx), dict[int, str]()
    for case in cases:
        playbook = timeline.behind(case.playbook)
        if not playbook.agents:
            continue
        choice: Choice = choose(wishes[case.id], playbook.queue_named(case.queue), playbook.agents, desk)
        if not choice.agent:
            left[case.id] = choice.why
            continue
        desk.gave(case.queue, choice.agent)
        fact = Fact("assign", max(now, case.touched), case.last, actor=ROUTER, value=choice.agent)
        for event in decide(case, fact, timeline, key=0, ws=tx.ws, customer=case.customer):
            if event.actor == ROUTER:
                event.rule = choice.why
            case = evolve(case, event)
            ledger.record(case, event)
    return ledger.write(), left


def _desk(tx: Tx, now: int) -> Desk:
    loads = select(_C.c.assignee, func.count().label("total")).where(
        _C.c.ws == tx.ws, _C.c.need.is_not(None), _C.c.assignee != ""
    )
    turns = (
        select(_C.c.queue, _C.c.assignee, func.max(_E.c.seq).label("turn"))
        .join(_E, (_E.c.ws == _C.c.ws) & (_E.c.case_id == _C.c.id))
        .where(_C.c.ws == tx.ws, _C.c.need.is_not(None), _C.c.assignee != "", _E.c.kind == "assigned")
        .group_by(_C.c.queue, _C.c.assignee)
    )
    return Desk(
        at=now,
        loads=Counter({row.assignee: row.total for row in tx.rows(loads.group_by(_C.c.assignee))}),
        turns={(row.queue, row.assignee): row.turn for row in tx.rows(turns)},
    )


def _wishes(tx: Tx, cases: list[CaseRow]) -> dict[int, Wish]:
    words = select(_I.c.id, _I.c.language).where(_I.c.ws == tx.ws, tx.sets.among(_I.c.id, "ids"))
    spoken = {row.id: row.language for row in tx.rows(words, ids={case.last for case in cases if case.last is not None})}
    before = (
        select(_C.c.customer, _C.c.assignee, _C.c.last_out)
        .where(_C.c.ws == tx.ws, tx.sets.among(_C.c.customer, "customers"), _C.c.assignee != "", _C.c.last_out.is_not(None))
        .order_by(_C.c.last_out)
    )
    rows: list[Row[tuple[int, str, int]]] = list(tx.rows(before, customers={case.customer for case in cases}))
    knows = {row.customer: row.assignee for row in rows}
    return {
        case.id: Wish(
            queue=case.queue,
            language=spoken.get(case.last, "") if case.last is not None else "",
            knows=knows.get(case.customer, ""),
        )
        for case in cases
    }
