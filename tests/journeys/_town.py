"""A made-up town whose people write to us: builds histories through the whole inbound corridor.

Everything in it is invented; addresses are under example.org, channels speak a platform named ``plain``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from socialcrm.connectors import Batch, Connector, ConnectorInfo, PluginManager, Raw, hookimpl
from socialcrm.crm import CRM
from socialcrm.crm._open import add_channel_row
from socialcrm.crm._pull import Pull
from socialcrm.errors import PayloadError
from socialcrm.store import Store
from socialcrm.types import Edit, Handle, HandleKind, Hole, Identity, Interaction, Item, Kind, Moderation, Visibility

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Plain(Connector[Any]):
    """Reads items written as dictionaries."""

    info = ConnectorInfo(platform="plain")

    def parse(self, raw: Raw) -> Iterable[Item]:
        body = raw.body
        if raw.kind == "broken":
            raise PayloadError(f"can't read {body}")
        at = MONDAY + timedelta(minutes=body["at"])
        if raw.kind == "hole":
            yield Hole(id=body["id"], since=at - timedelta(hours=1), at=at, reason=body["text"])
        elif raw.kind == "edit":
            yield Edit(id=body["id"], at=at, text=body["text"])
        else:
            who = body["author"]
            email = Handle(kind=HandleKind.EMAIL, value=f"{who}@example.org", verified=True)
            yield Interaction(
                id=body["id"],
                at=at,
                author=Identity(id=who, name=body["name"], handle=f"@{who}@example.org", handles=(email,), url=body["page"]),
                parent=body["parent"],
                conversation=body["thread"],
                kind=Kind(body["kind"]),
                visibility=Visibility(body["visibility"]),
                moderation=Moderation(body["moderation"]),
                text=body["text"],
                subject=body["subject"],
                url=body["page"],
                extra={"automatic": True} if body["automatic"] else {},
            )


class _Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[Any]]]:
        return [Plain]


class Town:
    """A workspace with channels, to which people write at minutes after Monday, 8:00."""

    def __init__(
        self, url: str = "sqlite:///:memory:", channels: Iterable[str] = ("mail", "forum"), workspace: str = "town"
    ) -> None:
        self.now = MONDAY + timedelta(days=1)
        plugins = PluginManager(find=list)
        plugins.register(_Plugin(), "plain")
        self.crm = CRM(Store.open(url, workspace), plugins=plugins, clock=lambda: self.now)
        for name in channels:
            add_channel_row(self.crm.store, name, "plain", accounts=["us"], now=MONDAY)
        self._number = 0
        self.sent: list[tuple[str, Raw]] = []

    def deliver(self, channel: str, *raws: Raw) -> None:
        """Let elements arrive in one batch."""
        row = self.crm.channels.row(channel)
        Pull(self.crm, row, None).take(self.crm.channels.connector(row), Batch(raws), "all")
        self.sent += [(channel, raw) for raw in raws]

    def says(
        self,
        who: str,
        text: str = "Hello?",
        *,
        at: float,
        channel: str = "mail",
        parent: str | None = None,
        thread: str = "",
        kind: str = "message",
        visibility: str = "private",
        moderation: str = "approved",
        automatic: bool = False,
        name: str = "",
        subject: str = "",
        page: str = "",
    ) -> str:
        """Let somebody write something; returns the platform's id."""
        self._number += 1
        pid = f"pid-{self._number:05}"
        body = {
            "id": pid, "at": at, "author": who, "name": name or who.title(), "parent": parent, "thread": thread, "kind": kind,
            "visibility": visibility, "moderation": moderation, "text": text, "subject": subject, "automatic": automatic,
            "page": page,
        }  # fmt: skip
        self.deliver(channel, Raw("said", body))
        return pid

    def we(self, text: str, *, at: float, parent: str, **more: Any) -> str:
        """Let us answer."""
        return self.says("us", text, at=at, parent=parent, **more)

    def customer(self, name: str) -> str:
        """Return the short id of who is called that."""
        found = {one.author.name: one.author.customer for one in self.crm.interactions()}
        return found[name]

    def case(self, name: str) -> str:
        """Return the short id of the only case of who is called that."""
        (one,) = self.crm.cases.find(customer=self.customer(name))
        return one.ref


def town(folder: Path | None = None, **more: Any) -> Iterator[Town]:
    """Yield a town, and give its database back."""
    made = Town(f"sqlite:///{folder / 'town.db'}" if folder is not None else "sqlite:///:memory:", **more)
    yield made
    made.crm.close()
