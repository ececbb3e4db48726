"""Long text becomes a numbered thread, or is refused with the exact excess.

Laws: parts keep the order; apart from white space at the cuts and the numbers, nothing is lost or changed; every part fits
with its number; no cut goes through a link, an address, a mention, a hashtag or a grapheme.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from socialcrm.connectors import TextLimit
from socialcrm.errors import SettingsError, TooLong

__all__ = ["split"]

Spans = Iterable[tuple[int, int]]

_URL_END = r"""[^\s<>"“”「」『』【】（）。、，！？]"""
_WHOLE = re.compile(
    rf"(?:\b[a-z][a-z0-9+.-]{{1,20}}://|\bwww\.|\bmailto:){_URL_END}+"
    r"|(?<![\w.+%-])@?[\w.+%-]++@[\w.-]+"  # an address, or a mention with its server
    r"|(?<!\w)@\w[\w.-]*"
    r"|(?<!\w)[#＃]\w+"
    rf"|(?<![\w.-])(?:[\w-]{{1,63}}\.){{1,9}}[a-z]{{2,24}}\b(?:/{_URL_END}*)?",
    re.IGNORECASE,
)
_GAP = re.compile(r"\s+")
_IDEOGRAPHIC_STOP = re.compile(r"[。！？｡]+[」』）”]*")
_BETWEEN_IDEOGRAPHS = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff])(?=[\u3041-\u30fa\u3400-\u9fff])")
_CLOSING = "\"'”’»)]"
_ABBREVIATIONS = frozenset(
    {"approx", "art", "bspw", "bzw", "ca", "dr", "etc", "ggf", "max", "min", "mme", "mr", "mrs", "ms", "no", "nr", "prof"}
    | {"sr", "sra", "st", "str", "tel", "usw", "vgl", "vs"}
)


@frozen
class _Cuts:
    """Where a text may be cut: positions in ascending order, each list part of the one before."""

    graphemes: Sequence[int]
    words: Sequence[int]
    sentences: Sequence[int]
    paragraphs: Sequence[int]


def split(text: str, limit: TextLimit, *, threads: bool, links: Callable[[str], Spans] | None = None) -> tuple[str, ...]:
    """Make one message, or several numbered ones, of a text.

    Args:
        text: What to send; white space around it is dropped.
        limit: What one message may hold. A weighted limit must weigh all ASCII digits alike.
        threads: Several messages in order are allowed.
        links: Finds what the platform takes for a link beyond addresses with a scheme, ``www.`` and plain domain names:
            ``(start, end)`` in code points.

    Returns:
        The parts in order, each within the limit; where there are several, each ends in its number, like ``(1/3)``.

    Raises:
        SettingsError: There is nothing to send.
        TooLong: It does not fit and may not be split, or a link (or another piece that stays whole) is longer than a message.
    """
    text = text.strip()
    if not text:
        raise SettingsError("The reply has no text; write one before it is sent.")
    excess = 0 if limit.size is None else limit.measure(text) - limit.size
    if excess <= 0:
        return (text,)
    if not threads:
        raise TooLong(
            f"The reply is {excess} {limit.unit} over the platform's limit of {limit.size}, and the platform has no threads; "
            f"shorten it by {excess} {limit.unit}.",
            excess=excess,
        )
    cuts = _cuts(text, links)
    digits = 1
    while (bodies := _bodies(text, limit, cuts, digits)) is None:
        digits += 1
    return tuple(f"{body} ({place}/{len(bodies)})" for place, body in enumerate(bodies, 1))


def _bodies(text: str, limit: TextLimit, cuts: _Cuts, digits: int) -> list[str] | None:
    """Cut the text for a total of so many digits; ``None`` where that is not enough of them."""
    bodies: list[str] = []
    total = "9" * digits
    start = 0
    while start < len(text):
        if len(bodies) == int(total):
            return None
        number = f" ({len(bodies) + 1}/{total})"
        end = _end(text, start, limit, cuts, number)
        bodies.append(text[start:end].rstrip())
        start = _past_space(text, end, cuts.graphemes)
    return bodies


def _end(text: str, start: int, limit: TextLimit, cuts: _Cuts, number: str) -> int:
    """Return where the part that begins at ``start`` ends."""
    size = limit.size or 0

    def over(end: int) -> int:
        return limit.measure(text[start:end].rstrip() + number) - size

    furthest = _furthest(cuts.graphemes, start, over)
    if furthest is None:
        end = cuts.graphemes[bisect_right(cuts.graphemes, start)]
        raise TooLong(
            f"A piece that can't be cut ({text[start:end][:40]!r}…) is with its number {over(end)} {limit.unit} over the "
            f"platform's limit of {limit.size}; shorten it, a link with a shorter address for example.",
            excess=over(end),
        )
    if furthest == len(text):
        return furthest
    # A short greeting is a paragraph too: a better place to cut is taken only where the part stays well filled.
    for places, share in ((cuts.paragraphs, 0.5), (cuts.sentences, 0.3), (cuts.words, 0.0)):
        best = places[bisect_right(places, furthest) - 1] if places[0] <= furthest else 0
        if best > start and best - start >= share * (furthest - start) and over(best) <= 0:
            return best
    return furthest


def _furthest(places: Sequence[int], start: int, over: Callable[[int], int]) -> int | None:
    """Return the last place that fits: doubling, then halving, so that no measured slice is much longer than the part."""
    first = bisect_right(places, start)
    step = 1
    while first + step <= len(places) and over(places[first + step - 1]) <= 0:
        step *= 2
    fits, fails = step // 2, min(step, len(places) - first + 1)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if over(places[first + middle - 1]) <= 0:
            fits = middle
        else:
            fails = middle
    return places[first + fits - 1] if fits else None


def _past_space(text: str, start: int, edges: Sequence[int]) -> int:
    """Return the first place from ``start`` on that is not white space; a mark on a blank is not."""
    at = bisect_left(edges, start)
    while start < len(text) and text[start : edges[at + 1]].isspace():
        at += 1
        start = edges[at]
    return start


def _cuts(text: str, links: Callable[[str], Spans] | None) -> _Cuts:
    import regex

    edges = [0, *(match.end() for match in regex.finditer(r"\X", text))]
    spans = [match.span() for match in _WHOLE.finditer(text)]
    if links is not None:
        spans = sorted([*spans, *links(text)])
    edges = _outside(edges, spans)
    allowed = set(edges)
    strength = dict.fromkeys((match.start() for match in _BETWEEN_IDEOGRAPHS.finditer(text)), 1)
    strength |= dict.fromkeys((match.end() for match in _IDEOGRAPHIC_STOP.finditer(text)), 2)
    for gap in _GAP.finditer(text):
        strength[gap.end()] = _strength(text, gap.start(), gap.end())
    strength[len(text)] = 3
    ranked = sorted((place, rank) for place, rank in strength.items() if place in allowed)
    words, sentences, paragraphs = ([place for place, rank in ranked if rank >= least] for least in (1, 2, 3))
    return _Cuts(edges, words, sentences, paragraphs)


def _outside(edges: list[int], spans: list[tuple[int, int]]) -> list[int]:
    """Leave out the edges inside a span."""
    kept: list[int] = []
    at = 0
    for start, end in spans:
        upto = bisect_right(edges, start)
        kept += edges[at:upto] if upto > at else ()
        at = max(at, bisect_left(edges, min(end, edges[-1])))
    return kept + edges[at:]


def _strength(text: str, start: int, end: int) -> int:
    """Rank the white space between two places: 3 parts paragraphs, 2 sentences (or lines), 1 words."""
    lines = text.count("\n", start, end)
    if lines:
        return 3 if lines > 1 else 2
    before = text[max(0, start - 24) : start].rstrip(_CLOSING)
    if before.endswith(("!", "?", "。", "！", "？")):
        return 2
    if not before.endswith((".", "…")) or text[end : end + 1].islower():
        return 1
    return 1 if _abbreviated(before) else 2


def _abbreviated(before: str) -> bool:
    """Tell a full stop after “e.g”, “Dr”, “J” or an ordinal like “3” from the end of a sentence."""
    if before.endswith(("…", "..")):
        return False
    words = before[:-1].split()
    word = words[-1].lstrip("\"'“‘«([") if words else ""
    return "." in word or len(word) == 1 or word.casefold() in _ABBREVIATIONS or (word.isdigit() and len(word) < 3)
