"""The pages of ``docs/`` and their code blocks.

The words behind a fence's language say what happens to the block:

- ``python``: executed; the blocks of a page share one module and one empty folder, from top to bottom.
- ``python fragment``: only compiled; it may be the inside of a function or of a class.
- ``python file=NAME`` and ``python add=NAME``: written to a file, or added to its end; the whole is compiled.
- ``sh``, ``text``, ``toml``, ``json`` and others: not executed here.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from attrs import frozen

__all__ = ["DOCS", "Block", "blocks", "headings", "pages"]

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<lang>\w+)(?P<words>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```\s*$", re.M | re.S)
_HEADING = re.compile(r"^(#{1,6}) (.+?)\s*$", re.M)


@frozen
class Block:
    """A code block of a page."""

    page: Path
    line: int
    lang: str
    words: tuple[str, ...]
    text: str

    def value(self, key: str) -> str:
        """Return what follows ``key=`` behind the language, or nothing."""
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{key}=")), "")

    @property
    def padded(self) -> str:
        """The text behind as many empty lines as stand above it, so that a traceback names the page's own line."""
        return "\n" * self.line + self.text

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def pages() -> list[Path]:
    """Return every page, sorted."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["lang"],
            tuple(found["words"].split()),
            textwrap.dedent(found["text"]) if found["indent"] else found["text"],
        )
        for found in _FENCE.finditer(text)
    ]


def headings(page: Path, level: int = 2) -> list[str]:
    """Return the headings of a level, without their code marks."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [found[2].replace("`", "") for found in _HEADING.finditer(text) if len(found[1]) == level]
