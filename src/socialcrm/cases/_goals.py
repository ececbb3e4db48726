"""The strategy: goals, each a measure and its target. They outlive playbooks, and report for each version apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from attrs import Factory, frozen
from sqlalchemy import func, select

from socialcrm.errors import NotFound, SettingsError
from socialcrm.store import Tx, tables
from socialcrm.types import from_micros

__all__ = ["CLOCKS", "Goal", "aim", "drop", "goals"]

CLOCKS = ("first", "next", "resolution")


@frozen(kw_only=True)
class Goal:
    """Which share of cases should never miss a target, and which does.

    Args:
        name: Its name.
        clock: ``first`` answer, ``next`` answer, or ``resolution``.
        target: The share aimed at, between 0 and 1.
        since: Cases opened from then on count.
        cases: How many there are.
        share: Which share of them kept the target; ``None`` where there is no data yet.
        versions: For each version of the playbook, how many cases began under it, and which share kept the target.
    """

    name: str
    clock: str
    target: float
    since: datetime | None
    cases: int = 0
    share: float | None = None
    versions: Mapping[str, tuple[int, float]] = Factory(dict)

    @property
    def kept(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is no data yet."""
        return None if self.share is None else self.share >= self.target

    def __str__(self) -> str:
        if self.share is None:
            return f"{self.name}: no data yet (aims at {self.target:.0%})"
        return f"{self.name}: {self.share:.1%} of {self.cases} cases (aims at {self.target:.0%})"


def aim(tx: Tx, name: str, clock: str, share: float, *, since: int) -> None:
    """Set a goal, or change the one of that name.

    Raises:
        SettingsError: There is no such clock, or the share is none.
    """
    if clock not in CLOCKS or not 0 < share <= 1 or not name:
        raise SettingsError(f"a goal needs a name, one of {', '.join(CLOCKS)}, and a share between 0 and 1")
    drop(tx, name, missing=True)
    key = tx.allocate(tables.goals)
    tx.insert(tables.goals, [(tx.ws, key, name, json.dumps({"clock": clock, "share": share}), since, None)])


def drop(tx: Tx, name: str, *, missing: bool = False) -> None:
    """Give up a goal.

    Raises:
        NotFound: There is none of that name.
    """
    table = tables.goals
    rows = tx.rows(select(table.c.id).where(table.c.ws == tx.ws, table.c.name == name, table.c.until.is_(None)))
    if not rows and not missing:
        raise NotFound(f"there is no goal {name!r}")
    tx.update(table, ("until",), [(0, row.id) for row in rows])


def goals(tx: Tx) -> list[Goal]:
    """Return every goal with how it stands, from the cases that the log opened and the targets that it saw missed."""
    table = tables.goals
    rows = tx.rows(select(table).where(table.c.ws == tx.ws, table.c.until.is_(None)).order_by(table.c.id))
    return [_report(tx, row.name, json.loads(row.document), row.since) for row in rows]


def _report(tx: Tx, name: str, told: dict[str, object], since: int) -> Goal:
    log, cases = tables.events, tables.cases
    of_case = (cases.c.ws == log.c.ws) & (cases.c.id == log.c.case_id)
    # what was merged into another case counts with that one
    counted = (log.c.ws == tx.ws, log.c.kind == "opened", log.c.at >= since, cases.c.merged.is_(None))
    begun = select(log.c.playbook, func.count().label("total")).join(cases, of_case).where(*counted)
    opened = {row.playbook: row.total for row in tx.rows(begun.group_by(log.c.playbook))}
    late, after = log.alias(), log.alias()
    of_both = (after.c.ws == late.c.ws) & (after.c.case_id == late.c.case_id)
    since_then = select(after.c.seq).where(of_both, after.c.kind == "corrected", after.c.seq > late.c.seq).exists()
    clock = f'"{told["clock"]}"'
    missed = (
        select(log.c.playbook, func.count(func.distinct(log.c.case_id)).label("total"))
        .join(late, (late.c.ws == log.c.ws) & (late.c.case_id == log.c.case_id))
        .join(cases, of_case)
        .where(
            *counted,
            # what late news corrected counts as it was corrected
            ((late.c.kind == "breached") & late.c.data.like(f'%"clock": {clock}%'))
            | ((late.c.kind == "corrected") & late.c.data.like(f'%"missed": [%{clock}%')),
            ~since_then,
        )
    )
    failed = {row.playbook: row.total for row in tx.rows(missed.group_by(log.c.playbook))}
    total = sum(opened.values())
    return Goal(
        name=name,
        clock=str(told["clock"]),
        target=float(str(told["share"])),
        since=from_micros(since) if since else None,
        cases=total,
        share=1 - sum(failed.values()) / total if total else None,
        versions={version: (count, 1 - failed.get(version, 0) / count) for version, count in sorted(opened.items())},
    )
