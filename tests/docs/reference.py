"""Writes ``docs/plugins/reference.md`` from the docstrings: ``python -m tests.docs.reference``."""

from __future__ import annotations

import ast
import enum
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from .pages import DOCS

__all__ = ["PAGE", "ROOMS", "reference"]

PAGE = DOCS / "plugins" / "reference.md"
ROOMS = {
    "socialcrm.connectors": "What a plugin is made of.",
    "socialcrm.connectors.archives": "The files in an export.",
    "socialcrm.connectors.signatures": "How webhooks prove where they come from.",
    "socialcrm.connectors.sites": "Which software is behind a public page.",
    "socialcrm.connectors.oauth": "Tokens that expire, and calls that are signed.",
    "socialcrm.types": "What its `parse` yields, and the words that go with it.",
}
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example|Invariant):$")
_FIELD = re.compile(r"^ {4}([\w*., ]+): (.*)$")


def reference() -> str:
    """Return the whole page."""
    lines = [
        "# Reference",
        "",
        "Every public name of `socialcrm.connectors` (with its modules) and `socialcrm.types`, from the docstrings.",
        "This page is generated: `python -m tests.docs.reference` writes it, and a test holds it to the code.",
        "The errors are drawn as a tree in `socialcrm.errors`.",
    ]
    for room, told in ROOMS.items():
        module = import_module(room)
        lines += ["", f"## {room}", "", told]
        for name in sorted(module.__all__, key=str.lower):
            lines += ["", *_entry(module, name)]
    return "\n".join(lines) + "\n"


def _entry(room: ModuleType, name: str) -> Iterator[str]:
    found = getattr(room, name)
    if inspect.isclass(found) and found.__module__.startswith("socialcrm"):
        yield from (f"### {name}", "", *_doc(inspect.getdoc(found)))
        if issubclass(found, enum.Enum):
            yield from ("", "Values: " + ", ".join(f"`{one.name}`" for one in found) + ".")
        for method, function in _methods(found):
            yield from ("", f"#### {name}.{method}{_signature(function)}", "", *_doc(inspect.getdoc(function)))
    elif inspect.isfunction(found):
        yield from (f"### {name}{_signature(found)}", "", *_doc(inspect.getdoc(found)))
    else:
        yield from (f"### {name}", "", *_doc(_constant_doc(room, name)))
        if isinstance(found, str | int):
            yield from ("", f"Value: `{found!r}`.")


def _methods(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    for name, value in vars(cls).items():
        if name.startswith("_") or (attrs.has(cls) and name in attrs.fields_dict(cls)):
            continue
        function = value.fget if isinstance(value, property) else value
        if inspect.isfunction(function) and inspect.getdoc(function):
            yield name, value


def _signature(function: Any) -> str:
    if isinstance(function, property):
        return ""
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    return str(signature.replace(parameters=parameters)).replace("'", "")


def _doc(text: str | None) -> Iterator[str]:
    """Turn a docstring into Markdown: sections become bold words, their fields bullets."""
    section = ""
    for line in (text or "").splitlines():
        line = line.replace("``", "`")
        heading, field = _SECTION.match(line), _FIELD.match(line)
        if heading:
            section = heading[1]
            yield from (f"**{section}:**", "")
        elif section in ("Args", "Raises", "Attributes") and field:
            yield f"- `{field[1]}`: {field[2]}"
        elif section == "Example" and line.startswith("    "):
            yield line
        elif section and line.startswith("    "):
            yield line.strip() if section not in ("Args", "Raises", "Attributes") else f"  {line.strip()}"
        else:
            section = section if not line else ""
            yield line


def _constant_doc(room: ModuleType, name: str) -> str:
    """Return the string below a module's assignment, where constants and type aliases are described."""
    folder = Path(str(room.__file__)).parent
    for path in sorted(folder.glob("_*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for one, after in pairwise(body):
            target = one.target if isinstance(one, ast.AnnAssign) else one.targets[0] if isinstance(one, ast.Assign) else None
            told = after.value if isinstance(after, ast.Expr) else None
            if isinstance(target, ast.Name) and target.id == name and isinstance(told, ast.Constant):
                return inspect.cleandoc(str(told.value))
    raise LookupError(f"{room.__name__}.{name} has no docstring below its assignment")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
