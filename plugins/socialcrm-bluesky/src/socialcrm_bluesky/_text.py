"""Texts and their facets: links and mentions that the platform keeps beside the text.

Invariant: facets name places by offsets into the text's UTF-8 bytes, never by characters (lexicon ``app.bsky.richtext.facet``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from socialcrm.connectors import Unit, measure
from socialcrm_bluesky._fields import mapping, rows, text_of
from socialcrm_bluesky._ids import is_handle

__all__ = ["Span", "facets", "readable", "spans", "weigh"]

_LINK = re.compile(r"https?://[^\s<>\"\u201c\u201d]+", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@./-])@([a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9])")
_TAG = re.compile(r"(?<![\w#/&])#(\w*[^\W\d_]\w*)")
_BYTES = 10
"""A post holds 300 graphemes and 3000 bytes (lexicon ``app.bsky.feed.post``): ten bytes a grapheme."""


def weigh(text: str) -> int:
    """Count a text as both limits of a post together: its graphemes, or a tenth of its UTF-8 bytes if that is more."""
    return max(measure(text, Unit.GRAPHEMES), -(-measure(text, Unit.BYTES) // _BYTES))


@frozen
class Span:
    """A place in a text of ours that becomes a facet.

    Args:
        start: First byte of its UTF-8.
        end: The byte after its last one.
        kind: ``link``, ``mention`` or ``tag``.
        value: The address, the handle without ``@``, or the tag without ``#``.
    """

    start: int
    end: int
    kind: str
    value: str


def spans(text: str) -> tuple[Span, ...]:
    """Find links, mentions and hashtags in a text of ours, in order, without overlaps."""
    taken: list[tuple[int, int, str, str]] = []
    for kind, start, end, value in _found(text):
        if all(end <= begun or start >= ended for begun, ended, _kind, _value in taken):
            taken.append((start, end, kind, value))
    return tuple(Span(_bytes(text[:start]), _bytes(text[:end]), kind, value) for start, end, kind, value in sorted(taken))


def _found(text: str) -> Iterator[tuple[str, int, int, str]]:
    for one in _LINK.finditer(text):
        link = _trimmed(one[0])
        if len(link) > len("https://"):
            yield "link", one.start(), one.start() + len(link), link
    for one in _MENTION.finditer(text):
        if is_handle(one[1]):
            yield "mention", one.start(), one.end(), one[1].lower()
    for one in _TAG.finditer(text):
        if len(one[1]) <= 64:
            yield "tag", one.start(), one.end(), one[1]


def _trimmed(link: str) -> str:
    """A link without the punctuation of the sentence that it ends."""
    while link and (link[-1] in ".,;:!?'’…*" or (link[-1] == ")" and link.count(")") > link.count("("))):
        link = link[:-1]
    return link


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def facets(found: tuple[Span, ...], dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the facets of a text of ours (lexicon ``app.bsky.richtext.facet``); a mention of nobody is left out.

    Args:
        found: The places, as `spans` gives them.
        dids: The accounts' DIDs by handle.
    """
    made = []
    for span in found:
        if span.kind == "mention" and span.value not in dids:
            continue
        feature = {
            "link": {"$type": "app.bsky.richtext.facet#link", "uri": span.value},
            "mention": {"$type": "app.bsky.richtext.facet#mention", "did": dids.get(span.value, "")},
            "tag": {"$type": "app.bsky.richtext.facet#tag", "tag": span.value},
        }[span.kind]
        made.append({"index": {"byteStart": span.start, "byteEnd": span.end}, "features": [feature]})
    return made


def readable(text: str, marks: Any) -> str:
    """Return a customer's text with its links written out, since a facet may show other words than it leads to.

    Facets that overlap, lie outside or cut a character are left alone, as the platform asks.
    """
    data = text.encode("utf-8", "surrogatepass")
    made, at = b"", 0
    for start, end, uri in sorted(_links(marks)):
        if not at <= start < end <= len(data) or _cuts(data, start) or _cuts(data, end):
            continue
        made += data[at:start] + _written(data[start:end], uri)
        at = end
    return (made + data[at:]).decode("utf-8", "surrogatepass")


def _links(marks: Any) -> Iterator[tuple[int, int, str]]:
    for facet in rows(marks):
        index = mapping(mapping(facet).get("index"))
        start, end = index.get("byteStart"), index.get("byteEnd")
        uris = [text_of(feature, "uri") for feature in rows(mapping(facet).get("features"))]
        link = next((uri for uri in uris if uri.lower().startswith(("https://", "http://"))), "")
        if link and isinstance(start, int) and isinstance(end, int):
            yield start, end, link


def _cuts(data: bytes, at: int) -> bool:
    """Whether an offset lies within a character: its byte continues one (RFC 3629)."""
    return at < len(data) and data[at] & 0xC0 == 0x80


def _written(shown: bytes, uri: str) -> bytes:
    """A link as people read it: its address where the words are a shortened form of it, else both."""
    words = shown.decode("utf-8", "surrogatepass").strip()
    begun = re.sub(r"(?:\.\.\.|…)$", "", words)
    bare = re.sub(r"^https?://(?:www\.)?", "", uri, flags=re.IGNORECASE)
    forms = (uri, re.sub(r"^https?://", "", uri, flags=re.IGNORECASE), bare)
    if any(form.lower() == words.lower() or (begun and form.lower().startswith(begun.lower())) for form in forms):
        return uri.encode("utf-8", "surrogatepass")
    return shown + f" ({uri})".encode("utf-8", "surrogatepass")
