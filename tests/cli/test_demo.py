"""``socialcrm demo``, from nothing to the last line."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from socialcrm.cli._app import app
from socialcrm.cli._progress import bars
from socialcrm.cli._session import Session
from socialcrm.connectors import PluginManager
from socialcrm.crm import Progress


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def played(folder: Path) -> str:
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    return result.stdout


def run(*args: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, args)


def test_it_loads_three_archives_through_their_connectors(played: str) -> None:
    """Every interaction of the demo's data arrives."""
    for line in ("63 interactions", "39 interactions", "56 interactions"):
        assert line in played


def test_it_says_that_the_clock_stands_still(played: str) -> None:
    """Nobody takes the invented week for today."""
    assert "Mon 12 Oct 2026 09:00" in played


def test_severity_lifts_edith_above_vincent(played: str) -> None:
    """Graded, the dead alarm line comes first and the missing letter last, whatever the followers."""
    lines = {
        name: next(line for line in played.splitlines() if name in line and "graded" in line) for name in ("Edith", "Vincent")
    }
    places = {
        name: [int(word) for word in line.partition("place ")[2].replace("→", " ").split()[:2]] for name, line in lines.items()
    }
    assert places["Edith"][0] > places["Vincent"][0]
    assert places["Edith"][1] == 1
    assert places["Vincent"][1] > places["Vincent"][0]


def test_it_tells_one_case_from_public_to_private(played: str) -> None:
    """Priya's complaint, direct messages and mails are one case."""
    act = played.partition("still one case")[2].partition("What a reply looks like")[0]
    assert act.index("public") < act.index("private")
    assert "mastodon" in act
    assert "mail" in act


def test_it_shows_a_reply_as_each_platform_would_get_it(played: str) -> None:
    """Subject and threading for mail, mention, visibility and limit for Mastodon, the place of a comment for the blog."""
    for word in ("Subject: Re: My telephone", "In-Reply-To: <", "@bob_harker@town.example Sorry", "visibility: public",
                 "of 500 characters", "under comment: ", "sechs Nächte"):  # fmt: skip
        assert word in played


def test_it_shows_the_guard(played: str) -> None:
    """A public reply with a telephone number is held back."""
    assert "the reply is held back" in played


def test_it_shows_the_outage(played: str) -> None:
    """Thursday's flood has the longest bar at 14:00."""
    bars_ = {line.split()[0]: line.count("█") for line in played.splitlines() if line.strip()[2:6] == ":00 "}
    assert max(bars_, key=lambda hour: bars_[hour]) == "14:00"


def test_the_commands_it_suggests_work(played: str) -> None:
    """Each line under “Your turn” can be copied."""
    commands = [line.strip() for line in played.partition("Your turn")[2].splitlines() if line.strip().endswith(".db")]
    assert len(commands) == 5
    for command in commands:
        words = [word.strip("'") for word in command.replace("'We are on our way.'", "'We_are_on_our_way.'").split()]
        result = run(*words[1:])
        assert result.exit_code == 0, result.output


def test_the_clock_stands_still_in_later_commands_too(played: str) -> None:
    """Waits in the demo's database make sense whenever one looks."""
    assert "6 days" in run("inbox", "--db", "socialcrm-demo.db").stdout


def test_it_begins_anew_each_time_unless_kept(played: str, folder: Path) -> None:
    """A second demo replaces the first; a kept one goes on and loads nothing twice; fresh begins it anew."""
    assert "63 interactions" in run("demo").stdout
    kept = str(folder / "kept.db")
    first = json.loads(run("demo", "--keep", kept, "--json").stdout)
    again = json.loads(run("demo", "--keep", kept, "--json").stdout)
    fresh = json.loads(run("demo", "--keep", kept, "--fresh", "--json").stdout)
    assert [[one["new"] for one in story["loaded"]] for story in (first, again, fresh)] == [
        [63, 39, 56],
        [0, 0, 0],
        [63, 39, 56],
    ]
    assert first["moved"]["case"]["ref"] == again["moved"]["case"]["ref"]
    assert set(first) >= {"database", "now", "inbox", "graded", "joined", "moved", "replies", "guard", "outage"}
    assert "changes nothing" in run("demo", "--keep", kept).stdout


@pytest.mark.parametrize("content", [b"my thesis", b""], ids=["text", "empty"])
def test_it_never_replaces_what_is_not_its_own(tmp_path: Path, content: bytes) -> None:
    """A file of the user's stays as it is."""
    path = tmp_path / "mine.db"
    path.write_bytes(content)
    result = run("demo", "--keep", str(path), "--fresh")
    assert result.exit_code == 2
    assert "no demo made it" in result.stderr
    assert path.read_bytes() == content


def test_a_database_of_the_teams_is_not_taken_for_the_demos(tmp_path: Path) -> None:
    """Neither replaced nor read with the demo's clock."""
    path = tmp_path / "team.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    assert run("demo", "--keep", str(path), "--fresh").exit_code == 2


def test_missing_plugins_are_named(tmp_path: Path) -> None:
    """With only the core installed, the demo says what to install and makes no file."""
    bare = Session(options={"plugins": PluginManager(find=lambda: ())})
    path = tmp_path / "demo.db"
    result = CliRunner().invoke(app, ["demo", "--keep", str(path)], obj=bare)
    assert result.exit_code == 2
    assert "pip install socialcrm-email socialcrm-wordpress socialcrm-mastodon" in result.stderr
    assert not path.exists()


def test_progress_shows_on_a_terminal_only() -> None:
    """One bar for each channel where somebody watches; nothing in a log or for a program."""
    session = Session()
    with bars(session) as step:
        assert step is None
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, markup=False)
    session.__dict__["errors"] = screen
    with bars(session) as step:
        assert step is not None
        step(Progress(channel="[red]square", stream="load", interactions=7, done=50, total=100))
    assert isinstance(screen.file, io.StringIO)
    assert "[red]square" in screen.file.getvalue()
