"""Whose matter an interaction is.

What a customer writes is their own matter; a private answer to something private belongs to whoever began that exchange; what
we write is the matter of the one we answer. Where nothing tells whom we answer, a private message of ours is the matter of the
one who wrote first in its conversation, and a public one is nobody's. A function of the set of interactions, not of the order
in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from socialcrm.ingest._threads import Node, node_of

__all__ = ["Member", "parties"]


class Member(Protocol):
    """What the rule needs of an interaction, stored or about to be."""

    @property
    def id(self) -> int:
        """Its key."""

    @property
    def scope(self) -> str:
        """The namespace of its platform's id."""

    @property
    def parent(self) -> str | None:
        """The platform's id of what it answers."""

    @property
    def conversation(self) -> int:
        """The key of its conversation."""

    @property
    def author(self) -> int:
        """The key of its author's identity."""

    @property
    def direction(self) -> str:
        """Who wrote."""

    @property
    def visibility(self) -> str:
        """Who can read it."""


def parties(
    open_ones: Mapping[Node, Any],
    settled: Mapping[Node, Any],
    beginner: Callable[[int], int | None],
) -> dict[int, int | None]:
    """Say whose matter each interaction is.

    Args:
        open_ones: The interactions to decide, by their nodes.
        settled: Others that they may answer, whose party stands.
        beginner: The identity that wrote first in a conversation, by the conversation's key.

    Returns:
        The party's identity (``None`` for nobody) by the interaction's key.
    """
    told: dict[int, int | None] = {}
    for member in open_ones.values():
        if member.direction == "inbound" and member.visibility != "private":
            told[member.id] = member.author
            continue
        chain: list[Any] = []
        seen: set[int] = set()
        party: int | None = None
        while True:
            if member.id in told:
                party = told[member.id]
                break
            if member.id in seen:
                party = _alone(member, beginner)
                break
            seen.add(member.id)
            parent = None if member.parent is None else node_of(member.scope, member.parent)
            above = open_ones.get(parent) if parent is not None else None
            stored = settled.get(parent) if parent is not None and above is None else None
            if _is_own(member, above or stored):
                party = member.author
                told[member.id] = party
                break
            if above is None:
                party = stored.party if stored is not None else _alone(member, beginner)
                told[member.id] = party
                break
            chain.append(member)
            member = above
        for below in chain:
            told[below.id] = party
    return told


def _is_own(member: Member, parent: Member | None) -> bool:
    if member.direction != "inbound":
        return False
    return parent is None or member.visibility != "private" or parent.visibility != "private"


def _alone(member: Member, beginner: Callable[[int], int | None]) -> int | None:
    if member.direction == "inbound":
        return member.author
    return None if member.visibility == "public" else beginner(member.conversation)
