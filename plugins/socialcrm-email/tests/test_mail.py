"""The public face for other plugins that speak about mail. All mail here is invented."""

from __future__ import annotations

import doctest
from pathlib import Path

from socialcrm_email import mail

TWO = (
    b"From a@example.com Fri Mar  1 10:00:00 2024\nSubject: One\n\nFirst\n\n"
    b"From b@example.com Fri Mar  1 11:00:00 2024\nSubject: Two\n\nSecond\n"
)


def test_its_example_runs() -> None:
    """The example of its documentation is true."""
    found = doctest.testmod(mail)
    assert (found.attempted > 0, found.failed) == (True, 0)


def test_every_name_is_there() -> None:
    """What it lists, it has, sorted."""
    assert sorted(mail.__all__) == mail.__all__
    assert all(hasattr(mail, name) for name in mail.__all__)


def test_an_mbox_splits_in_memory_as_in_a_file(tmp_path: Path) -> None:
    """The bytes of an mbox and its file hold the same messages."""
    (tmp_path / "two.mbox").write_bytes(TWO)
    parts = list(mail.mbox_parts(TWO))
    assert parts == [raw.body for raw in mail.mbox_messages(tmp_path / "two.mbox")]
    assert [mail.header(mail.read_message(part), "Subject") for part in parts] == ["One", "Two"]


def test_what_is_no_mbox_holds_no_message() -> None:
    """A page of HTML is not taken for mail."""
    assert list(mail.mbox_parts(b"<html>From a@example.com Fri Mar  1 10:00:00 2024\n")) == []
