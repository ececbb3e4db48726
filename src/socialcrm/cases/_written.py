"""Writes a playbook as the document that `from_document` reads back: what the store keeps, and what its version is made of."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from socialcrm.cases._calendar import DAYS, Hours
from socialcrm.cases._spans import show_span
from socialcrm.types import Severity

if TYPE_CHECKING:
    from socialcrm.cases._playbook import Playbook

__all__ = ["EFFECTS", "to_document"]

EFFECTS = (
    "open", "join", "ignore", "severity", "queue", "tags", "assign", "acknowledge", "ask_private", "macro", "escalate",
    "incident",
)  # fmt: skip
"""The keys of a rule's effects."""


def to_document(playbook: Playbook, *, words: bool = True) -> dict[str, Any]:
    """Return the document that describes a playbook: `from_document` reads it back.

    Args:
        playbook: Which.
        words: With the description, which is no part of the version.
    """
    document = {
        "name": playbook.name,
        "description": playbook.description if words else "",
        "zone": playbook.zone,
        "queue": playbook.queue,
        "reopen_within": show_span(playbook.reopen_within),
        "repeat_bonus": show_span(playbook.repeat_bonus),
        "repeat_limit": playbook.repeat_limit,
        "acknowledge_within": show_span(playbook.acknowledge_within),
        "ignored_kinds": sorted(playbook.ignored_kinds),
        "pauses": sorted(playbook.pauses),
        "severity_bonus": {one.value: show_span(playbook.severity_bonus.get(one, timedelta())) for one in Severity},
        "respond_within": {one.value: show_span(playbook.respond_within[one]) for one in Severity},
        "hours": _of_hours(playbook.hours),
        "entitlements": {name: show_span(span) for name, span in sorted(playbook.entitlements.items())},
        "macros": dict(sorted(playbook.macros.items())),
        "escalation": _plain(playbook.escalation, "queue", "severity", "assign", "tags"),
        "target": [_plain(one, "severity", "queue", "channel", "first", "next", "resolution") for one in playbook.targets],
        "queues": [
            _plain(one, "name", "strategy", "skills") | {"sticky": one.sticky} | _with_hours(one.hours)
            for one in playbook.queues
        ],
        "agent": [
            _plain(one, "name", "queues", "skills", "languages", "capacity") | _with_hours(one.hours) for one in playbook.agents
        ],
        "rule": [{"name": one.name, "when": one.when} | _plain(one.then, *EFFECTS) for one in playbook.rules],
    }
    return {key: value for key, value in document.items() if value not in (None, {}, "") and (value != [] or key in _EMPTY)}


_EMPTY = ("ignored_kinds", "pauses")


def _plain(record: Any, *names: str) -> dict[str, Any]:
    if record is None:
        return {}
    told: dict[str, Any] = {}
    for name in names:
        value = getattr(record, name)
        if isinstance(value, timedelta):
            value = show_span(value)
        elif isinstance(value, frozenset | tuple):
            value = sorted(value)
        elif isinstance(value, StrEnum):
            value = value.value
        if value:
            told[name] = value
    return told


def _with_hours(hours: Hours | None) -> dict[str, Any]:
    return {"hours": _of_hours(hours)} if hours is not None else {}


def _of_hours(hours: Hours | None) -> dict[str, Any]:
    if hours is None:
        return {}
    week: dict[str, Any] = {
        day: [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in sorted(hours.week[day])]
        for day in DAYS
        if hours.week.get(day)
    }
    return {"zone": hours.zone, **week} | ({"holidays": list(hours.holidays)} if hours.holidays else {})
