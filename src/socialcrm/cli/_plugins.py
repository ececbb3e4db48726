"""``socialcrm plugins list | show NAME | doctor``: what is installed, what it says of itself, and whether that is so."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import attrs
import click

from socialcrm.cli._examine import Plugin, examine
from socialcrm.cli._text import clean
from socialcrm.connectors import CONTRACT, Connector, describe_settings
from socialcrm.errors import NotFound

__all__ = ["plugins"]


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
        rows = describe_settings(settings)
    except Exception:  # noqa: BLE001 - the findings say what is wrong with it
        return []
    return [(name, kind.replace("socialcrm.types._secret.", ""), default, told) for name, kind, default, told in rows]


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
    """


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_plugins(as_json: bool) -> None:
    """List the installed plugins, and why one is not in use.

    \b
    Example:
      socialcrm plugins list
    """
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
    """
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
    """
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
        click.echo(
            "Something is wrong; see above."
            if wrong
            else f"{len(found)} {'plugin' if len(found) == 1 else 'plugins'}, all is well."
        )
    if wrong:
        raise SystemExit(1)
