"""The invented platform as a scenario: what the suite is proven with, and an example of a full one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from socialcrm.connectors import Raw
from socialcrm.testing._fake_platform import MOODS, PAGINGS, FakePlatform
from socialcrm.testing._scenario import Scenario, Webhook

__all__ = ["fake_scenario"]


def fake_scenario(paging: str = "since") -> Scenario:
    """Return a scenario of the invented platform: two customers, three threads whose ids repeat, and our own answer.

    Args:
        paging: One of `socialcrm.testing.PAGINGS`.
    """
    return Scenario(
        platform=lambda: populated(paging),
        settings=lambda _ports: populated(paging).settings(),
        changes=(
            lambda fake: fake.post("And one more thing", by=fake.accounts["a2"], age=timedelta()),
            lambda fake: fake.edit(fake.posts[1], "It is the blue one, not the red one"),
            lambda fake: fake.delete(fake.posts[3]),
        ),
        variants={
            "pages of one": lambda: populated(paging, size=1),
            **{f"pages that {mood}": lambda mood=mood: populated(paging, moods=(mood,)) for mood in MOODS},  # type: ignore[misc]  # bound by value
        },
        webhook=_webhook,
        archive=lambda folder: populated(paging).export(folder),
        archived=tuple(populated(paging).texts()),
        samples=(Raw("applause", {"type": "applause", "thread": "t1"}), Raw("post", {"id": "9", "kind": "poll"})),
    )


def populated(paging: str = PAGINGS[0], *, size: int = 3, moods: Sequence[str] = ()) -> FakePlatform:
    """Return a platform with people who wrote."""
    fake = FakePlatform(paging=paging, size=size, moods=moods)
    mara, omar = fake.account("Mara Invented", email="mara@example.com"), fake.account("Omar Invented")
    first = fake.post("My router is broken", by=mara, age=timedelta(hours=9))
    fake.post("It is the red one", by=mara, parent=first, age=timedelta(hours=8))
    fake.post("We look into it", by=fake.me, parent=first, age=timedelta(hours=7))
    bill = fake.post("My bill is wrong", by=omar, age=timedelta(hours=6), visibility="private")
    fake.post("By 3.50 to be exact", by=omar, parent=bill, age=timedelta(hours=5), visibility="private")
    fake.post("Thank you all! 👍🏽", by=mara, age=timedelta(hours=4))
    fake.post("Which colour?", by=omar, age=timedelta(hours=3), kind="poll", options=["red", "blue"])
    return fake


def _webhook(fake: FakePlatform) -> Webhook:
    post = fake.post("Is anybody there?", by=fake.accounts["a2"], age=timedelta(minutes=5))
    other = fake.post("Never mind", by=fake.accounts["a3"], age=timedelta(minutes=4))
    events = [fake.event("post", post), fake.event("post", other)]
    fake.edit(post, "Is anybody there, please?")
    events += [fake.event("edit", post), fake.event("deletion", other)]
    return Webhook(
        sign=fake.signed,
        events=tuple(json.dumps({"events": [event]}).encode() for event in events),
        many=json.dumps({"events": events}).encode(),
        unknown=json.dumps({"events": [{"type": "applause", "thread": "t1"}]}).encode(),
        header="x-fake-signature",
        ages=True,
        challenge=(fake.challenge(), b"are-you-there"),
    )
