"""What a driver needs from whoever runs the flow."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from socialcrm.connectors import Batch, Grant, Outgoing, Receipt, Step

__all__ = ["Host"]


class Host:
    """Keeps what a flow brings, and lends it clock, credentials and messages. This one keeps all in memory: override it.

    Guarantees to rely on: ``commit`` and ``intend`` return before the flow goes on; an error that any of these methods
    raises ends the flow and comes out of ``run`` as it is, so a flow can't swallow it. Methods may be called from other
    threads than the one that calls ``run``: by several at once for an `All`, and always on an event loop.

    Args:
        grant: The credentials in force.

    Attributes:
        batches: What was committed, in order.
        cursor: The rows that those batches left, where they name no other stream.
        intents: The steps before which an intent was stored.
        results: What became of messages handed to live flows.
    """

    def __init__(self, grant: Mapping[str, str] | None = None) -> None:
        self._grant: Grant = dict(grant or {})
        self._lock = threading.Lock()
        self.batches: list[Batch] = []
        self.cursor: dict[str, str] = {}
        self.intents: list[Step[object]] = []
        self.results: list[tuple[Outgoing, Receipt | Exception]] = []

    def commit(self, batch: Batch) -> None:
        """Make a batch and its cursor patch durable, in one transaction, before returning."""
        self.batches.append(batch)
        if not batch.stream:
            for key, value in batch.cursor.items():
                if value is None:
                    self.cursor.pop(key, None)
                else:
                    self.cursor[key] = value

    def intend(self, step: Step[object]) -> None:
        """Store that a step which can't be repeated comes next: once per step, right before its first attempt.

        After a crash, an open intent means that the step may have happened. The steps of ``renew`` are not announced:
        they say nothing about the message that is being sent.
        """
        self.intents.append(step)

    def now(self) -> datetime:
        """Return the time, aware UTC. Must not block."""
        return datetime.now(UTC)

    def nonce(self) -> str:
        """Return a short text that was never returned before. Must not block."""
        return secrets.token_hex(16)

    def grant(self) -> Grant:
        """Return the credentials in force: looked up anew, another process may have renewed them."""
        return self._grant

    def renewed(self, grant: Grant) -> None:
        """Store renewed credentials at once: the old ones may be void already."""
        self._grant = dict(grant)

    def renewing(self) -> AbstractContextManager[object]:
        """Return the lock under which credentials are renewed; across processes where they share the credentials."""
        return self._lock

    def outgoing(self) -> Outgoing | None:
        """Return the next message for a live flow to send, or ``None``; each message once."""
        return None

    def stopping(self) -> bool:
        """Say whether live flows should end at their next idle moment. Must not block."""
        return False

    def sent(self, message: Outgoing, receipt: Receipt | Exception) -> None:
        """Store what became of a message that ``outgoing`` returned."""
        self.results.append((message, receipt))

    def progress(self, step: Step[object]) -> None:
        """Take note of a step that is done, for a progress bar. Must not block."""
