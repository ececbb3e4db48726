"""Need before influence: the order, and that nobody waits for ever."""

from __future__ import annotations

import heapq
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from socialcrm.cases import Playbook
from socialcrm.types import Severity

HOUR = 3_600_000_000
SEVERITIES = [severity.value for severity in Severity]


@given(
    first=st.tuples(st.integers(0, 10**9), st.sampled_from(SEVERITIES), st.integers(1, 50)),
    second=st.tuples(st.integers(0, 10**9), st.sampled_from(SEVERITIES), st.integers(1, 50)),
    later=st.integers(0, 10**9),
)
def test_everybody_ages_alike(first: tuple[int, str, int], second: tuple[int, str, int], later: int) -> None:
    """Who comes first does not depend on the moment at which one looks."""
    playbook = Playbook()

    def need(one: tuple[int, str, int], shift: int) -> int:
        return playbook.need(playbook.due(one[0] + shift, one[1]), one[1], one[2])

    assert (need(first, 0) < need(second, 0)) == (need(first, later) < need(second, later))


@given(waiting=st.integers(0, 10**15), severity=st.sampled_from(SEVERITIES), contacts=st.integers(1, 10**6))
def test_a_bonus_is_bounded(waiting: int, severity: str, contacts: int) -> None:
    """However often somebody writes and however grave it is, they count as due at most a day and two hours sooner."""
    playbook = Playbook()
    due = playbook.due(waiting, severity)
    assert due - 26 * HOUR <= playbook.need(due, severity, contacts) <= due


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nobody_starves_under_bounded_arrivals(seed: int) -> None:
    """With more answers than arrivals over time, the least urgent case is answered within its bound, whoever comes between."""
    draw, playbook = random.Random(seed), Playbook()
    longest = 24 * HOUR
    bonus = 26 * HOUR
    waiting: list[tuple[int, int, int]] = []
    worst = now = 0
    for turn in range(6000):
        now += 3 * 60_000_000
        if draw.random() < 0.9:
            severity = "low" if draw.random() < 0.02 else draw.choice(("urgent", "urgent", "high", "normal"))
            heapq.heappush(waiting, (playbook.need(playbook.due(now, severity), severity, draw.randint(1, 9)), now, turn))
        if waiting:
            _, since, _ = heapq.heappop(waiting)
            worst = max(worst, now - since)
    assert worst <= longest + bonus
