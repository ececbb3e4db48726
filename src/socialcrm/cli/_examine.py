"""What is installed, and whether each plugin is what it says.

Invariant: nothing that a plugin does (raising at import, a settings class that is none, an ``info`` of the wrong kind) stops
the program: it becomes a finding, with what to do next.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import attrs
from attrs import Factory, define, frozen

from socialcrm.connectors import GROUP, Connector, PluginManager, PluginReport, disagreements

__all__ = ["Finding", "Plugin", "examine"]

_REQUIRED = re.compile(r"[\w.-]*")
_SLOW = 1.0  # seconds; a plugin is imported by every command that uses its platform
_CREDENTIALS = ("token", "password", "secret", "credential", "api_key", "apikey", "private_key")


@frozen
class Finding:
    """Something about a plugin that somebody should know.

    Args:
        what: What is so.
        advice: What to do about it.
        wrong: Whether it keeps the plugin from being right; otherwise it is worth a look.
    """

    what: str
    advice: str
    wrong: bool = True

    def __str__(self) -> str:
        return f"{self.what}. {self.advice}"


@define
class Plugin:
    """A plugin as it was found.

    Args:
        report: What became of it when it was loaded.
        module: What its entry point names.
        seconds: How long its import took; ``None`` where it was not imported.
        connectors: The classes that it adds.
        findings: What is wrong with it, or worth a look.
    """

    report: PluginReport
    module: str = ""
    seconds: float | None = None
    connectors: list[type[Connector[Any]]] = Factory(list)
    findings: list[Finding] = Factory(list)

    @property
    def wrong(self) -> bool:
        """Whether anything keeps it from being right."""
        return any(finding.wrong for finding in self.findings)


class _Timed(EntryPoint):
    """An entry point that takes note of how long its import took."""

    def load(self) -> Any:
        started = time.perf_counter()
        try:
            return super().load()
        finally:
            vars(self)["seconds"] = time.perf_counter() - started


def _timed(entry: EntryPoint) -> _Timed:
    timed = _Timed(entry.name, entry.value, entry.group)
    vars(timed).update(dist=entry.dist)  # entry points are frozen; this is how the standard library sets it, too
    return timed


def examine() -> list[Plugin]:
    """Load every installed plugin and look at what it says of itself.

    Returns:
        Sorted by name; packages that look like plugins and register nothing come last.
    """
    entries = [_timed(entry) for entry in entry_points(group=GROUP)]
    manager = PluginManager(find=lambda: entries)
    classes = manager.connectors()
    by_report = {(entry.name, _brought_by(entry)): entry for entry in entries}
    found = []
    for report in manager.reports():
        entry = by_report.get((report.name.partition(" (")[0], report.distribution))
        plugin = Plugin(
            report,
            module=entry.value if entry else "",
            seconds=vars(entry).get("seconds") if entry else None,
            connectors=[classes[platform] for platform in report.platforms],
        )
        plugin.findings += _findings(plugin)
        found.append(plugin)
    return [*found, *_silent(entries)]


def _brought_by(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""


def _silent(entries: Iterable[EntryPoint]) -> Iterator[Plugin]:
    brought = [entry.dist for entry in entries if entry.dist is not None]
    # what a plugin requires is its library, and need not be a plugin itself
    needed = {_REQUIRED.match(one)[0].lower() for dist in brought for one in dist.requires or ()}  # type: ignore[index]  # it always matches
    known = {dist.name.lower() for dist in brought} | {name.replace("_", "-") for name in needed}
    names = {str(dist.metadata["Name"] or "").replace("_", "-"): dist.version for dist in importlib.metadata.distributions()}
    for name, version in sorted(names.items()):
        if name.lower().startswith("socialcrm-") and name.lower() not in known:
            what = "it is installed, but registers nothing"
            advice = (
                f'Its pyproject.toml needs [project.entry-points.{GROUP}] with NAME = "its_module"; install it again after that'
            )
            report = PluginReport(name=name, distribution=f"{name} {version}", error=what)
            yield Plugin(report, findings=[Finding(what, advice)])


def _findings(plugin: Plugin) -> Iterator[Finding]:
    report = plugin.report
    if report.error:
        yield Finding(report.error, _advice(plugin))
        return
    if not report.hooks:
        yield Finding(
            "it implements no hook, so it adds nothing",
            "Mark a function with socialcrm.connectors.hookimpl, named socialcrm_connectors for example",
        )
    if plugin.seconds is not None and plugin.seconds > _SLOW:
        what = f"its import takes {plugin.seconds:.1f} s"
        yield Finding(what, f"See why: python -X importtime -c 'import {plugin.module}'", wrong=False)
    for cls in plugin.connectors:
        for finding in _of_connector(cls):
            yield attrs.evolve(finding, what=f"{cls.info.platform}: {finding.what}")


def _advice(plugin: Plugin) -> str:
    package = plugin.report.distribution.partition(" ")[0] or plugin.report.name
    error = plugin.report.error
    if "clashes with" in error:
        return f"Keep one: pip uninstall {package}, or the other"
    if "written for contract" in error:
        return f"Then: pip install --upgrade {package} socialcrm"
    if "ModuleNotFoundError" in error:
        return f"It lacks a package that it needs: pip install --force-reinstall {package}"
    return f"Try pip install --upgrade {package}; if that does not help, tell its authors, or pip uninstall {package}"


def _of_connector(cls: type[Connector[Any]]) -> Iterator[Finding]:
    yield from itertools.starmap(Finding, disagreements(cls))
    yield from _settings(cls.info.settings)
    for field in ("title", "documentation", "proven"):
        if not getattr(cls.info, field):
            yield Finding(f"info says nothing for {field!r}", "Users read it in `socialcrm plugins show`", wrong=False)


def _settings(cls: type[Any]) -> Iterator[Finding]:
    try:
        hints, fields = get_type_hints(cls), attrs.fields(cls)
    except Exception as error:  # noqa: BLE001 - a plugin's own annotations may raise anything
        yield Finding(f"its settings class can't be read: {type(error).__name__}: {error}", "Make it a typed attrs class")
        return
    for field in fields:
        hint = hints.get(field.name, Any)
        if hint is Any:
            yield Finding(f"the setting {field.name!r} has no type", "Annotate it: values are checked and converted by it")
        elif any(word in field.name.lower() for word in _CREDENTIALS) and hint is str:
            advice = "Make it a socialcrm.types.Secret, or rename it if it is none"
            yield Finding(f"the setting {field.name!r} looks like a credential and is plain text", advice)
        if not field.metadata.get("help"):
            yield Finding(f"the setting {field.name!r} has no help text", 'Add field(metadata={"help": "…"})', wrong=False)
