"""What makes a playbook impossible, said before it is used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from socialcrm.cases._facts import closest
from socialcrm.errors import PlaybookError
from socialcrm.types import Severity

if TYPE_CHECKING:
    from socialcrm.cases._playbook import Playbook

__all__ = ["check"]

_LONGEST = timedelta(days=730)


def check(playbook: Playbook) -> None:
    """Refuse a playbook that contradicts itself.

    Raises:
        PlaybookError: Something is missing, out of range, or named but not there.
    """
    if not playbook.name:
        raise PlaybookError("a playbook needs a name")
    missing = [severity.value for severity in Severity if severity not in playbook.respond_within]
    if missing:
        raise PlaybookError(f"playbook {playbook.name!r}: respond_within lacks {', '.join(missing)}; give each a time")
    try:
        ZoneInfo(playbook.zone)
    except (KeyError, ValueError, OSError):
        raise PlaybookError(f"there is no time zone {playbook.zone!r}; write an IANA name such as 'Europe/Rome'") from None
    for what, span in _spans(playbook):
        if not timedelta() < span <= _LONGEST:
            raise PlaybookError(f"{what}: {span} is not between 0 and two years")
    for what, span in (
        ("repeat_bonus", playbook.repeat_bonus),
        *((f"severity_bonus {severity}", span) for severity, span in playbook.severity_bonus.items()),
        *((f"entitlement {name!r}", span) for name, span in playbook.entitlements.items()),
    ):
        if not timedelta() <= span <= timedelta(days=30):
            raise PlaybookError(
                f"{what}: a bonus of {span} is not between 0 and 30 days; a greater one would starve the others"
            )
    if not 0 <= playbook.repeat_limit <= 1000:
        raise PlaybookError("repeat_limit is a number from 0 to 1000")
    _names(playbook)


def _spans(playbook: Playbook) -> Iterable[tuple[str, timedelta]]:
    yield "reopen_within", playbook.reopen_within + timedelta(microseconds=1)
    yield "acknowledge_within", playbook.acknowledge_within
    for severity, span in playbook.respond_within.items():
        yield f"respond_within {severity}", span
    for place, target in enumerate(playbook.targets, 1):
        for what in ("first", "next", "resolution"):
            if getattr(target, what) is not None:
                yield f"target {place}, {what}", getattr(target, what)


def _names(playbook: Playbook) -> None:
    _unique("rule", [rule.name for rule in playbook.rules])
    _unique("agent", [agent.name for agent in playbook.agents])
    _unique("queue", [queue.name for queue in playbook.queues])
    for rule in playbook.rules:
        for effect in ("acknowledge", "ask_private", "macro"):
            macro = getattr(rule.then, effect)
            if macro and macro not in playbook.macros:
                known = ", ".join(playbook.macros) or "none yet"
                raise PlaybookError(
                    f"rule {rule.name!r}: {effect} names the macro {macro!r}{closest(macro, playbook.macros)}; "
                    f"there are: {known}"
                )
        if any("," in tag or not tag for tag in rule.then.tags):
            raise PlaybookError(f"rule {rule.name!r}: a tag is a text without a comma")
    if any(rule.then.escalate for rule in playbook.rules) and playbook.escalation is None:
        raise PlaybookError("a rule escalates, and there is no [escalation] that says what that means; add one")


def _unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise PlaybookError(f"there are two {what}s named {name!r}; rename one")
