"""Reading the export of a workspace. Everybody in it is invented."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from socialcrm.errors import PayloadError, SocialCRMError
from socialcrm.types import Account, Direction, Interaction, Visibility
from socialcrm_slack import SlackConnector, SlackSettings

SAID = {"type": "message", "user": "U1", "text": "Hello", "ts": "1700000000.000100", "team": "T0HOME"}
FILES: dict[str, Any] = {
    "channels.json": [{"id": "C1", "name": "help"}],
    "groups.json": [{"id": "G1", "name": "staff"}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "mpims.json": [{"id": "G2", "name": "mpdm-a--b--c-1"}],
    "users.json": [
        {"id": "U1", "team_id": "T0HOME", "name": "mara", "profile": {"real_name": "Mara"}},
        {"id": "U2", "team_id": "T0HOME", "name": "ana"},
    ],
    "integration_logs.json": [{"user_id": "U1"}],
    "help/2023-11-14.json": [SAID, {**SAID, "ts": "1700000001.000100", "user": "U2", "thread_ts": SAID["ts"]}],
    "help/canvas.json": {"not": "a list"},
    "staff/2023-11-14.json": [SAID],
    "D1/2023-11-14.json": [{**SAID, "user_team": "T0AWAY"}],
    "mpdm-a--b--c-1/2023-11-14.json": [SAID],
    "nobody/2023-11-14.json": [SAID],
}


def read(path: Path, **settings: Any) -> list[Any]:
    """Load and read an export."""
    connector = SlackConnector(SlackSettings(**settings))
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def zipped(folder: Path, files: dict[str, Any]) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_kind_of_conversation(tmp_path: Path) -> None:
    """Channels are limited, direct and group messages private; people are named; colleagues are us."""
    first, *items = read(zipped(tmp_path, FILES), colleagues=("U2",))
    assert first == Account(id="U2", handle="@ana", name="ana")
    found = {(one.scope, one.author.id): one for one in items}
    assert set(found) == {
        ("D1", "T0AWAY:U1"), ("C1", "U1"), ("C1:1700000000.000100", "U2"), ("G2", "U1"), ("G1", "U1"),
    }  # fmt: skip
    assert found["C1", "U1"].author.name == "Mara"
    assert found["C1:1700000000.000100", "U2"].direction is Direction.OUTBOUND
    private = {scope for (scope, _), one in found.items() if one.visibility is Visibility.PRIVATE}
    assert private == {"D1", "G2"}


def test_a_folder_is_read_as_the_zip_is(tmp_path: Path) -> None:
    """Somebody may have unpacked it."""
    folder = tmp_path / "export"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    assert read(folder) == read(zipped(tmp_path, FILES))


def test_paths_that_leave_the_folder_are_not_read(tmp_path: Path) -> None:
    """A hostile archive gives nothing of its own making."""
    files = {"channels.json": [{"id": "C1", "name": ".."}], "../2023-11-14.json": [SAID], "/etc/x.json": [SAID]}
    assert [one for one in read(zipped(tmp_path, files)) if isinstance(one, Interaction)] == []


@pytest.mark.parametrize("files", [{}, {"users.json": []}, {"channels.json": "{"}, {"channels.json": {"id": 1}}])
def test_what_is_no_export_is_told(tmp_path: Path, files: dict[str, Any]) -> None:
    """It says what was expected."""
    with pytest.raises(PayloadError, match="expected a Slack export"):
        read(zipped(tmp_path, files))


def test_a_file_that_is_no_zip_is_told(tmp_path: Path) -> None:
    """As one of the library's errors."""
    path = tmp_path / "export.zip"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(SocialCRMError):
        read(path)


@pytest.mark.parametrize(
    "wrong",
    [{"server": "http://slack.com"}, {"kinds": ("dm",)}, {"kinds": ()}, {"history_days": -1}, {"page_size": 0}],
)
def test_settings_that_can_t_be_are_refused(wrong: dict[str, Any]) -> None:
    """The message says what should stand there."""
    with pytest.raises(ValueError, match="should"):
        SlackSettings(**wrong)
