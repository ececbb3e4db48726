"""Status HTML to plain text, and how Mastodon counts a text's length."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from socialcrm.connectors import Unit, measure

__all__ = ["link_in", "plain", "weigh"]

_BLOCKS = frozenset(("p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"))
_HIDDEN = frozenset(("script", "style", "template"))
_MARKED = frozenset(("mention", "hashtag"))


class _Reader(HTMLParser):
    """Collects text; a link whose text is not its address is followed by the address."""

    def __init__(self, *, drop_quote: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.links: list[str] = []
        self._drop_quote = drop_quote
        self._skipped = ""
        self._depth = 0
        self._href = ""
        self._start = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        classes = set(values.get("class", "").split())
        if self._skipped:
            self._depth += tag == self._skipped
        elif tag in _HIDDEN or (self._drop_quote and "quote-inline" in classes):
            self._skipped, self._depth = tag, 1
        elif tag == "br":
            self.out.append("\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag == "img":
            self.out.append(values.get("alt", ""))
        elif tag in _BLOCKS:
            self.out.append("\n\n")
        elif tag == "a":
            self._href = "" if classes & _MARKED else values.get("href", "")
            self._start = len(self.out)
            self.links.append(values.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._depth -= tag == self._skipped
            if not self._depth:
                self._skipped = ""
        elif tag == "a" and self._href:
            shown = "".join(self.out[self._start :]).strip()
            if not shown or _bare(shown) == _bare(self._href):
                self.out[self._start :] = [self._href]
            elif not shown.startswith(("@", "#")):
                self.out.append(f" ({self._href})")
            self._href = ""
        elif tag in _BLOCKS:
            self.out.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.out.append(data)


def _bare(link: str) -> str:
    return link.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")


def _read(html: str, *, drop_quote: bool = False) -> _Reader:
    reader = _Reader(drop_quote=drop_quote)
    reader.feed(html)
    reader.close()
    return reader


def plain(html: str, *, drop_quote: bool = False) -> str:
    """Return a status's HTML as plain text: paragraphs as blank lines, links in full, entities decoded.

    Args:
        html: What Mastodon calls ``content`` ("ActivityPub", HTML sanitization: p, br, span, a, lists, quotes, code).
        drop_quote: Leave out the ``quote-inline`` paragraph that stands in for a quoted status.
    """
    text = "".join(_read(html, drop_quote=drop_quote).out).replace("\r", "")
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def link_in(html: str) -> str:
    """Return the first link of a profile field's HTML, or the field itself where it is a bare address."""
    if html.startswith(("https://", "http://")):
        return html.strip()
    return next((link for link in _read(html).links if link.startswith(("https://", "http://"))), "")


_URL = re.compile(r"(?<![\w@/])https?://[^\s<>()?/]+\.[^\W\d_]{2,}(?::\d+)?(?:[/?#][^\s<>]*)?", re.IGNORECASE)
_URL_END = "!*\"'「」<>;:=,.$%[]~&|@?("
_MENTION = re.compile(r"(?<![\w/])@(\w+)@[\w.-]*\w")


def weigh(text: str) -> int:
    """Count a text as Mastodon does: graphemes, an address as 23, ``@user@host`` as ``@user``.

    Source: "Guidelines and best practices" (links count 23), entity "Instance" (``characters_reserved_per_url``), and
    the behaviour of the server's status length validator.
    """
    return measure(_MENTION.sub(r"@\1", _URL.sub(_placeholder, text)), Unit.GRAPHEMES)


def _placeholder(match: re.Match[str]) -> str:
    """Stand in for an address; punctuation after it, and a bracket that it does not open, are no part of it."""
    url = match[0]
    opened, closed, end = url.count("("), url.count(")"), len(url)
    while end and (url[end - 1] in _URL_END or (url[end - 1] == ")" and closed > opened)):
        opened -= url[end - 1] == "("
        closed -= url[end - 1] == ")"
        end -= 1
    return "x" * 23 + url[end:]
