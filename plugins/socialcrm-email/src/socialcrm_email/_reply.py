"""New text, and what a mail only repeats: quotations, the lines that introduce them, the signature.

``mail-parser-reply`` knows how mail programs introduce a quotation in thirteen languages, and how people sign. It takes
everything below the first introduction for quoted, though; people also answer between the quoted lines, and that is new text.
Nothing is lost: what is not new text is returned beside it.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["split_reply"]

_LANGUAGES = ["en", "de", "cs", "da", "es", "fr", "it", "ja", "ko", "nl", "pl", "sv", "zh"]
_SEARCHED = 60_000
_LINE = 300
_INTRODUCES = (re.compile(r"(?:\d{1,2}:\d{2}|\d{4}).*:\s*\Z", re.DOTALL), re.compile(r"@.*:\s*\Z", re.DOTALL))
_RULE = re.compile(r"\s*[-_=*]{5,}.*\Z")
_ENDS_SENTENCE = (".", "?", "!", ";", ":")


def split_reply(text: str) -> tuple[str, str]:
    """Split a mail's text.

    Args:
        text: The whole text, lines ended by newlines.

    Returns:
        The new text, and the rest: quoted lines, their introductions and the signature, in their order.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    new = _mark_new(lines)
    _drop_signature(lines, new)
    if not any(lines[index].strip() for index in range(len(lines)) if new[index]):
        return text.strip(), ""
    return _join(lines, new, wanted=True), _join(lines, new, wanted=False)


def _mark_new(lines: list[str]) -> list[bool]:
    new = [not line.lstrip().startswith(">") for line in lines]
    start, end = _introduction(lines, new)
    if start is None:
        return new
    below = next((index for index in range(end, len(lines)) if lines[index].strip()), None)
    answers_between = below is not None and not new[below]
    for index in range(start, len(lines) if not answers_between else end):
        new[index] = False
    return new


def _introduction(lines: list[str], new: list[bool]) -> tuple[int | None, int]:
    """Return the lines from and before which a quotation is introduced: "On … wrote:", or a block of From, Sent, To."""
    found = _header_pattern().search(_searchable(lines))
    start, end = (None, 0) if found is None else _rows(found.group(), found.start(), lines)
    quoted = next((index for index, fresh in enumerate(new) if not fresh), None)
    if quoted is None or (start is not None and start < quoted):
        return start, end
    above = [index for index in range(max(0, quoted - 5), quoted) if lines[index].strip()]
    for pattern in _INTRODUCES:
        for rows in (above[-1:], above[-2:], above[-3:]):
            if rows and pattern.search("\n".join(lines[row][:_LINE] for row in rows)):
                return rows[0], quoted
    return start, end


def _searchable(lines: list[str]) -> str:
    """The library's patterns expect stripped lines; short ones and few of them bound its time."""
    return "\n".join(line.strip()[:_LINE] for line in lines)[:_SEARCHED]


def _rows(match: str, position: int, lines: list[str]) -> tuple[int, int]:
    position += len(match) - len(match.lstrip("\n"))
    offset, row = 0, 0
    while row < len(lines) and offset + len(lines[row].strip()[:_LINE]) < position:
        offset += len(lines[row].strip()[:_LINE]) + 1
        row += 1
    last = row + match.strip("\n").count("\n")
    above = next((index for index in range(row - 1, -1, -1) if lines[index].strip()), None)
    return (above if above is not None and _RULE.match(lines[above]) else row), last + 1


def _drop_signature(lines: list[str], new: list[bool]) -> None:
    rows = [index for index, fresh in enumerate(new) if fresh]
    tail = rows[-40:]
    delimiter = next((place for place, row in enumerate(tail) if lines[row].rstrip() == "--"), None)
    place = delimiter if delimiter is not None else _closing([lines[row] for row in tail])
    if place is None or not any(lines[row].strip() for row in rows[: len(rows) - len(tail) + place]):
        return
    for row in tail[place:]:
        new[row] = False


def _closing(tail: list[str]) -> int | None:
    """Return where people sign off. A long line, a sentence or many lines are what somebody has to say, not a signature."""
    for place, line in enumerate(tail):
        rest = [later for later in tail[place:] if later.strip()]
        if not line.strip() or len(rest) > 8 or any(len(later) > 90 for later in rest):
            continue
        short = len(line.strip()) <= 40 and not line.rstrip().endswith(_ENDS_SENTENCE)
        if short and _signature_pattern().search("\n" + line.strip() + "\n"):
            return place
    return None


def _join(lines: list[str], new: list[bool], *, wanted: bool) -> str:
    chosen = "\n".join(line.rstrip() for line, fresh in zip(lines, new, strict=True) if fresh is wanted)
    return re.sub(r"\n{3,}", "\n\n", chosen).strip("\n")


@lru_cache(maxsize=1)
def _header_pattern() -> re.Pattern[str]:
    from mailparser_reply.parser import EmailMessage

    pattern: re.Pattern[str] = EmailMessage(text="", languages=list(_LANGUAGES)).HEADER_REGEX
    return pattern


@lru_cache(maxsize=1)
def _signature_pattern() -> re.Pattern[str]:
    from mailparser_reply.parser import EmailMessage

    message = EmailMessage(text="", languages=["en", "de", "es", "fr", "it", "nl", "pl"], keep_hyphen_lists=True)
    pattern: re.Pattern[str] = message.SIGNATURE_REGEX
    return pattern
