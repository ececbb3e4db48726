"""The page of capabilities is held to the code."""

from __future__ import annotations

import re

import attrs

from socialcrm.connectors import Capabilities

from .pages import DOCS

_PAGE = (DOCS / "plugins" / "capabilities.md").read_text(encoding="utf-8")
_SOURCES = [
    path.read_text(encoding="utf-8")
    for path in (DOCS.parent / "src" / "socialcrm").rglob("*.py")
    if not {"connectors", "testing"} & set(path.parts)
]


def test_every_capability_is_described() -> None:
    """The table names each capability."""
    rows = "\n".join(line.split("|")[1] for line in _PAGE.splitlines() if line.startswith("| `"))
    assert {field.name for field in attrs.fields(Capabilities)} == set(re.findall(r"`(\w+)`", rows))


def test_the_page_tells_which_methods_the_library_calls() -> None:
    """The methods that are said to be called by this version are those that are."""
    told = re.search(r"Version 0\.1 itself calls (.*?);", _PAGE, re.S)
    assert told is not None
    methods = (
        "send",
        "settle",
        "receive",
        "load",
        "renew",
        "search",
        "profile",
        "retract",
        "react",
        "mark_read",
        "move_to_private",
        "recognise",
    )
    called = {name for name in methods if any(re.search(rf"(connector|cls)\.{name}\(", source) for source in _SOURCES)}
    assert set(re.findall(r"`(\w+)`", told[1])) == called
