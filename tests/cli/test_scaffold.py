"""``socialcrm new-connector``: what it writes works at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from socialcrm.cli._scaffold import new_connector, scaffold
from socialcrm.errors import SettingsError

LONG = "a2345-long-platform-name-with9"


def python(folder: Path, *words: str) -> str:
    """Run a module of this interpreter in a project, and return what it says."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", params=["plaza", "x1", LONG])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffold(request.param, folder=tmp_path_factory.mktemp("anywhere"))


def test_its_tests_pass(project: Path) -> None:
    """A generated project passes its own tests; with one name the contract suite, too, which takes its time."""
    whole = [] if project.name == "socialcrm-plaza" else ["--ignore", "tests/test_contract.py"]
    assert "passed" in python(project, "pytest", "-q", "-p", "no:cacheprovider", *whole)


def test_its_lint_and_types_are_clean(project: Path) -> None:
    """A generated project is clean by its own rules of ruff and of mypy's strict mode, whatever its name."""
    python(project, "ruff", "check", "--no-cache", ".")
    python(project, "ruff", "format", "--no-cache", "--check", ".")
    python(project, "mypy", "--cache-dir", os.devnull)


def test_the_doctor_is_content(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generated plugin, put on the path as an installer does, has no finding."""
    from socialcrm.cli._examine import examine

    described = tomllib.loads((project / "pyproject.toml").read_text())
    (name, module), *_ = described["project"]["entry-points"]["socialcrm"].items()
    info = project / "src" / f"{module}-0.1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: socialcrm-{name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[socialcrm]\n{name} = {module}\n")
    monkeypatch.syspath_prepend(project / "src")
    (plugin,) = [one for one in examine() if one.report.name == name]
    assert (plugin.report.platforms, [str(one) for one in plugin.findings]) == ((name,), [])


def test_every_file_is_there(tmp_path: Path) -> None:
    """The project has everything that a package needs, and no template's mark is left in it."""
    target = scaffold("plaza", title="Plaza Forum", folder=tmp_path)
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    package = {
        f"src/socialcrm_plaza/{name}" for name in ("__init__.py", "_connector.py", "_parse.py", "_settings.py", "py.typed")
    }
    assert names >= {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore", *package}
    assert names >= {"tests/test_contract.py", "tests/server.py"}
    text = "".join((target / name).read_text() for name in names)
    assert "$" not in text
    assert "Plaza Forum" in text


@pytest.mark.parametrize("name", ["", "Plaza", "my_forum", "9lives", "-x", "x-", "a--b", "../x", "a b", "ä", "x" * 31, "$x"])
def test_a_name_that_can_not_be_is_refused(tmp_path: Path, name: str) -> None:
    """A name that could not be a package, a module and a platform writes nothing."""
    with pytest.raises(SettingsError, match="platform's name"):
        scaffold(name, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("title", ['a"b', "a\\b", "a\nb", "{x}", "a$b", " ", "x" * 31])
def test_a_title_that_would_break_the_code_is_refused(tmp_path: Path, title: str) -> None:
    """A title that would end a string or a template early writes nothing."""
    with pytest.raises(SettingsError, match="title"):
        scaffold("plaza", title=title, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A project that is there already is left as it is."""
    target = scaffold("plaza", folder=tmp_path)
    (target / "README.md").write_text("mine")
    with pytest.raises(SettingsError, match="there already"):
        scaffold("plaza", folder=tmp_path)
    assert (target / "README.md").read_text() == "mine"


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """A place that is a file is an error in words."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can't be written"):
        scaffold("plaza", folder=tmp_path / "file")


def test_inside_the_repository_it_goes_to_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside socialcrm's own repository the project lands in ``plugins/`` and takes socialcrm from the workspace."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "socialcrm"\n')
    inner = tmp_path / "docs"
    inner.mkdir()
    monkeypatch.chdir(inner)
    target = scaffold("plaza")
    assert target == tmp_path / "plugins" / "socialcrm-plaza"
    told = tomllib.loads((target / "pyproject.toml").read_text())
    assert told["tool"]["uv"]["sources"] == {"socialcrm": {"workspace": True}}


def test_elsewhere_it_goes_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the repository the project lands in the current folder, and knows no workspace."""
    monkeypatch.chdir(tmp_path)
    target = scaffold("plaza")
    assert target == tmp_path / "socialcrm-plaza"
    assert "uv" not in tomllib.loads((target / "pyproject.toml").read_text())["tool"]


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    """The command names the project's folder and the next commands, or all files as JSON."""
    words = ["plaza", "--title", "Plaza", "--in", str(tmp_path)]
    shown = CliRunner().invoke(new_connector, words, catch_exceptions=False).output
    assert f"cd {tmp_path / 'socialcrm-plaza'}" in shown
    told = json.loads(CliRunner().invoke(new_connector, ["other", "--in", str(tmp_path), "--json"]).output)
    assert "src/socialcrm_other/_connector.py" in told["files"]
