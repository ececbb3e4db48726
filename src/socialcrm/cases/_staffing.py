"""How many agents would have kept a goal: recorded waits, played through a queueing simulation.

The customers come as they came; agents take the most needed case next, each answer takes a time drawn from an exponential
distribution around the given mean, with a given seed. What agents of another number would have done with the customers' later
words is not simulated: a wait is one unit of work.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import select

from socialcrm.errors import SettingsError
from socialcrm.store import Tx, tables

__all__ = ["Staffing", "Wait", "recorded_waits", "simulate", "staff"]

Wait = tuple[int, int, int]
"""Since when a customer waited, by when an answer was due, and the place in the order of need: microseconds UTC."""


@frozen(kw_only=True)
class Staffing:
    """What so many agents would have done.

    Args:
        agents: How many, around the clock.
        waits: How many customers waited.
        in_time: How many of them were answered in time.
        longest: The longest wait, in seconds.
    """

    agents: int
    waits: int
    in_time: int
    longest: float

    @property
    def share(self) -> float:
        """Which share was answered in time; 1 where nobody waited."""
        return self.in_time / self.waits if self.waits else 1.0


def recorded_waits(tx: Tx, *, since: int, until: int) -> Iterator[Wait]:
    """Yield the waits that began in a time, as the log tells them: the first contact after each answer."""
    log = tables.events
    statement = (
        select(log.c.case_id, log.c.kind, log.c.at, log.c.due, log.c.need)
        .where(log.c.ws == tx.ws, log.c.kind.in_(("opened", "received", "replied")))
        .order_by(log.c.case_id, log.c.seq)
    )
    waiting: int | None = None
    for row in tx.connection.execution_options(yield_per=5000).execute(statement):
        if row.kind == "replied":
            waiting = None
        elif waiting != row.case_id:
            waiting = row.case_id
            if since <= row.at < until and row.due is not None:
                yield row.at, row.due, row.need


def simulate(waits: Sequence[Wait], agents: int, *, minutes: float, seed: int = 1) -> Staffing:
    """Play waits through so many agents.

    Args:
        waits: In the order in which they began.
        agents: How many, at least 1.
        minutes: How long an answer takes on average.
        seed: Of the times that answers take.

    Raises:
        SettingsError: The library ``simpy`` is not installed, or a number is out of range.
    """
    if agents < 1 or minutes <= 0:
        raise SettingsError("a simulation needs at least one agent, and answers that take longer than no time")
    try:
        simpy = importlib.import_module("simpy")
    except ImportError:
        raise SettingsError("simulating a staff needs the library 'simpy'; install socialcrm[staffing]") from None
    told: list[int] = [0, 0]
    draw = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
    world = simpy.Environment()
    desk = simpy.PriorityResource(world, capacity=agents)
    begin = waits[0][0] if waits else 0

    def customer(wait: Wait, work: float) -> Any:
        with desk.request(priority=wait[2]) as turn:
            yield turn
            yield world.timeout(work)
        answered = begin + int(world.now * 1_000_000)
        told[0] += answered <= wait[1]
        told[1] = max(told[1], answered - wait[0])

    def arrivals() -> Any:
        for wait in waits:
            yield world.timeout(max((wait[0] - begin) / 1_000_000 - world.now, 0))
            world.process(customer(wait, draw.expovariate(1 / (minutes * 60))))

    world.process(arrivals())
    world.run()
    return Staffing(agents=agents, waits=len(waits), in_time=told[0], longest=told[1] / 1_000_000)


def staff(waits: Sequence[Wait], *, minutes: float, share: float, most: int = 500, seed: int = 1) -> Staffing:
    """Return the smallest number of agents who would have answered a share of the waits in time.

    Args:
        waits: Any order.
        minutes: How long an answer takes on average.
        share: Which share, between 0 and 1.
        most: The largest number to try.
        seed: Of the times that answers take.

    Raises:
        SettingsError: Not even ``most`` would have, or ``simpy`` is not installed.
    """
    ordered = sorted(waits)
    low, high = 1, 1
    while (found := simulate(ordered, high, minutes=minutes, seed=seed)).share < share:
        if high >= most:
            raise SettingsError(f"not even {most} agents would have answered {share:.0%} in time; the targets are too short")
        low, high = high + 1, min(high * 2, most)
    while low < high:
        middle = (low + high) // 2
        tried = simulate(ordered, middle, minutes=minutes, seed=seed)
        if tried.share >= share:
            high, found = middle, tried
        else:
            low = middle + 1
    return found
