"""The commands around playbooks, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from socialcrm.cli._playbook import playbook
from socialcrm.cli._session import Session
from socialcrm.errors import PlaybookError

TEXT = """
name = "acme"
[respond_within]
normal = "1h"
[[rule]]
name = "bills"
when = "'bill' in words"
queue = "billing"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.toml"
    path.write_text(TEXT)
    return path


def _run(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(playbook, list(words), obj=Session(db=str(folder / "crm.db")), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_playbook_is_checked_without_a_database(file: Path, tmp_path: Path) -> None:
    """What is right is told with its version; what is wrong with its line; no database appears."""
    assert "1 rules" in _run(tmp_path, "check", str(file))
    file.write_text(TEXT.replace("'bill' in words", "likes > 3"))
    with pytest.raises(PlaybookError, match=r"line 7: .*how influential"):
        _run(tmp_path, "check", str(file))
    assert not (tmp_path / "crm.db").exists()


def test_publish_show_preview_migrate_and_go_back(file: Path, tmp_path: Path) -> None:
    """The whole course, in the words of the commands."""
    version = json.loads(_run(tmp_path, "publish", str(file), "--by", "ana", "--json"))["version"]
    assert version.startswith("acme-")
    assert version in _run(tmp_path, "show")
    assert "queue billing" in _run(tmp_path, "show", version)
    assert "would change" in _run(tmp_path, "preview")
    assert json.loads(_run(tmp_path, "migrate", "--by", "ana", "--json"))["migrated"] == 0
    file.write_text(TEXT.replace("1h", "2h"))
    _run(tmp_path, "publish", str(file), "--by", "bo")
    assert version in _run(tmp_path, "rollback", "--by", "bo")
    told = _run(tmp_path, "show", "--all")
    assert told.count(version) == 2
    assert "by bo" in told


def test_a_backtest_is_a_table_or_json(file: Path, tmp_path: Path) -> None:
    """Both tell how many interactions were folded."""
    _run(tmp_path, "publish", str(file), "--by", "ana")
    assert "over 0 interactions" in _run(tmp_path, "backtest", str(file))
    assert json.loads(_run(tmp_path, "backtest", str(file), "--json"))["interactions"] == 0
