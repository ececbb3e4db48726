"""The invented platform with delivery reports, and one long answer on it. All people are invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from socialcrm.connectors import Batch, Cursor, Flow, Outgoing, Raw, Receipt
from socialcrm.crm.inbound import absorb
from socialcrm.testing import FakePlatform, Scenario
from socialcrm.testing._bench import CHANNEL, Bench
from socialcrm.testing._fake_connector import FakeConnector
from socialcrm.testing._fake_posts import FakePost
from socialcrm.testing._probe import Killed
from socialcrm.types import Delivery, Item, Reply

LONG = " ".join(f"Step {number}: please look at the lamp of your router and tell us its colour." for number in range(8))
"""Four parts on the invented platform."""

ORDER = ("sent", "failed", "delivered", "read")
"""Of reports of one second, the later here counts."""


class ReportingConnector(FakeConnector):
    """Hears what became of what it sent."""

    def parse(self, raw: Raw) -> Iterable[Item]:
        if raw.kind != "status":
            yield from super().parse(raw)
            return
        told = raw.body
        at = datetime.fromisoformat(told["at"])
        yield Delivery(id=told["id"], scope=told["thread"], at=at, status=told["status"], reason=told.get("reason", ""))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the part after those that the cursor counts, as most connectors do: none of the later ones has left."""
        ids = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
        assert set(cursor) == {f"part:{number}" for number in range(len(ids))}
        shown = {f"part:{number}": one for number, one in enumerate(ids)}
        receipt = yield from super().settle(evolve(message, parts=message.parts[: len(ids) + 1]), shown)
        return receipt if receipt is not None and len(receipt.ids) == len(message.parts) else None


class Desk(Bench):
    """A customer has asked, and one reply waits to be delivered.

    Args:
        text: The reply.
        idempotent: The platform makes one post of a key that comes twice.
    """

    def __init__(self, text: str = LONG, *, idempotent: bool = False) -> None:
        def platform() -> FakePlatform:
            fake = FakePlatform(idempotent=idempotent)
            fake.post("My line is dead")
            return fake

        super().__init__(ReportingConnector, Scenario(platform=platform, settings=lambda _ports: platform().settings()))
        self.crm.sync()
        self.parts = self.crm.reply(self.crm.inbox()[0], text, by="ana").parts
        self.told: dict[str, tuple[datetime, int, str]] = {}

    @property
    def reply(self) -> Reply:
        """The reply as its author sees it."""
        return self.crm.outbox()[0]

    @property
    def ours(self) -> list[FakePost]:
        """Everything that the platform ever took from us."""
        return [post for post in self.platform.posts if post.mine]

    @property
    def arrived(self) -> list[FakePost]:
        """What reached the customer, as far as the platform says."""
        return [post for post in self.ours if self.told.get(post.id, ("",))[-1] != "failed"]

    @property
    def texts(self) -> list[str]:
        """What the customer reads, in the order of the parts."""
        return sorted((post.text for post in self.arrived), key=lambda text: text[-4:])

    def report(self, post: FakePost, status: str = "failed", *, after: int = 1) -> None:
        """Let the platform say what became of a post, so many seconds after it was made."""
        at = post.created + timedelta(seconds=after)
        news = (at, ORDER.index(status), status)
        self.told[post.id] = max(news, self.told.get(post.id, news))
        body = {
            "id": post.id,
            "thread": post.thread,
            "at": at.isoformat(),
            "status": status,
            "reason": "no such number",
        }
        row = self.crm.channels.row(CHANNEL)
        connector = self.crm.channels.connector(row)
        absorb(self.crm.store, row, connector, Batch([Raw("status", body)]), stream="posts", playbook=self.crm.playbook, now=0)

    def flush(self, *, kill: int | None = None) -> Any:
        """Flush, and die at a moment of danger if told so."""
        if kill is None:
            return self.crm.flush()
        try:
            with self.killed_after(kill):
                return self.crm.flush()
        except Killed:
            self.reopen()
            return None

    def finish(self) -> Reply:
        """Heal the platform, and order what is missing until nothing is."""
        self.gate.heal()
        for _ in range(len(self.parts) + 2):
            self.deliver()
            if self.reply.state.value != "failed":
                break
            self.crm.retry(self.reply)
        return self.reply
