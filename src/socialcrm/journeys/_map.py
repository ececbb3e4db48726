"""The map of all journeys: channels, volumes, paths between them, waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from attrs import frozen
from sqlalchemy import Select, and_, case, func, select

from socialcrm.journeys._waits import BY_PEOPLE, SILENT_KINDS, Span, Waiting, facts, spans
from socialcrm.store import Tx, tables
from socialcrm.types import from_micros
from socialcrm.types._show import Shows, framed

__all__ = ["ChannelVolume", "Map", "Path", "Volume", "journey_map", "rank"]

_I, _C = tables.interactions, tables.cases
_HOUR = 3_600_000_000
_STEPS = (_HOUR, 24 * _HOUR, 7 * 24 * _HOUR)
_POINTS = 400


@frozen(kw_only=True)
class ChannelVolume:
    """What goes on on a channel.

    Args:
        channel: Its name.
        platform: Its platform.
        inbound: What customers wrote.
        outbound: What we wrote.
        customers: How many different customers have a matter here.
        cases: Cases that began here.
        waiting: Customers' waits that began here and last.
        median_wait: The wait in the middle, of those that our answer ended; ``None`` without one.
        p90_wait: The wait that nine of ten did not exceed.
    """

    channel: str
    platform: str
    inbound: int
    outbound: int
    customers: int
    cases: int
    waiting: int
    median_wait: timedelta | None
    p90_wait: timedelta | None


@frozen(kw_only=True)
class Path:
    """Customers who went on in another place.

    Args:
        origin: The channel that they came from.
        target: The channel where they went on.
        private: Whether it led from what others could read to something private.
        moves: How often.
        customers: How many different customers.
    """

    origin: str
    target: str
    private: bool
    moves: int
    customers: int


@frozen(kw_only=True)
class Volume:
    """How much was written in a stretch of time: from ``at``, for `Map.step`."""

    at: datetime
    channel: str
    inbound: int
    outbound: int


@frozen(kw_only=True)
class Map(Shows):
    """All journeys at once.

    Args:
        channels: By volume, the busiest first.
        paths: By moves, the most frequent first.
        timeline: Volumes in the order of time; stretches without any are left out.
        step: How long a stretch of the timeline is: an hour, a day or a week, by what fits.
    """

    channels: tuple[ChannelVolume, ...] = ()
    paths: tuple[Path, ...] = ()
    timeline: tuple[Volume, ...] = ()
    step: timedelta = timedelta(hours=1)

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the channels as a data frame; ``notebook.to_frame(map.timeline)`` and ``map.paths`` give the others."""
        return framed(self, backend)


def journey_map(tx: Tx) -> Map:
    """Return the map of the workspace, in six statements whatever its size; the waits are streamed."""
    channels = tables.channels
    named = {row.id: row for row in tx.rows(select(channels).where(channels.c.ws == tx.ws))}
    names = {key: row.name for key, row in named.items()}
    waits: dict[int, list[Span]] = {}
    for span in spans(facts(tx)):
        if span.who is Waiting.CUSTOMER:
            waits.setdefault(span.channel, []).append(span)
    first = _opened(tx)
    volumes = []
    for row in tx.rows(_volumes(tx)):
        here = waits.get(row.channel, [])
        ended = sorted(span.until - span.since for span in here if span.answered and span.until is not None)
        volumes.append(
            ChannelVolume(
                channel=names[row.channel],
                platform=named[row.channel].platform,
                inbound=row.inbound,
                outbound=row.outbound,
                customers=row.customers,
                cases=first.get(row.channel, 0),
                waiting=sum(span.until is None for span in here),
                median_wait=rank(ended, 0.5),
                p90_wait=rank(ended, 0.9),
            )
        )
    volumes.sort(key=lambda one: (-one.inbound - one.outbound, one.channel))
    step, timeline = _timeline(tx, names)
    return Map(channels=tuple(volumes), paths=_paths(tx, names), timeline=timeline, step=timedelta(microseconds=step))


def rank(ordered: Sequence[int], share: float) -> timedelta | None:
    """Return the nearest-rank percentile: a wait that somebody really had.

    Args:
        ordered: Microseconds, ascending.
        share: Between 0 and 1.
    """
    if not ordered:
        return None
    return timedelta(microseconds=ordered[max(math.ceil(share * len(ordered)) - 1, 0)])


def _volumes(tx: Tx) -> Select[Any]:
    return (
        select(
            _I.c.channel,
            func.sum(case((_I.c.direction == "inbound", 1), else_=0)).label("inbound"),
            func.sum(case((_I.c.direction == "outbound", 1), else_=0)).label("outbound"),
            func.count(_I.c.customer.distinct()).label("customers"),
        )
        .where(_I.c.ws == tx.ws)
        .group_by(_I.c.channel)
    )


def _opened(tx: Tx) -> dict[int, int]:
    statement = (
        select(_I.c.channel, func.count().label("cases"))
        .join(_C, (_C.c.ws == _I.c.ws) & (_C.c.first == _I.c.id))
        .where(_I.c.ws == tx.ws, _C.c.merged.is_(None))
        .group_by(_I.c.channel)
    )
    return {row.channel: row.cases for row in tx.rows(statement)}


def _paths(tx: Tx, names: dict[int, str]) -> tuple[Path, ...]:
    private = case((_I.c.visibility == "private", 1), else_=0)
    order: dict[str, Any] = {"partition_by": _I.c.customer, "order_by": (_I.c.at, _I.c.id)}
    steps = (
        select(
            _I.c.customer,
            _I.c.channel.label("target"),
            private.label("after"),
            func.lag(_I.c.channel).over(**order).label("origin"),
            func.lag(private).over(**order).label("before"),
        )
        .where(
            _I.c.ws == tx.ws,
            _I.c.customer.is_not(None),
            _I.c.direction == "inbound",
            _I.c.kind.not_in(SILENT_KINDS),
            BY_PEOPLE,
        )
        .subquery()
    )
    led = case((and_(steps.c.before == 0, steps.c.after == 1), 1), else_=0).label("led")
    statement = (
        select(
            steps.c.origin,
            steps.c.target,
            led,
            func.count().label("moves"),
            func.count(steps.c.customer.distinct()).label("people"),
        )
        .where((steps.c.origin != steps.c.target) | (steps.c.before != steps.c.after))
        .group_by(steps.c.origin, steps.c.target, led)
    )
    found = [
        Path(origin=names[row.origin], target=names[row.target], private=bool(row.led), moves=row.moves, customers=row.people)
        for row in tx.rows(statement)
    ]
    return tuple(sorted(found, key=lambda one: (-one.moves, one.origin, one.target, one.private)))


def _timeline(tx: Tx, names: dict[int, str]) -> tuple[int, tuple[Volume, ...]]:
    edges = tx.row(select(func.min(_I.c.at).label("first"), func.max(_I.c.at).label("last")).where(_I.c.ws == tx.ws))
    if edges is None or edges.first is None:
        return _HOUR, ()
    step = next((one for one in _STEPS if (edges.last - edges.first) // one < _POINTS), _STEPS[-1])
    bucket = (_I.c.at // step).label("bucket")
    statement = (
        select(bucket, _I.c.channel, _I.c.direction, func.count().label("number"))
        .where(_I.c.ws == tx.ws)
        .group_by(bucket, _I.c.channel, _I.c.direction)
        .order_by(bucket, _I.c.channel)
    )
    told = []
    for (at, channel), group in groupby(tx.rows(statement), key=lambda row: (row.bucket, row.channel)):
        counts = {row.direction: row.number for row in group}
        told.append(
            Volume(
                at=from_micros(at * step),
                channel=names[channel],
                inbound=counts.get("inbound", 0),
                outbound=counts.get("outbound", 0),
            )
        )
    return step, tuple(told)
