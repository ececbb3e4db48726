"""A customer's whole history, as facts in the order in which they count.

What an agent did counts only for what the agent could have seen: an interaction that arrived later than the act, but happened
before it, is folded after it. A tick is repeated at the moment at which somebody looked.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field
from sqlalchemy import Row, select

from socialcrm.cases._decide import COMMANDS
from socialcrm.cases._facts import WITHDRAWN, Fact
from socialcrm.cases._scene import Scene, fact_of
from socialcrm.store import CaseRow, InteractionRow, Tx, tables

__all__ = ["FACTS", "Entry", "History", "Member", "entries_of", "load_histories"]

Member = InteractionRow | Row[Any]
Entry = tuple[Fact, Member | None, Row[Any] | None]
"""A fact, the interaction that it is, or the event of the command that it was."""

FACTS = select(
    *(
        tables.interactions.c[name]
        for name in (
            "id", "customer", "case_id", "kind", "direction", "moderation", "at", "deleted", "seen", "pid", "scope", "channel",
            "visibility", "text", "subject", "language", "conversation",
        )
    )
)  # fmt: skip

_BY_EVENT = {event: command for command, (event, _) in COMMANDS.items()}
_ACTS = frozenset({"resolved", "closed", "reopened", "pended", "snoozed", "woken"})
"""What an agent does because of what they have seen."""

_SEEN, _DONE, _UNSEEN, _GONE = range(4)
"""The order of what happened at one moment: what an agent saw comes before what they did."""


@define
class History:
    """One customer's facts, the cases that they had, and what agents did to those."""

    customer: int
    rows: list[Member] = field(factory=list)
    cases: dict[int, CaseRow] = field(factory=dict)
    vacant: dict[int, CaseRow] = field(factory=dict)
    commands: list[Row[Any]] = field(factory=list)


def load_histories(tx: Tx, customers: Mapping[int, int], new: Sequence[InteractionRow]) -> list[History]:
    """Read whole histories.

    Args:
        tx: Any transaction.
        customers: Whose cases, each with the customer to whom the history belongs now.
        new: Their interactions that are not in the database yet.
    """
    # one order on every database, so that the log and the numbers of new cases are the same
    histories = {customer: History(customer) for customer in sorted(set(customers.values()))}
    statement = FACTS.where(tables.interactions.c.ws == tx.ws, tx.sets.among(tables.interactions.c.customer, "ids"))
    for row in tx.rows(statement, ids=set(histories)):
        histories[row.customer].rows.append(row)
    for fresh in new:
        if fresh.customer is not None:
            histories[fresh.customer].rows.append(fresh)
    of_case: dict[int, History] = {}
    known = select(tables.cases).where(tables.cases.c.ws == tx.ws, tx.sets.among(tables.cases.c.customer, "ids"))
    for row in tx.rows(known.order_by(tables.cases.c.id), ids=set(customers)):
        history = histories[customers[row.customer]]
        (history.cases if row.merged is None else history.vacant)[row.id] = CaseRow.of(row)
        of_case[row.id] = history
    if of_case:
        events = tables.events
        commands = select(events).where(events.c.ws == tx.ws, tx.sets.among(events.c.case_id, "ids"), events.c.actor != "")
        for event in tx.rows(commands.order_by(events.c.seq), ids=set(of_case)):
            of_case[event.case_id].commands.append(event)
    return list(histories.values())


def entries_of(history: History, scene: Scene) -> list[Entry]:
    """Return everything that happened, in the order in which it counts."""
    acts = _acts(history)
    entries: list[tuple[tuple[int, int, int, str, str], Entry]] = []
    for row in history.rows:
        inbound = row.direction == "inbound"
        moved = _after_unseen(row.at, acts) if inbound and acts else None
        at, rank, fact = row.at, _SEEN, fact_of(row, scene)
        if moved is not None:
            at, rank = moved, _UNSEEN
        elif row.seen:
            # a platform's clock may lag behind the customer's: an answer still comes after what it answers
            at = fact.at = max(row.at, row.seen)
            rank = _DONE
        entries.append(((at, rank, row.at, row.scope, row.pid), (fact, row, None)))
        if inbound and row.deleted is not None:
            gone = max(row.deleted, at)
            taken = Fact(WITHDRAWN, gone, row.id, value=str(row.at))
            entries.append(((gone, _GONE, row.at, row.scope, row.pid), (taken, row, None)))
    for fact, event in _commands(history):
        entries.append(((fact.at, _DONE, event.seq, "", ""), (fact, None, event)))
    entries.sort(key=_first)
    return [entry for _, entry in entries]


def _first(pair: tuple[Any, Entry]) -> Any:
    return pair[0]


def _commands(history: History) -> Iterator[tuple[Fact, Row[Any]]]:
    ticks: set[tuple[int, int | None]] = set()
    for event in history.commands:
        data = json.loads(event.data) if event.data else {}
        if "until" in data:
            tick = (data["until"], event.interaction)
            if tick not in ticks:
                ticks.add(tick)
                yield Fact("tick", data["until"], event.interaction, actor=event.actor), event
        elif event.kind == "opened":
            yield Fact("follow", event.at, None, actor=event.actor, value=event.data), event
        elif event.kind in _BY_EVENT:
            value = next((str(data[name]) for name in ("value", "reason", "severity", "queue") if name in data), "")
            kind = _BY_EVENT[event.kind]
            if kind == "migrate":
                value = event.playbook
            yield Fact(kind, event.at, event.interaction, actor=event.actor, value=value), event


def _acts(history: History) -> list[tuple[int, int]]:
    times = {row.id: row.at for row in history.rows} if history.commands else {}
    acts = [
        (event.at, times.get(event.interaction, event.at))
        for event in history.commands
        if event.kind in _ACTS and "until" not in event.data
    ]
    acts += [(max(row.at, row.seen), row.seen) for row in history.rows if row.seen]
    acts.sort()
    return acts


def _after_unseen(at: int, acts: list[tuple[int, int]]) -> int | None:
    """Return the time of the last act that could not have known an interaction: it counts right after that."""
    start = bisect.bisect_left(acts, (at, -1))
    return max((when for when, seen in acts[start:] if seen < at), default=None)
