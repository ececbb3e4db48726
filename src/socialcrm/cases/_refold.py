"""Folds a customer's whole history again, when something arrived late or was learnt afterwards.

The new fold may draw the borders between cases elsewhere. A case keeps its number where any of its interactions is still in
it; a case left without any is merged into the one that took them. What an agent did counts only for what the agent could have
seen: an interaction that arrived later than the command, but happened before it, is folded after it.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field
from attrs import evolve as changed
from sqlalchemy import Row, select

from socialcrm.cases._decide import Fact, correction, decide, evolve
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, InteractionRow, Tx, tables

__all__ = ["refold"]

COMMANDS = {
    "resolved": "resolve",
    "closed": "close",
    "reopened": "reopen",
    "snoozed": "snooze",
    "woken": "wake",
    "assigned": "assign",
    "tagged": "tag",
    "graded": "grade",
}

_FACTS = select(
    *(
        tables.interactions.c[name]
        for name in ("id", "customer", "case_id", "kind", "direction", "moderation", "at", "deleted", "seen", "pid", "scope")
    )
)


@define
class _History:
    """One customer's facts, and the cases that they had."""

    customer: int
    rows: list[Row[Any] | InteractionRow] = field(factory=list)
    cases: dict[int, CaseRow] = field(factory=dict)
    vacant: dict[int, CaseRow] = field(factory=dict)
    commands: list[Row[Any]] = field(factory=list)


@define
class _Drawn:
    """A case as the new fold draws it."""

    case: CaseRow
    members: list[Row[Any] | InteractionRow] = field(factory=list)


def refold(tx: Tx, ledger: Ledger, customers: Mapping[int, int], new: Sequence[InteractionRow], playbook: Playbook) -> None:
    """Fold these customers' histories again and record what differs.

    Args:
        tx: The writing transaction.
        ledger: Where cases and events go.
        customers: Whose cases may change, each with the customer to whom the history belongs now.
        new: Their interactions that are not in the database yet; their ``case_id`` is set.
        playbook: The process in force.
    """
    histories = {customer: _History(customer) for customer in customers.values()}
    statement = _FACTS.where(tables.interactions.c.ws == tx.ws, tx.sets.among(tables.interactions.c.customer, "ids"))
    for row in tx.rows(statement, ids=set(histories)):
        histories[row.customer].rows.append(row)
    for fresh in new:
        if fresh.customer is not None:
            histories[fresh.customer].rows.append(fresh)
    _load_cases(tx, histories, customers)
    moved: list[tuple[int | None, int]] = []
    for history in histories.values():
        moved += _fold_one(ledger, history, playbook)
    tx.update(tables.interactions, ("case_id",), moved)


def _load_cases(tx: Tx, histories: dict[int, _History], customers: Mapping[int, int]) -> None:
    of_case: dict[int, _History] = {}
    statement = select(tables.cases).where(
        tables.cases.c.ws == tx.ws, tx.sets.among(tables.cases.c.customer, "ids")
    )
    for row in tx.rows(statement, ids=set(customers)):
        history = histories[customers[row.customer]]
        (history.cases if row.merged is None else history.vacant)[row.id] = CaseRow.of(row)
        of_case[row.id] = history
    if not of_case:
        return
    commands = select(tables.events).where(
        tables.events.c.ws == tx.ws, tx.sets.among(tables.events.c.case_id, "ids"), tables.events.c.actor != ""
    )
    for event in tx.rows(commands.order_by(tables.events.c.seq), ids=set(of_case)):
        of_case[event.case_id].commands.append(event)


def _fold_one(ledger: Ledger, history: _History, playbook: Playbook) -> list[tuple[int | None, int]]:
    drawn, homes = _draw(ledger.ws, history, playbook)
    keys = _number(ledger, history, drawn)
    moved: list[tuple[int | None, int]] = []
    for row in history.rows:
        place = homes.get(row.id)
        key = keys[place] if place is not None else None
        if isinstance(row, InteractionRow):
            row.case_id = key
        elif row.case_id != key:
            moved.append((key, row.id))
    _record(ledger, history, drawn, keys)
    return moved


def _draw(ws: int, history: _History, playbook: Playbook) -> tuple[list[_Drawn], dict[int, int]]:
    """Fold every fact in order; returns the cases in order, and the place of each interaction's case among them."""
    drawn: list[_Drawn] = []
    homes: dict[int, int] = {}
    case: CaseRow | None = None
    for fact, row in _facts(history):
        place = len(drawn) - 1
        target = case
        if fact.actor and fact.interaction in homes:
            place = homes[fact.interaction]
            target = drawn[place].case
        elif row is not None and fact.kind == "withdrawn":
            if row.id not in homes:
                continue
            place = homes[row.id]
            target = drawn[place].case
        for event in decide(target, fact, playbook, key=-1 - len(drawn), ws=ws, customer=history.customer):
            if event.kind == "opened":
                drawn.append(_Drawn(evolve(None, event)))
                place = len(drawn) - 1
            else:
                drawn[place].case = evolve(drawn[place].case, event)
            if row is not None and row.id not in homes:
                homes[row.id] = place
                drawn[place].members.append(row)
            target = drawn[place].case
        case = drawn[-1].case if drawn else None
    return drawn, homes


def _facts(history: _History) -> Iterable[tuple[Fact, Row[Any] | InteractionRow | None]]:
    acts = sorted((event.at, _seen(history, event)) for event in history.commands)
    acts += [(row.at, row.seen) for row in history.rows if row.seen is not None]
    acts.sort()
    entries: list[tuple[tuple[int, int, int, str, str], Fact, Row[Any] | InteractionRow | None]] = []
    for row in history.rows:
        inbound = row.direction == "inbound"
        at = _after_unseen(row.at, acts) if inbound else row.at
        fact = Fact("received" if inbound else "replied", row.at, row.id, row.kind, row.moderation)
        entries.append(((at, 1 if at != row.at else 0, row.at, row.scope, row.pid), fact, row))
        if inbound and row.deleted is not None:
            gone = max(row.deleted, at)
            taken = Fact("withdrawn", gone, row.id, row.kind, row.moderation, value=str(row.at))
            entries.append(((gone, 2, row.at, row.scope, row.pid), taken, row))
    for event in history.commands:
        kind = COMMANDS.get(event.kind)
        if kind is not None:
            value = json.loads(event.data)["value"] if event.data else ""
            fact = Fact(kind, event.at, event.interaction, actor=event.actor, value=value)
            entries.append(((event.at, 0, event.seq, "", ""), fact, None))
    entries.sort(key=lambda entry: entry[0])
    return [(fact, row) for _, fact, row in entries]


def _seen(history: _History, event: Row[Any]) -> int:
    for row in history.rows:
        if row.id == event.interaction:
            return int(row.at)
    return int(event.at)


def _after_unseen(at: int, acts: list[tuple[int, int]]) -> int:
    """Return the time at which an interaction counts: right after the last act that could not have known it."""
    start = bisect.bisect_left(acts, (at, -1))
    later = [when for when, seen in acts[start:] if seen < at]
    return max(later, default=at)


def _number(ledger: Ledger, history: _History, drawn: list[_Drawn]) -> list[int]:
    """Give each drawn case its number: the lowest that its interactions had, one it had before a merge, else a new one."""
    free = set(history.cases)
    keys = []
    for one in drawn:
        ids = {row.id for row in one.members}
        had = {row.case_id for row in one.members if row.case_id in free}
        had = had or {key for key, case in history.vacant.items() if case.first in ids and key not in keys}
        key = min(had) if had else ledger.opened(history.customer)
        free.discard(key)
        keys.append(key)
    return keys


def _record(ledger: Ledger, history: _History, drawn: list[_Drawn], keys: list[int]) -> None:
    for one, key in zip(drawn, keys, strict=True):
        before = history.cases.get(key) or history.vacant.get(key)
        after = changed(one.case, id=key, version=before.version if before else 0)
        if before is not None and changed(after, playbook=before.playbook) == before:
            continue
        _correct(ledger, after)
    ledger.latest(history.customer, keys[-1] if keys else None)
    homes = {row.case_id: key for one, key in zip(drawn, keys, strict=True) for row in one.members}
    for key, before in history.cases.items():
        if key not in keys:
            _vacate(ledger, before, homes.get(key), keys)


def _correct(ledger: Ledger, after: CaseRow) -> None:
    case = changed(after, version=after.version + 1)
    event = EventRow(
        case.ws, 0, case.id, "corrected", case.touched, "", case.last, case.playbook, "", case.due, case.need, correction(case)
    )
    ledger.record(case, event)


def _vacate(ledger: Ledger, before: CaseRow, into: int | None, keys: list[int]) -> None:
    heir = into if into is not None else (keys[0] if keys else None)
    kind, data = ("merged", json.dumps({"value": heir})) if heir is not None else ("closed", "")
    if kind == "closed" and before.state == "closed":
        return
    event = EventRow(
        before.ws, 0, before.id, kind, before.touched, "", None, before.playbook, "vacated", None, None, data
    )
    ledger.record(evolve(before, event), event)
