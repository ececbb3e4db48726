"""Mail's HTML as plain text: paragraphs as newlines, links kept readable, quotations marked with ``>``.

``nh3`` (a browser-grade HTML5 parser) first makes clean, well-formed markup of it, because mail is hostile and the standard
library's parser takes quadratic time on unclosed tags. What is left is simple enough for the standard library.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

__all__ = ["HTML_LIMIT", "html_to_text"]

HTML_LIMIT = 100_000
"""Characters of HTML that are read: bounds the time that a hostile mail can take."""

_BLOCKS = frozenset(
    ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "tr", "table", "pre", "hr", "article", "section", "footer")
)
_TAGS = {*_BLOCKS, "a", "br", "li", "img", "blockquote", "td", "th"}
_ATTRIBUTES = {"a": {"href"}, "img": {"alt"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
_BREAKS = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """Return the text of an HTML document.

    Args:
        html: Any text; only the first `HTML_LIMIT` characters are read.
    """
    reader = _Reader()
    reader.feed(
        nh3.clean(
            html[:HTML_LIMIT], tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=None, strip_comments=True
        )
    )
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Writes lines; a blockquote's lines begin with one ``>`` for each level."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._depth = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "blockquote":
            self._depth += 1
            self._newline(gap=True)
        elif tag == "br":
            self._newline()
        elif tag == "li":
            self._newline()
            self._write("- ")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self._lines[-1][1])))
        elif tag == "img" and given.get("alt"):
            self._write(given["alt"] or "")
        elif tag in ("td", "th") and self._lines[-1][1]:
            self._write(" ")
        elif tag in _BLOCKS:
            self._newline(gap=tag == "p")

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
            self._newline(gap=True)
        elif tag == "a" and self._links:
            href, start = self._links.pop()
            shown = "".join(self._lines[-1][1][start:]).strip()
            address = href.removeprefix("mailto:").removeprefix("tel:")
            if address and address.rstrip("/") != shown.rstrip("/"):
                self._write(f" <{address}>" if shown else address)
        elif tag in _BLOCKS:
            self._newline(gap=tag == "p")

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if not words:
            words = " " if data else ""
        else:
            words = (" " if data[0].isspace() else "") + words + (" " if data[-1].isspace() else "")
        self._write(words)

    def _write(self, words: str) -> None:
        line = self._lines[-1][1]
        if line or words.strip():
            line.append(words)

    def _newline(self, *, gap: bool = False) -> None:
        if self._lines[-1][1]:
            self._lines.append((self._depth, []))
        if gap and len(self._lines) > 1 and self._lines[-2][1]:
            self._lines.append((self._depth, []))
        self._lines[-1] = (self._depth, [])

    def text(self) -> str:
        """Return what was written."""
        rows = []
        for depth, pieces in self._lines:
            line = re.sub(r" {2,}", " ", "".join(pieces)).strip()
            rows.append(f"{'>' * min(depth, 20)} {line}".rstrip() if depth else line)
        return _BREAKS.sub("\n\n", "\n".join(rows)).strip()
