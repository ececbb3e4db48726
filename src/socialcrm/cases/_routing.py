"""Who gets a case: deterministic, and explained.

Routing looks at more than one customer (who is busy?), so it is not part of the fold: it is done by `assign`, an act like an
agent's, with its reason in the audit trail. Who has a case says nothing about when it is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field, frozen

from socialcrm.cases._parts import Agent, Queue

__all__ = ["Choice", "Desk", "Wish", "choose"]


@frozen(kw_only=True)
class Wish:
    """What a case asks of an agent.

    Args:
        queue: Its queue.
        language: What the customer writes in; empty where unknown.
        knows: The agent who answered the customer last; empty for nobody.
    """

    queue: str
    language: str = ""
    knows: str = ""


@define(kw_only=True)
class Desk:
    """What is going on while cases are handed out.

    Args:
        at: Our time, in microseconds UTC.
        loads: How many waiting cases each agent has.
        turns: When each agent got a case of each queue last: a number that grows.
    """

    at: int
    loads: dict[str, int] = field(factory=dict)
    turns: dict[tuple[str, str], int] = field(factory=dict)

    def gave(self, queue: str, agent: str) -> None:
        """Take note that an agent got a case."""
        self.loads[agent] = self.loads.get(agent, 0) + 1
        self.turns[queue, agent] = max(self.turns.values(), default=0) + 1


@frozen(kw_only=True)
class Choice:
    """Who gets a case (empty for nobody), and why."""

    agent: str
    why: str


def choose(wish: Wish, queue: Queue, agents: Sequence[Agent], desk: Desk) -> Choice:
    """Choose an agent for a case.

    Args:
        wish: What the case asks for.
        queue: How its queue hands out cases.
        agents: Everybody.
        desk: Who has how much.
    """
    left, reasons = list(agents), list[str]()
    tests: tuple[tuple[str, Callable[[Agent], bool]], ...] = (
        (f"works for {wish.queue}", lambda one: wish.queue in one.queues),
        (f"can do {', '.join(sorted(queue.skills)) or 'anything'}", lambda one: queue.skills <= one.skills),
        (
            f"speaks {wish.language or 'anything'}",
            lambda one: not wish.language or not one.languages or wish.language in one.languages,
        ),
        ("is on duty", lambda one: one.hours is None or one.hours.open_at(desk.at)),
        ("has room", lambda one: desk.loads.get(one.name, 0) < one.capacity),
    )
    for reason, fits in tests:
        left = [one for one in left if fits(one)]
        if not left:
            return Choice(agent="", why=f"nobody who {' and '.join([*reasons, reason])}")
        reasons.append(reason)
    if queue.sticky and any(one.name == wish.knows for one in left):
        return Choice(agent=wish.knows, why="knows the customer")
    best = min(left, key=lambda one: _rank(one, queue, desk.loads, desk.turns))
    load = desk.loads.get(best.name, 0)
    told = f"least loaded ({load} waiting)" if queue.strategy == "least_loaded" else "next in turn"
    return Choice(agent=best.name, why=told)


def _rank(agent: Agent, queue: Queue, loads: Mapping[str, int], turns: Mapping[tuple[str, str], int]) -> tuple[float, int, str]:
    turn = turns.get((queue.name, agent.name), 0)
    share = loads.get(agent.name, 0) / agent.capacity
    return (share if queue.strategy == "least_loaded" else 0, turn, agent.name)
