"""What a playbook is made of: rules, targets, escalation, queues and agents."""

from __future__ import annotations

from datetime import timedelta

from attrs import field, fields, frozen

from socialcrm.cases._calendar import Hours
from socialcrm.errors import PlaybookError
from socialcrm.types import Severity

__all__ = ["Agent", "Effects", "Escalation", "Queue", "Rule", "Target", "merged"]


@frozen(kw_only=True)
class Effects:
    """What rules make of a fact. Of several that hold, the first one to say something about a field decides it.

    Args:
        open: A case of its own, whatever else is open.
        join: Never a new case; it belongs to the one that is there, or to none.
        ignore: It is noted on a case that is there, and asks for no answer.
        severity: How bad it is.
        queue: Who should look at it.
        tags: Added to the case's (of all rules that hold).
        assign: Which agent gets it, if nobody has it.
        acknowledge: The macro to send automatically, once per case; never counts as an answer.
        ask_private: The macro that asks the customer, where they wrote, to go on in private.
        macro: The macro to offer the agent.
        escalate: Escalate at once, as if a target had been missed.
        incident: Link the case to the open incident of this name.
        rules: The names of the rules that held.
    """

    open: bool = False
    join: bool = False
    ignore: bool = False
    severity: Severity | None = None
    queue: str = ""
    tags: tuple[str, ...] = ()
    assign: str = ""
    acknowledge: str = ""
    ask_private: str = ""
    macro: str = ""
    escalate: bool = False
    incident: str = ""
    rules: str = ""

    @property
    def asks(self) -> list[list[str]]:
        """What somebody has to do outside the case: each a verb and its argument."""
        if not (self.acknowledge or self.ask_private or self.macro or self.incident):
            return []
        told = (
            ("acknowledge", self.acknowledge),
            ("ask_private", self.ask_private),
            ("macro", self.macro),
            ("incident", self.incident),
        )
        return [[verb, value] for verb, value in told if value]


@frozen(kw_only=True)
class Rule:
    """When a condition holds, these are its effects.

    Args:
        name: Unique; it stands in the audit trail of every decision that the rule took part in.
        when: A condition in ``rule-engine``'s language over the names of `VOCABULARY`.
        then: The effects.
    """

    name: str
    when: str
    then: Effects

    def __attrs_post_init__(self) -> None:
        if not self.name or "," in self.name:
            raise PlaybookError(f"rule {self.name!r}: a rule needs a name without a comma")
        if self.then == Effects():
            raise PlaybookError(f"rule {self.name!r} has no effect; give it one, or leave it out")
        if sum((self.then.open, self.then.join, self.then.ignore)) > 1:
            raise PlaybookError(f"rule {self.name!r}: open, join and ignore exclude each other; keep one")


def merged(rules: list[Rule]) -> Effects:
    """Return what several rules say together: the first to set a field decides it, tags add up."""
    told: dict[str, object] = {}
    for rule in rules:
        for one in fields(Effects):
            value = getattr(rule.then, one.name)
            if not value or one.name in ("rules", "tags"):
                continue
            if one.name in ("open", "join", "ignore") and told.keys() & {"open", "join", "ignore"}:
                continue
            told.setdefault(one.name, value)
    tags = tuple(sorted({tag for rule in rules for tag in rule.then.tags}))
    return Effects(**told, tags=tags, rules=",".join(rule.name for rule in rules))  # type: ignore[arg-type]  # names of fields


@frozen(kw_only=True)
class Target:
    """How soon, for the cases that it is about; the first target that fits and sets a figure decides it.

    Args:
        severity: Only cases of this severity; ``None`` for all.
        queue: Only cases in this queue; empty for all.
        channel: Only cases whose waiting interaction came by this channel; empty for all.
        first: Until the first answer.
        next: Until each later one; ``first`` where missing.
        resolution: Until it is resolved, without the time that it was pending.
    """

    severity: Severity | None = None
    queue: str = ""
    channel: str = ""
    first: timedelta | None = None
    next: timedelta | None = None
    resolution: timedelta | None = None

    def fits(self, severity: str, queue: str, channel: str) -> bool:
        """Tell whether it is about such a case."""
        return (
            (self.severity is None or self.severity.value == severity)
            and self.queue in ("", queue)
            and self.channel in ("", channel)
        )


@frozen(kw_only=True)
class Escalation:
    """What happens to a case, once, when a target is missed."""

    queue: str = ""
    severity: Severity | None = None
    assign: str = ""
    tags: tuple[str, ...] = ()


@frozen(kw_only=True)
class Queue:
    """How a queue hands out its cases.

    Args:
        name: Its name.
        strategy: ``least_loaded`` or ``round_robin``.
        skills: What an agent must be able to do to get a case of it.
        sticky: Prefer the agent who answered the customer last.
        hours: When its clocks run, where they differ from the playbook's.
    """

    name: str
    strategy: str = field(default="least_loaded")
    skills: frozenset[str] = frozenset()
    sticky: bool = True
    hours: Hours | None = None

    def __attrs_post_init__(self) -> None:
        if self.strategy not in ("least_loaded", "round_robin"):
            raise PlaybookError(f"queue {self.name!r}: strategy is 'least_loaded' or 'round_robin', not {self.strategy!r}")


@frozen(kw_only=True)
class Agent:
    """Somebody who answers.

    Args:
        name: As in ``by=``.
        queues: Whose cases they take; a follow-the-sun queue lists agents in several zones.
        skills: What they can do.
        languages: What they speak; empty for any.
        capacity: How many waiting cases they hold at most.
        hours: When they are on duty; always, where missing.
    """

    name: str
    queues: frozenset[str]
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int = 20
    hours: Hours | None = None

    def __attrs_post_init__(self) -> None:
        if self.capacity < 1:
            raise PlaybookError(f"agent {self.name!r}: capacity counts from 1")
