"""The same verbs on an event loop: platforms are awaited, the database works on threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from socialcrm.connectors import Connector, Hook, Incoming
from socialcrm.crm._accounts import ChannelRow
from socialcrm.crm._pull import Progress, Pull
from socialcrm.crm._reports import ChannelReport, FlushReport, SyncReport
from socialcrm.errors import SocialCRMError
from socialcrm.transport import AsyncDriver, Host

if TYPE_CHECKING:
    import httpx

    from socialcrm.crm._crm import CRM

__all__ = ["Aio"]


class Aio:
    """What `CRM` does, awaited. Arguments, results and errors are the same."""

    def __init__(self, crm: CRM, client: httpx.AsyncClient | None = None) -> None:
        self._crm = crm
        self.client = client

    def using(self, client: httpx.AsyncClient) -> Aio:
        """Return the same verbs over another HTTP client; tests pass one that replays."""
        return Aio(self._crm, client)

    async def sync(
        self,
        *names: str,
        strict: bool = True,
        limit: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        """Fetch what is new on every channel, concurrently; see `CRM.sync`."""
        rows = await asyncio.to_thread(self._rows, names)
        reports = await asyncio.gather(*(self._pull(Pull(self._crm, row, progress, limit=limit)) for row in rows))
        report = SyncReport(channels=list(reports))
        return report.check() if strict else report

    def _rows(self, names: tuple[str, ...]) -> list[ChannelRow]:
        channels = self._crm.channels
        return [channels.row(name) for name in names] if names else [row for row in channels.rows() if not row.archive]

    async def _pull(self, pull: Pull) -> ChannelReport:
        session = pull.session()
        connector = await asyncio.to_thread(session.__enter__)
        try:
            flows = pull.flows(connector) if connector is not None else iter(())
            while pull.report.error is None and (step := await asyncio.to_thread(next, flows, None)) is not None:
                host, flow = step
                driver = self._driver(connector, host, pull.channel.id)  # type: ignore[arg-type]  # flows come only with a connector
                async with driver:
                    try:
                        await driver.run(flow)
                    except SocialCRMError as error:
                        pull.stopped(error)
        finally:
            await asyncio.to_thread(session.__exit__, None, None, None)
        return pull.report

    def _driver(self, connector: Connector[Any], host: Host, channel: int) -> AsyncDriver:
        crm = self._crm
        return AsyncDriver(connector, host, client=self.client, budget=crm.budget(channel), policy=crm.policy)

    async def flush(self) -> FlushReport:
        """Deliver the replies that are due; see `CRM.flush`."""
        report = FlushReport()
        due = self._crm._replies.due(report, None)
        while (step := await asyncio.to_thread(next, due, None)) is not None:
            delivery, host = step
            async with self._driver(delivery.connector, host, delivery.channel.id) as driver:
                try:
                    receipt = await driver.run(delivery.flow())
                except SocialCRMError as error:
                    await asyncio.to_thread(delivery.failed, error, report)
                else:
                    await asyncio.to_thread(delivery.done, receipt, report)
        return report

    async def receive(self, channel: str, request: Incoming) -> Hook:
        """Take a webhook; see `CRM.receive`."""
        return await asyncio.to_thread(self._crm.receive, channel, request)
