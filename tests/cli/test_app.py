"""The root command: help, laziness, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from socialcrm import errors
from socialcrm.cli._app import COMMANDS, app, exit_code

from .fakery import World

OWN = [name for rows in COMMANDS.values() for name, (home, _) in rows.items() if not home.startswith(("_plugins", "_scaffold"))]


def leaves() -> list[tuple[str, ...]]:
    """Every command of ours, those of groups too."""
    context = click.Context(app)
    found: list[tuple[str, ...]] = []
    for name in OWN:
        command = app.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, sub) for sub in command.list_commands(context)]
    return found


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_every_help_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    """A newcomer can copy a line from each ``--help``."""
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    _, _, example = result.output.partition("Example:")
    assert f"socialcrm {path[0]}" in example
    assert path[-1] in example


def test_the_help_lists_each_command_as_it_describes_itself() -> None:
    """The lines that spare ``--help`` an import say what the commands say."""
    context = click.Context(app)
    for rows in COMMANDS.values():
        for name, (_, told) in rows.items():
            command = app.get_command(context, name)
            if name in OWN:
                assert command is not None
                assert (command.help or "").startswith(told.rstrip(".")), name


def test_help_loads_neither_rich_nor_a_database() -> None:
    """``socialcrm --help`` is quick."""
    code = (
        "import sys; from socialcrm.cli._app import app; app.main(['--help'], standalone_mode=False);"
        "sys.exit(bool({'rich', 'sqlalchemy', 'httpx', 'socialcrm.crm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_without_the_extra_one_line_says_what_to_install() -> None:
    """No traceback where click is missing."""
    code = "import sys; sys.modules['click'] = None; from socialcrm.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["socialcrm's command line needs two more packages: pip install 'socialcrm[cli]'"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("x"), 2),
        (errors.RateLimited("x"), 75),
        (errors.StoreError("x"), 70),
        (errors.PayloadError("x"), 1),
    ],
)
def test_exit_codes_follow_what_the_caller_does_next(error: Exception, code: int) -> None:
    """Fix is 2, retry 75, stop 70, anything else 1."""
    assert exit_code(error) == code


def test_an_error_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    """What happened and what to do next, on stderr."""
    result = World(tmp_path).run("inbox")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "there is no database at" in result.stderr


def test_reading_creates_no_database(tmp_path: Path) -> None:
    """A mistyped name leaves no empty file behind."""
    World(tmp_path).run("inbox")
    assert list(tmp_path.iterdir()) == []


def test_notes_stand_below_the_error(tmp_path: Path) -> None:
    """What the library adds to an error is shown."""
    world = World(tmp_path)
    path = tmp_path / "posts.txt"
    path.write_text("hello", "utf-8")
    trouble = errors.PayloadError("no such archive")
    world.connector.load = lambda self, path: (_ for _ in ()).throw(trouble)  # type: ignore[method-assign]
    result = world.run("load", str(path), "--platform", "fakery", "--channel", "old")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "no such archive"
    assert "what was loaded before stays" in result.stderr.splitlines()[1]


def test_a_mistake_of_ours_is_a_line_too(tmp_path: Path) -> None:
    """An unexpected error names itself and the way to its details."""
    world = World(tmp_path).synced()
    world.clock = lambda: 1 / 0  # type: ignore[assignment,return-value]
    result = world.run("inbox")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_lets_the_error_through(tmp_path: Path) -> None:
    """With ``--debug`` the traceback is there."""
    assert isinstance(World(tmp_path).run("--debug", "inbox").exception, errors.NotFound)


def test_an_unknown_command_points_to_the_list(tmp_path: Path) -> None:
    """A typing mistake is answered with a way on."""
    result = World(tmp_path).run("inboks")
    assert result.exit_code == 2
    assert "socialcrm --help" in result.stderr


def test_the_database_may_be_named_before_and_after_the_command(tmp_path: Path) -> None:
    """The option nearest to the command wins."""
    world = World(tmp_path)
    other = tmp_path / "other.db"
    world.ok("channels", "add", "fakery", "one", "--db", str(other))
    assert "one" in world.ok("--db", str(other), "channels", "list")
    assert not world.db.exists()


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """``socialcrm … | head -1`` ends without a word."""
    world = World(tmp_path, *({"id": str(n), "who": f"p{n}", "text": "word " * 50} for n in range(300))).synced()
    script = f"{sys.executable} -m socialcrm search word --limit 300 --json --db {world.db}"
    done = subprocess.run(["bash", "-c", f"{script} | head -c 10"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("[")
    assert done.stderr == ""
