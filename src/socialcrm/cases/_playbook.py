"""The process: how soon an answer is due, and what makes a case more pressing.

A playbook is an immutable value; its version is a digest of its content, so two playbooks that say the same are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from attrs import Factory, field, frozen

from socialcrm.errors import PlaybookError
from socialcrm.types import Kind, Severity

__all__ = ["DEFAULT", "Playbook"]

_RESPOND = {
    Severity.URGENT: timedelta(hours=1),
    Severity.HIGH: timedelta(hours=4),
    Severity.NORMAL: timedelta(hours=8),
    Severity.LOW: timedelta(hours=24),
}


def _micros(value: timedelta) -> int:
    return int(value / timedelta(microseconds=1))


@frozen(kw_only=True)
class Playbook:
    """How cases are handled.

    Args:
        name: For people.
        respond_within: For each severity, how long a customer may wait for an answer.
        reopen_within: How long after its resolution a case takes the customer up again; later, a new case begins.
        repeat_bonus: How much sooner a case counts as due for each further time that the customer wrote unanswered.
        repeat_limit: How many repetitions count at most.
        queue: Where new cases go.
        ignored_kinds: What never opens a case by itself.
    """

    name: str = "default"
    respond_within: Mapping[Severity, timedelta] = Factory(lambda: dict(_RESPOND))
    reopen_within: timedelta = timedelta(days=14)
    repeat_bonus: timedelta = timedelta(minutes=30)
    repeat_limit: int = 4
    queue: str = "inbox"
    ignored_kinds: frozenset[Kind] = frozenset({Kind.REACTION, Kind.VISIT, Kind.OTHER})
    _targets: dict[str, int] = field(init=False, eq=False, repr=False)
    _reopen: int = field(init=False, eq=False, repr=False)
    _bonus: int = field(init=False, eq=False, repr=False)
    _ignored: frozenset[str] = field(init=False, eq=False, repr=False)
    version: str = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        missing = [severity.value for severity in Severity if severity not in self.respond_within]
        if missing:
            raise PlaybookError(f"playbook {self.name!r}: respond_within lacks {', '.join(missing)}; give each a time")
        targets = {severity.value: _micros(span) for severity, span in self.respond_within.items()}
        ignored = frozenset(kind.value for kind in self.ignored_kinds)
        object.__setattr__(self, "_targets", targets)
        object.__setattr__(self, "_reopen", _micros(self.reopen_within))
        object.__setattr__(self, "_bonus", _micros(self.repeat_bonus))
        object.__setattr__(self, "_ignored", ignored)
        content = (sorted(targets.items()), self._reopen, self._bonus, self.repeat_limit, self.queue, sorted(ignored))
        digest = hashlib.sha256(repr(content).encode()).hexdigest()[:12]
        object.__setattr__(self, "version", f"{self.name}-{digest}")

    def due(self, waiting: int, severity: str) -> int:
        """Return by when an answer is due, in microseconds UTC.

        Args:
            waiting: Since when the customer waits, in microseconds UTC.
            severity: The case's severity.
        """
        return waiting + self._targets[severity]

    def need(self, due: int, contacts: int) -> int:
        """Return the place in the inbox: the time at which the case counts as due, lower first.

        Everybody who waits ages at the same rate, so the order does not depend on the time at which one looks.

        Args:
            due: What `due` returned.
            contacts: How often the customer wrote since our last answer.
        """
        return due - self._bonus * min(max(contacts - 1, 0), self.repeat_limit)

    def ignores(self, kind: str, moderation: str) -> bool:
        """Tell whether something a customer did opens no case: a reaction, spam, what was taken down."""
        return kind in self._ignored or moderation in ("spam", "removed")

    def reopens(self, resolved: int, at: int) -> bool:
        """Tell whether a contact at a time takes up a case that was resolved earlier (microseconds UTC)."""
        return at - resolved <= self._reopen


DEFAULT = Playbook()
"""The playbook that applies until another one is published."""
