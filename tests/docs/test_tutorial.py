"""The author's tutorial, followed word by word."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from .authoring import Reader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Return somebody who has followed the tutorial to its end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader = Reader(tmp_path_factory.mktemp("author"), port)
    reader.follow()
    return reader


def test_its_doctor_tells_the_plan_and_is_content_in_the_end(reader: Reader) -> None:
    """What the page shows of the doctor is what it says, and at the end all is well."""
    first = next(said for line, said in reader.output if line == "socialcrm plugins doctor")
    for promise in ("declares capability 'send'", "declares a stream", "implement settle()", "implement parse()"):
        assert promise in first
    assert "ok     plaza  socialcrm-plaza 0.1.0" in reader.said("socialcrm plugins doctor")


def test_who_we_are(reader: Reader) -> None:
    """Checking the channel names our account."""
    assert "Acme" in reader.said("socialcrm channels check")


def test_the_inbox_holds_what_people_wrote(reader: Reader) -> None:
    """After the sync the customers wait in the inbox."""
    shown = reader.said("socialcrm inbox")
    assert "Mara" in shown
    assert "Tomasz" in shown


def test_the_answer_arrived(reader: Reader) -> None:
    """After flush the answer stands in the case."""
    assert "on its way again" in reader.said("socialcrm case")


def test_the_contract_test_passes(reader: Reader) -> None:
    """The contract suite passes on the connector as the page writes it."""
    assert "passed" in reader.said("python -m pytest")


def test_the_next_step_writes_a_project(reader: Reader) -> None:
    """The page's last command writes a project."""
    assert (reader.folder / "socialcrm-my-forum" / "pyproject.toml").exists()


def test_the_page_shows_what_the_doctor_says(reader: Reader) -> None:
    """The lines that the page shows are the doctor's own, but for the time of import."""
    page = (Path(__file__).parents[2] / "docs" / "plugins" / "tutorial.md").read_text(encoding="utf-8")
    first = next(said for line, said in reader.output if line == "socialcrm plugins doctor")
    shown = [line.strip().removesuffix("…").strip() for line in page.splitlines() if line.strip().startswith("- plaza: it ")]
    assert len(shown) == 4
    assert all(line in first for line in shown)
