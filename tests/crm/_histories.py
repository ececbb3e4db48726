"""Recorded histories to play through the whole corridor, and the state they end in, free of our own numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select

from socialcrm.cases import DEFAULT
from socialcrm.connectors import Batch, Connector, ConnectorInfo, Raw
from socialcrm.crm._accounts import find_channel
from socialcrm.crm._open import add_channel_row
from socialcrm.crm.inbound import absorb
from socialcrm.store import Store, tables
from socialcrm.types import (
    Deletion,
    Direction,
    Edit,
    Handle,
    HandleKind,
    Identity,
    Interaction,
    Item,
    Kind,
    Moderation,
    Visibility,
)

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CHANNELS = ("forum", "mail")


class Plain(Connector[Any]):
    """Reads items written as dictionaries."""

    info = ConnectorInfo(platform="plain")

    def parse(self, raw: Raw) -> Iterable[Item]:
        body = raw.body
        at = START + timedelta(minutes=body["at"])
        if raw.kind == "edit":
            yield Edit(id=body["id"], at=at, text=body["text"])
        elif raw.kind == "deletion":
            yield Deletion(id=body["id"], at=at)
        else:
            handles = (Handle(kind=HandleKind.EMAIL, value=body["email"], verified=True),) if body["email"] else ()
            yield Interaction(
                id=body["id"],
                at=at,
                author=Identity(id=body["author"], name=body["author"], handles=handles),
                conversation=body["thread"],
                parent=body["parent"],
                references=tuple(body["references"]),
                direction=Direction(body["direction"]),
                visibility=Visibility(body["visibility"]),
                moderation=Moderation(body["moderation"]),
                kind=Kind(body["kind"]),
                text=body["text"],
            )


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Raw]]:
    """A history of up to 25 elements on two channels: threads, direct answers, edits, deletions, one person on both."""
    count = draw(st.integers(2, 18))
    deliveries: list[tuple[str, Raw]] = []
    placed: dict[str, list[str]] = {name: [] for name in CHANNELS}
    for index in range(count):
        channel = draw(st.sampled_from(CHANNELS))
        before = placed[channel]
        outbound = bool(before) and draw(st.integers(0, 2)) == 0
        author = "us" if outbound else draw(st.sampled_from(("ada", "bo", "cy")))
        parent = draw(st.sampled_from([None, *before])) if before else None
        name = f"{channel[0]}{index}"
        gap = draw(st.sampled_from((1, 30, 600, 30000)))
        body = {
            "id": name,
            "at": index * 5 + sum(item["gap"] for item in (raw.body for _, raw in deliveries) if "gap" in item) + gap,
            "gap": gap,
            "author": f"{author}@{channel}",
            "email": f"{author}@example.org" if author in ("ada", "bo") and draw(st.booleans()) else "",
            "thread": draw(st.sampled_from(("", "", "room"))) if channel == "forum" else "",
            "parent": parent,
            "references": draw(st.lists(st.sampled_from([*before, "lost"]), max_size=2)) if parent and before else [],
            "direction": "outbound" if outbound else "inbound",
            "visibility": draw(st.sampled_from(("public", "public", "private"))),
            "moderation": draw(st.sampled_from(("approved", "approved", "approved", "spam"))),
            "kind": draw(st.sampled_from(("message", "message", "reaction"))),
            "text": f"words of {name}",
        }
        deliveries.append((channel, Raw("message", body)))
        before.append(name)
        if draw(st.integers(0, 5)) == 0:
            deliveries.append((channel, Raw("edit", {"id": name, "at": body["at"] + 2, "text": f"better words of {name}"})))
        if draw(st.integers(0, 7)) == 0:
            deliveries.append((channel, Raw("deletion", {"id": name, "at": body["at"] + draw(st.sampled_from((3, 5000)))})))
    return deliveries


def play(store: Store, deliveries: Sequence[tuple[str, Raw]], sizes: Sequence[int] = (1,)) -> None:
    """Deliver elements in this order, in batches of these sizes (repeated as needed)."""
    for name in CHANNELS:
        add_channel_row(store, name, "plain", now=START)
    connector = Plain(object())
    with store.read() as tx:
        channels = {name: find_channel(tx, name) for name in CHANNELS}
    waiting = list(deliveries)
    turn = 0
    while waiting:
        name = waiting[0][0]
        size = sizes[turn % len(sizes)]
        turn += 1
        part = [raw for channel, raw in waiting[:size] if channel == name]
        waiting = [one for place, one in enumerate(waiting) if place >= size or one[0] != name]
        channel = channels[name]
        assert channel is not None
        absorb(store, channel, connector, Batch(part), stream="all", playbook=DEFAULT, now=0)


def state(store: Store) -> dict[str, Any]:
    """Return threads, customers, cases and wordings as sets of the platform's own ids."""
    with store.read() as tx:
        talk, people, case = tables.interactions, tables.identities, tables.cases
        rows = tx.rows(select(talk).where(talk.c.ws == tx.ws))
        who = {row.id: row for row in tx.rows(select(people).where(people.c.ws == tx.ws))}
        cases = {row.id: row for row in tx.rows(select(case).where(case.c.ws == tx.ws))}
        names = {row.id: row.pid for row in rows}
        older = tx.rows(select(tables.revisions).where(tables.revisions.c.ws == tx.ws))
    threads: dict[int, set[str]] = {}
    members: dict[int, set[str]] = {}
    customers: dict[int, set[str]] = {}
    for row in rows:
        threads.setdefault(row.conversation, set()).add(row.pid)
        if row.case_id is not None:
            members.setdefault(row.case_id, set()).add(row.pid)
    for one in who.values():
        customers.setdefault(one.customer, set()).add(one.account)
    return {
        "threads": _sorted(threads.values()),
        "customers": _sorted(customers.values()),
        "parties": {row.pid: who[row.party].account if row.party else None for row in rows},
        "wordings": {row.pid: (row.text, row.edited, row.deleted) for row in rows},
        "revisions": sorted((names[row.interaction], row.at, row.text) for row in older),
        "cases": sorted((sorted(pids), *_told(cases[key], names, customers)) for key, pids in members.items()),
    }


def _told(row: Any, names: dict[int, str], customers: dict[int, set[str]]) -> tuple[str, ...]:
    plain = (
        row.state, row.severity, row.queue, row.contacts, row.opened, row.waiting, row.due, row.need, row.answered,
        row.last_in, row.last_out, row.resolved, row.closed, row.touched, row.merged,
    )  # fmt: skip
    return (repr(plain), str(names.get(row.first)), str(names.get(row.last)), repr(sorted(customers[row.customer])))


def _sorted(groups: Iterable[set[str]]) -> list[list[str]]:
    return sorted(sorted(group) for group in groups)
