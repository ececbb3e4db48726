"""Archives of articles. All articles here are invented."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socialcrm.errors import PayloadError
from socialcrm_nntp import NntpConnector, NntpSettings

Write = Callable[..., bytes]


def load(path: Path, **settings: Any) -> list[Any]:
    connector = NntpConnector(NntpSettings(**settings))
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def test_an_mbox(tmp_path: Path, write: Write) -> None:
    """Articles are split at separators after empty lines, marked lines are unmarked, and our address comes first."""
    data = b"From - Mon Mar  2 10:00:00 2026\n" + write(1, "Hello\n>From here").replace(b"\r\n", b"\n")
    data += b"\nFrom -1234567890\n" + write(2, "From nowhere").replace(b"\r\n", b"\n")
    (tmp_path / "acme.support.mbox.gz").write_bytes(gzip.compress(data))
    account, one, two = load(tmp_path / "acme.support.mbox.gz", address="help@example.org")
    assert account.id == "help@example.org"
    assert (one.text, two.text) == ("Hello\nFrom here", "From nowhere")


def test_a_spool(tmp_path: Path, write: Write) -> None:
    """One article in each file named by a number, in the order of the numbers; a crosspost's second file is the same one."""
    group = tmp_path / "acme" / "support"
    group.mkdir(parents=True)
    for number in (2, 10):
        (group / str(number)).write_bytes(write(number, f"Article {number}").replace(b"\r\n", b"\n"))
    (group / ".overview").write_bytes(b"no article")
    other = tmp_path / "acme" / "general"
    other.mkdir()
    (other / "1").write_bytes(write(2, "Article 2").replace(b"\r\n", b"\n"))
    items = load(tmp_path)
    assert [one.text for one in items] == ["Article 2", "Article 2", "Article 10"]
    assert items[0] == items[1]


def test_a_long_article_is_cut(tmp_path: Path, write: Write) -> None:
    """Of a long article the beginning is kept, and it says so."""
    (tmp_path / "1").write_bytes(write(1, "word " * 2000))
    (one,) = load(tmp_path / "1", max_size=4096)
    assert one.extra["truncated"] is True
    assert one.extra["size"] > 10_000


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no mbox", b"<html>"])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    """It is refused, with what was expected."""
    (tmp_path / "file.mbox").write_bytes(content)
    with pytest.raises(PayloadError, match="expected an mbox file"):
        load(tmp_path / "file.mbox")
    with pytest.raises(PayloadError, match="check the path"):
        load(tmp_path / "missing")
