"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import socialcrm

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    f"socialcrm.{found.name}" for found in pkgutil.iter_modules(socialcrm.__path__) if found.ispkg or found.name == "errors"
)
SOURCES = sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])


def test_the_public_face_is_sorted_and_whole() -> None:
    """Every name of ``socialcrm.__all__`` can be had, in sorted order."""
    assert socialcrm.__all__ == sorted(socialcrm.__all__)
    for name in socialcrm.__all__:
        assert getattr(socialcrm, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_keeps_what_its_all_promises(room: str) -> None:
    """Every name in a room's ``__all__`` exists and, where it is a class or function, is documented."""
    module = importlib.import_module(room)
    assert module.__doc__
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if callable(thing) and hasattr(thing, "__module__") and str(thing.__module__).startswith("socialcrm"):
            assert thing.__doc__, f"{room}.{name} has no docstring"


def test_importing_the_library_loads_no_client_and_no_database() -> None:
    """``import socialcrm`` is cheap: neither httpx nor SQLAlchemy nor pluggy nor attrs' users come with it."""
    heavy = ("httpx", "sqlalchemy", "alembic", "pluggy", "tenacity")
    code = f"import sys, socialcrm; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_over_400_lines(path: Path) -> None:
    """A module that grows past 400 lines has a seam somewhere."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """Every module begins with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or not path.read_text(encoding="utf-8").strip()


def test_the_core_names_no_platform() -> None:
    """Nothing below the command line's demo knows a platform by name."""
    names = ("mastodon", "wordpress", "imap", "twitter", "facebook")
    for path in ROOT.glob("src/socialcrm/**/*.py"):
        if "cli" in path.parts or "testing" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                assert not any(name in node.value.lower() for name in names), f"{path}: {node.value!r}"
