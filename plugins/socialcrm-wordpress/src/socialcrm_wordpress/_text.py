"""HTML to plain text and back, as WordPress means it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

__all__ = ["fingerprint", "from_html", "to_html"]

_PARAGRAPHS = frozenset({"p", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table"})
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr"})
_HIDDEN = frozenset({"script", "style", "template"})


def to_html(text: str) -> str:
    """Return plain text as the content of a comment: escaped; WordPress itself makes paragraphs and links of it."""
    return html.escape(text.replace("\r\n", "\n").strip(), quote=False)


def from_html(source: str, *, as_typed: bool = False) -> str:
    """Return HTML as plain text: paragraphs and breaks become newlines, links keep their address, entities are decoded.

    Args:
        source: A comment's content.
        as_typed: It is what was typed (``content.raw``), where newlines count; otherwise it is rendered HTML.
    """
    reader = _Reader(as_typed=as_typed)
    reader.feed(source.replace("<![", "&lt;!["))  # the parser asserts on unknown marked sections, which HTML does not have
    reader.close()
    text = "".join(reader.pieces)
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def fingerprint(text: str) -> str:
    """Return what is left of a text after WordPress set its quotes, dashes, smileys and spaces: letters and digits."""
    return "".join(char for char in text.casefold() if char.isalnum())


class _Reader(HTMLParser):
    def __init__(self, *, as_typed: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._as_typed = as_typed
        self._hidden = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag: note a link's address, show a picture's alternative text."""
        self._break(tag)
        values = dict(attrs)
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "a":
            self._links.append((values.get("href") or "", len(self.pieces)))
        elif tag == "img":
            self.pieces.append(values.get("alt") or values.get("src") or "")

    def handle_endtag(self, tag: str) -> None:
        """Close a tag: add a link's address where its text does not show it."""
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            label = "".join(self.pieces[start:]).strip()
            if address and _bare(label) not in _bare(address):
                self.pieces.append(f" ({address})")
            elif address and not label:
                self.pieces.append(address)
        if tag != "br":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        """Take text; in rendered HTML a newline is only a space."""
        if self._hidden:
            return
        if not self._as_typed:
            data = re.sub(r"\s+", " ", data)
            if not self.pieces or self.pieces[-1].endswith("\n"):
                data = data.lstrip()
        if data:
            self.pieces.append(data)

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in _LINES:
            self.pieces.append("\n")


def _bare(address: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?|/$", "", address.strip().casefold())
