"""Finds plugins, one by one and lazily; a broken one is reported, never fatal.

Invariant: nothing that a plugin does while it is loaded (raising at import, declaring another contract, clashing in name)
keeps another plugin from working. What went wrong is kept as a `PluginReport`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from attrs import define, field

from socialcrm.connectors._connector import CONTRACT, Connector
from socialcrm.connectors._hooks import HookSpec
from socialcrm.errors import UnknownPlatform

__all__ = ["GROUP", "PluginManager", "PluginReport"]

GROUP = "socialcrm"
"""The entry point group that plugins register in. By convention an entry point is named like its platform."""


@define(kw_only=True)
class PluginReport:
    """What became of one plugin.

    Args:
        name: The entry point's name.
        distribution: The package that brought it, with its version.
        platforms: The platforms that it adds.
        hooks: The hooks that it implements.
        error: Why it is not in use, in words; empty when all is well.
    """

    name: str
    distribution: str = ""
    platforms: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    error: str = ""


@define
class PluginManager:
    """Knows the installed plugins and the connectors that they add.

    Args:
        find: Returns the entry points to consider; the installed ones by default.
    """

    find: Callable[[], Iterable[EntryPoint]] = field(default=lambda: entry_points(group=GROUP), kw_only=True)
    _pm: pluggy.PluginManager = field(init=False)
    _waiting: dict[str, EntryPoint] | None = field(init=False, default=None)
    _reports: dict[str, PluginReport] = field(init=False, factory=dict)
    _connectors: dict[str, type[Connector[Any]]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._pm = pluggy.PluginManager("socialcrm")
        self._pm.add_hookspecs(HookSpec)

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks of every loaded plugin; loads them all."""
        self.load()
        return self._pm.hook

    def register(self, plugin: object, name: str) -> PluginReport:
        """Add a plugin that is not installed as a package: a module, or any object with hook implementations.

        Returns:
            The report; its ``error`` is empty when all is well.
        """
        report = PluginReport(name=name)
        self._reports[name] = report
        self._adopt(plugin, report)
        return report

    def connector(self, platform: str) -> type[Connector[Any]]:
        """Return the class that speaks to a platform, loading as little as possible.

        Raises:
            UnknownPlatform: No working plugin adds it; the message names close matches and broken plugins.
        """
        if platform not in self._connectors:
            self._load_one(platform)
        if platform not in self._connectors:
            self.load()
        found = self._connectors.get(platform)
        if found is None:
            raise UnknownPlatform(self._explain(platform))
        return found

    def connectors(self) -> dict[str, type[Connector[Any]]]:
        """Return every connector class by platform, sorted; loads all plugins."""
        self.load()
        return dict(sorted(self._connectors.items()))

    def reports(self) -> tuple[PluginReport, ...]:
        """Return what became of each plugin, sorted by name; loads all plugins."""
        self.load()
        return tuple(report for _, report in sorted(self._reports.items()))

    def load(self) -> None:
        """Load every plugin that is not loaded yet."""
        for name in list(self._entries()):
            self._load_one(name)

    def _entries(self) -> dict[str, EntryPoint]:
        if self._waiting is None:
            self._waiting = {}
            for entry in self.find():
                name = entry.name
                if name in self._waiting:
                    name = f"{name} ({_distribution(entry)})"
                    self._reports[name] = PluginReport(
                        name=name,
                        distribution=_distribution(entry),
                        error=f"its name clashes with that of {_distribution(self._waiting[entry.name])}; uninstall one",
                    )
                    continue
                self._waiting[name] = entry
        return self._waiting

    def _load_one(self, name: str) -> None:
        entry = self._entries().pop(name, None)
        if entry is None:
            return
        report = PluginReport(name=name, distribution=_distribution(entry))
        self._reports[name] = report
        try:
            plugin = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything at import, SystemExit included
            report.error = f"it failed to import: {type(error).__name__}: {error}"
            return
        self._adopt(plugin, report)

    def _adopt(self, plugin: object, report: PluginReport) -> None:
        try:
            self._pm.register(plugin, report.name)
            callers = self._pm.get_hookcallers(plugin) or []
            report.hooks = tuple(sorted(caller.name for caller in callers))
            only_this = self._pm.subset_hook_caller(
                "socialcrm_connectors", [p for p in self._pm.get_plugins() if p is not plugin]
            )
            classes = [cls for classes in only_this() for cls in classes]
            for cls in classes:
                self._check(cls, report)
        except Exception as error:  # noqa: BLE001 - whatever a plugin's hook raises is reported
            report.error = f"its hooks failed: {type(error).__name__}: {error}"
            classes = []
        if report.error:
            if self._pm.has_plugin(report.name):
                self._pm.unregister(name=report.name)
            return
        for cls in classes:
            self._connectors[cls.info.platform] = cls
        report.platforms = tuple(sorted(cls.info.platform for cls in classes))

    def _check(self, cls: type[Connector[Any]], report: PluginReport) -> None:
        info = cls.info
        if info.contract != CONTRACT:
            report.error = (
                f"{info.platform} was written for contract {info.contract}, this library has {CONTRACT}; "
                f"install a version of {report.distribution or report.name} made for it"
            )
        elif info.platform in self._connectors:
            other = self._connectors[info.platform].__module__
            report.error = f"its platform {info.platform!r} clashes with the one from {other}; uninstall one"

    def _explain(self, platform: str) -> str:
        broken = [r for r in self._reports.values() if r.error and platform in r.name]
        if broken:
            return f"the plugin for {platform!r} is installed but not in use: {broken[0].error}"
        close = difflib.get_close_matches(platform, self._connectors, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else f" To add one: pip install socialcrm-{platform}"
        known = ", ".join(sorted(self._connectors)) or "none"
        return f"no installed plugin speaks to {platform!r}; installed are: {known}.{hint}"


def _distribution(entry: EntryPoint) -> str:
    dist = entry.dist
    return f"{dist.name} {dist.version}" if dist is not None else ""
