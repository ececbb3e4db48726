"""A blog's own export file: WXR, the "WordPress eXtended RSS" of Tools → Export.

Invariant: the file is read as a stream in flat memory, whatever its size, and nothing in it is expanded or fetched: entity
declarations are refused (defusedxml). Control characters that XML 1.0 forbids, which WordPress writes into its exports where
a comment holds them, are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # ships no types
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]  # ships no types

from socialcrm.connectors import Batch, Raw
from socialcrm.errors import PayloadError

__all__ = ["read_export"]

_NAMESPACE = "{http://wordpress.org/export/"
_FORBIDDEN = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_BATCH = 300
_POST = ("post_id", "post_type")
_CONTAINERS = ("rss", "channel", "item")


def read_export(path: Path) -> Iterator[Batch]:
    """Yield a file's authors and comments, in batches.

    Args:
        path: A WXR file of version 1.0, 1.1 or 1.2.

    Raises:
        PayloadError: It is no such file, it is broken off, or it declares entities.
    """
    raws: list[Raw] = []
    try:
        with path.open("rb") as file:
            for raw in _elements(file):
                raws.append(raw)
                if len(raws) >= _BATCH:
                    yield Batch(raws)
                    raws = []
    except ParseError as error:
        raise PayloadError(
            f"{path.name} is not well-formed XML ({error}); export it again: what came before was read"
        ) from error
    except DefusedXmlException as error:
        raise PayloadError(f"{path.name} declares entities, which no WordPress export does; it was not read") from error
    if raws:
        yield Batch(raws)


def _elements(file: IO[bytes]) -> Iterator[Raw]:
    post: dict[str, str] = {}
    seen = False
    parents: list[Element] = []
    for event, element in iterparse(_Clean(file), events=("start", "end")):
        if event == "start":
            parents.append(element)
            continue
        parents.pop()
        name, ours = _name(element.tag)
        seen = seen or ours
        if name == "item":
            post = {}
        elif name in _POST and ours:
            post[name] = _text(element)
        elif name == "link" and parents and parents[-1].tag == "item":
            post["post_link"] = _text(element)
        elif name == "author" and ours:
            yield Raw(kind="wxr_author", body=_fields(element))
        elif name == "comment" and ours:
            body = {**_fields(element), **post}
            yield Raw(kind="wxr_comment", body=body, context={"post_type": post.get("post_type", "")})
        if not parents or parents[-1].tag in _CONTAINERS:
            _forget(element, parents)
    if not seen:
        raise PayloadError("this is no WordPress export: expected an RSS file with elements of wordpress.org/export (WXR)")


def _forget(element: Element, parents: list[Element]) -> None:
    element.clear()
    if parents:
        parents[-1].remove(element)


def _fields(element: Element) -> dict[str, Any]:
    """Return an element's children by their names; those with children of their own (``commentmeta``) as a list."""
    fields: dict[str, Any] = {}
    for child in element:
        name, _ = _name(child.tag)
        if len(child):
            fields.setdefault(name, []).append({_name(part.tag)[0]: _text(part) for part in child})
        else:
            fields[name] = _text(child)
    return fields


def _name(tag: str) -> tuple[str, bool]:
    return tag.rpartition("}")[2], tag.startswith(_NAMESPACE)


def _text(element: Element) -> str:
    return element.text or ""


class _Clean:
    """A file without the control characters that XML 1.0 forbids."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        while piece := self._file.read(size):
            if clean := piece.translate(None, _FORBIDDEN):
                return clean
        return b""
