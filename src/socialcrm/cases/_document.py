"""A playbook as a document: the shape of its TOML file, and what the store keeps.

Reading refuses every key that it does not know, says where it stands, and suggests the right one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from socialcrm.cases._calendar import DAYS, Hours, read_window
from socialcrm.cases._facts import about_influence, closest
from socialcrm.cases._parts import Agent, Effects, Escalation, Queue, Rule, Target
from socialcrm.cases._playbook import Playbook
from socialcrm.cases._spans import read_span
from socialcrm.cases._written import EFFECTS
from socialcrm.errors import PlaybookError
from socialcrm.types import CaseState, Kind, Severity

__all__ = ["from_document", "load_playbook", "read_playbook"]

_E = TypeVar("_E", bound=StrEnum)


def load_playbook(path: str | Path) -> Playbook:
    """Read a playbook from its TOML file.

    Raises:
        PlaybookError: The file can't be read, or says something impossible: file, line, and what is allowed there.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlaybookError(f"{path} can't be read: {error}; give the path of a playbook in TOML") from None
    return read_playbook(text, name=str(path))


def read_playbook(text: str, *, name: str = "playbook") -> Playbook:
    """Read a playbook from TOML.

    Args:
        text: The document.
        name: What to call it in errors; its file's path.

    Raises:
        PlaybookError: It says something impossible: name, line, and what is allowed there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlaybookError(f"{name} is not TOML: {error}") from None
    return from_document(document, Places.of(text, name))


@define
class Places:
    """Where things stand in a file, for errors."""

    name: str
    lines: dict[str, int] = field(factory=dict)

    @classmethod
    def of(cls, text: str, name: str) -> Places:
        """Find the line of every key and table of a TOML text."""
        places, table, counts = cls(name), "", dict[str, int]()
        for number, line in enumerate(text.splitlines(), 1):
            if found := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", line):
                counts[found[1]] = counts.get(found[1], 0) + 1
                table = f"{found[1]}.{counts[found[1]]}"
            elif found := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
                head, _, rest = found[1].partition(".")
                table = f"{head}.{counts[head]}.{rest}" if head in counts and rest else found[1]
            elif found := re.match(r"\s*([\w-]+|\"[^\"]+\")\s*(?:\.[^=]*)?=", line):
                key = found[1].strip('"')
                places.lines.setdefault(f"{table}.{key}" if table else key, number)
                continue
            else:
                continue
            places.lines.setdefault(table, number)
        return places

    def at(self, path: str) -> str:
        """Return ``name, line N``, for the nearest thing whose line is known."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.name}, line {self.lines[path]}" if path else self.name


@define
class _Table:
    """One table of the document, of which every key must be taken."""

    places: Places
    path: str
    data: Mapping[str, Any]

    def refuse(self, key: str, told: str) -> PlaybookError:
        """Return the error about one key."""
        path = f"{self.path}.{key}" if self.path and key else self.path or key
        return PlaybookError(f"{self.places.at(path)}: {told}")

    def only(self, *allowed: str) -> _Table:
        """Refuse a key that is not among these."""
        for key in self.data:
            if key in allowed:
                continue
            if about_influence(key):
                from socialcrm.cases._lower import INFLUENCE_BLIND

                raise self.refuse(key, f"{key!r} is refused: {INFLUENCE_BLIND}")
            where = f"[{self.path}]" if self.path else "a playbook"
            raise self.refuse(key, f"unknown key {key!r} in {where}{closest(key, allowed)}; allowed are {', '.join(allowed)}")
        return self

    def get(self, key: str, kind: type, default: Any) -> Any:
        """Return a value of a kind."""
        value = self.data.get(key, default)
        if value is not default and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self.refuse(key, f"{key} is a {_WORDS[kind]}, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.get(key, list, [])
        if not all(isinstance(one, str) for one in value):
            raise self.refuse(key, f"{key} is a list of texts, not {value!r}")
        return tuple(value)

    def span(self, key: str, default: Any) -> Any:
        """Return a span of time."""
        value = self.data.get(key)
        if value is None:
            return default
        try:
            return read_span(value)
        except PlaybookError as error:
            raise self.refuse(key, f"{key}: {error}") from None

    def one_of(self, key: str, names: type[_E], value: Any) -> _E:
        """Return a member of a closed set."""
        allowed = [one.value for one in names]
        if value not in allowed:
            raise self.refuse(key, f"{key} is never {value!r}{closest(str(value), allowed)}; allowed are {', '.join(allowed)}")
        return names(value)

    def severity(self, key: str = "severity") -> Severity | None:
        """Return a severity, or ``None`` where there is none."""
        return self.one_of(key, Severity, self.data[key]) if key in self.data else None

    def table(self, key: str) -> _Table | None:
        """Return a table in this one."""
        value = self.get(key, dict, None)
        return None if value is None else _Table(self.places, f"{self.path}.{key}" if self.path else key, value)

    def tables(self, key: str) -> list[_Table]:
        """Return the tables of ``[[key]]``."""
        value = self.get(key, list, [])
        if not all(isinstance(one, dict) for one in value):
            raise self.refuse(key, f"{key} is written as [[{key}]]")
        return [_Table(self.places, f"{key}.{place}", one) for place, one in enumerate(value, 1)]

    def build(self, make: Callable[..., Any], **values: Any) -> Any:
        """Build a part, with the place in what it refuses."""
        try:
            return make(**values)
        except PlaybookError as error:
            raise self.refuse("", str(error)) from None


_WORDS = {str: "text", int: "whole number", bool: "true or false", list: "list", dict: "table"}


def from_document(document: Mapping[str, Any], places: Places | None = None) -> Playbook:
    """Return the playbook that a document describes.

    Raises:
        PlaybookError: It says something impossible.
    """
    top = _Table(places or Places("playbook"), "", document)
    top.only(
        "name", "description", "zone", "queue", "reopen_within", "repeat_bonus", "repeat_limit", "ignored_kinds", "pauses",
        "acknowledge_within", "hours", "respond_within", "severity_bonus", "entitlements", "macros", "escalation", "target",
        "queues", "agent", "rule",
    )  # fmt: skip
    zone = top.get("zone", str, "UTC")
    values: dict[str, Any] = {
        "name": top.get("name", str, "default"),
        "description": top.get("description", str, ""),
        "zone": zone,
        "queue": top.get("queue", str, "inbox"),
        "repeat_limit": top.get("repeat_limit", int, 4),
        "hours": _hours(top.table("hours"), zone),
        "entitlements": _spans(top.table("entitlements")),
        "macros": _macros(top.table("macros")),
        "escalation": _escalation(top.table("escalation")),
        "targets": tuple(_target(one) for one in top.tables("target")),
        "queues": tuple(_queue(one, zone) for one in top.tables("queues")),
        "agents": tuple(_agent(one, zone) for one in top.tables("agent")),
        "rules": tuple(_rule(one) for one in top.tables("rule")),
    }
    for key in ("reopen_within", "repeat_bonus", "acknowledge_within"):
        if (span := top.span(key, None)) is not None:
            values[key] = span
    if "ignored_kinds" in document:
        values["ignored_kinds"] = frozenset(top.one_of("ignored_kinds", Kind, one) for one in top.texts("ignored_kinds"))
    if "pauses" in document:
        values["pauses"] = frozenset(top.one_of("pauses", CaseState, one) for one in top.texts("pauses"))
    if (respond := top.table("respond_within")) is not None:
        respond.only(*Severity)
        usual = Playbook().respond_within
        values["respond_within"] = {one: respond.span(one.value, usual[one]) for one in Severity}
    if (bonus := top.table("severity_bonus")) is not None:
        bonus.only(*Severity)
        sooner = Playbook().severity_bonus
        values["severity_bonus"] = {one: bonus.span(one.value, sooner.get(one, timedelta())) for one in Severity}
    try:
        return Playbook(**values)
    except PlaybookError as error:
        raise PlaybookError(f"{top.places.at(_suspect(str(error), values['rules']))}: {error}") from None


def _suspect(told: str, rules: Sequence[Rule]) -> str:
    """Return the path of the rule that an error is about."""
    for place, rule in enumerate(rules, 1):
        if told.startswith(f"rule {rule.name!r}"):
            return f"rule.{place}.when" if "macro" not in told else f"rule.{place}"
    return ""


def _hours(table: _Table | None, zone: str) -> Hours | None:
    if table is None:
        return None
    table.only(*DAYS, "zone", "holidays")
    try:
        week = {day: tuple(map(read_window, table.texts(day))) for day in DAYS if day in table.data}
    except PlaybookError as error:
        raise table.refuse("", str(error)) from None
    hours: Hours = table.build(Hours, zone=table.get("zone", str, zone), week=week, holidays=table.texts("holidays"))
    return hours


def _spans(table: _Table | None) -> dict[str, timedelta]:
    return {} if table is None else {key: table.span(key, None) for key in table.data}


def _macros(table: _Table | None) -> dict[str, str]:
    return {} if table is None else {key: table.get(key, str, "") for key in table.data}


def _escalation(table: _Table | None) -> Escalation | None:
    if table is None:
        return None
    table.only("queue", "severity", "assign", "tags")
    return Escalation(
        queue=table.get("queue", str, ""),
        severity=table.severity(),
        assign=table.get("assign", str, ""),
        tags=table.texts("tags"),
    )


def _target(table: _Table) -> Target:
    table.only("severity", "queue", "channel", "first", "next", "resolution")
    return Target(
        severity=table.severity(),
        queue=table.get("queue", str, ""),
        channel=table.get("channel", str, ""),
        first=table.span("first", None),
        next=table.span("next", None),
        resolution=table.span("resolution", None),
    )


def _queue(table: _Table, zone: str) -> Queue:
    table.only("name", "strategy", "skills", "sticky", "hours")
    queue: Queue = table.build(
        Queue,
        name=table.get("name", str, ""),
        strategy=table.get("strategy", str, "least_loaded"),
        skills=frozenset(table.texts("skills")),
        sticky=table.get("sticky", bool, True),
        hours=_hours(table.table("hours"), zone),
    )
    return queue


def _agent(table: _Table, zone: str) -> Agent:
    table.only("name", "queues", "skills", "languages", "capacity", "hours")
    agent: Agent = table.build(
        Agent,
        name=table.get("name", str, ""),
        queues=frozenset(table.texts("queues")),
        skills=frozenset(table.texts("skills")),
        languages=frozenset(table.texts("languages")),
        capacity=table.get("capacity", int, 20),
        hours=_hours(table.table("hours"), zone),
    )
    return agent


def _rule(table: _Table) -> Rule:
    table.only("name", "when", *EFFECTS)
    effects = Effects(
        **{key: table.get(key, bool, False) for key in ("open", "join", "ignore", "escalate")},
        **{key: table.get(key, str, "") for key in ("queue", "assign", "acknowledge", "ask_private", "macro", "incident")},
        severity=table.severity(),
        tags=table.texts("tags"),
    )
    rule: Rule = table.build(Rule, name=table.get("name", str, ""), when=table.get("when", str, "true"), then=effects)
    return rule
