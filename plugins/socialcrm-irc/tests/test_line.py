"""Lines: read from whatever came, written so that nothing can break out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.errors import RefusedError
from socialcrm_irc._line import build, decode, flatten, fold, plain, read_line


def test_a_line_is_taken_apart() -> None:
    """Tags are unescaped, the last parameter keeps its spaces and colons."""
    line = read_line(
        b"@time=2026-03-01T00:00:00.000Z;+draft/reply=a\\sb\\:c\\\\ :mara!u@h privmsg #a :see: http://example.com \r\n"
    )
    assert (line.tags["+draft/reply"], line.nick, line.command) == ("a b;c\\", "mara", "PRIVMSG")
    assert line.params == ("#a", "see: http://example.com ")


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    """Whatever comes is a line, and its bytes are kept."""
    assert read_line(data).raw == data.rstrip(b"\r\n")


def test_old_clients_are_read() -> None:
    """Invalid UTF-8 is read as Windows-1252; a character that the server cut off spoils only itself."""
    assert decode(b"caf\xe9") == "café"
    assert decode("très café".encode()[:-1]) == "très caf\ufffd"


@given(st.text(), st.text(), st.text())
def test_nothing_breaks_out_of_a_line(target: str, text: str, tag: str) -> None:
    """What is written is one line with the parameters that were meant, or refused."""
    try:
        data = build("PRIVMSG", target, last=text, tags={"+reply": tag})
    except RefusedError:
        return
    assert data.endswith(b"\r\n")
    assert not set(data[:-2]) & set(b"\r\n\0")
    line = read_line(data)
    assert line.command == "PRIVMSG"
    assert len(line.params) == 2


@given(st.text())
def test_what_is_sent_is_one_line(text: str) -> None:
    """Any text becomes one line without control characters, which becomes itself again."""
    flat = flatten(text)
    assert not set(flat) & {chr(code) for code in (*range(9), *range(10, 32), 127)}
    assert flatten(flat) == flat


@pytest.mark.parametrize(
    ("coded", "bare"),
    [("\x02bold\x02", "bold"), ("\x0304,12red\x03 5", "red 5"), ("\x04ff0000hex", "hex"), ("\x1f\x1d\x1e\x11\x16\x0fx", "x")],
)
def test_formatting_is_stripped(coded: str, bare: str) -> None:
    """mIRC's codes are no part of the text."""
    assert plain(coded) == bare


def test_names_are_compared_as_the_server_does() -> None:
    """In rfc1459 the brackets are letters; in ascii they are not."""
    assert fold("Mara[1]\\^") == "mara{1}|~"
    assert fold("Mara[1]", "ascii") == "mara[1]"
