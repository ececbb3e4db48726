"""Folds what happened into cases.

Invariant: the cases of a customer are a function of the customer's facts, whatever the order in which they arrived. Facts that
come later than everything folded so far are folded onto the latest case; anything else folds the customer's whole history
again (`_refold`). Both use the same `decide` and `evolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from attrs import define, field
from sqlalchemy import select

from socialcrm.cases._decide import Fact, decide, evolve
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._refold import refold
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, InteractionRow, Tx, tables

__all__ = ["Work", "fold", "latest"]


@define(kw_only=True)
class Work:
    """What a batch brings to the cases.

    Args:
        new: Interactions that are about to be inserted; `fold` sets their ``case_id``.
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
        playbook: The process in force.

    Returns:
        The events, in the order of the log.
    """
    by_customer: dict[int, list[InteractionRow]] = {}
    for row in work.new:
        if row.customer is not None:
            by_customer.setdefault(row.customer, []).append(row)
    ledger = Ledger(tx)
    again = dict(work.again)
    current = latest(tx, by_customer.keys() - again.keys())
    for customer, rows in by_customer.items():
        if customer in again:
            continue
        rows.sort(key=_order)
        case = current.get(customer)
        if _is_late(case, rows) or (case is None and customer not in work.fresh):
            again[customer] = customer
            continue
        _append(ledger, playbook, customer, case, rows)
    if again:
        refold(tx, ledger, again, [row for row in work.new if row.customer in again], playbook)
    return ledger.write()


def latest(tx: Tx, customers: Iterable[int]) -> dict[int, CaseRow]:
    """Return the latest case of each customer who has one."""
    wanted = set(customers)
    if not wanted:
        return {}
    joined = select(tables.cases).join(
        tables.customers,
        (tables.customers.c.ws == tables.cases.c.ws) & (tables.customers.c.last_case == tables.cases.c.id),
    )
    statement = joined.where(tables.customers.c.ws == tx.ws, tx.sets.among(tables.customers.c.id, "ids"))
    return {row.customer: CaseRow.of(row) for row in tx.rows(statement, ids=wanted)}


def _is_late(case: CaseRow | None, rows: list[InteractionRow]) -> bool:
    return (case is not None and rows[0].at <= case.touched) or any(row.deleted is not None for row in rows)


def _append(
    ledger: Ledger, playbook: Playbook, customer: int, case: CaseRow | None, rows: list[InteractionRow]
) -> None:
    ws = ledger.ws
    for row in rows:
        fact = fact_of(row)
        key = ledger.next_case()
        for event in decide(case, fact, playbook, key=key, ws=ws, customer=customer):
            if event.kind == "opened":
                ledger.opened(customer)
                case = None
            case = evolve(case, event)
            ledger.record(case, event)
            row.case_id = case.id


def fact_of(row: InteractionRow) -> Fact:
    """Return what an interaction means to a case."""
    kind = "received" if row.direction == "inbound" else "replied"
    return Fact(kind, row.at, row.id, row.kind, row.moderation)


def _order(row: InteractionRow) -> tuple[int, str, str]:
    return (row.at, row.scope, row.pid)
