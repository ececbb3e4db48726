"""What agents do to a case, and what time does: guarded by the state table and by the version that they saw."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import select

from socialcrm.cases._decide import decide, impossible
from socialcrm.cases._draw import follow_up
from socialcrm.cases._evolve import evolve, more_of
from socialcrm.cases._facts import Fact
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._refold import refold
from socialcrm.cases._scene import Scene
from socialcrm.cases._states import PARALLEL
from socialcrm.cases._timeline import Timeline
from socialcrm.cases._write import Ledger
from socialcrm.errors import ConflictError, NotFound, SettingsError, StateError
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["AUTOMATIC", "command", "find_case", "follow", "hold", "merge", "split", "tick"]

CLOCK = "clock"

AUTOMATIC = "playbook"
"""Who acts where a rule does; no agent's claim keeps that from the audit trail."""


def find_case(tx: Tx, key: int) -> CaseRow:
    """Return a case by its number; that of a merged one leads to the case that took it in.

    Raises:
        NotFound: There is none.
    """
    for _ in range(100):
        row = tx.row(select(tables.cases).where(tables.cases.c.ws == tx.ws, tables.cases.c.id == key))
        if row is None:
            break
        if row.merged is None:
            return CaseRow.of(row)
        key = row.merged
    raise NotFound(f"there is no case c{key}; see the inbox for those there are")


def hold(case: CaseRow, by: str, now: int) -> None:
    """Refuse to touch a case that another agent has claimed.

    Raises:
        ConflictError: Somebody else is at it.
    """
    told = more_of(case)
    if told.get("claimant") not in (None, by) and told.get("claimed", 0) > now:
        minutes = max((told["claimed"] - now) // 60_000_000, 1)
        raise ConflictError(
            f"case c{case.id} is claimed by {told['claimant']} for {minutes} more minutes; "
            "ask them, or wait until they are done"
        )


def command(
    tx: Tx,
    key: int,
    kind: str,
    playbook: Playbook,
    *,
    at: int,
    by: str,
    value: str = "",
    version: int | None = None,
    rule: str = "",
) -> list[EventRow]:
    """Do something to a case.

    Args:
        tx: A writing transaction.
        key: The case's number.
        kind: One of ``COMMANDS``: ``resolve``, ``close``, ``reopen``, ``pend``, ``snooze``, ``wake``, ``assign``, ``grade`` …
        playbook: What applies where none was published.
        at: When, in microseconds UTC.
        by: Who; not empty.
        value: The argument.
        version: The version of the case that the agent saw; ``None`` does not ask.
        rule: Why, where a rule of ours says so.

    Returns:
        The events.

    Raises:
        NotFound: There is no such case.
        ConflictError: It has changed since that version, or somebody else has claimed it.
        StateError: The state table does not allow it.
    """
    case = _seen(tx, key, by, at, version)
    ledger = Ledger(tx)
    _apply(ledger, case, Fact(kind, _after(at, case), case.last, actor=by, value=value), Timeline.load(tx, playbook), rule)
    return ledger.write()


def _after(at: int, *cases: CaseRow) -> int:
    """Return the time of an act: ours, but after what the agent saw, whatever the platform's clock says."""
    seen = max(case.touched for case in cases)
    return at if at >= seen else seen + 1


def _seen(tx: Tx, key: int, by: str, at: int, version: int | None) -> CaseRow:
    case = find_case(tx, key)
    if version is not None and version != case.version:
        raise ConflictError(
            f"case c{case.id} has changed since you read it (version {version}, now {case.version}); read it again"
        )
    if by != AUTOMATIC:
        hold(case, by, at)
    return case


def _apply(ledger: Ledger, case: CaseRow, fact: Fact, process: Timeline, rule: str = "") -> CaseRow:
    events = decide(case, fact, process, key=0, ws=ledger.ws, customer=case.customer)
    if fact.kind != "tick" and (not events or not events[-1].actor):
        raise impossible(case, fact.kind)
    for event in events:
        if event.actor:
            event.rule = event.rule or rule
        case = evolve(case, event)
        ledger.record(case, event)
    return case


def tick(tx: Tx, now: int, playbook: Playbook) -> list[EventRow]:
    """Let time pass: wakes what was snoozed until now, marks missed targets, escalates each case once.

    Returns:
        The events; none when nothing elapsed since the last tick.
    """
    table = tables.cases
    statement = (
        select(table)
        .where(table.c.ws == tx.ws, table.c.alarm < now, table.c.merged.is_(None))
        .order_by(table.c.alarm, table.c.id)
    )
    cases = [CaseRow.of(row) for row in tx.rows(statement)]
    if not cases:
        return []
    ledger, process = Ledger(tx), Timeline.load(tx, playbook)
    for case in cases:
        _apply(ledger, case, Fact("tick", now, case.last, actor=CLOCK), process)
    return ledger.write()


def merge(tx: Tx, key: int, into: int, playbook: Playbook, *, at: int, by: str, version: int | None = None) -> list[EventRow]:
    """Let one case take in another one of the same customer.

    Raises:
        NotFound: There is no such case.
        StateError: They belong to different customers, or the taking one is closed.
        ConflictError: The case has changed since that version, or is claimed.
    """
    gone, heir = _seen(tx, key, by, at, version), find_case(tx, into)
    if gone.id == heir.id:
        raise SettingsError(f"c{gone.id} is one and the same case")
    if gone.customer != heir.customer:
        raise StateError(f"c{gone.id} and c{heir.id} belong to different customers; if they are one person, join them first")
    if heir.state == "closed":
        raise StateError(f"c{heir.id} is closed and takes nothing in; merge the other way round, or reopen it")
    value = json.dumps({"into": heir.id, "last": heir.last})
    return _redraw(tx, gone, "merge", value, playbook, at=_after(at, gone, heir), by=by)


def split(
    tx: Tx,
    key: int,
    interactions: Collection[int],
    playbook: Playbook,
    *,
    at: int,
    by: str,
    version: int | None = None,
) -> list[EventRow]:
    """Take interactions out of a case; they make a case of their own, as if they had never been in this one.

    Raises:
        NotFound: There is no such case.
        SettingsError: One of the interactions is not in it, or none would be left.
        ConflictError: The case has changed since that version, or is claimed.
    """
    case, table = _seen(tx, key, by, at, version), tables.interactions
    statement = select(table.c.id).where(
        table.c.ws == tx.ws, table.c.customer == case.customer, table.c.case_id == case.id, table.c.direction == "inbound"
    )
    everything = select(table.c.id).where(table.c.ws == tx.ws, table.c.customer == case.customer, table.c.case_id == case.id)
    members = {row.id for row in tx.rows(everything)}
    if not interactions or not set(interactions) <= members:
        raise SettingsError(f"c{case.id} does not hold all of these interactions; see `crm.interactions(case='c{case.id}')`")
    if not {row.id for row in tx.rows(statement)} - set(interactions):
        raise SettingsError(f"nothing of the customer's would be left in c{case.id}; leave it as it is")
    value = ",".join(map(str, sorted(interactions)))
    return _redraw(tx, case, "split", value, playbook, at=_after(at, case), by=by)


def _redraw(tx: Tx, case: CaseRow, kind: str, value: str, playbook: Playbook, *, at: int, by: str) -> list[EventRow]:
    """Record a command that moves the borders between cases, and draw them anew."""
    process = Timeline.load(tx, playbook)
    ledger = Ledger(tx)
    _apply(ledger, case, Fact(kind, at, case.last, actor=by, value=value), process)
    events = ledger.write()
    ledger = Ledger(tx)
    refold(tx, ledger, Scene.load(tx, process, [case.customer]), {case.customer: case.customer}, [])
    return events + ledger.write()


def follow(tx: Tx, key: int, playbook: Playbook, *, at: int, by: str, reason: str = "") -> list[EventRow]:
    """Open a case after another one, for what is left to do; the customer's next word goes there.

    Raises:
        NotFound: There is no such case.
    """
    case = find_case(tx, key)
    ledger = Ledger(tx)
    data = {"customer": case.customer, "queue": case.queue, "severity": case.severity, "follows": case.id, "flags": PARALLEL}
    data["last"] = case.last
    if reason:
        data["reason"] = reason
    fact = Fact("follow", at, None, actor=by, value=json.dumps(data))
    event = follow_up(tx.ws, ledger.opened(case.customer), fact, Timeline.load(tx, playbook).at(at).version)
    ledger.record(evolve(None, event), event)
    return ledger.write()
