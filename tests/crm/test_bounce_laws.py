"""Any sequence of failures, reports, kills and retries ends with each part said once. All people are invented."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from socialcrm.testing import FAULTS
from socialcrm.testing._fake_posts import FakePost
from socialcrm.types import OutboxState

sys.path.insert(0, str(Path(__file__).parent))
from _reports import Desk

NO_LOSS = ("403", "429 with Retry-After", "500", "a time-out", "a lost answer", "a reset", "a refused connection")


class Bounces(RuleBasedStateMachine):
    """One long reply, a platform in trouble, and a person who orders what is missing."""

    desk: Desk

    @initialize(idempotent=st.booleans(), lost=st.frozensets(st.integers(0, 3)))
    def start(self, idempotent: bool, lost: frozenset[int]) -> None:
        """Begin with a reply that waits, or with one that waits to be sent again in part."""
        self.desk = Desk(idempotent=idempotent)
        self.ordered_at_once = False
        self.ordered: set[str] = set()
        if lost:
            self.desk.flush()
            for place in lost:
                self.desk.report(self.desk.ours[place])
            self.retry(at_once=False)

    @rule(fault=st.sampled_from(NO_LOSS), first=st.integers(0, 2), times=st.integers(1, 3))
    def trouble(self, fault: str, first: int, times: int) -> None:
        self.desk.gate.spoil(FAULTS[fault], first=first, times=times)

    @rule(kill=st.none() | st.integers(0, 9))
    def flush(self, kill: int | None) -> None:
        self.desk.flush(kill=kill)

    @rule()
    def sync(self) -> None:
        self.desk.gate.heal()
        self.desk.crm.sync()

    @rule(minutes=st.sampled_from([1, 70]))
    def wait(self, minutes: int) -> None:
        self.desk.wait(timedelta(minutes=minutes))

    @property
    def news(self) -> list[FakePost]:
        """What the platform may still call delivered: afterwards nobody could have known."""
        return [post for post in self.desk.ours if post.id not in self.ordered]

    @precondition(lambda self: self.desk.ours)
    @rule(data=st.data(), after=st.integers(1, 3))
    def bounce(self, data: Any, after: int) -> None:
        self.desk.report(data.draw(st.sampled_from(self.desk.ours)), after=after)

    @precondition(lambda self: self.news)
    @rule(data=st.data(), status=st.sampled_from(["sent", "delivered", "read"]), after=st.integers(0, 4))
    def arrive(self, data: Any, status: str, after: int) -> None:
        self.desk.report(data.draw(st.sampled_from(self.news)), status, after=after)

    @precondition(lambda self: self.desk.reply.state is OutboxState.FAILED)
    @rule(at_once=st.booleans())
    def order(self, at_once: bool) -> None:
        self.retry(at_once=at_once)

    def retry(self, *, at_once: bool) -> None:
        if not at_once:
            self.desk.wait(timedelta(hours=2))
        self.ordered_at_once |= at_once
        self.ordered |= {post.id for post in self.desk.ours if post not in self.desk.arrived}
        self.desk.crm.retry(self.desk.reply)

    @invariant()
    def nothing_stands_twice(self) -> None:
        texts = self.desk.texts
        assert len(texts) == len(set(texts))

    def teardown(self) -> None:
        """Once the platform is well again, everything stands, and the reply says as what."""
        reply = self.desk.finish()
        self.nothing_stands_twice()
        if reply.state is OutboxState.UNKNOWN:
            # within minutes of a bounce the old message can't be told from the new one
            assert self.ordered_at_once
        else:
            assert reply.state in (OutboxState.SENT, OutboxState.RECONCILED)
            assert self.desk.texts == list(self.desk.parts)
            assert reply.ids == tuple(post.id for post in sorted(self.desk.arrived, key=lambda post: post.text[-4:]))
        self.desk.close()


TestBounces = Bounces.TestCase
TestBounces.settings = settings(max_examples=40, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))
