"""What is not monitored, and what is not answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import frozen
from sqlalchemy import case, func, select

from socialcrm.store import Tx, tables
from socialcrm.types import Hole, from_micros
from socialcrm.types._show import Shows, framed

__all__ = ["ChannelCoverage", "Coverage", "coverage"]

_I, _C, _Q, _H = tables.interactions, tables.cases, tables.quarantine, tables.holes


@frozen(kw_only=True)
class ChannelCoverage:
    """What we see of a channel, and what we don't.

    Args:
        channel: Its name.
        platform: Its platform.
        archive: Whether it only holds a loaded archive: nothing new ever comes.
        interactions: What we hold.
        last_seen: The platform's time of the last interaction; ``None`` if we never saw any.
        quiet_for: How long ago that is.
        unanswered: Cases that wait for us, whose last word came here.
        waiting_since: Since when the longest of them waits.
        in_no_case: What customers wrote that is in no case: spam, reactions, what nobody's playbook takes up.
        quarantined: Elements that could not be parsed yet.
        holes: Times in which we could not see, in the order of time.
    """

    channel: str
    platform: str
    archive: bool
    interactions: int = 0
    last_seen: datetime | None = None
    quiet_for: timedelta | None = None
    unanswered: int = 0
    waiting_since: datetime | None = None
    in_no_case: int = 0
    quarantined: int = 0
    holes: tuple[Hole, ...] = ()


@frozen(kw_only=True)
class Coverage(Shows):
    """What we see of each channel, by name.

    Args:
        channels: One for each configured channel, also those that never brought anything.
    """

    channels: tuple[ChannelCoverage, ...] = ()

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the channels as a data frame."""
        return framed(self, backend)


def coverage(tx: Tx, now: int) -> Coverage:
    """Return what is covered, in five statements.

    Args:
        tx: Any transaction.
        now: Our time, in microseconds UTC.
    """
    loose = case(((_I.c.direction == "inbound") & _I.c.case_id.is_(None), 1), else_=0)
    held = {
        row.channel: row
        for row in tx.rows(
            select(_I.c.channel, func.count().label("number"), func.max(_I.c.at).label("last"), func.sum(loose).label("loose"))
            .where(_I.c.ws == tx.ws)
            .group_by(_I.c.channel)
        )
    }
    waiting = {
        row.channel: row
        for row in tx.rows(
            select(_I.c.channel, func.count().label("number"), func.min(_C.c.waiting).label("since"))
            .join(_I, (_I.c.ws == _C.c.ws) & (_I.c.id == _C.c.last))
            .where(_C.c.ws == tx.ws, _C.c.need.is_not(None), _C.c.waiting.is_not(None))
            .group_by(_I.c.channel)
        )
    }
    stuck = {
        row.channel: row.number
        for row in tx.rows(
            select(_Q.c.channel, func.count().label("number"))
            .where(_Q.c.ws == tx.ws, _Q.c.solved.is_(None))
            .group_by(_Q.c.channel)
        )
    }
    holes: dict[int, list[Hole]] = {}
    for row in tx.rows(select(_H).where(_H.c.ws == tx.ws).order_by(_H.c.since, _H.c.id)):
        hole = Hole(id=row.pid, since=from_micros(row.since), at=from_micros(row.until), reason=row.reason)
        holes.setdefault(row.channel, []).append(hole)
    table = tables.channels
    told = []
    for row in tx.rows(select(table).where(table.c.ws == tx.ws).order_by(table.c.name)):
        here, open_ones = held.get(row.id), waiting.get(row.id)
        told.append(
            ChannelCoverage(
                channel=row.name,
                platform=row.platform,
                archive=bool(row.archive),
                interactions=here.number if here is not None else 0,
                last_seen=from_micros(here.last) if here is not None else None,
                quiet_for=timedelta(microseconds=max(now - here.last, 0)) if here is not None else None,
                unanswered=open_ones.number if open_ones is not None else 0,
                waiting_since=from_micros(open_ones.since) if open_ones is not None else None,
                in_no_case=here.loose if here is not None else 0,
                quarantined=stuck.get(row.id, 0),
                holes=tuple(holes.get(row.id, ())),
            )
        )
    return Coverage(channels=tuple(told))
