"""Articles in HTML as plain text: paragraphs as newlines, links kept readable, quotations marked with ``>``."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["HTML_LIMIT", "html_to_text"]

HTML_LIMIT = 60_000
"""Characters of HTML that are read: bounds the time that a hostile article can take."""

_BLOCKS = frozenset(("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "tr", "table", "pre", "hr"))
_HIDDEN = frozenset(("script", "style", "head", "title"))
_BREAKS = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """Return the text of an HTML document; only the first `HTML_LIMIT` characters are read."""
    reader = _Reader()
    reader.feed(html[:HTML_LIMIT])
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Writes lines, each with its depth of quotation."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._depth = self._hidden = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "blockquote":
            self._depth += 1
            self._break()
        elif tag == "br" or tag in _BLOCKS:
            self._break()
            if tag == "p":
                self._break()
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "blockquote":
            self._depth = max(0, self._depth - 1)
            self._break()
        elif tag == "a" and self._links:
            href = self._links.pop()
            shown = "".join(self._lines[-1][1])
            if href.startswith(("http://", "https://", "mailto:")) and href.removeprefix("mailto:") not in shown:
                self._lines[-1][1].append(f" <{href}>")
        elif tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._lines[-1][1].append(re.sub(r"\s+", " ", data))

    def _break(self) -> None:
        self._lines.append((self._depth, []))

    def text(self) -> str:
        """Return what was written."""
        rows = []
        for depth, pieces in self._lines:
            line = re.sub(r" {2,}", " ", "".join(pieces)).strip()
            rows.append(f"{'>' * min(depth, 20)} {line}".rstrip() if depth else line)
        return _BREAKS.sub("\n\n", "\n".join(rows)).strip()
