"""What a playbook would have made of recorded history: differences case by case, and what history cannot tell.

The same two pure functions fold the same facts; nothing is written and nothing can be sent. Customers are folded one after the
other, so that memory holds a block of customers and not the history. When people answered is taken as recorded: another
playbook might have made them answer earlier or later, and that is not estimable.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import Row, func, select

from socialcrm.cases._decide import decide
from socialcrm.cases._draw import draw
from socialcrm.cases._evolve import advance, begin
from socialcrm.cases._facts import RECEIVED, Fact, what_we_did
from socialcrm.cases._history import FACTS, History, entries_of
from socialcrm.cases._playbook import Playbook, Process
from socialcrm.cases._scene import Scene
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["Backtest", "Difference", "Tally", "Told", "backtest", "facts_in_blocks", "fold_rows"]

BLOCK = 2000
"""How many customers are in memory at a time."""


@define
class Told:
    """A case in the terms of a comparison: which interactions, and what was decided."""

    members: list[int]
    homes: list[int | None]
    queue: str = ""
    severity: str = ""
    assignee: str = ""
    breaches: list[str] = field(factory=list)
    asks: int = 0
    key: int | None = None
    case: CaseRow | None = None

    def settle(self) -> None:
        """Take over how the case stands, and let go of it."""
        if self.case is not None:
            self.queue, self.severity, self.assignee = self.case.queue, self.case.severity, self.case.assignee
            self.case = None


@frozen(kw_only=True)
class Difference:
    """What would have been otherwise about a case.

    Args:
        case: The number of the recorded case; ``None`` for one that history does not have.
        interaction: The number of its first interaction.
        what: ``opened``, ``missing``, ``queue``, ``severity``, ``assignee``, ``breached`` or ``kept``.
        before: As recorded.
        after: As it would have been.
    """

    case: int | None
    interaction: int | None
    what: str
    before: str = ""
    after: str = ""


@define
class Tally:
    """Counts of one side of a comparison."""

    cases: int = 0
    breaches: Counter[str] = field(factory=Counter)
    queues: Counter[str] = field(factory=Counter)
    severities: Counter[str] = field(factory=Counter)

    def add(self, one: Told) -> None:
        """Count a case."""
        self.cases += 1
        self.breaches.update(one.breaches)
        self.queues[one.queue] += 1
        self.severities[one.severity] += 1


@define(kw_only=True)
class Backtest:
    """What a playbook would have made of recorded history.

    Args:
        version: Which playbook.
        interactions: How many interactions were folded.
        customers: Of how many customers.
        before: As recorded.
        after: As it would have been.
        counts: How often each kind of difference occurs.
        differences: The first of them, in the order of customers.
        not_estimable: What history cannot tell, and how many cases that is about.
    """

    version: str
    interactions: int = 0
    customers: int = 0
    before: Tally = field(factory=Tally)
    after: Tally = field(factory=Tally)
    counts: Counter[str] = field(factory=Counter)
    differences: list[Difference] = field(factory=list)
    not_estimable: Counter[str] = field(factory=Counter)
    limit: int = 1000

    def note(self, difference: Difference) -> None:
        """Count a difference, and keep it while there is room."""
        self.counts[difference.what] += 1
        if len(self.differences) < self.limit:
            self.differences.append(difference)


def backtest(tx: Tx, candidate: Playbook, process: Process, *, limit: int = 1000, block: int = BLOCK) -> Backtest:
    """Fold recorded history under another playbook and compare.

    Args:
        tx: Any transaction.
        candidate: The playbook to try.
        process: The one that decided; asked only where late arrivals left a case without its own log.
        limit: How many differences to keep, besides counting all.
        block: How many customers to hold in memory at a time.
    """
    report = Backtest(version=candidate.version, limit=limit)
    scene = Scene.load(tx, candidate, None)
    recorded = Scene(process, scene.channels, scene.profiles)
    for low, high in _blocks(tx, block):
        kept = _kept(tx, low, high)
        for customer, rows in facts_in_blocks(tx, low, high):
            history = kept.get(customer)
            report.customers += 1
            report.interactions += len(rows)
            after = _after(tx.ws, customer, rows, history, scene)
            before = _before(tx.ws, customer, rows, history, recorded)
            _compare(report, before, after)
    return report


def _blocks(tx: Tx, block: int) -> Iterator[tuple[int, int]]:
    table = tables.interactions
    last = tx.value(select(func.max(table.c.customer)).where(table.c.ws == tx.ws)) or 0
    for low in range(1, last + 1, block):
        yield low, low + block - 1


def facts_in_blocks(tx: Tx, low: int, high: int) -> Iterator[tuple[int, list[Row[Any]]]]:
    """Yield customers of a range of keys, each with everything that happened, in order."""
    table = tables.interactions
    statement = FACTS.where(table.c.ws == tx.ws, table.c.customer.between(low, high)).order_by(table.c.customer, table.c.at)
    rows: list[Row[Any]] = []
    customer = -1
    for row in tx.connection.execute(statement):
        if row[1] != customer:
            if rows:
                yield customer, rows
            rows, customer = [], row[1]
        rows.append(row)
    if rows:
        yield customer, rows


@define
class _Kept:
    """What the log says about one customer's cases."""

    history: History
    breaches: dict[int, list[str]] = field(factory=dict)
    moved: bool = False


def _kept(tx: Tx, low: int, high: int) -> dict[int, _Kept]:
    cases, log = tables.cases, tables.events
    found: dict[int, _Kept] = {}
    for row in tx.run(select(cases).where(cases.c.ws == tx.ws, cases.c.customer.between(low, high))):
        case = CaseRow.of(row)
        history = found.setdefault(case.customer, _Kept(History(case.customer))).history
        (history.cases if case.merged is None else history.vacant)[case.id] = case
    of_case = {key: kept for kept in found.values() for key in (*kept.history.cases, *kept.history.vacant)}
    if not of_case:
        return found
    telling = (log.c.actor != "") | log.c.kind.in_(("breached", "corrected", "merged", "absorbed"))
    statement = (
        select(log)
        .join(cases, (cases.c.ws == log.c.ws) & (cases.c.id == log.c.case_id))
        .where(log.c.ws == tx.ws, cases.c.customer.between(low, high), telling)
        .order_by(log.c.seq)
    )
    for event in tx.run(statement):
        kept = of_case[event.case_id]
        if event.actor:
            kept.history.commands.append(event)
        if event.kind == "breached":
            kept.breaches.setdefault(event.case_id, []).append(_clock_of(event.data))
        elif event.kind == "corrected":
            kept.breaches[event.case_id] = json.loads(event.data)["missed"]
        else:
            kept.moved |= event.kind in ("merged", "absorbed")
    return found


def _after(ws: int, customer: int, rows: list[Row[Any]], kept: _Kept | None, scene: Scene) -> list[Told]:
    plain = kept is None or not kept.history.commands
    if plain:
        told = fold_rows(ws, customer, rows, scene)
        if told is not None:
            return told
    history = kept.history if kept is not None else History(customer)
    return _drawn(ws, customer, rows, history, scene)


def _before(ws: int, customer: int, rows: list[Any], kept: _Kept | None, recorded: Scene) -> list[Told]:
    if kept is None:
        return []
    if kept.moved:
        return _drawn(ws, customer, rows, kept.history, recorded)
    members: dict[int, list[int]] = {}
    for row in rows:
        if row[2] is not None:
            members.setdefault(row[2], []).append(row[0])
    return [
        Told(
            ids,
            [key] * len(ids),
            (case := kept.history.cases[key]).queue,
            case.severity,
            case.assignee,
            kept.breaches.get(key, []),
            key=key,
        )
        for key, ids in members.items()
        if key in kept.history.cases
    ]


def _drawn(ws: int, customer: int, rows: list[Row[Any]], history: History, scene: Scene) -> list[Told]:
    history.rows = list(rows)
    told = []
    for one in draw(ws, customer, entries_of(history, scene), scene.process):
        if one.into is not None or not one.members:
            continue
        case = one.case
        breaches = [json.loads(event.data)["clock"] for event, _ in one.trail if event.kind == "breached"]
        asks = sum('"asks"' in event.data for event, _ in one.trail)
        ids, homes = [row.id for row in one.members], [row.case_id for row in one.members]
        told.append(Told(ids, homes, case.queue, case.severity, case.assignee, breaches, asks))
    return told


def fold_rows(ws: int, customer: int, rows: Sequence[Any], scene: Scene) -> list[Told] | None:
    """Fold a history without commands, in one pass; ``None`` where it takes more than that.

    Args:
        ws: The workspace.
        customer: Whose history.
        rows: In the order of time, with the columns of ``FACTS``.
        scene: What the facts are seen against.
    """
    told: list[Told] = []
    case: CaseRow | None = None
    one: Told | None = None
    process, channels, profiles = scene.process, scene.channels, scene.profiles
    last = -1
    row: Any
    for row in rows:
        (
            key,
            _,
            home,
            what,
            direction,
            moderation,
            at,
            deleted,
            seen,
            _,
            _,
            channel,
            visibility,
            text,
            subject,
            language,
            _,
        ) = row
        if at <= last or deleted is not None or seen:
            return None
        last = at
        if direction == "inbound":
            name, platform = channels.get(channel, ("", ""))
            tags, entitlement = profiles.at(customer, at)
            fact = Fact(
                RECEIVED,
                at,
                key,
                what,
                moderation,
                "",
                "",
                name,
                platform,
                visibility,
                text,
                subject,
                language,
                tags,
                entitlement,
            )
        elif case is None:
            continue
        else:
            fact = Fact(what_we_did(what, seen), at, key)
        for event in decide(case, fact, process, key=-1, ws=ws, customer=customer):
            if case is None or one is None or event.kind == "opened":
                if event.data and '"flags"' in event.data:
                    return None
                case = begin(event)
                one = Told([], [])
                told.append(one)
            else:
                case = advance(case, event)
            if event.data:
                _note(one, event)
            if event.interaction == key and (not one.members or one.members[-1] != key):
                one.members.append(key)
                one.homes.append(home)
            one.case = case
    for one in told:
        one.settle()
    return told


def _note(one: Told, event: EventRow) -> None:
    if event.kind == "breached":
        one.breaches.append(_clock_of(event.data))
    elif '"asks"' in event.data:
        one.asks += 1


@lru_cache(maxsize=1024)
def _clock_of(data: str) -> str:
    clock: str = json.loads(data)["clock"]
    return clock


def _compare(report: Backtest, before: list[Told], after: list[Told]) -> None:
    of_member = {member: one for one in before for member in one.members}
    met: set[int] = set()
    for one in before:
        report.before.add(one)
    for one in after:
        report.after.add(one)
        old = next((of_member[member] for member in one.members if member in of_member), None)
        first = one.members[0] if one.members else None
        if one.asks:
            report.not_estimable["what customers would have answered to an automatic message"] += 1
        if old is None or id(old) in met:
            report.note(Difference(case=None, interaction=first, what="opened", after=f"{one.queue}, {one.severity}"))
            report.not_estimable["when a case that history does not have would have been answered"] += 1
            continue
        met.add(id(old))
        key = next((home for home in one.homes if home is not None), old.key)
        for what in ("queue", "severity", "assignee"):
            was, now = getattr(old, what), getattr(one, what)
            if was != now:
                report.note(Difference(case=key, interaction=first, what=what, before=was, after=now))
        if old.breaches != one.breaches:
            worse = len(one.breaches) > len(old.breaches)
            told = (" ".join(old.breaches) or "none", " ".join(one.breaches) or "none")
            report.note(
                Difference(case=key, interaction=first, what="breached" if worse else "kept", before=told[0], after=told[1])
            )
        if old.queue != one.queue:
            report.not_estimable["when another queue would have answered"] += 1
    for one in before:
        if id(one) not in met:
            report.note(
                Difference(case=one.key, interaction=one.members[0], what="missing", before=f"{one.queue}, {one.severity}")
            )
            report.not_estimable["what the work on a case that would not exist would have gone to"] += 1
