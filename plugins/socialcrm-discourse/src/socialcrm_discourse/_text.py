"""What a post says: Discourse's Markdown (``raw``) or the HTML made of it (``cooked``), as text, quotes and files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

from attrs import field, frozen

from socialcrm.types import Attachment

__all__ = ["Content", "fingerprint", "from_cooked", "from_raw"]

_PARAGRAPHS = frozenset({"p", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "aside"})
_LINES = frozenset({"br", "div", "li", "tr", "dt", "dd", "hr"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "source", "wbr", "col", "embed", "area", "base", "track"})
_HIDDEN = frozenset({"script", "style", "template", "svg"})
_QUOTE = re.compile(r"\[quote(?:=[^\]\n]*)?\]|\[/quote\]", re.IGNORECASE)


@frozen(kw_only=True)
class Content:
    """A post's words.

    Args:
        text: What its author wrote.
        quoted: What it quotes of others.
        files: Uploads and pictures in it.
    """

    text: str = ""
    quoted: str = ""
    files: tuple[Attachment, ...] = field(default=())


def from_raw(source: str) -> Content:
    """Take a post as it was typed apart: ``[quote]`` blocks, nested or left open, are quoted text."""
    own: list[str] = []
    quoted: list[str] = []
    depth = end = 0
    for tag in _QUOTE.finditer(source):
        (quoted if depth else own).append(source[end : tag.start()])
        depth = max(0, depth - 1) if tag[0].startswith("[/") else depth + 1
        end = tag.end()
    (own if not depth else quoted).append(source[end:])
    return Content(text=_tidy("".join(own)), quoted=_tidy("\n".join(quoted)))


def from_cooked(source: str, base: str) -> Content:
    """Read a post's HTML: paragraphs become lines, links keep their address, quotes and files are told apart.

    Args:
        source: The HTML.
        base: The forum's address, for links within it.
    """
    reader = _Reader(base)
    reader.feed(source.replace("<![", "&lt;!["))  # the parser asserts on marked sections, which HTML does not have
    reader.close()
    return Content(text=_tidy("".join(reader.own)), quoted=_tidy("".join(reader.quoted)), files=tuple(reader.files.values()))


def fingerprint(text: str) -> str:
    """Return what is left of a text after Discourse trimmed and cleaned it: letters and digits."""
    return "".join(char for char in text.casefold() if char.isalnum()) or text.strip()


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _Reader(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.own: list[str] = []
        self.quoted: list[str] = []
        self.files: dict[str, Attachment] = {}
        self._base = base + "/"
        self._open: list[tuple[str, str]] = []
        self._roles = {"hidden": 0, "quote": 0}
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag: note links, files, quotes and what is not to be shown."""
        values = {name: value or "" for name, value in attrs}
        classes = values.get("class", "").split()
        role = ""
        if tag in _HIDDEN or "meta" in classes:
            role = "hidden"
        elif tag == "aside" and "quote" in classes:
            role = "quote"
        self._break(tag)
        if tag == "a":
            self._links.append((values.get("href", ""), len(self._sink())))
            if "attachment" in classes or "lightbox" in classes:
                self._file(values.get("href", ""), values.get("title", ""))
        elif tag == "img":
            self._picture(values, classes)
        if tag not in _VOID:
            self._open.append((tag, role))
            if role:
                self._roles[role] += 1

    def handle_endtag(self, tag: str) -> None:
        """Close a tag and what was left open in it; add a link's address where its text does not show it."""
        if tag in _VOID or tag not in (name for name, _ in self._open):
            return
        name = ""
        while name != tag:
            name, role = self._open.pop()
            if role:
                self._roles[role] -= 1
        if tag == "a" and self._links:
            self._end_link(*self._links.pop())
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Take text; a newline is only a space, but in preformatted text."""
        if self._roles["hidden"]:
            return
        sink = self._sink()
        if not any(name == "pre" for name, _ in self._open):
            data = re.sub(r"\s+", " ", data)
            if not sink or sink[-1].endswith("\n"):
                data = data.lstrip()
        if data:
            sink.append(data)

    def _sink(self) -> list[str]:
        return self.quoted if self._roles["quote"] else self.own

    def _picture(self, values: dict[str, str], classes: list[str]) -> None:
        shown, source = values.get("alt", ""), values.get("src", "")
        if self._roles["hidden"]:
            return
        if "emoji" in classes or "avatar" in classes or "site-icon" in classes:
            self._sink().append(shown if "emoji" in classes else "")
            return
        if not any(name == "a" for name, _ in self._open):
            self._file(source, shown)
        self._sink().append(shown)

    def _file(self, address: str, name: str) -> None:
        try:
            url = urljoin(self._base, address)
        except ValueError:
            return
        if url.startswith(("http://", "https://")) and not self._roles["quote"]:
            self.files.setdefault(url, Attachment(url=url, name=name))

    def _end_link(self, address: str, start: int) -> None:
        sink = self._sink()
        label = "".join(sink[start:]).strip()
        try:
            url = urljoin(self._base, address)
        except ValueError:
            return
        if not url.startswith(("http://", "https://")) or url in self.files or label.startswith(("@", "#")):
            return
        if not label:
            sink.append(url)
        elif _bare(label) not in _bare(url):
            sink.append(f" ({url})")

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._sink().append("\n\n")
        elif tag in _LINES:
            self._sink().append("\n")


def _bare(address: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?|/$", "", address.strip().casefold())
