"""Replies of ours: guarded, composed, stored first, then delivered and confirmed."""

from socialcrm.outbox._compose import Target, check, compose
from socialcrm.outbox._files import attach, blob_of, unchanged
from socialcrm.outbox._guard import Finding, private_data
from socialcrm.outbox._parts import bounced, delivered, gap, left, names_gone, rows, until
from socialcrm.outbox._queue import Letter, cancel, claim, failed, find, intend, keep, postpone, queue, retry
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
    "delivered",
    "failed",
    "find",
    "gap",
    "intend",
    "keep",
    "left",
    "names_gone",
    "postpone",
    "private_data",
    "queue",
    "retry",
    "rows",
    "split",
    "unchanged",
    "until",
]
