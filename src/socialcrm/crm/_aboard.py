"""Replies that leave over a live connection: what is queued for a channel goes to whoever is connected there already.

A chat room's customers answer the name that spoke to them, so a reply should come from the connection that stays. A live flow
takes messages at its idle moments; claim, intent and outcome are stored as for any other delivery.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from socialcrm import outbox
from socialcrm.connectors import Batch, Connector, Outgoing, Receipt, Step
from socialcrm.crm._accounts import ChannelRow
from socialcrm.crm._host import StoreHost
from socialcrm.crm._reports import FlushReport
from socialcrm.crm.outbound import Delivery
from socialcrm.errors import FixError, SocialCRMError, UnclearError
from socialcrm.store import Lease, tables

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["LiveHost"]


class LiveHost(StoreHost):
    """Runs one live flow, and hands it replies.

    Args:
        crm: Whose outbox.
        channel: The channel that the flow follows.
        connector: Who follows it.
        lease: Under whose name replies are claimed; lives as long as the flow.
        on_batch: Makes a batch durable.
        stop: Says when the flow should end.
    """

    def __init__(
        self,
        crm: CRM,
        channel: ChannelRow,
        connector: Connector[Any],
        lease: Lease,
        *,
        on_batch: Callable[[Batch], None],
        stop: Callable[[], bool] | None,
    ) -> None:
        super().__init__(crm.store, channel.id, connector, clock=crm.clock, on_batch=on_batch, stop=stop)
        self._crm = crm
        self._row = channel
        self._lease = lease
        self._delivery: Delivery | None = None
        self._said = False
        self.report = FlushReport()

    def outgoing(self) -> Outgoing | None:
        """Claim the next reply of the channel that nobody has tried yet; whatever is unclear is settled by a flush."""
        if self._delivery is not None or not self._row_waits():
            return None
        with self._store.write() as tx:
            letter = outbox.claim(tx, self._lease, self._crm.now(), channel=self._channel, fresh=True)
        if letter is None:
            return None
        crm = self._crm
        self._delivery = Delivery(
            crm.store, self._row, self._connector, letter, playbook=crm.playbook, clock=crm.clock, announce=crm.announce
        )
        return self._delivery.message

    def _row_waits(self) -> bool:
        table = tables.outbox
        with self._store.read() as tx:
            waits = select(table.c.id).where(table.c.ws == tx.ws, table.c.state == "queued", table.c.channel == self._channel)
            return tx.row(waits.limit(1)) is not None

    def intend(self, step: Step[object]) -> None:
        """Store that a step of the reply that can't be repeated comes next."""
        if self._delivery is not None:
            self._said = self._said or self._delivery.acted
            self._delivery.intend(step)

    def progress(self, step: Step[object]) -> None:
        """Take note of a step of the reply that is done."""
        if self._delivery is not None:
            self._delivery.progress(step)

    def sent(self, message: Outgoing, receipt: Receipt | Exception) -> None:
        """Store what became of the reply."""
        delivery, self._delivery = self._delivery, None
        said, self._said = self._said, False
        if delivery is None or delivery.message.id != message.id:
            return
        if isinstance(receipt, Receipt):
            delivery.done(receipt, self.report)
            return
        error = receipt if isinstance(receipt, SocialCRMError) else UnclearError(f"{type(receipt).__name__}: {receipt}")
        if said:
            # a live flow keeps no progress of parts, so sending again would say the first ones twice
            error = UnclearError(f"an earlier part of it stands there already, then: {error}")
        elif isinstance(error, FixError):
            delivery.refused()
        delivery.failed(error, self.report)
