"""How often and how long: the retry rule, the waits and the bounds, in one record."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import field, frozen
from tenacity import RetryCallState

from socialcrm.errors import PayloadError, RateLimited, RetryError, Unreachable

__all__ = ["Policy", "unclear"]

_MIB = 1024 * 1024


@frozen(kw_only=True)
class Policy:
    """What a driver may take: attempts, seconds, bytes.

    Args:
        attempts: How often one step is tried at most.
        longest: Seconds of the longest wait that is slept through; a longer one is raised with ``retry_after``, so that
            the caller's scheduler comes back.
        base: Seconds; attempt *n* waits at random up to ``base * 2**(n - 1)`` (full jitter).
        cap: Seconds of the longest random wait.
        overall: Seconds for all attempts of one step and the waits between them.
        body: Bytes of the largest answer kept in memory.
        saved: Bytes of the largest answer saved as a file.
        buffer: Bytes that a stream may hold unread.
        parallel: How many calls of one `All` run at once.
        redirects: How many redirects of one call are followed.
        poll: Seconds between two looks at the host in an idle read.
        random: Returns a number from 0 up to 1; give a seeded one to repeat a run.
        sleep: Sleeps so many seconds, on a thread.
        asleep: Sleeps so many seconds, on an event loop.
        clock: Monotonic seconds.
    """

    attempts: int = 5
    longest: float = 120
    base: float = 1
    cap: float = 60
    overall: float = 600
    body: int = 50 * _MIB
    saved: int = 2048 * _MIB
    buffer: int = 64 * _MIB
    parallel: int = 8
    redirects: int = 10
    poll: float = 0.5
    random: Callable[[], float] = field(default=random.random, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    asleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def wait(self, error: BaseException | None, attempt: int) -> float:
        """Return the seconds to wait after an attempt: what the platform asked for, or a random time if that is longer.

        Args:
            error: Why the attempt failed.
            attempt: Its number, from 1.
        """
        ceiling: float = min(self.cap, self.base * 2 ** (attempt - 1))
        asked = error.retry_after if isinstance(error, RetryError) else None
        return max(asked or 0.0, ceiling * self.random())

    def again(self, error: BaseException | None, *, repeatable: bool) -> bool:
        """Say whether a step that failed so may be tried again here and now."""
        if not isinstance(error, RetryError) or unclear(error, repeatable=repeatable):
            return False
        return error.retry_after is None or error.retry_after <= self.longest

    def rules(self, *, repeatable: bool) -> dict[str, Any]:
        """Return the arguments of tenacity's loop, the same for threads and for an event loop."""
        started = self.clock()

        def failure(state: RetryCallState) -> BaseException | None:
            return state.outcome.exception() if state.outcome is not None else None

        def stop(state: RetryCallState) -> bool:
            spent = self.clock() - started + state.upcoming_sleep
            return state.attempt_number >= self.attempts or spent > self.overall

        return {
            "reraise": True,
            "retry": lambda state: self.again(failure(state), repeatable=repeatable),
            "wait": lambda state: self.wait(failure(state), state.attempt_number),
            "stop": stop,
        }


def unclear(error: BaseException, *, repeatable: bool) -> bool:
    """Say whether a step that failed so may have happened and must not be repeated.

    A refusal to take the request (429) and a failed connect certainly were not processed; a time-out, a reset, an answer
    that can't be read and a 5xx may have been (RFC 9110, 9.2.2: only idempotent methods are repeated without knowing).
    """
    if repeatable or isinstance(error, RateLimited):
        return False
    if isinstance(error, Unreachable):
        return error.processed is not False
    return isinstance(error, RetryError | PayloadError)
