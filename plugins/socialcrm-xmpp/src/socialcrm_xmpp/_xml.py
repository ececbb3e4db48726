"""XML as XMPP restricts it (RFC 6120, section 11.1): read piece by piece, written escaped.

What comes is hostile. Document types, entities, processing instructions and comments are refused as soon as they begin, so
nothing is ever expanded; bytes of one stanza and the depth of its elements are bounded before a tree of them is built.
"""

from __future__ import annotations

import re
from collections import deque
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat
from xml.sax.saxutils import escape

from socialcrm.errors import PayloadError

__all__ = ["Element", "Nursery", "as_text", "build", "escaped_size", "read_one", "wire"]

_DEEPEST = 60
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Nursery:
    """Grows elements from the bytes of a stream: what is complete below the root lies in ``ready``.

    Args:
        limit: Bytes of the largest element; what exceeds it ends the stream.
    """

    def __init__(self, limit: int) -> None:
        self.ready: deque[Element] = deque()
        self.root: Element | None = None
        self.closed = False
        self._limit, self._fed, self._done, self._depth = limit, 0, 0, 0
        self._tree = TreeBuilder()
        self._expat = expat.ParserCreate(namespace_separator="}")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._data
        for name in ("StartDoctypeDecl", "EntityDecl", "ProcessingInstruction", "Comment", "ExternalEntityRef"):
            setattr(self._expat, f"{name}Handler", self._refuse)

    def feed(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            PayloadError: They are no XML, XML that XMPP forbids, or too much of it.
        """
        self._fed += len(data)
        try:
            self._expat.Parse(data, False)
        except expat.ExpatError as error:
            raise PayloadError(
                f"the stream is no well-formed XML ({expat.ErrorString(error.code)}); nothing of it is kept"
            ) from error
        # What the parser holds back, an endless attribute for example, shows in no event.
        self._bound(self._fed)

    def _bound(self, until: int) -> None:
        if until - self._done > self._limit:
            raise PayloadError(f"one stanza exceeds {self._limit} bytes; nothing of it is kept")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PayloadError(f"one stanza is deeper than {_DEEPEST} elements; nothing of it is kept")
        named = {_tag(key): value for key, value in attributes.items()}
        if self._depth == 1:
            self.root = Element(_tag(name), named)
            return
        if self._depth == 2:
            self._tree = TreeBuilder()
        self._tree.start(_tag(name), named)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.closed = True
            return
        self._tree.end(_tag(name))
        if self._depth == 1:
            self._bound(self._expat.CurrentByteIndex)
            self._done = self._expat.CurrentByteIndex
            self.ready.append(self._tree.close())

    def _data(self, text: str) -> None:
        if self._depth > 1:
            self._tree.data(text)
        else:
            self._done = self._expat.CurrentByteIndex

    def _refuse(self, *_about: object) -> None:
        raise PayloadError("the stream holds a document type, an entity, a comment or an instruction, which XMPP forbids")


def read_one(text: str, limit: int) -> Element:
    """Return the one element that a text holds.

    Raises:
        PayloadError: It holds no such element, or something forbidden.
    """
    nursery = Nursery(limit)
    try:
        nursery.feed(b"<all>" + text.encode() + b"</all>")
    except UnicodeEncodeError as error:
        raise PayloadError("this is no XML: it holds half a character") from error
    if len(nursery.ready) != 1 or not nursery.closed:
        raise PayloadError(f"expected one stanza, found {len(nursery.ready)}")
    return nursery.ready.popleft()


def as_text(element: Element) -> str:
    """Return an element as text, complete with its namespaces."""
    return tostring(element, encoding="unicode")


def build(name: str, attributes: dict[str, str] | None = None, *children: Element | str, xmlns: str = "") -> Element:
    """Return an element to send. Characters that XML can't hold (section 2.2 of XML 1.0) are left out.

    Args:
        name: Without namespace: stanzas must not have prefixes (RFC 6120, section 4.8.5).
        attributes: Those that are empty are left out.
        children: Elements and texts.
        xmlns: Its namespace, where it is another than its parent's.
    """
    told = {"xmlns": xmlns, **(attributes or {})}
    element = Element(name, {key: _ILLEGAL.sub("", value) for key, value in told.items() if value})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
        elif last is None:
            element.text = (element.text or "") + _ILLEGAL.sub("", child)
        else:
            last.tail = (last.tail or "") + _ILLEGAL.sub("", child)
    return element


def wire(element: Element) -> bytes:
    """Return an element made by `build` as bytes to send."""
    return tostring(element, encoding="unicode").encode()


def _tag(name: str) -> str:
    return "{" + name if "}" in name else name


def escaped_size(text: str) -> int:
    """Return how many bytes a text takes within a stanza."""
    return len(escape(text).encode("utf-8", "surrogatepass"))
