"""Replies of ours: guarded, composed, stored first, then delivered and confirmed."""

from socialcrm.outbox._compose import Target, check, compose
from socialcrm.outbox._files import attach, blob_of, unchanged
from socialcrm.outbox._guard import Finding, private_data
from socialcrm.outbox._queue import Letter, bounced, cancel, claim, find, intend, keep, postpone, queue, retry, settled
from socialcrm.outbox._split import split

__all__ = [
    "Finding",
    "Letter",
    "Target",
    "attach",
    "blob_of",
    "bounced",
    "cancel",
    "check",
    "claim",
    "compose",
    "find",
    "intend",
    "keep",
    "postpone",
    "private_data",
    "queue",
    "retry",
    "settled",
    "split",
    "unchanged",
]
