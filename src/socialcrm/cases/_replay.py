"""Decides everything again, with the playbooks that decided then, and compares every event with the log.

What the log can't hold is given, not decided: a ``corrected`` case (late arrivals had the whole history folded again) and what
moved between cases. An interaction whose words have changed or gone since may have been decided by the earlier words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field
from attrs import evolve as changed
from sqlalchemy import Row, select

from socialcrm.cases._decide import COMMANDS, decide, elapse
from socialcrm.cases._evolve import evolve
from socialcrm.cases._facts import ACKNOWLEDGED, RECEIVED, REPLIED, WITHDRAWN, Fact
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._scene import Scene
from socialcrm.cases._states import PARALLEL
from socialcrm.cases._timeline import Timeline
from socialcrm.store import CaseRow, EventRow, Tx, tables

__all__ = ["Replay", "replay"]

_GIVEN = frozenset({"corrected", "merged", "absorbed"})
_RECEIVED = frozenset({"opened", "received", "noted", "reopened"})
_COMMAND = {event: command for command, (event, _) in COMMANDS.items()}


@define(kw_only=True)
class Replay:
    """What came of deciding everything again.

    Args:
        events: Events in the log.
        same: Those that came out again, byte for byte.
        given: Those that stand for late arrivals or for moves between cases, and are taken as they are.
        reworded: Those about an interaction whose words have changed or gone since, and that came out otherwise.
        differing: The places in the log of all others; empty, unless somebody changed the log or the library.
    """

    events: int = 0
    same: int = 0
    given: int = 0
    reworded: int = 0
    differing: list[int] = field(factory=list)

    def __str__(self) -> str:
        told = f"{self.events} events: {self.same} came out the same, {self.given} are given"
        if self.reworded:
            told += f", {self.reworded} are about words that have changed since"
        return f"{told}; {len(self.differing)} differ"


@define
class _Then:
    """The process as it was when an event was decided."""

    timeline: Timeline
    version: str = ""

    def at(self, time: int) -> Playbook:
        return self.timeline.behind(self.version)

    def behind(self, version: str) -> Playbook:
        return self.timeline.behind(version)


def replay(tx: Tx, default: Playbook) -> Replay:
    """Decide every event of the log again.

    Args:
        tx: Any transaction.
        default: What applied where nothing was published.
    """
    report = Replay()
    then = _Then(Timeline.load(tx, default))
    scene = Scene.load(tx, then, None)
    for lines in _cases(tx):
        _replay_case(report, then, scene, lines)
    return report


def _cases(tx: Tx) -> Iterator[list[Row[Any]]]:
    """Yield each case's events, each with the interaction that it is about."""
    log, talk = tables.events, tables.interactions
    names = ("customer", "kind", "direction", "moderation", "at", "seen", "edited", "deleted", "channel", "visibility", "text",
             "subject", "language")  # fmt: skip
    statement = (
        select(log, *(talk.c[name].label(f"i_{name}") for name in names))
        .join(talk, (talk.c.ws == log.c.ws) & (talk.c.id == log.c.interaction), isouter=True)
        .where(log.c.ws == tx.ws)
        .order_by(log.c.case_id, log.c.seq)
    )
    lines: list[Row[Any]] = []
    for row in tx.connection.execution_options(yield_per=5000).execute(statement):
        if lines and lines[-1].case_id != row.case_id:
            yield lines
            lines = []
        lines.append(row)
    if lines:
        yield lines


def _replay_case(report: Replay, then: _Then, scene: Scene, lines: Sequence[Row[Any]]) -> None:
    events = [EventRow.of(line[:12]) for line in lines]
    report.events += len(events)
    case: CaseRow | None = None
    place = 0
    while place < len(events):
        event = events[place]
        if _given(event):
            report.given += 1
            case = evolve(case, event)
            place += 1
            continue
        fact, upto = _fact(events, lines, place, scene)
        told: Sequence[EventRow] = ()
        if fact is not None:
            then.version = event.playbook
            customer = case.customer if case is not None else json.loads(event.data)["customer"]
            told = decide(case, fact, then, key=event.case_id, ws=event.ws, customer=customer)
        if case is not None and _elapsed(event) and not _equal(told, events[place:upto]):
            # time passed because of something else, that began a case beside this one for example
            upto = next((one for one in range(place, upto) if not _elapsed(events[one])), upto)
            told, _ = elapse(case, Fact("", events[upto - 1].at + 1), then.behind(case.playbook))
        upto = max(upto, place + len(told)) if _equal(told, events[place : place + len(told)]) else upto
        if told and _equal(told, events[place:upto]):
            report.same += upto - place
        elif any(line.i_edited is not None or line.i_deleted is not None for line in lines[place:upto]):
            report.reworded += upto - place
        else:
            report.differing += [one.seq for one in events[place:upto]]
        for one in events[place:upto]:
            case = evolve(case, one)
        place = upto


def _equal(told: Sequence[EventRow], logged: Sequence[EventRow]) -> bool:
    if len(told) != len(logged):
        return False
    for new, old in zip(told, logged, strict=True):
        new.seq = old.seq
        if old.actor and old.actor == new.actor:
            new.rule = old.rule
        if new.kind == old.kind == "opened" and json.loads(old.data).get("flags", 0) & PARALLEL:
            # that a case began beside others is known from those
            data = json.loads(new.data)
            new.data = json.dumps({**data, "flags": data.get("flags", 0) | PARALLEL})
            old = changed(old, data=json.dumps(_sorted(old.data)))
            new.data = json.dumps(_sorted(new.data))
        if new != old:
            return False
    return True


def _sorted(data: str) -> dict[str, Any]:
    return dict(sorted(json.loads(data).items()))


def _fact(events: Sequence[EventRow], lines: Sequence[Row[Any]], place: int, scene: Scene) -> tuple[Fact | None, int]:
    """Return the fact that led to the events from a place on, and the place after them."""
    upto = place
    while upto < len(events) and _elapsed(events[upto]):
        upto += 1
    first = events[place]
    data = json.loads(first.data) if first.data else {}
    if "until" in data:
        upto = place
        while upto < len(events) and json.loads(events[upto].data or "{}").get("until") == data["until"]:
            upto += 1
        return Fact("tick", data["until"], first.interaction, actor=first.actor), upto
    if upto == len(events) or _given(events[upto]):
        return None, upto
    event, line = events[upto], lines[upto]
    upto += 1
    if event.kind == "reopened" and not event.actor and upto < len(events):
        upto += 1
    if event.kind == "withdrawn":
        if upto < len(events) and events[upto].rule == "withdrawn":
            upto += 1
        return Fact(WITHDRAWN, event.at, event.interaction, line.i_kind, line.i_moderation, value=str(line.i_at)), upto
    if event.kind in _RECEIVED and not event.actor:
        return (_received(event, line, scene) if line.i_kind is not None else None), upto
    if event.kind in ("replied", "acknowledged"):
        return Fact(REPLIED if event.kind == "replied" else ACKNOWLEDGED, event.at, event.interaction), upto
    return _command(event), upto


def _given(event: EventRow) -> bool:
    return event.kind in _GIVEN or event.rule == "vacated" or (event.kind == "opened" and event.actor != "")


def _elapsed(event: EventRow) -> bool:
    return not event.actor and event.kind in ("breached", "woken")


def _received(event: EventRow, line: Row[Any], scene: Scene) -> Fact:
    channel, platform = scene.channels.get(line.i_channel, ("", ""))
    known = scene.profiles.at(line.i_customer, event.at)
    return Fact(
        RECEIVED, event.at, event.interaction, line.i_kind, line.i_moderation, "", "", channel, platform, line.i_visibility,
        line.i_text, line.i_subject, line.i_language, *known,
    )  # fmt: skip


def _command(event: EventRow) -> Fact | None:
    kind = _COMMAND.get(event.kind)
    if kind is None:
        return None
    data = json.loads(event.data) if event.data else {}
    value = next((str(data[name]) for name in ("value", "reason", "severity", "queue") if name in data), "")
    value = event.playbook if kind == "migrate" else value
    return Fact(kind, event.at, event.interaction, actor=event.actor, value=value)
