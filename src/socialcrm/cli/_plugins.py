"""``socialcrm plugins list | show NAME | doctor``: what is installed, what it says of itself, and whether that is so.

Invariant: nothing that a plugin does (raising at import, a settings class that is none, an ``info`` of the wrong kind) stops
these commands: it becomes a finding, with what to do next.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import attrs
import click
from attrs import Factory, define, frozen

from socialcrm.cli._text import clean
from socialcrm.connectors import (
    CONTRACT,
    GROUP,
    Connector,
    ConnectorInfo,
    PluginManager,
    PluginReport,
    describe_settings,
)
from socialcrm.errors import NotFound
from socialcrm.types import Secret

__all__ = ["Finding", "Plugin", "examine", "plugins"]

_SLOW = 1.0  # seconds; a plugin is imported by every command that uses its platform
_METHODS = {
    "send": "send",
    "webhook": "receive",
    "archive": "load",
    "search": "search",
    "profile": "profile",
    "retract": "retract",
    "react": "react",
    "mark_read": "mark_read",
    "move_to_private": "move_to_private",
    "renew": "renew",
}
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
    known = {entry.dist.name.lower() for entry in entries if entry.dist is not None}
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
    if "clashes" in error:
        return f"Keep one: pip uninstall {package}, or the other"
    if "contract" in error:
        return f"Then: pip install --upgrade {package} socialcrm"
    if "ModuleNotFoundError" in error:
        return f"It lacks a package that it needs: pip install --force-reinstall {package}"
    return f"Try pip install --upgrade {package}; if that does not help, tell its authors, or pip uninstall {package}"


def _of_connector(cls: type[Connector[Any]]) -> Iterator[Finding]:
    if not isinstance(cls.info, ConnectorInfo) or not (isinstance(cls, type) and issubclass(cls, Connector)):
        yield Finding("it is no connector", "Subclass socialcrm.connectors.Connector and set info = ConnectorInfo(...)")
        return
    yield from _declared(cls)
    yield from _settings(cls.info.settings)
    for field in ("title", "documentation", "proven"):
        if not getattr(cls.info, field):
            yield Finding(f"info says nothing for {field!r}", "Users read it in `socialcrm plugins show`", wrong=False)


def _declared(cls: type[Connector[Any]]) -> Iterator[Finding]:
    can, has = cls.info.capabilities, _implemented(cls)
    pairs = [(getattr(can, name), f"capability {name!r}", method) for name, method in _METHODS.items()]
    pairs.append((bool(cls.info.streams), "a stream", "fetch"))
    for declared, what, method in pairs:
        if declared and method not in has:
            yield Finding(f"it declares {what} but does not implement {method}()", "Implement it, or take the declaration back")
        if not declared and method in has:
            yield Finding(f"it implements {method}() but does not declare {what}", "Declare it: undeclared, it is never called")
    if can.send and not can.idempotent and "settle" not in has:
        advice = "Implement it, or declare idempotent where the platform takes Outgoing.id as a key"
        yield Finding("it sends but does not implement settle(), so an unclear reply stays unclear", advice)
    if can.send and not can.visibility:
        yield Finding("it declares 'send' but no visibility, so every reply is refused", "Declare visibility=frozenset({…})")
    if (cls.info.streams or can.webhook or can.archive) and "parse" not in has:
        yield Finding("it does not implement parse()", "Implement it: without it nothing that is fetched is understood")


def _implemented(cls: type[Connector[Any]]) -> set[str]:
    names = {*_METHODS.values(), "fetch", "parse", "settle"}
    return {name for name in names if getattr(cls, name) is not getattr(Connector, name)}


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


def _as_json(plugin: Plugin) -> dict[str, Any]:
    report = plugin.report
    return {
        "name": report.name,
        "distribution": report.distribution,
        "module": plugin.module,
        "ok": not plugin.wrong,
        "error": report.error,
        "hooks": list(report.hooks),
        "import_seconds": None if plugin.seconds is None else round(plugin.seconds, 3),
        "platforms": [_info(cls) for cls in plugin.connectors],
        "findings": [attrs.asdict(finding) for finding in plugin.findings],
    }


def _info(cls: type[Connector[Any]]) -> dict[str, Any]:
    info = cls.info
    return {
        "platform": info.platform,
        "title": info.title,
        "contract": info.contract,
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "capabilities": {
            field.name: _plain(getattr(info.capabilities, field.name)) for field in attrs.fields(type(info.capabilities))
        },
        "streams": {
            name: {key: _plain(value) for key, value in attrs.asdict(one).items()} for name, one in info.streams.items()
        },
        "settings": [dict(zip(("name", "type", "default", "help"), row, strict=True)) for row in _rows(info.settings)],
        "documentation": list(info.documentation),
        "proven": info.proven,
    }


def _rows(settings: type[Any]) -> list[tuple[str, str, str, str]]:
    try:
        return describe_settings(settings)
    except Exception:  # noqa: BLE001 - the findings say what is wrong with it
        return []


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if attrs.has(type(value)):
        return {field.name: _plain(getattr(value, field.name)) for field in attrs.fields(type(value)) if field.name != "weigh"}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@click.group()
def plugins() -> None:
    """See which platforms are installed, and whether they work.

    \b
    Example:
      socialcrm plugins doctor
    """  # noqa: D301 - click's own mark for a paragraph that is not wrapped


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_plugins(as_json: bool) -> None:
    """List the installed plugins, and why one is not in use.

    \b
    Example:
      socialcrm plugins list
    """  # noqa: D301
    found = examine()
    if as_json:
        click.echo(json.dumps([_as_json(plugin) for plugin in found]))
        return
    if not found:
        click.echo(
            "No plugin is installed. To add one: pip install socialcrm-mastodon; to write one: socialcrm new-connector NAME"
        )
    rows = [(_name(plugin), plugin.report.distribution, _summary(plugin)) for plugin in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, distribution, summary in rows:
        click.echo(clean(f"{name:<{widths[0]}}  {distribution:<{widths[1]}}  {summary}"))


def _name(plugin: Plugin) -> str:
    return ", ".join(plugin.report.platforms) or plugin.report.name


def _summary(plugin: Plugin) -> str:
    if plugin.report.error:
        return f"NOT IN USE: {plugin.report.error}"
    if plugin.wrong:
        return "works, but not as it says; see: socialcrm plugins doctor"
    told = [_can(cls) for cls in plugin.connectors] or ["hooks: " + ", ".join(plugin.report.hooks)]
    return "; ".join(told)


def _can(cls: type[Connector[Any]]) -> str:
    can = cls.info.capabilities
    on = [field.name for field in attrs.fields(type(can)) if getattr(can, field.name) is True]
    return ", ".join([*(["fetch"] if cls.info.streams else []), *on]).replace("_", " ")


@plugins.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show_plugin(name: str, as_json: bool) -> None:
    """Show everything about the plugin or platform NAME: settings, capabilities, streams, hooks.

    \b
    Example:
      socialcrm plugins show mastodon
    """  # noqa: D301
    plugin = _find(name)
    if as_json:
        click.echo(json.dumps(_as_json(plugin)))
        return
    for line in _account(_as_json(plugin)):
        click.echo(clean(line))
    for finding in plugin.findings:
        click.echo(clean(f"{'WRONG' if finding.wrong else 'note'}: {finding}"))


def _find(name: str) -> Plugin:
    found = examine()
    for plugin in found:
        package = plugin.report.distribution.partition(" ")[0]
        if name in (plugin.report.name, package, *plugin.report.platforms):
            return plugin
    known = sorted({platform for plugin in found for platform in (plugin.report.platforms or (plugin.report.name,))})
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"to add it: pip install socialcrm-{name}"
    raise NotFound(f"no plugin {name!r} is installed; there are: {', '.join(known) or 'none'}; {hint}")


def _account(told: Mapping[str, Any]) -> Iterator[str]:
    seconds = "" if told["import_seconds"] is None else f", imported in {told['import_seconds']} s"
    yield f"{told['name']}: {told['distribution'] or 'not from a package'}{seconds}"
    yield f"  hooks: {', '.join(told['hooks']) or 'none'}"
    for info in told["platforms"]:
        yield f"{info['title'] or info['platform']} (platform {info['platform']!r}, contract {info['contract']})"
        yield f"  class: {info['class']}"
        for name, stream in info["streams"].items():
            how = "live" if stream["live"] else "pull"
            yield f"  stream {name!r} ({how}): {stream['title']}"
        yield "  capabilities:"
        for name, value in info["capabilities"].items():
            yield f"    {name}: {_said(value)}"
        yield "  settings:"
        for row in info["settings"]:
            yield f"    {row['name']} ({row['type']}, {row['default']}): {row['help']}"
        yield f"  written from: {'; '.join(info['documentation']) or 'not said'}"
        yield f"  proven on: {info['proven'] or 'not said'}"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "no limit known" if value.get("size") is None else f"at most {value['size']} {value['unit']}"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


@plugins.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> None:
    """Check every plugin: does it load, is what it declares implemented, are its settings typed?

    Exits with 1 if something is wrong.

    \b
    Example:
      socialcrm plugins doctor
    """  # noqa: D301
    found = examine()
    wrong = any(plugin.wrong for plugin in found)
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "contract": CONTRACT, "plugins": [_as_json(plugin) for plugin in found]}))
    else:
        for plugin in found:
            seconds = "" if plugin.seconds is None else f" (imported in {plugin.seconds * 1000:.0f} ms)"
            state = "WRONG" if plugin.wrong else "ok"
            click.echo(clean(f"{state:<5}  {_name(plugin)}  {plugin.report.distribution}{seconds}"))
            for finding in plugin.findings:
                click.echo(clean(f"         {'-' if finding.wrong else 'note:'} {finding}"))
        click.echo("Something is wrong; see above." if wrong else f"{len(found)} plugins, all is well.")
    if wrong:
        raise SystemExit(1)
