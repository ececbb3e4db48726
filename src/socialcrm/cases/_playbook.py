"""The process: what becomes a case, how soon an answer is due, what makes one more pressing, who gets it.

A playbook is an immutable value; its version is a digest of its content, so two playbooks that say the same are the same.
Need is a function of severity, waiting time, targets, repeated contact and contract. Every bonus is bounded, so nobody waits
for ever behind others (``docs/process/need.md``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from attrs import Factory, field, frozen

from socialcrm.cases._calendar import Hours
from socialcrm.cases._facts import Fact
from socialcrm.cases._parts import Agent, Effects, Escalation, Queue, Rule, Target, merged
from socialcrm.errors import PlaybookError
from socialcrm.store import CaseRow
from socialcrm.types import CaseState, Kind, Severity

if TYPE_CHECKING:
    from socialcrm.cases._lower import Match

__all__ = ["DEFAULT", "Playbook", "Process"]

_RESPOND = {
    Severity.URGENT: timedelta(hours=1),
    Severity.HIGH: timedelta(hours=4),
    Severity.NORMAL: timedelta(hours=8),
    Severity.LOW: timedelta(hours=24),
}


_SOONER = {
    Severity.URGENT: timedelta(days=1),
    Severity.HIGH: timedelta(hours=6),
    Severity.NORMAL: timedelta(),
    Severity.LOW: timedelta(),
}


class Process(Protocol):
    """Which playbook decides: the one in force when a case begins, and the one that a case is under."""

    def at(self, time: int) -> Playbook:
        """Return the playbook in force at a time (microseconds UTC)."""

    def behind(self, version: str) -> Playbook:
        """Return the playbook of a version."""


def _micros(value: timedelta) -> int:
    return int(value / timedelta(microseconds=1))


@frozen(kw_only=True)
class Playbook:
    """How cases are handled. It is a `Process` that never changes, too.

    Args:
        name: For people; part of the version.
        description: For people.
        zone: The IANA time zone in which rules mean hours and days.
        hours: When the clocks run; around the clock, where missing.
        respond_within: For each severity, how long a customer may wait for an answer.
        targets: Finer targets; the first that fits and sets a figure decides it.
        pauses: In which states the resolution clock stands still.
        reopen_within: How long after its resolution a case takes the customer up again; later, a new case begins.
        severity_bonus: For each severity, how much sooner a case counts as due, besides its shorter target: after a long
            backlog targets alone would tell an outage from a question no more.
        repeat_bonus: How much sooner a case counts as due for each further time that the customer wrote unanswered.
        repeat_limit: How many repetitions count at most.
        entitlements: For each contract, how much sooner its customers' cases count as due.
        queue: Where new cases go, unless a rule says otherwise.
        ignored_kinds: What never opens a case by itself.
        rules: What to make of what customers say; all that hold take part.
        escalation: What happens, once, to a case whose target is missed.
        macros: Texts by name.
        queues: How queues hand out cases.
        agents: Who answers.
        acknowledge_within: How old a message may be at most to get an automatic answer.
    """

    name: str = "default"
    description: str = field(default="", eq=False)
    zone: str = "UTC"
    hours: Hours | None = None
    respond_within: Mapping[Severity, timedelta] = Factory(lambda: dict(_RESPOND))
    targets: tuple[Target, ...] = ()
    pauses: frozenset[CaseState] = frozenset({CaseState.PENDING, CaseState.SNOOZED})
    reopen_within: timedelta = timedelta(days=14)
    severity_bonus: Mapping[Severity, timedelta] = Factory(lambda: dict(_SOONER))
    repeat_bonus: timedelta = timedelta(minutes=30)
    repeat_limit: int = 4
    entitlements: Mapping[str, timedelta] = Factory(dict)
    queue: str = "inbox"
    ignored_kinds: frozenset[Kind] = frozenset({Kind.REACTION, Kind.VISIT, Kind.OTHER})
    rules: tuple[Rule, ...] = ()
    escalation: Escalation | None = None
    macros: Mapping[str, str] = Factory(dict)
    queues: tuple[Queue, ...] = ()
    agents: tuple[Agent, ...] = ()
    acknowledge_within: timedelta = timedelta(hours=1)
    _reopen: int = field(init=False, eq=False, repr=False)
    _bonus: int = field(init=False, eq=False, repr=False)
    _ignored: frozenset[str] = field(init=False, eq=False, repr=False)
    _pauses: frozenset[str] = field(init=False, eq=False, repr=False)
    _match: Match | None = field(init=False, eq=False, repr=False)
    _sooner: dict[str, int] = field(init=False, eq=False, repr=False)
    _graver: dict[str, int] = field(init=False, eq=False, repr=False)
    _calendars: dict[str, Hours | None] = field(init=False, eq=False, repr=False)
    _spans: dict[tuple[str, str, str, str], int | None] = field(init=False, factory=dict, eq=False, repr=False)
    _effects: dict[tuple[int, ...], Effects] = field(init=False, factory=dict, eq=False, repr=False)
    resolves: bool = field(init=False, eq=False, repr=False)
    version: str = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        from socialcrm.cases._checks import check
        from socialcrm.cases._written import to_document

        check(self)
        put = object.__setattr__
        put(self, "_reopen", _micros(self.reopen_within))
        put(self, "_bonus", _micros(self.repeat_bonus))
        put(self, "_ignored", frozenset(kind.value for kind in self.ignored_kinds))
        put(self, "_pauses", frozenset(state.value for state in self.pauses))
        put(self, "_sooner", {name: _micros(span) for name, span in self.entitlements.items()})
        put(self, "_graver", {severity.value: _micros(span) for severity, span in self.severity_bonus.items()})
        put(self, "_calendars", {queue.name: queue.hours for queue in self.queues if queue.hours is not None})
        put(self, "resolves", any(target.resolution is not None for target in self.targets))
        put(self, "_match", self._lowered())
        content = json.dumps(to_document(self, words=False), sort_keys=True)
        put(self, "version", f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}")

    def _lowered(self) -> Match | None:
        if not self.rules:
            return None
        # only a playbook with rules pays for the engine
        from socialcrm.cases._lower import lower

        try:
            return lower([rule.when for rule in self.rules], self.zone)
        except PlaybookError as error:
            place, _, told = str(error).removeprefix("condition ").partition(": ")
            raise PlaybookError(f"rule {self.rules[int(place)].name!r}: {told}") from None

    def at(self, time: int) -> Playbook:
        """Return itself: it was always in force."""
        return self

    def behind(self, version: str) -> Playbook:
        """Return itself: every case is under it."""
        return self

    def triage(self, fact: Fact, case: CaseRow | None) -> Effects | None:
        """Return what the rules make of a fact; ``None`` where none holds.

        Args:
            fact: What happened.
            case: The case that would take it up.
        """
        if self._match is None:
            return None
        hits = self._match(fact, case)
        if not hits:
            return None
        effects = self._effects.get(hits)
        if effects is None:
            effects = self._effects[hits] = merged([self.rules[place] for place in hits])
        return effects

    def within(self, clock: str, severity: str, queue: str = "", channel: str = "") -> int | None:
        """Return a target in microseconds of working time; ``None`` where there is none.

        Args:
            clock: ``first``, ``next`` or ``resolution``.
            severity: The case's severity.
            queue: The case's queue.
            channel: The channel of what waits.
        """
        key = (clock, severity, queue, channel)
        try:
            return self._spans[key]
        except KeyError:
            span = self._spans[key] = self._within(*key)
            return span

    def _within(self, clock: str, severity: str, queue: str, channel: str) -> int | None:
        for target in self.targets:
            span = getattr(target, clock)
            if span is None and clock == "next":
                span = target.first
            if span is not None and target.fits(severity, queue, channel):
                return _micros(span)
        return _micros(self.respond_within[Severity(severity)]) if clock != "resolution" else None

    def calendar(self, queue: str) -> Hours | None:
        """Return when the clocks of a queue's cases run; ``None`` for around the clock."""
        return self._calendars.get(queue, self.hours)

    def later(self, start: int, span: int, queue: str = "") -> int:
        """Return when a span of working time is over (microseconds UTC)."""
        hours = self._calendars.get(queue, self.hours) if self._calendars else self.hours
        return start + span if hours is None else hours.add(start, span)

    def worked(self, start: int, end: int, queue: str = "") -> int:
        """Return the working time between two times, in microseconds."""
        hours = self.calendar(queue)
        return end - start if hours is None else hours.between(start, end)

    def due(self, waiting: int, severity: str, *, queue: str = "", channel: str = "", answered: bool = False) -> int:
        """Return by when an answer is due, in microseconds UTC.

        Args:
            waiting: Since when the customer waits, in microseconds UTC.
            severity: The case's severity.
            queue: The case's queue.
            channel: The channel of what waits.
            answered: Whether we have answered in this case before.
        """
        span = self.within("next" if answered else "first", severity, queue, channel)
        return self.later(waiting, span or 0, queue)

    def need(self, due: int, severity: str, contacts: int, entitlement: str = "") -> int:
        """Return the place in the inbox: the time at which the case counts as due, lower first.

        Everybody who waits ages at the same rate, so the order does not depend on the time at which one looks.

        Args:
            due: What `due` returned.
            severity: The case's severity.
            contacts: How often the customer wrote since our last answer.
            entitlement: The customer's contract.
        """
        repeats = contacts - 1
        if repeats > self.repeat_limit:
            repeats = self.repeat_limit
        sooner = self._sooner.get(entitlement, 0) if entitlement else 0
        return due - sooner - self._graver.get(severity, 0) - (self._bonus * repeats if repeats > 0 else 0)

    def ignores(self, kind: str, moderation: str) -> bool:
        """Tell whether something a customer did opens no case: a reaction, spam, what was taken down."""
        return kind in self._ignored or moderation in ("spam", "removed")

    def reopens(self, resolved: int, at: int) -> bool:
        """Tell whether a contact at a time takes up a case that was resolved earlier (microseconds UTC)."""
        return at - resolved <= self._reopen

    def rests(self, state: str) -> bool:
        """Tell whether the resolution clock stands still in a state."""
        return state in self._pauses

    def queue_named(self, name: str) -> Queue:
        """Return how a queue hands out cases; the usual way where the playbook says nothing."""
        return next((queue for queue in self.queues if queue.name == name), Queue(name=name))


DEFAULT = Playbook()
"""The playbook that applies until another one is published."""
