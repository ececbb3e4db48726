"""An event log for process mining: what happened in each case, without a word of what was said.

The columns carry the names that the XES standard (IEEE 1849-2016) gives the attributes of its concept, time and
organizational extensions, as process-mining tools expect them in tables.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from sqlalchemy import select

from socialcrm.store import Tx, ref, tables
from socialcrm.types import from_micros

__all__ = ["LOG_COLUMNS", "event_log", "write_csv"]

LOG_COLUMNS = (
    "case:concept:name",
    "concept:name",
    "time:timestamp",
    "org:resource",
    "case:customer",
    "channel",
    "visibility",
)
"""The case, the activity, when (ISO 8601, UTC), by whom (an agent's name or a customer's id), and where."""

_I, _E, _C = tables.interactions, tables.events, tables.cases

Entry = tuple[int, int, int, dict[str, str]]


def event_log(tx: Tx) -> Iterator[dict[str, str]]:
    """Yield what happened, case by case and in the order of time, without holding it all: two statements.

    Args:
        tx: Any transaction; keep it open while you iterate.
    """
    for _, _, _, row in heapq.merge(_said(tx), _done(tx), key=lambda entry: entry[:3]):
        yield row


def write_csv(rows: Iterable[Mapping[str, str]], file: IO[str]) -> int:
    """Write an event log as CSV (RFC 4180) with a head line.

    Returns:
        How many rows were written.
    """
    writer = csv.DictWriter(file, LOG_COLUMNS)
    writer.writeheader()
    number = 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - the last number is the count
        writer.writerow(row)
    return number


def _said(tx: Tx) -> Iterator[Entry]:
    channels = tables.channels
    people = tables.identities
    statement = (
        select(
            _I.c.case_id,
            _I.c.at,
            _I.c.id,
            _I.c.direction,
            _I.c.kind,
            _I.c.visibility,
            _I.c.customer,
            channels.c.name,
            people.c.customer.label("author"),
        )
        .join(channels, (channels.c.ws == _I.c.ws) & (channels.c.id == _I.c.channel))
        .join(people, (people.c.ws == _I.c.ws) & (people.c.id == _I.c.author))
        .where(_I.c.ws == tx.ws, _I.c.case_id.is_not(None))
        .order_by(_I.c.case_id, _I.c.at, _I.c.id)
    )
    for row in _stream(tx, statement):
        inbound = row.direction == "inbound"
        who = ref("customer", row.author) if inbound else "us"
        activity = f"customer: {row.kind}" if inbound else f"we: {row.kind}"
        line = _line(row.case_id, activity, row.at, who, row.customer, row.name, row.visibility)
        yield (row.case_id, row.at, 0, line)


def _done(tx: Tx) -> Iterator[Entry]:
    statement = (
        select(_E.c.case_id, _E.c.at, _E.c.seq, _E.c.kind, _E.c.actor, _C.c.customer)
        .join(_C, (_C.c.ws == _E.c.ws) & (_C.c.id == _E.c.case_id))
        .where(_E.c.ws == tx.ws, _E.c.actor != "")
        .order_by(_E.c.case_id, _E.c.at, _E.c.seq)
    )
    for row in _stream(tx, statement):
        yield (row.case_id, row.at, row.seq, _line(row.case_id, row.kind, row.at, row.actor, row.customer, "", ""))


def _stream(tx: Tx, statement: Any) -> Iterator[Any]:
    yield from tx.run(statement.execution_options(yield_per=2000))


def _line(case: int, activity: str, at: int, who: str, customer: int, channel: str, visibility: str) -> dict[str, str]:
    values = (
        ref("case", case), activity, from_micros(at).isoformat(), who, ref("customer", customer), channel, visibility,
    )  # fmt: skip
    return dict(zip(LOG_COLUMNS, values, strict=True))
