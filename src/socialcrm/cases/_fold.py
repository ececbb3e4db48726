"""Folds what happened into cases.

Invariant: the cases of a customer are a function of the customer's facts, whatever the order in which they arrived. Facts that
come later than everything folded so far are folded onto the latest case; anything else, and whoever has several cases at a
time, has the whole history folded again (`_refold`). Both use the same `decide` and `evolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from functools import cache
from typing import Any

from attrs import define, field
from sqlalchemy import Select, bindparam, func, select

from socialcrm.cases._decide import decide
from socialcrm.cases._evolve import advance, begin
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._refold import refold
from socialcrm.cases._scene import Scene, fact_of
from socialcrm.cases._states import PARALLEL
from socialcrm.cases._timeline import Timeline, remember
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, InteractionRow, Sets, Tx, tables

__all__ = ["Work", "fold", "latest"]


@define(kw_only=True)
class Work:
    """What a batch brings to the cases.

    Args:
        new: Interactions that are about to be inserted, in order of time; `fold` sets their ``case_id``.
        again: Customers whose history changed in the middle, each with whom it belongs to now (themselves, or the
            customer they were merged into): it is folded anew.
        fresh: Customers of whom nothing is stored yet. Others without a case may have a history that opened none, and that
            what comes now may change: it is folded anew.
    """

    new: Sequence[InteractionRow] = ()
    again: dict[int, int] = field(factory=dict)
    fresh: Set[int] = frozenset()


def fold(tx: Tx, work: Work, playbook: Playbook) -> list[EventRow]:
    """Fold a batch's facts into cases, write cases and events, and set ``case_id`` of the new interactions.

    Args:
        tx: The writing transaction that also inserts the interactions.
        work: What the batch brought.
        playbook: What applies where none was published.

    Returns:
        The events, in the order of the log.
    """
    by_customer: dict[int, list[InteractionRow]] = {}
    for row in work.new:
        if row.customer is not None:
            by_customer.setdefault(row.customer, []).append(row)
    if not by_customer and not work.again:
        return []
    ledger = Ledger(tx)
    timeline = Timeline.load(tx, playbook)
    scene = Scene.load(tx, timeline, by_customer.keys() | set(work.again.values()))
    again = dict(work.again)
    current = latest(tx, by_customer.keys() - again.keys())
    later = _later(tx, [customer for customer, case in current.items() if case.state in ("resolved", "closed")])
    for customer, rows in by_customer.items():
        if customer in again:
            continue
        case = current.get(customer)
        late = _is_late(case, rows) or rows[0].at <= later.get(customer, -1) or (case is None and customer not in work.fresh)
        if late or not _append(ledger, scene, customer, case, rows):
            again[customer] = customer
    if again:
        refold(tx, ledger, scene, again, [row for row in work.new if row.customer in again])
    events = ledger.write()
    if playbook.version not in timeline.kept and any(event.playbook == playbook.version for event in events):
        remember(tx, playbook)
    return events


def latest(tx: Tx, customers: Iterable[int]) -> dict[int, CaseRow]:
    """Return the latest case of each customer who has one."""
    wanted = set(customers)
    if not wanted:
        return {}
    return {row.customer: CaseRow.of(row) for row in tx.rows(_latest(tx.sets), ids=wanted)}


@cache
def _latest(sets: Sets) -> Select[Any]:
    cases, customers = tables.cases, tables.customers
    joined = select(cases).join(customers, (customers.c.ws == cases.c.ws) & (customers.c.last_case == cases.c.id))
    return joined.where(customers.c.ws == bindparam("ws"), sets.among(customers.c.id, "ids"))


def _later(tx: Tx, customers: list[int]) -> dict[int, int]:
    """Return the time of the last stored interaction of customers whose case is over: what comes may begin one before it."""
    if not customers:
        return {}
    table = tables.interactions
    statement = select(table.c.customer, func.max(table.c.at).label("at")).where(
        table.c.ws == tx.ws, tx.sets.among(table.c.customer, "customers")
    )
    return {row.customer: row.at for row in tx.rows(statement.group_by(table.c.customer), customers=customers)}


def _is_late(case: CaseRow | None, rows: list[InteractionRow]) -> bool:
    if case is not None and (rows[0].at <= case.touched or case.flags & PARALLEL):
        return True
    return any(row.deleted is not None for row in rows)


def _append(ledger: Ledger, scene: Scene, customer: int, case: CaseRow | None, rows: list[InteractionRow]) -> bool:
    """Fold facts onto the latest case; gives up, and says so, where they begin a second one beside it."""
    ws, process, key = ledger.ws, scene.process, ledger.next_case()
    begun = len(ledger.events)
    for row in rows:
        fact = fact_of(row, scene)
        for event in decide(case, fact, process, key, ws, customer):
            if case is None or event.kind == "opened":
                ledger.opened(customer)
                key = ledger.next_case()
                case = begin(event)
                if case.flags & PARALLEL:
                    ledger.forget(begun)
                    return False
            else:
                # the row was read or begun here, so nobody else sees it change
                case = advance(case, event)
            ledger.record(case, event)
            if event.interaction == row.id:
                row.case_id = case.id
    return True
