"""What drivers are lent by a store: durable batches, stored credentials, one renewal at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from socialcrm.connectors import Batch, Connector, Grant, Step, secret_fields
from socialcrm.errors import StoreBusy
from socialcrm.store import Lease, Store, held, tables
from socialcrm.transport import Host
from socialcrm.types import micros

__all__ = ["StoreHost", "read_cursor"]

_GRANTS = tables.grants
_PATIENCE = 60.0


def read_cursor(store: Store, channel: int, stream: str) -> dict[str, str]:
    """Return the rows of a stream's cursor."""
    table = tables.cursors
    statement = select(table.c.key, table.c.value).where(
        table.c.ws == store.ws, table.c.channel == channel, table.c.stream == stream
    )
    with store.read() as tx:
        return {row.key: row.value for row in tx.rows(statement)}


class StoreHost(Host):
    """Runs the flows of one stream of one channel on a store.

    Args:
        store: The workspace's store.
        channel: The channel's key.
        connector: Whose secrets make the first grant.
        clock: The time, aware UTC.
        on_batch: Makes a batch durable.
        on_step: Takes note of progress.
        on_intend: Stores an intent.
    """

    def __init__(
        self,
        store: Store,
        channel: int,
        connector: Connector[Any],
        *,
        clock: Callable[[], datetime],
        on_batch: Callable[[Batch], None],
        on_step: Callable[[Step[object]], None] | None = None,
        on_intend: Callable[[Step[object]], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__()
        self._store = store
        self._channel = channel
        self._connector = connector
        self._clock = clock
        self._on_batch = on_batch
        self._on_step = on_step
        self._on_intend = on_intend
        self._stop = stop

    def commit(self, batch: Batch) -> None:
        """Make a batch and its cursor patch durable."""
        self._on_batch(batch)

    def intend(self, step: Step[object]) -> None:
        """Store that a step which can't be repeated comes next."""
        if self._on_intend is not None:
            self._on_intend(step)

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return self._clock()

    def grant(self) -> Grant:
        """Return the settings' secrets, looked up anew, and what was renewed since."""
        first = {name: secret.reveal() for name, secret in secret_fields(self._connector.settings).items()}
        with self._store.read() as tx:
            stored = tx.value(select(_GRANTS.c.data).where(_GRANTS.c.ws == tx.ws, _GRANTS.c.channel == self._channel))
        return {**first, **(json.loads(stored) if stored else {})}

    def renewed(self, grant: Grant) -> None:
        """Store renewed credentials at once, in one statement."""
        first = {name: secret.reveal() for name, secret in secret_fields(self._connector.settings).items()}
        changed = {name: value for name, value in grant.items() if first.get(name) != value}
        with self._store.write() as tx:
            tx.insert_new(_GRANTS, [(tx.ws, self._channel, "", "", None)])
            tx.update(_GRANTS, ("data",), [(json.dumps(changed), self._channel)], key=("channel",))

    def renewing(self) -> AbstractContextManager[object]:
        """Return the lock under which credentials are renewed, across processes."""
        return self._renewing()

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        with Lease() as lease:
            deadline = time.monotonic() + _PATIENCE
            while not self._take(lease):
                if time.monotonic() > deadline:
                    raise StoreBusy("another process has been renewing this channel's credentials for a minute; try again")
                time.sleep(0.05)
            try:
                yield
            finally:
                with self._store.write() as tx:
                    tx.update(_GRANTS, ("lease",), [("", self._channel)], key=("channel",))

    def _take(self, lease: Lease) -> bool:
        now = micros(self._clock())
        with self._store.write() as tx:
            tx.insert_new(_GRANTS, [(tx.ws, self._channel, "", "", None)])
            row = tx.row(select(_GRANTS).where(_GRANTS.c.ws == tx.ws, _GRANTS.c.channel == self._channel))
            if row is not None and held(row.lease, row.leased, now):
                return False
            tx.update(_GRANTS, ("lease", "leased"), [(lease.name, now, self._channel)], key=("channel",))
        return True

    def stopping(self) -> bool:
        """Say whether live flows should end at their next idle moment."""
        return self._stop is not None and self._stop()

    def progress(self, step: Step[object]) -> None:
        """Take note of a step that is done."""
        if self._on_step is not None:
            self._on_step(step)


def lease_channel(store: Store, channel: int, lease: Lease, now: int) -> bool:
    """Claim a channel for fetching, so that two workers don't fetch the same.

    Returns:
        Whether it was free.
    """
    table = tables.channels
    with store.write() as tx:
        row = tx.row(select(table.c.lease, table.c.leased).where(table.c.ws == tx.ws, table.c.id == channel))
        if row is None or held(row.lease, row.leased, now):
            return False
        tx.update(table, ("lease", "leased"), [(lease.name, now, channel)])
    return True


def release_channel(store: Store, channel: int, lease: Lease) -> None:
    """Give a claimed channel back, if the claim is still ours."""
    table = tables.channels
    statement = update(table).where(table.c.ws == store.ws, table.c.id == channel, table.c.lease == lease.name)
    with store.write() as tx:
        tx.run(statement.values(lease="", leased=None))
