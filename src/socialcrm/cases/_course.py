"""Corrections in mid-course: what a new playbook would change about open cases, and changing it.

Time that has elapsed is kept: a case still waits since when it waited, and the clock of its solution keeps what it has spent.
Closed cases are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen
from sqlalchemy import select

from socialcrm.cases._decide import decide
from socialcrm.cases._evolve import evolve
from socialcrm.cases._facts import Fact
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._timeline import Timeline, remember
from socialcrm.cases._write import Ledger
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["Change", "migrate", "preview"]


@frozen(kw_only=True)
class Change:
    """What a playbook changes about an open case. Times are microseconds UTC.

    Args:
        case: The case's number.
        playbook: The version that it is under.
        due: By when an answer is due, before and after.
        need: Its place in the inbox, before and after.
        resolve_by: By when it should be resolved, before and after.
    """

    case: int
    playbook: str
    due: tuple[int | None, int | None]
    need: tuple[int | None, int | None]
    resolve_by: tuple[int | None, int | None]


def preview(tx: Tx, candidate: Playbook, default: Playbook, *, now: int) -> list[Change]:
    """Say what `migrate` would change; nothing is written.

    Args:
        tx: Any transaction.
        candidate: The playbook to try.
        default: What applies where none was published.
        now: Our time, in microseconds UTC.
    """
    changes = []
    for before, after, _ in _migrated(tx, candidate, default, now=now, by="preview"):
        change = Change(
            case=before.id,
            playbook=before.playbook,
            due=(before.due, after.due),
            need=(before.need, after.need),
            resolve_by=(before.resolve_by, after.resolve_by),
        )
        if any(was != then for was, then in (change.due, change.need, change.resolve_by)):
            changes.append(change)
    return changes


def migrate(tx: Tx, candidate: Playbook, default: Playbook, *, now: int, by: str) -> list[EventRow]:
    """Put every open case under a playbook.

    Args:
        tx: A writing transaction.
        candidate: Which; it is kept under its version.
        default: What applies where none was published.
        now: Our time, in microseconds UTC.
        by: Who says so.

    Returns:
        The events; a case that is under it already has none.
    """
    remember(tx, candidate)
    ledger = Ledger(tx)
    for before, _, events in _migrated(tx, candidate, default, now=now, by=by):
        case = before
        for event in events:
            case = evolve(case, event)
            ledger.record(case, event)
    return ledger.write()


def _migrated(
    tx: Tx, candidate: Playbook, default: Playbook, *, now: int, by: str
) -> Iterator[tuple[CaseRow, CaseRow, list[EventRow]]]:
    timeline = Timeline.load(tx, default)
    process = Timeline(timeline.default, timeline.since, timeline.playbooks, {**timeline.known, candidate.version: candidate})
    table = tables.cases
    statement = select(table).where(
        table.c.ws == tx.ws, table.c.state != "closed", table.c.merged.is_(None), table.c.playbook != candidate.version
    )
    for row in tx.rows(statement.order_by(table.c.id)):
        before = CaseRow.of(row)
        fact = Fact("migrate", max(now, before.touched), before.last, actor=by, value=candidate.version)
        events = list(decide(before, fact, process, key=0, ws=tx.ws, customer=before.customer))
        after = before
        for event in events:
            after = evolve(after, event)
        yield before, after, events
