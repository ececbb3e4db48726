"""The examples run, and say what they promise."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "examples"
NOTEBOOK = HERE / "first_look.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    """The cells of the notebook."""
    held: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return list(held["cells"])


def test_the_notebook_runs_from_top_to_bottom(cells: list[dict[str, Any]]) -> None:
    """Every code cell runs in order, and what it leaves can be shown."""
    pytest.importorskip("pandas")
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert len(names["crm"].interactions()) == 158
    assert names["peak"].at.isoformat() == "2026-10-08T14:00:00+00:00"
    assert names["one"].name.startswith("Priya")
    names["crm"].close()


def test_the_notebook_holds_its_outputs(cells: list[dict[str, Any]]) -> None:
    """Every code cell was run in order and without an error, so that the page can be read where nothing runs."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert {output["output_type"] for cell in code for output in cell["outputs"]} <= {
        "execute_result",
        "stream",
        "display_data",
    }
    drawn = [cell for cell in code if any("<svg" in str(output.get("data", {})) for output in cell["outputs"])]
    assert len(drawn) >= 3


def test_the_notebook_tells_nothing_of_the_machine_that_ran_it() -> None:
    """No path of a file system stands in it."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not [word for word in ("/home/", "/root/", "/tmp/", "/usr/", "site-packages", "C:\\\\") if word in text]


def test_ten_lines_show_an_inbox(capsys: pytest.CaptureFixture[str]) -> None:
    """From an archive to the inbox, the preview of a reply and a report."""
    runpy.run_path(str(HERE / "ten_lines.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "63 new" in printed
    assert "overdue" in printed
    assert "customers_waiting" in printed


def test_the_weekly_report_is_one_page(tmp_path: Path) -> None:
    """The page needs nothing from anywhere else."""
    import socialcrm

    page = runpy.run_path(str(HERE / "weekly_report.py"))["page"]
    data = Path(socialcrm.__file__).parent / "cli" / "_demo_data" / "mastodon.json"
    with socialcrm.open(str(tmp_path / "week.db")) as crm:
        crm.load(data, platform="mastodon", channel="mastodon")
        told = page(crm)
    assert told.count("<h4>") >= 3
    assert "src=" not in told
    assert "<script" not in told


def test_the_readme_lists_every_example() -> None:
    """What is in the folder stands in the list."""
    listed = (HERE / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in HERE.iterdir() if path.suffix in (".py", ".ipynb") and f"({path.name})" not in listed] == []
