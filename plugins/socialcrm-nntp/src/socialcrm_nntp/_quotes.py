"""New text, and what an article only repeats: quotations, the lines that introduce them, the signature.

On Usenet people answer between the quoted lines, so what is quoted is told by its mark (``>``) and by nothing else; a
quotation's introduction is the line or two right above it. Nothing is lost: what is not new text is returned beside it.
"""

from __future__ import annotations

import re

__all__ = ["split_quotes"]

_QUOTED = re.compile(r"\s{0,3}(?:[A-Za-z]{1,3})?>")
_SIGNS = re.compile(r"-- ?\Z")
_INTRODUCES = re.compile(
    r"(?:@|<|\d{4}|\d{1,2}:\d{2}|wr[io]te|schr[ie]+b|écri|escrib|escrev|scri|skrev|skriver|schreef|kirjoit|napsal|pisze)", re.I
)
_SIGNATURE_LINES = 40


def split_quotes(text: str) -> tuple[str, str]:
    """Split an article's text.

    Args:
        text: The whole text, lines ended by newlines.

    Returns:
        The new text, and the rest in its order. Where nothing would be left, everything is new text.
    """
    lines = text.split("\n")
    new = [not _QUOTED.match(line) for line in lines]
    first = next((index for index, fresh in enumerate(new) if not fresh), None)
    if first is not None:
        for index in _introduction(lines, first):
            new[index] = False
    _drop_signature(lines, new)
    if not any(line.strip() for line, fresh in zip(lines, new, strict=True) if fresh):
        return text.strip(), ""
    return _join(lines, new, wanted=True), _join(lines, new, wanted=False)


def _introduction(lines: list[str], quoted: int) -> range:
    """Return the lines above the first quotation that say who wrote it: at most three, the last with a colon at its end."""
    end = quoted
    while end > 0 and quoted - end < 2 and not lines[end - 1].strip():
        end -= 1
    start = end
    while start > 0 and end - start < 3 and lines[start - 1].strip():
        start -= 1
    told = " ".join(lines[start:end]).rstrip()[-1000:]
    begins = start == 0 or not lines[start - 1].strip()
    return range(start, end) if begins and told.endswith((":", "...", "…")) and _INTRODUCES.search(told) else range(0)


def _drop_signature(lines: list[str], new: list[bool]) -> None:
    """Take what follows the last line of two hyphens for the signature (RFC 3676, section 4.3)."""
    for index in range(len(lines) - 1, max(-1, len(lines) - 1 - _SIGNATURE_LINES), -1):
        if new[index] and _SIGNS.match(lines[index]):
            new[index:] = [False] * (len(lines) - index)
            return


def _join(lines: list[str], new: list[bool], *, wanted: bool) -> str:
    chosen = "\n".join(line.rstrip() for line, fresh in zip(lines, new, strict=True) if fresh is wanted)
    return re.sub(r"\n{3,}", "\n\n", chosen).strip("\n")
