"""One channel being fetched, loaded or followed: what both drivers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlalchemy import select

from socialcrm import cases, ingest, privacy
from socialcrm.connectors import Batch, Connector, Flow
from socialcrm.crm._aboard import LiveHost
from socialcrm.crm._accounts import ChannelRow, list_channels, save_accounts
from socialcrm.crm._blame import blaming, guarded
from socialcrm.crm._gather import gathered
from socialcrm.crm._host import StoreHost, lease_channel, read_cursor, release_channel
from socialcrm.crm._reports import ChannelReport
from socialcrm.crm.inbound import Absorbed, absorb, understand
from socialcrm.errors import PayloadError, SettingsError, SocialCRMError, UnsupportedError
from socialcrm.store import Lease, Tx, tables
from socialcrm.types import Account

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["Enough", "Progress", "Pull"]


@frozen(kw_only=True)
class Progress:
    """How far a long work has come.

    Args:
        channel: On which channel.
        stream: Which stream, or ``load`` or ``flush``.
        batches: Batches committed so far.
        interactions: New interactions so far.
        done: Bytes read so far, for an archive; 0 where unknown.
        total: Bytes in all; 0 where unknown.
    """

    channel: str
    stream: str
    batches: int = 0
    interactions: int = 0
    done: int = 0
    total: int = 0


class Enough(SocialCRMError):
    """As many interactions as were asked for have come; what is committed stays, and the next sync goes on."""


class Pull:
    """One channel's turn. Collects the report; a typed error ends the turn and stands in it."""

    def __init__(
        self,
        crm: CRM,
        channel: ChannelRow,
        progress: Callable[[Progress], None] | None,
        *,
        live: bool = False,
        stop: Callable[[], bool] | None = None,
        limit: int | None = None,
    ) -> None:
        self.crm = crm
        self.channel = channel
        self.report = ChannelReport(channel=channel.name)
        self._progress = progress
        self._live = live
        self._stop = stop
        self._limit = limit
        self._total = 0
        self._lease = Lease()

    @contextmanager
    def session(self) -> Iterator[Connector[Any] | None]:
        """Hold the channel's lease; yields ``None`` where another worker holds it or the channel can't be used."""
        store, key = self.crm.store, self.channel.id
        with Lease() as lease:
            self._lease, connector = lease, None
            try:
                if not lease_channel(store, key, lease, self.crm.now()):
                    self.report.busy = True
                else:
                    connector = self.crm.channels.connector(self.channel)
            except SocialCRMError as error:
                self.report.error = error
            try:
                yield connector
            finally:
                if not self.report.busy:
                    self._release(lease)

    def _release(self, lease: Lease) -> None:
        # A lease ends with its holder anyway: what stopped the turn must not be hidden by what its end met.
        try:
            release_channel(self.crm.store, self.channel.id, lease)
        except SocialCRMError as error:
            self.report.error = self.report.error or error

    def flows(self, connector: Connector[Any]) -> Iterator[tuple[StoreHost, Flow[Any]]]:
        """Yield what to drive, one after another: who we are if we don't know, then each stream."""
        if not self.channel.accounts:
            yield self.host(connector, "identify"), guarded(partial(self._identify, connector), self.channel.platform)
        for name, stream in connector.info.streams.items():
            if stream.live != self._live or self.report.error is not None or self._full:
                continue
            cursor = read_cursor(self.crm.store, self.channel.id, name)
            host = self.host(connector, name, saw=cursor)
            yield host, guarded(partial(connector.fetch, name, cursor), self.channel.platform)

    def _identify(self, connector: Connector[Any]) -> Flow[None]:
        try:
            account = yield from connector.identify()
        except UnsupportedError:
            return
        self.adopt(account)

    def run(self, drive: Callable[[], Any]) -> None:
        """Drive one flow; what stops it is kept in the report."""
        if self.report.error is not None:
            return
        try:
            drive()
        except SocialCRMError as error:
            self.stopped(error)

    def stopped(self, error: SocialCRMError) -> None:
        """Keep what stopped a flow, unless that was what was wanted."""
        if not isinstance(error, Enough):
            self.report.error = error

    @property
    def _full(self) -> bool:
        return self._limit is not None and self.report.new >= self._limit

    def host(self, connector: Connector[Any], stream: str, *, saw: dict[str, str] | None = None) -> StoreHost:
        """Return the host of one stream's flow."""
        seen = dict(saw or {})

        def commit(batch: Batch) -> None:
            self.take(connector, batch, stream, saw=seen)
            if not batch.stream:
                for key, value in batch.cursor.items():
                    if value is None:
                        seen.pop(key, None)
                    else:
                        seen[key] = value
            if self._full:
                raise Enough(f"{self.report.new} interactions have come")

        if self._live:
            return LiveHost(self.crm, self.channel, connector, self._lease, on_batch=commit, stop=self._stop)
        return StoreHost(self.crm.store, self.channel.id, connector, clock=self.crm.clock, on_batch=commit, stop=self._stop)

    def take(
        self,
        connector: Connector[Any],
        batch: Batch,
        stream: str,
        *,
        saw: dict[str, str] | None = None,
        done: int = 0,
    ) -> Absorbed:
        """Make one batch durable and count it."""
        crm = self.crm
        channel = self._route(batch.account)
        absorbed = absorb(
            crm.store,
            channel,
            connector,
            batch,
            stream=stream,
            playbook=crm.playbook,
            now=crm.now(),
            saw=saw,
            enrich=crm.enrich,
        )
        self.report.add(absorbed)
        crm.announce(absorbed.events)
        if self._progress is not None:
            self._progress(
                Progress(
                    channel=channel.name,
                    stream=stream,
                    batches=self.report.batches,
                    interactions=self.report.new,
                    done=done,
                    total=self._total,
                )
            )
        return absorbed

    def _route(self, account: str) -> ChannelRow:
        if not account:
            return self.channel
        with self.crm.store.read() as tx:
            rows = list_channels(tx)
        for row in rows:
            if row.platform == self.channel.platform and any(one.key == account or one.id == account for one in row.accounts):
                return row
        return self.channel

    def adopt(self, account: Account) -> None:
        """Keep who we are on this channel; what that account wrote before becomes outbound."""
        with self.crm.store.write() as tx:
            again, restless = save_accounts(tx, self.channel, [account])
            if again or restless:
                self._refold(tx, again, restless)

    def _refold(self, tx: Tx, again: dict[int, int], restless: frozenset[int]) -> None:
        source = ingest.Source(
            channel=self.channel.id, journal=None, received=self.crm.now(), ours=self.channel.ours, restless=restless
        )
        placed = ingest.place(tx, source, [], [], {})
        cases.fold(tx, cases.Work(new=(), again={**again, **placed.again}), self.crm.playbook)

    def load(self, connector: Connector[Any], path: Path) -> ChannelReport:
        """Load an archive, batch by batch; interrupted and started again, it changes nothing twice."""
        if not path.exists():
            raise SettingsError(f"{path} is not there; give the path of the archive")
        self._total = _size(path)
        done = 0
        try:
            for batch, weight in gathered(self._batches(connector, path)):
                done += weight
                self.take(connector, batch, "load", done=min(done, self._total))
        except OSError as error:
            raise SettingsError(f"{path} can't be read: {error.strerror or error}; what was loaded before stays") from error
        except PayloadError as error:
            error.add_note(f"while loading {path}; what was loaded before stays")
            raise
        return self.report

    def _batches(self, connector: Connector[Any], path: Path) -> Iterator[Batch]:
        with blaming(self.channel.platform, but=(OSError,)):
            yield from connector.load(path)

    def reprocess(self, connector: Connector[Any]) -> ChannelReport:
        """Parse this channel's quarantined elements again, those of one journal row in one transaction."""
        for journal, waiting in self._quarantined().items():
            with self.crm.store.write() as tx:
                raws = [ingest.read(tx, journal, row.pos) for row in waiting]
                reading = ingest.read_items(connector, raws)
                stuck = {one.pos for one in reading.unreadable}
                reading.unreadable.clear()
                privacy.sift(tx, self.channel.id, self.channel.platform, raws, reading)
                reading.positions = [waiting[pos].pos for pos in reading.positions]
                absorbed = understand(
                    tx,
                    self.channel,
                    reading,
                    journal=journal,
                    stream="reprocess",
                    playbook=self.crm.playbook,
                    now=self.crm.now(),
                )
                solved = [(self.crm.now(), row.id) for pos, row in enumerate(waiting) if pos not in stuck]
                tx.update(tables.quarantine, ("solved",), solved)
            absorbed.quarantined = len(stuck)
            self.report.add(absorbed)
        return self.report

    def _quarantined(self) -> dict[int, list[Any]]:
        table = tables.quarantine
        statement = (
            select(table)
            .where(table.c.ws == self.crm.store.ws, table.c.channel == self.channel.id, table.c.solved.is_(None))
            .order_by(table.c.id)
        )
        found: dict[int, list[Any]] = {}
        with self.crm.store.read() as tx:
            for row in tx.rows(statement):
                found.setdefault(row.journal, []).append(row)
        return found


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
