"""The page of hooks is held to the code."""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import pytest

import socialcrm
from socialcrm.connectors import HookSpec, PluginManager, hookimpl

from .pages import DOCS, blocks, headings

_PAGE = DOCS / "hooks.md"
_SPECS = {name: spec for name, spec in vars(HookSpec).items() if name.startswith("socialcrm_")}


def _heading(name: str) -> str:
    signature = inspect.signature(_SPECS[name])
    told = signature.replace(parameters=[one for one in signature.parameters.values() if one.name != "self"])
    return name + str(told).replace("'", "")


def _section(name: str) -> str:
    _, _, rest = _PAGE.read_text(encoding="utf-8").partition(f"## {_heading(name)}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.M)[0]


def _example(name: str) -> dict[str, Any]:
    module: dict[str, Any] = {"hookimpl": hookimpl, "PluginManager": PluginManager, "socialcrm": socialcrm}
    first = _PAGE.read_text(encoding="utf-8").partition(f"## {_heading(name)}\n")[0].count("\n")
    last = first + _section(name).count("\n") + 1
    for block in blocks(_PAGE):
        if first < block.line <= last:
            exec(block.text, module)
    return module


def test_every_hook_has_its_signature_as_a_heading() -> None:
    """Headings and hooks are the same, in the same order, with exact signatures."""
    assert headings(_PAGE) == [_heading(name) for name in _SPECS]


@pytest.mark.parametrize("name", _SPECS)
def test_every_hook_tells_its_arguments_and_result(name: str) -> None:
    """A hook's section names each argument, and says what it returns unless that is nothing."""
    section, signature = _section(name), inspect.signature(_SPECS[name])
    for argument in set(signature.parameters) - {"self"}:
        assert f"`{argument}`:" in section
    assert ("**Returns:**" in section) == (signature.return_annotation != "None")


@pytest.mark.parametrize("name", _SPECS)
def test_every_hook_has_an_example_that_registers(name: str) -> None:
    """A hook's example is accepted by the plugin manager as an implementation of that hook."""
    plugin = ModuleType("example")
    setattr(plugin, name, _example(name)[name])
    report = PluginManager(find=lambda: ()).register(plugin, "example")
    assert (report.error, report.hooks) == ("", (name,))


def test_the_page_tells_which_hooks_are_not_called_yet() -> None:
    """A hook is said to be uncalled exactly as long as nothing in the library calls it."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "src" / "socialcrm").rglob("*.py"))
    called = {name for name in _SPECS if f"hook.{name}" in source} | {"socialcrm_connectors"}
    assert {name for name in _SPECS if "does not call it yet" not in _section(name)} == called
