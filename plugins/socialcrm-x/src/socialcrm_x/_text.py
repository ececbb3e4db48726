"""How X counts a text's length, and how a post's text becomes plain text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import regex

from socialcrm_x._fields import either, mapping, rows, text_of
from socialcrm_x._links import find_links

__all__ = ["plain", "same", "weigh"]

_LINK = 23
"""What an address counts ("Counting Characters", URL handling)."""

_LIGHT = re.compile("[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
"""Characters that count one; all others count two (configuration of twitter-text, version 3)."""

_EMOJI = regex.compile(
    r"\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|"
    r"(?:[\u00A9\u00AE\u2122\u265F](?=\uFE0F)|(?![\u00A9\u00AE\u2122\u265F])\p{Extended_Pictographic}(?!\uFE0E))"
    r"(?:\uFE0F|\p{EMod})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?)*(?:[\U000E0020-\U000E007E]+\U000E007F)?"
)


def weigh(text: str, *, emoji: bool = True) -> int:
    """Count a text as X does: composed (NFC), addresses as 23, an emoji of whatever parts as 2, Latin and the like as 1.

    Args:
        text: What is to be posted.
        emoji: Whether an emoji of several parts counts once (since version 3 of twitter-text); otherwise each part counts.
    """
    text = unicodedata.normalize("NFC", text)
    total = place = 0
    for start, end in find_links(text):
        total += _plainly(text[place:start], emoji) + _LINK
        place = end
    return total + _plainly(text[place:], emoji)


def _plainly(text: str, emoji: bool) -> int:
    count = 0
    if emoji and not text.isascii():
        text, count = _EMOJI.subn("", text)
    return 2 * (count + len(text)) - len(_LIGHT.findall(text))


_MENTIONS = re.compile(r"(?:@\w{1,15}\s+)+", re.ASCII)
_OWN = re.compile(r"https?://(?:mobile\.)?(?:twitter|x)\.com/\w+/status/\d+/(?:photo|video)/\d+", re.ASCII)
_BROKEN = re.compile(r"\s*https?://t\.co/?\w*…?$", re.ASCII)


def plain(text: str, entities: Any, shown: Any, *, bare: bool = True) -> str:
    """Return a post's text as people see it: no mentions that only say whom it answers, addresses in full, ``&amp;`` as &.

    Args:
        text: The text as X gives it: escaped, addresses shortened, files as an address at its end.
        entities: The object ``entities`` (its ``urls`` and, in API 1.1, ``media``).
        shown: ``display_text_range``: where what people see begins.
        bare: Cut off the mentions that stand before it.
    """
    start = rows(shown)[0] if bare and rows(shown) and isinstance(rows(shown)[0], int) else 0
    if start > 0 and _MENTIONS.fullmatch(text[:start]):
        text = text[start:]
    for link in rows(mapping(entities).get("urls")):
        short, full = text_of(link, "url"), text_of(link, "expanded_url")
        if short:
            text = text.replace(short, "" if text_of(link, "media_key") or _OWN.fullmatch(full) else full or short)
    for medium in rows(mapping(entities).get("media")):
        if text_of(medium, "url"):
            text = text.replace(text_of(medium, "url"), "")
    return html.unescape(text).strip()


def whole(post: Mapping[str, Any]) -> tuple[str, Any]:
    """Return a post's full text and its entities: a long post's text is elsewhere (``note_post``, before ``note_tweet``)."""
    note = mapping(either(post, "note_post", "note_tweet"))
    if text_of(note, "text"):
        return text_of(note, "text"), either(note, "entities") or post.get("entities")
    return text_of(post, "text"), post.get("entities")


def same(ours: str, theirs: str) -> bool:
    """Whether a text that X gave back is one that we sent: white space, case, schemes and leading mentions may differ."""
    return _print(ours) == _print(theirs)


def _print(text: str) -> str:
    text = _MENTIONS.sub("", unicodedata.normalize("NFC", text).strip() + " ", count=1) if text.startswith("@") else text
    text = re.sub(r"https?://", "", unicodedata.normalize("NFC", text)).casefold()
    return re.sub(r"[\s/]+", "", text)
