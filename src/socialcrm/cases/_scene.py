"""What a fact is seen against: the process, the channels' names, and what is known about the customers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from attrs import frozen
from sqlalchemy import Row, bindparam, select

from socialcrm.cases._facts import RECEIVED, Fact, what_we_did
from socialcrm.cases._playbook import Process
from socialcrm.cases._profiles import NOTHING, Profiles
from socialcrm.store import InteractionRow, Tx, tables

__all__ = ["Scene", "fact_of"]


_CHANNELS = select(tables.channels.c.id, tables.channels.c.name, tables.channels.c.platform).where(
    tables.channels.c.ws == bindparam("ws")
)


@frozen
class Scene:
    """What does not change while facts are folded.

    Args:
        process: Which playbook decides.
        channels: Name and platform of each channel, by its key.
        profiles: What is known about the customers.
    """

    process: Process
    channels: dict[int, tuple[str, str]]
    profiles: Profiles

    @classmethod
    def load(cls, tx: Tx, process: Process, customers: Collection[int] | None) -> Scene:
        """Read what the facts of these customers (``None`` for all) are seen against."""
        return cls(process, {row.id: (row.name, row.platform) for row in tx.rows(_CHANNELS)}, Profiles.load(tx, customers))


def fact_of(row: InteractionRow | Row[Any], scene: Scene) -> Fact:
    """Return what an interaction means to a case."""
    if row.direction != "inbound":
        return Fact(what_we_did(row.kind, row.seen), row.at, row.id)
    channel, platform = scene.channels.get(row.channel, ("", ""))
    known = scene.profiles.at(row.customer, row.at)
    if known is NOTHING:
        return Fact(
            RECEIVED, row.at, row.id, row.kind, row.moderation, "", "", channel, platform, row.visibility, row.text,
            row.subject, row.language,
        )  # fmt: skip
    return Fact(
        RECEIVED, row.at, row.id, row.kind, row.moderation, "", "", channel, platform, row.visibility, row.text,
        row.subject, row.language, *known,
    )  # fmt: skip
