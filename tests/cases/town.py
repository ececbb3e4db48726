"""A small recorded history to decide about: invented customers who write, and a company that answers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from socialcrm.cases import DEFAULT, Playbook
from socialcrm.connectors import Batch, Connector, ConnectorInfo, Raw
from socialcrm.crm import CRM
from socialcrm.crm._accounts import find_channel
from socialcrm.crm._open import add_channel_row
from socialcrm.crm.inbound import absorb
from socialcrm.store import Store
from socialcrm.types import Identity, Interaction, Item, Kind, Visibility

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WORDS = ["line", "router", "bill", "outage", "invoice", "slow", "phone", "help"]


class Words(Connector[Any]):
    """Reads interactions written as dictionaries."""

    info = ConnectorInfo(platform="words")

    def parse(self, raw: Raw) -> Iterable[Item]:
        body = raw.body
        yield Interaction(
            id=body["id"],
            at=START + timedelta(minutes=body["at"]),
            author=Identity(id=body["author"], name=body["author"], avatar=body.get("avatar", "")),
            conversation=body.get("thread", ""),
            parent=body.get("parent"),
            kind=Kind(body.get("kind", "post")),
            visibility=Visibility(body.get("visibility", "public")),
            language=body.get("language", ""),
            text=body["text"],
            extra=body.get("extra", {}),
        )


class Clock:
    """A clock that a test sets."""

    def __init__(self, minutes: int = 0) -> None:
        self.minutes = minutes

    def __call__(self) -> datetime:
        return START + timedelta(minutes=self.minutes)


def town(playbook: Playbook = DEFAULT, url: str = "sqlite:///:memory:") -> tuple[CRM, Clock]:
    """Return an empty workspace with one channel, and its clock."""
    store, clock = Store.open(url), Clock()
    add_channel_row(store, "square", "words", accounts=("us",), now=START)
    return CRM(store, playbook=playbook, clock=clock), clock


def say(crm: CRM, *bodies: dict[str, Any], size: int = 50) -> None:
    """Deliver interactions, in batches."""
    with crm.store.read() as tx:
        channel = find_channel(tx, "square")
    assert channel is not None
    raws = [Raw("message", body) for body in bodies]
    for place in range(0, len(raws), size):
        part = Batch(raws[place : place + size])
        absorb(crm.store, channel, Words(object()), part, stream="all", playbook=crm.playbook, now=0)


def words(author: str, at: int, text: str = "help", **more: Any) -> dict[str, Any]:
    """Return one interaction; its id says who and when."""
    return {"id": f"{author}-{at}", "author": author, "at": at, "text": text, "thread": more.pop("thread", author), **more}


def answer(to: dict[str, Any], at: int) -> dict[str, Any]:
    """Return a reply of ours to an interaction."""
    return words("us", at, "we look into it", thread=to["thread"], parent=to["id"])


def history(count: int, seed: int = 3, people: int = 12) -> Sequence[dict[str, Any]]:
    """Return a history of customers who write and are answered late, early or never."""
    draw, bodies, at = random.Random(seed), list[dict[str, Any]](), 0
    open_: dict[str, dict[str, Any]] = {}
    for index in range(count):
        at += draw.choice((1, 5, 40, 400))
        who = f"w{draw.randrange(people)}"
        if open_ and draw.random() < 0.4:
            bodies.append({**answer(open_.pop(draw.choice(sorted(open_))), at), "id": f"us-{index}"})
        else:
            text = " ".join(draw.sample(WORDS, 3))
            kind = draw.choice(("post", "message", "post", "reaction"))
            open_[who] = {**words(who, at, text, kind=kind), "id": f"{who}-{index}"}
            bodies.append(open_[who])
    return bodies
