"""A post's HTML, as text and as what it quotes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

__all__ = ["fingerprint", "read_html"]

_PARAGRAPHS = frozenset({"p", "aside", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table"})
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr"})
_HIDDEN = frozenset({"script", "style", "template", "svg", "button"})
_QUOTES = frozenset({"aside", "blockquote"})


def read_html(source: str, base: str) -> tuple[str, str]:
    """Return HTML as text, and what it quotes: paragraphs become lines, links keep their address, entities are decoded.

    Misago makes ``<aside class="quote-block">`` of ``[quote]``, and ``<blockquote>`` of a line that begins with ``>``; a
    ``spoiler-block`` is text like any other.

    Args:
        source: The HTML.
        base: The forum's address, for links within it.
    """
    reader = _Reader(base + "/")
    reader.feed(source.replace("<![", "&lt;!["))  # the parser asserts on marked sections, which HTML does not have
    reader.close()
    return _tidy(reader.pieces), _tidy(reader.quoted)


def fingerprint(text: str) -> str:
    """Return what is left of a text after the forum made HTML of it: letters and digits."""
    return "".join(char for char in text.casefold() if char.isalnum()) or text.strip()


def _tidy(pieces: list[str]) -> str:
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", "".join(pieces))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.quoted: list[str] = []
        self._base = base
        self._hidden = self._pre = 0
        self._blocks: list[tuple[str, bool]] = []
        self._links: list[tuple[str, list[str], int]] = []

    @property
    def _out(self) -> list[str]:
        return self.quoted if any(quoting for _, quoting in self._blocks) else self.pieces

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag: note a quotation, a link's address and a picture."""
        values = {name: value or "" for name, value in attrs}
        self._break(tag)
        if tag in _QUOTES:
            self._blocks.append((tag, "spoiler" not in values.get("class", "")))
            self._break(tag)
        self._hidden += tag in _HIDDEN
        self._pre += tag == "pre"
        if tag == "a":
            self._links.append((self._url(values.get("href", "")), self._out, len(self._out)))
        elif tag == "img" and not self._hidden:
            shown, address = values.get("alt", ""), self._url(values.get("src", ""))
            self._out.append(f"{shown} ({address})" if shown and address and shown not in address else shown or address)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag: add a link's address where its text does not show it."""
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        self._pre = max(0, self._pre - (tag == "pre"))
        if tag == "a" and self._links:
            address, out, start = self._links.pop()
            label = "".join(out[start:]).strip()
            if address and not label:
                out.append(address)
            elif address and not label.startswith("@") and _bare(label) not in _bare(address):
                out.append(f" ({address})")
        if tag != "br":
            self._break(tag)
        if self._blocks and self._blocks[-1][0] == tag:
            self._blocks.pop()
            self._break(tag)

    def handle_data(self, data: str) -> None:
        """Take text; a newline is only a space, but in preformatted text."""
        if self._hidden:
            return
        out = self._out
        if not self._pre:
            data = re.sub(r"\s+", " ", data)
            if not out or out[-1].endswith("\n"):
                data = data.lstrip()
        if data:
            out.append(data)

    def _url(self, address: str) -> str:
        try:
            url = urljoin(self._base, address)
        except ValueError:
            return ""
        return url if url.startswith(("http://", "https://")) else ""

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._out.append("\n\n")
        elif tag in _LINES and not (self._out and self._out[-1].endswith("\n")):
            self._out.append("\n")


def _bare(address: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?|/$", "", address.strip().casefold())
