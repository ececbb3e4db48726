"""From formatted text to plain text in which no address is lost.

Entities count in UTF-16 code units ("MessageEntity"). Formatting is left out; where words hide an address, it follows them.
"""

from __future__ import annotations

from typing import Any

from socialcrm_telegram._fields import mapping, rows, text_of, whole

__all__ = ["exported", "readable", "rich"]

_DEEP = 40
"""How deep rich text may nest; what is deeper is left out."""


def readable(text: str, entities: Any) -> str:
    """Return a text with the addresses of its links ("MessageEntity": ``text_link``).

    Args:
        text: As Telegram sends it.
        entities: Its entities; what can't be read or lies outside of the text is left out.
    """
    data = text.encode("utf-16-le", "surrogatepass")
    links = []
    for one in rows(entities):
        start, length, url = whole(one, "offset"), whole(one, "length"), text_of(one, "url")
        if url and start is not None and length is not None and 0 <= start < start + length <= len(data) // 2:
            links.append((2 * start, 2 * (start + length), url))
    for start, end, url in sorted(links, key=lambda link: -link[1]):
        shown = data[start:end].decode("utf-16-le", "surrogatepass")
        data = data[:end] + _address(shown, url).encode("utf-16-le", "surrogatepass") + data[end:]
    return data.decode("utf-16-le", "surrogatepass")


def _address(shown: str, url: str) -> str:
    same = url.partition("://")[2].rstrip("/") == shown.strip().rpartition("://")[2].rstrip("/") or url == shown
    return "" if same else f" ({url})"


def exported(value: Any) -> str:
    """Return the text of an exported message: plain, or a list of pieces, some of them formatted."""
    if isinstance(value, str):
        return value
    pieces = []
    for one in rows(value):
        if isinstance(one, str):
            pieces.append(one)
            continue
        shown, url = text_of(one, "text"), text_of(one, "href")
        pieces.append(shown + (_address(shown, url) if url else ""))
    return "".join(pieces)


def rich(value: Any, depth: int = 0) -> str:
    """Return the text of rich text ("RichText"): a string, a list, or an object around further text."""
    if isinstance(value, str) or depth > _DEEP:
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "".join(rich(one, depth + 1) for one in value)
    if mapping(value).get("blocks") is not None and "type" not in mapping(value):
        return _blocks(value["blocks"], depth + 1)
    shown, url = rich(mapping(value).get("text"), depth + 1), text_of(value, "url")
    shown = shown or text_of(value, "alternative_text") or text_of(value, "expression")
    return shown + (_address(shown, url) if url else "")


def _blocks(value: Any, depth: int) -> str:
    """Return the text of blocks ("RichBlock"), a line each."""
    lines = []
    for block in rows(value) if depth <= _DEEP else []:
        label, caption = text_of(block, "label"), mapping(block).get("caption")
        cells = [" | ".join(rich(cell, depth + 1) for cell in rows(row)) for row in rows(mapping(block).get("cells"))]
        lines += [
            rich(mapping(block).get("summary"), depth + 1),
            rich({**mapping(block), "blocks": None}, depth + 1),
            *cells,
            " ".join(filter(None, (label, _blocks(mapping(block).get("blocks"), depth + 1)))),
            _blocks(mapping(block).get("items"), depth + 1),
            rich(caption, depth + 1),
            rich(mapping(block).get("credit"), depth + 1),
        ]
    return "\n".join(line for line in lines if line)
