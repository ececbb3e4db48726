"""``format=flowed`` (RFC 3676): paragraphs whose lines were broken for old terminals, and made whole again by newer readers."""

from __future__ import annotations

import re

__all__ = ["SIGNATURE", "flow", "unflow"]

SIGNATURE = "-- "
_WIDTH = 72
_QUOTES = re.compile(r">*")


def unflow(text: str, *, delsp: bool) -> str:
    """Join broken lines (RFC 3676, section 4).

    Args:
        text: The body, lines ended by newlines.
        delsp: The space before a break is no part of the text (parameter ``DelSp=yes``).
    """
    lines: list[str] = []
    open_depth: int | None = None
    for raw in text.split("\n"):
        depth = len(_QUOTES.match(raw).group())  # type: ignore[union-attr]  # it fits everything
        line = raw[depth:].removeprefix(" ")
        flowed = line.endswith(" ") and line != SIGNATURE
        kept = line[:-1] if flowed and delsp else line
        if open_depth == depth and line != SIGNATURE:
            lines[-1] += kept
        else:
            lines.append(f"{'>' * depth} {kept}" if depth else kept)
        open_depth = depth if flowed else None
    return "\n".join(lines)


def flow(text: str) -> str:
    """Break long lines, so that `unflow` brings back the same text but for spaces at the ends of lines.

    Args:
        text: Lines ended by newlines.
    """
    return "\n".join(broken for line in text.split("\n") for broken in _broken(line))


def _broken(line: str) -> list[str]:
    if line != SIGNATURE:
        # A fixed line ends without a space (section 4.2).
        line = line.rstrip(" ")
    rows = [""]
    for word in re.findall(r"[^ ]+ *| +", line):
        if rows[-1] and len(rows[-1]) + len(word.rstrip()) > _WIDTH:
            rows.append("")
        rows[-1] += word
    # Section 4.4: what begins like a quotation, a stuffed line or an mbox separator gets one space more.
    return [f" {row}" if row.startswith((" ", ">", "From ")) else row for row in rows]
