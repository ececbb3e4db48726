"""Small pictures where people would rather look than read: inline SVG, no library, no script.

The colours stand out on light and on dark; text takes the page's own colour, and hovering tells the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.notebook._markup import Markup, span_of, tag

__all__ = ["COLOURS", "swimlanes", "volumes", "waits"]

COLOURS = ("#3b82f6", "#f08c00", "#10a36f", "#e0487a", "#8b5cf6", "#0891b2", "#a16207", "#64748b")
_WIDTH = 760
_LEFT, _RIGHT = 108, 12


def volumes(timeline: Sequence[Any], step: timedelta, *, height: int = 170) -> Markup | None:
    """Draw what was written over time: customers upward, we downward, a colour for each channel.

    Args:
        timeline: ``at``, ``channel``, ``inbound``, ``outbound``, in the order of time.
        step: How long each stretch is.
        height: In pixels.
    """
    if not timeline:
        return None
    names = sorted({one.channel for one in timeline})
    colour = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    first, end = timeline[0].at, timeline[-1].at + step
    scale = (_WIDTH - _LEFT - _RIGHT) / (end - first).total_seconds()
    tops, bottoms = _sums(timeline, "inbound"), _sums(timeline, "outbound")
    up, down = max(tops.values()), max(bottoms.values())
    unit = (height - 46) / max(up + down, 1)
    axis = 22 + up * unit
    bars: list[Markup] = []
    stacked: dict[tuple[datetime, str], float] = {}
    width = max(step.total_seconds() * scale - 0.5, 1)
    for one in timeline:
        x = _LEFT + (one.at - first).total_seconds() * scale
        for side, number in (("in", one.inbound), ("out", one.outbound)):
            if not number:
                continue
            before = stacked.get((one.at, side), 0)
            stacked[one.at, side] = before + number
            y = axis - (before + number) * unit if side == "in" else axis + before * unit
            who = "from customers" if side == "in" else "from us"
            hint = tag("title", f"{one.at:%a %d %b %H:%M} UTC, {one.channel}: {number} {who}")
            fade = None if side == "in" else "0.55"
            bars.append(_rect(x, y, width, number * unit, colour[one.channel], hint, fade))
    line = tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=_n(axis), y2=_n(axis), stroke="currentColor", stroke_opacity="0.5")
    sides = (_text(_LEFT - 6, 32, f"customers ≤ {up}", "end"), _text(_LEFT - 6, _n(axis + 14), f"us ≤ {down}", "end"))
    legend = [
        (_rect(_LEFT + place * 130, 4, 10, 10, colour[name], None), _text(_LEFT + place * 130 + 14, 13, name[:18]))
        for place, name in enumerate(names[:5])
    ]
    return _svg(height, "What was written over time", bars, line, sides, legend, _times(first, end, height))


def waits(rows: Sequence[tuple[str, timedelta | None, timedelta | None]]) -> Markup | None:
    """Draw waits: a bar to the middle one, a line to the one that nine of ten did not exceed.

    Args:
        rows: Names, medians and 90th percentiles.
    """
    known = [row for row in rows if row[1] is not None and row[2] is not None]
    if not known:
        return None
    longest = max(row[2].total_seconds() for row in known if row[2] is not None) or 1
    scale = (_WIDTH - _LEFT - _RIGHT - 170) / longest
    lines: list[Markup] = []
    for place, (name, middle, tail) in enumerate(known):
        y = 8 + place * 24
        hint = tag("title", f"{name}: median {span_of(middle)}, nine of ten within {span_of(tail)}")
        to_middle = (middle or timedelta()).total_seconds() * scale
        to_tail = (tail or timedelta()).total_seconds() * scale
        lines += [
            _text(_LEFT - 6, y + 12, name[:14], "end"),
            _rect(_LEFT, y + 6, max(to_tail, 1), 4, COLOURS[0], None, "0.5"),
            _rect(_LEFT, y, max(to_middle, 2), 16, COLOURS[0], hint),
            _text(_LEFT + max(to_tail, to_middle) + 8, y + 12, f"{span_of(middle)} · {span_of(tail)}"),
        ]
    return _svg(16 + len(known) * 24, "Waits for an answer: median and 90th percentile", lines)


def swimlanes(interactions: Sequence[Any], waiting: Sequence[Any], channels: Sequence[str]) -> Markup | None:
    """Draw a journey: a lane for each channel, a dot for each interaction, a band for each wait of the customer.

    Args:
        interactions: In the order of time.
        waiting: The customer's waits.
        channels: In the order of the lanes.
    """
    if not interactions:
        return None
    first = interactions[0].at
    end = max([interactions[-1].at, *(one.since + one.span for one in waiting)])
    scale = (_WIDTH - _LEFT - _RIGHT - 10) / max((end - first).total_seconds(), 1)
    lane = {name: 26 + place * 34 for place, name in enumerate(channels)}
    height = 50 + len(channels) * 34

    def across(at: datetime) -> float:
        return _LEFT + 5 + float((at - first).total_seconds()) * float(scale)

    drawn: list[Markup] = []
    for name, y in lane.items():
        drawn.append(_text(_LEFT - 8, y + 4, name[:14], "end"))
        drawn.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, stroke="currentColor", stroke_opacity="0.25"))
    for wait in waiting:
        if wait.channel in lane:
            hint = tag("title", f"waited {span_of(wait.span)}" + ("" if wait.until is not None else ", and still waits"))
            x = across(wait.since)
            drawn.append(
                _rect(x, lane[wait.channel] - 5, max(wait.span.total_seconds() * scale, 1), 10, COLOURS[1], hint, "0.45")
            )
    for one in interactions:
        inbound = one.direction == "inbound"
        hint = tag("title", f"{one.at:%a %d %b %H:%M} UTC, {'customer' if inbound else 'us'}, {one.visibility}")
        fill = COLOURS[0] if inbound else COLOURS[2]
        drawn.append(tag("circle", hint, cx=_n(across(one.at)), cy=lane[one.channel], r=5 if inbound else 4, fill=fill))
    return _svg(height, "The journey over time", drawn, _times(first, end, height))


def _sums(timeline: Sequence[Any], side: str) -> dict[datetime, int]:
    sums: dict[datetime, int] = {}
    for one in timeline:
        sums[one.at] = sums.get(one.at, 0) + getattr(one, side)
    return sums


def _times(first: datetime, end: datetime, height: int) -> list[Markup]:
    """Write times under a chart: days where there are some, hours otherwise, at most ten."""
    span = (end - first).total_seconds()
    day = 86400.0
    step = next(
        (one for one in (3600, 3 * 3600, 6 * 3600, day, 7 * day, 28 * day, 91 * day, 364 * day) if span / one <= 10), span
    )
    scale = (_WIDTH - _LEFT - _RIGHT) / max(span, 1)
    begin = -(-first.timestamp() // step) * step - first.timestamp()
    form = "%H:%M" if step < day else "%a %d %b" if step <= day else "%d %b %Y"
    marks: list[Markup] = []
    at = begin
    while at <= 0.92 * span:
        marks.append(_text(_LEFT + at * scale, height - 6, f"{first + timedelta(seconds=at):{form}}"))
        at += step
    return marks or [_text(_LEFT, height - 6, f"{first:%d %b %H:%M}")]


def _svg(height: int, title: str, *content: Any) -> Markup:
    return tag("svg", tag("title", title), *content, viewBox=f"0 0 {_WIDTH} {height}", width=_WIDTH, height=height, role="img")


def _rect(
    x: float, y: float, width: float, height: float, fill: str, hint: Markup | None, opacity: str | None = None
) -> Markup:
    sizes = {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height)}
    return tag("rect", hint, **sizes, fill=fill, fill_opacity=opacity)


def _text(x: float, y: float, what: str, anchor: str | None = None) -> Markup:
    return tag("text", what, x=_n(x), y=_n(y), text_anchor=anchor)


def _n(value: float) -> float:
    return round(float(value), 1)
