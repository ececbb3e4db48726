"""A post's or message's HTML, as text and files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

from socialcrm.types import Attachment

__all__ = ["fingerprint", "read_html"]

_PARAGRAPHS = frozenset({"p", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table"})
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr"})
_HIDDEN = frozenset({"script", "style", "template", "svg"})
_UPLOAD = "/assets/uploads/"


def read_html(source: str, base: str) -> tuple[str, tuple[Attachment, ...]]:
    """Return HTML as text and the files in it: paragraphs become lines, links keep their address, entities are decoded.

    Args:
        source: The HTML.
        base: The forum's address, for links within it.
    """
    reader = _Reader(base + "/")
    reader.feed(source.replace("<![", "&lt;!["))  # the parser asserts on marked sections, which HTML does not have
    reader.close()
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", "".join(reader.pieces))
    return re.sub(r"\n{3,}", "\n\n", text).strip(), tuple(reader.files.values())


def fingerprint(text: str) -> str:
    """Return what is left of a text after the forum trimmed it and made HTML of it: letters and digits."""
    return "".join(char for char in text.casefold() if char.isalnum()) or text.strip()


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.files: dict[str, Attachment] = {}
        self._base = base
        self._hidden = self._pre = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag: note a link's address and a picture."""
        values = {name: value or "" for name, value in attrs}
        self._break(tag)
        self._hidden += tag in _HIDDEN
        self._pre += tag == "pre"
        if tag == "a":
            self._links.append((self._url(values.get("href", "")), len(self.pieces)))
        elif tag == "img" and not self._hidden:
            shown = values.get("alt", "")
            if "emoji" not in values.get("class", ""):
                self._file(self._url(values.get("src", "")), shown)
            self.pieces.append(shown)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag: add a link's address where its text does not show it."""
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        self._pre = max(0, self._pre - (tag == "pre"))
        if tag == "a" and self._links:
            address, start = self._links.pop()
            label = "".join(self.pieces[start:]).strip()
            if _UPLOAD in address:
                self._file(address, label)
            elif address and not label:
                self.pieces.append(address)
            elif address and not label.startswith("@") and _bare(label) not in _bare(address):
                self.pieces.append(f" ({address})")
        if tag != "br":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        """Take text; a newline is only a space, but in preformatted text."""
        if self._hidden:
            return
        if not self._pre:
            data = re.sub(r"\s+", " ", data)
            if not self.pieces or self.pieces[-1].endswith("\n"):
                data = data.lstrip()
        if data:
            self.pieces.append(data)

    def _url(self, address: str) -> str:
        try:
            url = urljoin(self._base, address)
        except ValueError:
            return ""
        return url if url.startswith(("http://", "https://")) else ""

    def _file(self, url: str, name: str) -> None:
        if url:
            self.files.setdefault(url, Attachment(url=url, name=name))

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in _LINES:
            self.pieces.append("\n")


def _bare(address: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?|/$", "", address.strip().casefold())
