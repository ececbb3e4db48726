"""Rate budgets of a channel, by bucket: who is used up, and for how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

__all__ = ["Budget"]


class Budget:
    """What all drivers and calls of one channel share, so that an exhausted bucket is left alone. Safe across threads.

    Args:
        clock: Monotonic seconds; the same clock as the policy's.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def rest(self, buckets: Mapping[str, float]) -> None:
        """Leave buckets alone for so many seconds, as `Verdict.rest` says; a longer rest that is known stays."""
        now = self._clock()
        with self._lock:
            for bucket, seconds in buckets.items():
                self._until[bucket] = max(self._until.get(bucket, 0.0), now + seconds)

    def wait(self, bucket: str) -> float:
        """Return the seconds until a bucket fills again; 0 if it may be drawn on now."""
        with self._lock:
            left = self._until.get(bucket, 0.0) - self._clock()
            if left <= 0:
                self._until.pop(bucket, None)
            return max(0.0, left)
