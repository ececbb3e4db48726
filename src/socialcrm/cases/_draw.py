"""Draws a customer's cases from the whole history.

Usually a customer has one case at a time, and what they say belongs to the latest. Where a rule opens a case beside another
one, or an agent splits one, the history has *lanes*: what is said in a conversation goes on in the lane in which that
conversation went on last, and what begins a conversation in the newest one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from socialcrm.cases._decide import decide
from socialcrm.cases._evolve import evolve
from socialcrm.cases._facts import WITHDRAWN, Fact
from socialcrm.cases._history import Entry, Member
from socialcrm.cases._playbook import Process
from socialcrm.cases._states import PARALLEL
from socialcrm.store import CaseRow, EventRow

__all__ = ["Drawing", "Drawn", "absorbed", "draw", "follow_up"]


@define
class Drawn:
    """A case as the fold draws it: as it stands, its events, and how it stood after each.

    Args:
        case: As it stands.
        lane: Its lane.
        key: The number that it has to have.
        members: Its interactions.
        trail: Its events, each with the case after it.
        into: The place of the case that took it in.
    """

    case: CaseRow
    lane: int
    key: int | None = None
    members: list[Member] = field(factory=list)
    trail: list[tuple[EventRow, CaseRow]] = field(factory=list)
    into: int | None = None


def draw(ws: int, customer: int, entries: Iterable[Entry], process: Process) -> list[Drawn]:
    """Fold every fact in order.

    Returns:
        The cases, in the order in which they were opened.
    """
    drawing = Drawing(ws, customer, process)
    told = list(entries)
    drawing.split(told)
    for entry in told:
        drawing.take(entry)
    return drawing.drawn


@define
class Drawing:
    """The state of a fold over one customer's history."""

    ws: int
    customer: int
    process: Process
    drawn: list[Drawn] = field(factory=list)
    homes: dict[int, int] = field(factory=dict)
    _counted: set[int] = field(factory=set)
    _keys: dict[int, int] = field(factory=dict)
    _current: dict[int, int] = field(factory=dict)
    _talks: dict[int, int] = field(factory=dict)
    _apart: dict[int, int] = field(factory=dict)
    _newest: int = 0
    _lanes: int = 1

    def split(self, entries: Iterable[Entry]) -> None:
        """Give the interactions that agents took out of a case lanes of their own, from the beginning."""
        for fact, _, event in entries:
            if fact.kind == "split" and event is not None:
                lane = self._lane()
                self._apart.update(dict.fromkeys(map(int, fact.value.split(",")), lane))

    def _lane(self) -> int:
        self._lanes += 1
        return self._lanes - 1

    def take(self, entry: Entry) -> None:
        """Fold one fact."""
        fact, row, event = entry
        if row is None:
            self._command(fact, event)
            return
        if fact.kind == WITHDRAWN:
            place = self.homes.get(row.id)
            if place is not None and row.id in self._counted:
                self._decide(self._live(place), fact, None)
            return
        lane = self._apart.get(row.id)
        if lane is None:
            lane = self._talks.get(row.conversation, self._newest)
        self._talks[row.conversation] = lane
        self._decide(self._current.get(lane), fact, row, lane)

    def _live(self, place: int) -> int:
        while (into := self.drawn[place].into) is not None:
            place = into
        return place

    def _decide(self, place: int | None, fact: Fact, row: Member | None, lane: int = 0) -> None:
        case = self.drawn[place].case if place is not None else None
        key = -1 - len(self.drawn)
        for event in decide(case, fact, self.process, key=key, ws=self.ws, customer=self.customer):
            if place is None or event.kind == "opened":
                place = self._open(event, row, lane)
                one = self.drawn[place]
            else:
                one = self.drawn[place]
                one.case = evolve(one.case, event)
                one.trail.append((event, one.case))
            if row is None or event.interaction != row.id:
                continue
            if event.kind in ("opened", "received"):
                self._counted.add(row.id)
            if row.id not in self.homes:
                self.homes[row.id] = place
                one.members.append(row)

    def _open(self, event: EventRow, row: Member | None, lane: int) -> int:
        data = json.loads(event.data)
        if data.get("flags", 0) & PARALLEL or row is None:
            lane = self._lane()
            if row is not None:
                self._talks[row.conversation] = lane
        if self._lanes > 1:
            data["flags"] = data.get("flags", 0) | PARALLEL
            event.data = json.dumps(data)
        case = evolve(None, event)
        self.drawn.append(Drawn(case, lane, trail=[(event, case)]))
        place = len(self.drawn) - 1
        self._current[lane] = place
        self._newest = lane
        return place

    def _command(self, fact: Fact, event: Any) -> None:
        if fact.kind == "follow":
            opened = follow_up(self.ws, -1 - len(self.drawn), fact, event.playbook, event.due, event.need)
            begun = self._open(opened, None, 0)
            self.drawn[begun].key = event.case_id
            self._keys[event.case_id] = begun
            self._inherit(begun, self.homes.get(json.loads(fact.value).get("last")))
            return
        place: int | None = self.homes.get(fact.interaction) if fact.interaction is not None else None
        if place is None:
            place = self._keys.get(event.case_id, self._current.get(self._newest))
        if place is None:
            return
        place = self._live(place)
        self._decide(place, fact, None)
        if fact.kind == "merge":
            told = json.loads(fact.value)
            into = self.homes.get(told["last"]) if told["last"] is not None else None
            into = into if into is not None else self._keys.get(told["into"])
            if into is not None and self._live(into) != place:
                self._merge(place, self._live(into), fact, told["into"])

    def _inherit(self, begun: int, followed: int | None) -> None:
        """Let the conversations of a case that is over go on in the one that follows it."""
        if followed is None:
            return
        one = self.drawn[self._live(followed)]
        if one.case.state in ("resolved", "closed"):
            lane = self.drawn[begun].lane
            self._talks = {talk: lane if its == one.lane else its for talk, its in self._talks.items()}

    def _merge(self, place: int, into: int, fact: Fact, key: int) -> None:
        gone, heir = self.drawn[place], self.drawn[into]
        event = absorbed(heir.case, gone.case, fact, self.process)
        heir.case = evolve(heir.case, event)
        heir.trail.append((event, heir.case))
        heir.members += gone.members
        heir.key = key
        self.homes.update({row.id: into for row in gone.members})
        gone.members, gone.into = [], into
        self._current = {lane: into if current == place else current for lane, current in self._current.items()}


def follow_up(ws: int, key: int, fact: Fact, version: str, due: int | None = None, need: int | None = None) -> EventRow:
    """Return the event of a case that an agent opens; its data is the fact's value."""
    return EventRow(ws, 0, key, "opened", fact.at, fact.actor, None, version, "", due, need, fact.value)


def absorbed(heir: CaseRow, gone: CaseRow, fact: Fact, process: Process) -> EventRow:
    """Return the event of a case that takes another one in: it waits since the earlier of both, and its clock goes on."""
    waiting = _least(heir.waiting, gone.waiting)
    told: dict[str, Any] = {
        "opened": min(heir.opened, gone.opened),
        "first": heir.first if heir.opened <= gone.opened and heir.first is not None else gone.first,
        "last": heir.last if (heir.touched >= gone.touched and heir.last is not None) or gone.last is None else gone.last,
        "last_in": _most(heir.last_in, gone.last_in),
        "last_out": _most(heir.last_out, gone.last_out),
        "answered": _least(heir.answered, gone.answered),
        "contacts": heir.contacts + gone.contacts,
        "waiting": waiting,
        "tags": ",".join(sorted({tag for tag in (*heir.tags.split(","), *gone.tags.split(",")) if tag})),
        "state": "open" if waiting is not None and heir.state != "new" else heir.state,
        "snoozed": None,
    }
    event = EventRow(
        heir.ws, 0, heir.id, "absorbed", fact.at, "", told["last"], heir.playbook, "", None, None, json.dumps({"case": told})
    )
    if waiting is not None:
        playbook = process.behind(heir.playbook)
        answered = told["answered"] is not None
        event.due = playbook.due(waiting, heir.severity, queue=heir.queue, channel=heir.channel, answered=answered)
        event.need = playbook.need(event.due, heir.severity, told["contacts"], heir.entitlement)
    return event


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _most(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)
