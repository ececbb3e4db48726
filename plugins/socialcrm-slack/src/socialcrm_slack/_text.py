"""Slack's mrkdwn and blocks to plain text, and plain text to what Slack shows as it is.

Source: "Formatting message text" (escaping ``&``, ``<``, ``>``; what stands between angle brackets), "Block Kit".
Marks such as ``*`` and ``_`` stay as they were typed: they are readable, and nobody can say which of them were meant as marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from socialcrm_slack._fields import mapping, rows, text_of

__all__ = ["escape", "mentioned", "plain", "said", "weigh"]

_ANGLED = re.compile(r"<([^<>\n]*)>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>\n]*)?>")
_DEPTH = 12
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def escape(text: str) -> str:
    """Return plain text so that Slack shows it as it is: nothing in it becomes a link, a channel or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def weigh(text: str) -> int:
    """Count a text as it is sent: escaped, in characters."""
    return len(escape(text))


def plain(text: str) -> str:
    """Return mrkdwn as plain text: mentions, channels and links by their names, entities decoded."""
    shown = _ANGLED.sub(lambda match: _named(match[1]), text)
    for entity, character in _ENTITIES:
        shown = shown.replace(entity, character)
    return shown.strip()


def _named(inner: str) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f"@{label.lstrip('@') or target[1:]}"
    if target.startswith("#"):
        return f"#{label.lstrip('#') or target[1:]}"
    if target.startswith("!"):
        word, _, rest = target[1:].partition("^")
        if word == "subteam":
            return f"@{label.lstrip('@') or rest}"
        return label if word == "date" and label else f"@{label.lstrip('@') or word}"
    if not label or _bare(label) == _bare(target):
        return label or target.removeprefix("mailto:").removeprefix("tel:")
    return f"{label} ({target})"


def _bare(link: str) -> str:
    return re.sub(r"^(?:https?://|mailto:|tel:)", "", link, flags=re.IGNORECASE).rstrip("/").lower()


def mentioned(text: str) -> list[str]:
    """Return the ids of the users that a mrkdwn text mentions, each once."""
    return list(dict.fromkeys(_USER.findall(text)))


def said(message: Mapping[str, Any]) -> str:
    """Return what a message says: its text, else what its blocks say, else its attachments' fallback.

    A message of an app may have no ``text`` at all ("chat.postMessage": text is the fallback of blocks). Emoji that a rich
    text block gives by code point stand as characters.
    """
    blocks = rows(message.get("blocks"))
    shown = plain(text_of(message, "text"))
    for name, character in _emoji(blocks):
        shown = shown.replace(f":{name}:", character)
    if shown:
        return shown
    pieces = [_block(block) for block in blocks]
    pieces += [_attachment(mapping(attachment)) for attachment in rows(message.get("attachments"))]
    return "\n".join(piece for piece in pieces if piece).strip()


def _attachment(attachment: Mapping[str, Any]) -> str:
    parts = [plain(text_of(attachment, key)) for key in ("pretext", "title", "text")]
    parts += [f"{plain(text_of(field, 'title'))}: {plain(text_of(field, 'value'))}" for field in rows(attachment.get("fields"))]
    parts += [_block(block) for block in rows(attachment.get("blocks"))]
    found = "\n".join(part for part in parts if part.strip(": "))
    return found or plain(text_of(attachment, "fallback"))


def _block(block: Any) -> str:
    kind = text_of(block, "type")
    if kind == "rich_text":
        return "\n".join(filter(None, (_rich(part) for part in rows(mapping(block).get("elements"))))).strip()
    if kind == "context":
        return " ".join(filter(None, (_object(one) for one in rows(mapping(block).get("elements")))))
    found = [_object(mapping(block).get("text")), *(_object(one) for one in rows(mapping(block).get("fields")))]
    if kind in ("image", "video"):
        found += [text_of(block, "alt_text")]
    return "\n".join(filter(None, found))


def _object(value: Any) -> str:
    """A text object (``plain_text``, ``mrkdwn``); a bare text is mrkdwn (``markdown`` blocks)."""
    if isinstance(value, str):
        return plain(value)
    text = text_of(value, "text")
    return text.strip() if text_of(value, "type") == "plain_text" else plain(text) or text_of(value, "alt_text")


def _rich(element: Any, depth: int = 0) -> str:
    kind = text_of(element, "type")
    inner = [_rich(one, depth + 1) for one in rows(mapping(element).get("elements"))] if depth < _DEPTH else []
    if kind == "rich_text_list":
        return "\n".join(f"- {one}" for one in inner)
    if inner:
        return "".join(inner)
    if kind == "emoji":
        return _character(element) or f":{text_of(element, 'name')}:"
    if kind == "link":
        label, url = text_of(element, "text"), text_of(element, "url")
        return _named(f"{url}|{label}" if label else url)
    for name, mark in (("user_id", "@"), ("usergroup_id", "@"), ("range", "@"), ("channel_id", "#")):
        if text_of(element, name):
            return mark + text_of(element, name)
    return text_of(element, "text")


def _emoji(blocks: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Names and characters of the emoji in rich text blocks."""
    waiting = [(block, 0) for block in blocks]
    while waiting:
        element, depth = waiting.pop()
        if text_of(element, "type") == "emoji" and _character(element):
            yield text_of(element, "name"), _character(element)
        if depth < _DEPTH:
            waiting += [(one, depth + 1) for one in rows(mapping(element).get("elements"))]


def _character(element: Any) -> str:
    """The characters of an emoji by its ``unicode`` (``1f44d-1f3fd``); empty for a workspace's own."""
    try:
        return "".join(chr(int(code, 16)) for code in text_of(element, "unicode").split("-") if code)
    except (ValueError, OverflowError):
        return ""
