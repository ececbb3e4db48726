"""The inbound corridor: from a batch to cases, in one transaction.

A connector yields a batch → it is parsed → what was forgotten is taken out → journaled → its authors are recognised → its
interactions placed → folded into
cases → committed together with the cursor. Kill the process anywhere and start again: either all of a batch is there or none
of it, and what is fetched again changes nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from sqlalchemy import delete

from socialcrm import cases, identity, ingest, outbox, privacy
from socialcrm.cases import Playbook
from socialcrm.connectors import Batch, Connector
from socialcrm.crm._accounts import ChannelRow, adopt_accounts
from socialcrm.store import BEHIND, EventRow, Store, Tx, catch_up, tables

__all__ = ["Absorbed", "absorb"]


@define(kw_only=True)
class Absorbed:
    """What one batch brought.

    Args:
        new: Interactions that were not there.
        changed: Interactions with a newer wording, or taken back.
        opened: Cases that it opened.
        quarantined: Elements that could not be parsed.
        doubts: Reasons why a census was not believed.
        events: The events, in the order of the log.
    """

    new: int = 0
    changed: int = 0
    opened: int = 0
    quarantined: int = 0
    doubts: tuple[str, ...] = ()
    events: list[EventRow] = field(factory=list)


def absorb(
    store: Store,
    channel: ChannelRow,
    connector: Connector[Any],
    batch: Batch,
    *,
    stream: str,
    playbook: Playbook,
    now: int,
    saw: Mapping[str, str] | None = None,
    enrich: Callable[[ingest.Reading], None] | None = None,
) -> Absorbed:
    """Make a batch durable, with everything that it means.

    Args:
        store: The workspace's store.
        channel: The channel that it belongs to.
        connector: Whose ``parse`` reads it.
        batch: The elements and the cursor patch.
        stream: Whose cursor the patch is for.
        playbook: The process in force.
        now: Our time, in microseconds UTC.
        saw: The cursor rows as the flow last saw them: a row is dropped only if it still holds that.
        enrich: Adds facts to what was read, before it is stored.

    Raises:
        StoreBusy: Another process held the database for too long; nothing was stored.
        StoreError: The database can't be written; nothing was stored.
    """
    with _uncollected():
        reading = ingest.read_items(connector, batch.raws)
        if enrich is not None:
            enrich(reading)
        with store.write() as tx:
            raws = privacy.sift(tx, channel.id, channel.platform, batch.raws, reading)
            journal = ingest.append(tx, channel.id, stream, raws, now)
            absorbed = understand(tx, channel, reading, journal=journal, stream=stream, playbook=playbook, now=now)
            patch_cursor(tx, channel.id, batch.stream or stream, batch.cursor, saw or {})
            catch_up(tx, behind=BEHIND)
    return absorbed


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking for cycles among a batch's records: there are none, and it looks three times.

    What a batch leaves behind is bounded by its size; a process whose collector is off keeps it off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def understand(
    tx: Tx,
    channel: ChannelRow,
    reading: ingest.Reading,
    *,
    journal: int | None,
    stream: str,
    playbook: Playbook,
    now: int,
) -> Absorbed:
    """Store what a reading means, in the given transaction; its items are used up."""
    turned, restless = adopt_accounts(tx, channel, reading.items)
    people = identity.recognise(tx, channel.platform, ingest.authors_of(reading.items), now)
    source = ingest.Source(channel=channel.id, journal=journal, received=now, ours=channel.ours, restless=restless)
    authors = {account: (known.identity, known.customer) for account, known in people.by_account.items()}
    outcome = ingest.ingest(tx, source, stream, reading, authors)
    reading.items.clear()  # they are rows now; a large batch is not held twice
    placed = outcome.placed
    again = {**turned, **placed.again, **people.again}
    events = cases.fold(tx, cases.Work(new=placed.new, again=again, fresh=people.fresh), playbook)
    ingest.finish(tx, placed)
    for told in outcome.told:
        outbox.bounced(tx, told.reply, told.id, told.reason)
    ingest.quarantine(tx, channel.id, journal, reading.unreadable, now)
    return Absorbed(
        new=len(placed.new),
        changed=placed.changed,
        opened=sum(event.kind == "opened" for event in events),
        quarantined=len(reading.unreadable),
        doubts=tuple(doubt.reason for doubt in outcome.doubts),
        events=events,
    )


def patch_cursor(tx: Tx, channel: int, stream: str, patch: Mapping[str, str | None], saw: Mapping[str, str]) -> None:
    """Set and drop rows of a cursor; a row to drop stays if somebody else has changed it since."""
    if not patch:
        return
    table = tables.cursors
    for key, value in patch.items():
        if value is None and key in saw:
            gone = delete(table).where(
                table.c.ws == tx.ws,
                table.c.channel == channel,
                table.c.stream == stream,
                table.c.key == key,
                table.c.value == saw[key],
            )
            tx.run(gone)
    rows = [(tx.ws, channel, stream, key, value) for key, value in patch.items() if value is not None]
    tx.insert_new(table, rows)
    updates = [(value, channel, stream, key) for _, channel, stream, key, value in rows]
    tx.update(table, ("value",), updates, key=("channel", "stream", "key"))
