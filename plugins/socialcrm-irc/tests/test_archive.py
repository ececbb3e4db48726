"""Logs, as common clients write them by default. Everything here is invented."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Interaction

LOGS = {
    "irssi/#support.log": """--- Log opened Sun Mar 01 10:00:00 2026
10:00 -!- mara [~mara@home.example.com] has joined #support
10:01 < mara> where is my parcel?
10:02 <@acme> mara: it is on its way
10:03 -!- mara is now known as marlene
10:04  * marlene waves
10:05 -!- marlene [~mara@home.example.com] has quit [bye]
""",
    "weechat/irc.example.#support.weechatlog": """2026-03-01 10:00:00\t-->\tmara (~mara@home.example.com) has joined #support
2026-03-01 10:01:00\tmara\twhere is my parcel?
2026-03-01 10:02:00\t@acme\tmara: it is on its way
2026-03-01 10:03:00\t--\tmara is now known as marlene
2026-03-01 10:04:00\t *\tmarlene waves
2026-03-01 10:05:00\t<--\tmarlene (~mara@home.example.com) has quit (bye)
""",
    "znc/#support/2026-03-01.log": """[10:00:00] *** Joins: mara (~mara@home.example.com)
[10:01:00] <mara> where is my parcel?
[10:02:00] <acme> mara: it is on its way
[10:03:00] *** mara is now known as marlene
[10:04:00] * marlene waves
[10:05:00] *** Quits: marlene (~mara@home.example.com) (bye)
""",
    "hexchat/#support.log": """**** BEGIN LOGGING AT Sun Mar  1 09:59:00 2026

Mar 01 10:00:00 *\tmara (~mara@home.example.com) has joined
Mar 01 10:01:00 <mara>\twhere is my parcel?
Mar 01 10:02:00 <acme>\tmara: it is on its way
Mar 01 10:03:00 *\tmara is now known as marlene
Mar 01 10:04:00 *\tmarlene waves
Mar 01 10:05:00 *\tmarlene has quit (bye)
""",
    "energymech/#support_20260301.log": """[10:00:00] *** Joins: mara (~mara@home.example.com)
[10:01:00] <mara> where is my parcel?
[10:02:00] <acme> mara: it is on its way
[10:03:00] *** mara is now known as marlene
[10:04:00] * marlene waves
[10:05:00] *** Quits: marlene (~mara@home.example.com) (bye)
""",
}


def items(connector: Any, path: Path) -> list[Any]:
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


@pytest.mark.parametrize("name", LOGS)
def test_every_format_tells_the_same_story(name: str, desk: Callable[..., Any], tmp_path: Path) -> None:
    """Who, what, when and to whom come out of each client's log, and a change of the nick changes nobody."""
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(LOGS[name])
    account, asked, answer, action = items(desk(timezone="Europe/Madrid"), path)
    assert isinstance(account, Account)
    assert [one.text for one in (asked, answer, action)] == ["where is my parcel?", "it is on its way", "* marlene waves"]
    assert (asked.at.hour, asked.at.minute) == (9, 1)
    assert asked.author.id == action.author.id == "mara!~mara@home.example.com"
    assert {one.conversation for one in (asked, answer, action)} == {"#support mara!~mara@home.example.com"}
    assert (asked.direction, answer.direction) == (Direction.INBOUND, Direction.OUTBOUND)
    assert answer.author.id == account.id


def test_a_folder_and_compressed_files(desk: Callable[..., Any], tmp_path: Path) -> None:
    """A folder is read whole; equal lines of one minute stay two; loading again gives the same ids."""
    (tmp_path / "#a.2026-03-01.log").write_text("[10:00] <mara> hello\n[10:00] <mara> hello\n")
    (tmp_path / "mara.2026-03-02.log.gz").write_bytes(gzip.compress(b"[10:00] <mara> psst\n[10:01] <acme> yes?\n"))
    first, again = items(desk(), tmp_path), items(desk(), tmp_path)
    assert first == again
    found = [item for item in first if isinstance(item, Interaction)]
    assert len({one.id for one in found}) == 4
    assert {one.conversation for one in found} == {"#a mara!*@*", "private mara!*@*"}


def test_the_year_turns(desk: Callable[..., Any], tmp_path: Path) -> None:
    """A log without years goes on in the next one after December."""
    text = "**** BEGIN LOGGING AT Wed Dec 31 23:00:00 2025\nDec 31 23:59:00 <mara>\told\nJan 01 00:01:00 <mara>\tnew\n"
    (tmp_path / "#a.log").write_text(text)
    assert [item.at.year for item in items(desk(), tmp_path / "#a.log")[1:]] == [2025, 2026]


def test_something_else_is_refused(desk: Callable[..., Any], tmp_path: Path) -> None:
    """A file in which nobody says anything is told as that."""
    (tmp_path / "notes.txt").write_text("buy milk\n")
    with pytest.raises(PayloadError, match="irssi, WeeChat, ZNC"):
        items(desk(), tmp_path / "notes.txt")
