"""A year of an invented telephone company: seasons, outages, night shifts, and people who answer as fast as they can.

Seeded and made up by us; no real person or company is meant.
"""

from __future__ import annotations

import heapq
import math
import random
from typing import Any

from town import words

DAY = 1440
MOODS = {
    "bill": ("my bill is wrong", "the invoice shows roaming twice", "why did the bill grow"),
    "line": ("the line is slow", "the router blinks red", "no signal in the kitchen"),
    "praise": ("thank you that was quick", "great service"),
    "order": ("where is my phone", "can I change my contract"),
}
OUTAGES = (41, 160, 161, 288)
"""Days of the year on which the network failed."""


def year(per_day: float = 9.0, people: int = 400, seed: int = 2026) -> list[dict[str, Any]]:
    """Return everything that was said in a year, in order of time."""
    draw, said = random.Random(seed), list[dict[str, Any]]()
    waiting: list[tuple[int, int, dict[str, Any]]] = []
    free = 0
    for day in range(365):
        season = 1 + 0.35 * math.cos(2 * math.pi * (day - 350) / 365)
        outage = day in OUTAGES
        count = round(per_day * season * (0.5 if day % 7 in (5, 6) else 1.15) * (4 if outage else 1) * draw.uniform(0.8, 1.2))
        for at in sorted(day * DAY + _minute(draw) for _ in range(count)):
            free = _answer(said, waiting, free, at, draw)
            mood = "outage" if outage and draw.random() < 0.7 else draw.choice(list(MOODS))
            text = "outage no signal at all" if mood == "outage" else draw.choice(MOODS[mood])
            who = f"customer {draw.randrange(people)}"
            kind = "message" if draw.random() < 0.3 else "post"
            one = {**words(who, at, text, kind=kind), "id": f"in-{len(said)}"}
            said.append(one)
            if mood != "praise":
                heapq.heappush(waiting, (at, len(said), one))
    _answer(said, waiting, free, 365 * DAY, draw)
    return sorted(said, key=lambda one: one["at"])


def _minute(draw: random.Random) -> int:
    return int(min(max(draw.gauss(14 * 60, 4 * 60), 0), DAY - 1))


def _answer(said: list[dict[str, Any]], waiting: list[Any], free: int, until: int, draw: random.Random) -> int:
    """Let the one agent answer in turn: 8 to 20 o'clock every day, and a slow night shift on Fridays."""
    while waiting:
        at = max(free, waiting[0][0] + 5)
        hour, day = at % DAY // 60, at // DAY % 7
        night = day == 4 and hour >= 20
        if not (8 <= hour < 20 or night):
            at = (at // DAY + (1 if hour >= 20 else 0)) * DAY + 8 * 60
        if at >= until:
            return free
        _, _, one = heapq.heappop(waiting)
        free = at + int(draw.uniform(10, 45) * (2 if night else 1))
        said.append({**words("us", free, "we look into it", thread=one["thread"], parent=one["id"]), "id": f"out-{len(said)}"})
    return free
