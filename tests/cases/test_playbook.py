"""Playbooks as files: read, refused with the place, and named by their content."""

from __future__ import annotations

import pytest

from socialcrm.cases import DEFAULT, Playbook, from_document, load_playbook, read_playbook, to_document
from socialcrm.cases._spans import read_span, show_span
from socialcrm.errors import PlaybookError

FULL = """
name = "acme"
description = "How we answer"
zone = "Europe/Rome"
queue = "front"
reopen_within = "7d"
repeat_bonus = "15m"

[hours]
monday = ["09:00-13:00", "14:00-18:00"]
friday = ["09:00-13:00"]
holidays = ["2026-12-25"]

[respond_within]
urgent = "30m"

[entitlements]
gold = "2h"

[macros]
got = "Thank you, we are on it."

[escalation]
queue = "lead"
severity = "high"
tags = ["late"]

[[target]]
severity = "high"
channel = "mail"
first = "1h30m"
resolution = "2d"

[[queues]]
name = "night"
strategy = "round_robin"
[queues.hours]
monday = ["00:00-24:00"]

[[agent]]
name = "ana"
queues = ["front"]
languages = ["it"]

[[rule]]
name = "outage"
when = "'outage' in words and kind == 'post'"
severity = "high"
tags = ["outage"]
acknowledge = "got"
"""


def test_a_document_reads_back_as_the_same_playbook() -> None:
    """What the store keeps of a playbook is the whole playbook."""
    playbook = read_playbook(FULL)
    assert from_document(to_document(playbook)) == playbook
    assert from_document(to_document(playbook)).version == playbook.version
    assert from_document(to_document(DEFAULT)).version == DEFAULT.version


def test_the_version_is_the_content() -> None:
    """The order of keys, comments and the description change nothing; a figure does."""
    playbook = read_playbook(FULL)
    other = read_playbook("# a comment\n" + FULL.replace("How we answer", "Otherwise said"))
    assert other.version == playbook.version
    assert read_playbook(FULL.replace('"30m"', '"31m"')).version != playbook.version
    assert playbook.version.startswith("acme-")


@pytest.mark.parametrize(
    ("old", "new", "where", "told"),
    [
        ("kind ==", "knd ==", "when =", "did you mean 'kind'"),
        ("'post'", "'pst'", "when =", "did you mean 'post'"),
        ("'outage' in words", "followers > 3", "when =", "how influential"),
        ("acknowledge =", "acknowlege =", "acknowledge =", "did you mean 'acknowledge'"),
        ('"got"', '"gott"', "[[rule]]", "did you mean 'got'"),
        ('"high"\ntags = ["outage"]', '"hihg"', 'severity = "high"\ntags = ["outage"]', "did you mean 'high'"),
        ('"1h30m"', '"soon"', "first =", "span of time"),
        ('gold = "2h"', 'gold = "99d"', "", "starve"),
        ('"09:00-13:00", "14', '"09:00-15:00", "14', "[hours]", "overlap"),
        ('"round_robin"', '"random"', "[[queues]]", "least_loaded"),
        ("[macros]", "[likes]", "[macros]", "how influential"),
        ("Europe/Rome", "Europe/Roma", "[hours]", "time zone"),
        ("2026-12-25", "2026-25-12", "[hours]", "no date"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_the_right_name(old: str, new: str, where: str, told: str) -> None:
    """The message names the file, the line, what is wrong, and what is meant or allowed."""
    with pytest.raises(PlaybookError, match=told) as caught:
        read_playbook(FULL.replace(old, new, 1), name="acme.toml")
    line = f", line {FULL[: FULL.index(where)].count(chr(10)) + 1}" if where else ""
    assert str(caught.value).startswith(f"acme.toml{line}:")


def test_a_file_that_is_missing_or_no_toml_is_told(tmp_path: object) -> None:
    """Neither ends in a traceback of somebody else."""
    with pytest.raises(PlaybookError, match="can't be read"):
        load_playbook(f"{tmp_path}/none.toml")
    with pytest.raises(PlaybookError, match="is not TOML"):
        read_playbook("name = ")


@pytest.mark.parametrize("told", ["90m", "1h30m", "14d", "0.5s", "1d12h5m", "2w"])
def test_spans_read_back(told: str) -> None:
    """A span written out reads as the same span."""
    assert read_span(show_span(read_span(told))) == read_span(told)


def test_a_playbook_in_python_is_checked_like_a_file() -> None:
    """A target of no time at all is refused, wherever it comes from."""
    with pytest.raises(PlaybookError, match="respond_within lacks"):
        Playbook(respond_within={})
