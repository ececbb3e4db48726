"""Reddit's Markdown to readable text, and our text to Markdown that reads the same."""

from __future__ import annotations

import re
from html import unescape

__all__ = ["LIMIT", "markdown", "readable", "same", "weigh"]

LIMIT = 10_000
"""Characters of a comment or message (API documentation, POST /api/comment and /api/compose)."""

_BREAK = re.compile(r"(?<!\n)\n(?!\n)")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,1000})\]\(\s*(\S{1,2000}?)(?:\s+\"[^\"\n]{0,300}\")?\s*\)")
_STRONG = re.compile(r"(\*\*|~~)(?=\S)([^*~\n]{1,2000}?)(?<=\S)\1")
_WEAK = re.compile(r"(?<![\w*\\])\*(?=[^\s*])([^*\n]{1,2000}?)(?<=[^\s\\])\*(?![\w*])")
_SPOILER = re.compile(r">!(.{1,5000}?)!<", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*?)[ \t]*#*$", re.MULTILINE)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!>~^|/])")


def readable(source: str) -> str:
    """Return Markdown as text: links in full, marks of emphasis, headings and spoilers gone, entities decoded, quotes as typed.

    Args:
        source: What the API calls ``body`` or ``selftext``, asked for with ``raw_json=1``.
    """
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    text = _LINK.sub(_link, text)
    text = _SPOILER.sub(r"\1", text)
    text = _HEADING.sub(r"\1", text)
    text = _WEAK.sub(r"\1", _STRONG.sub(r"\2", text))
    text = unescape(_ESCAPE.sub(r"\1", text)).replace("\u200b", "")
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _link(match: re.Match[str]) -> str:
    shown, target = match[1].strip(), match[2]
    if not shown or _bare(shown) == _bare(target):
        return target
    return f"{shown} ({target})"


def _bare(link: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", link.lower()).rstrip("/")


def markdown(text: str) -> str:
    """Return our text as it is sent: a line break stays one (two spaces before it, as Markdown wants), all else as typed."""
    return _BREAK.sub("  \n", text)


def weigh(text: str) -> int:
    """Count a text as Reddit will: code points of what is sent."""
    return len(markdown(text))


def same(one: str, other: str) -> bool:
    """Tell whether two sources are the same text, whatever white space and entities were changed on the way."""
    return _print(one) == _print(other)


def _print(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(text)).strip()
