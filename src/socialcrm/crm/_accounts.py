"""Which accounts are ours on a channel: what they write is outbound."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define
from sqlalchemy import Row, select, update

from socialcrm.store import Tx, tables
from socialcrm.types import Account, Channel, Item, from_micros

__all__ = ["ChannelRow", "adopt_accounts", "as_channel", "find_channel", "list_channels", "save_accounts"]


@define
class ChannelRow:
    """A channel as the corridors need it; ``accounts`` grows when the platform tells us who we are."""

    id: int
    name: str
    platform: str
    settings: dict[str, Any]
    accounts: list[Account]
    archive: bool
    created: int

    @property
    def ours(self) -> frozenset[str]:
        """The account ids that are ours."""
        return frozenset(account.id for account in self.accounts)

    @classmethod
    def of(cls, row: Row[Any]) -> ChannelRow:
        """Return the record of a row of ``channels``."""
        accounts = [Account(**account) for account in json.loads(row.accounts or "[]")]
        return cls(row.id, row.name, row.platform, json.loads(row.settings or "{}"), accounts, row.archive, row.created)


def as_channel(row: ChannelRow) -> Channel:
    """Return the public record."""
    return Channel(
        name=row.name,
        platform=row.platform,
        settings=row.settings,
        accounts=tuple(row.accounts),
        archive=row.archive,
        created_at=from_micros(row.created),
    )


def list_channels(tx: Tx) -> list[ChannelRow]:
    """Return every channel of the workspace, by name."""
    table = tables.channels
    return [ChannelRow.of(row) for row in tx.rows(select(table).where(table.c.ws == tx.ws).order_by(table.c.name))]


def find_channel(tx: Tx, name: str) -> ChannelRow | None:
    """Return a channel by its name."""
    table = tables.channels
    row = tx.row(select(table).where(table.c.ws == tx.ws, table.c.name == name))
    return ChannelRow.of(row) if row is not None else None


Turned = tuple[dict[int, int], frozenset[int]]
"""Customers whose history has to be folded again, and conversations in which it has to be settled anew who wrote to whom."""


def adopt_accounts(tx: Tx, channel: ChannelRow, items: Iterable[Item]) -> Turned:
    """Learn which accounts are ours from what was read; what they wrote before becomes outbound."""
    new = [item for item in items if isinstance(item, Account) and item.id not in channel.ours]
    return save_accounts(tx, channel, new)


def save_accounts(tx: Tx, channel: ChannelRow, new: Sequence[Account]) -> Turned:
    """Add accounts of ours to a channel."""
    fresh = list({account.id: account for account in new if account.id not in channel.ours}.values())
    if not fresh:
        return {}, frozenset()
    channel.accounts = [*channel.accounts, *fresh]
    told = [
        {"id": a.id, "scope": a.scope, "name": a.name, "handle": a.handle, "url": a.url, "key": a.key} for a in channel.accounts
    ]
    tx.update(tables.channels, ("accounts",), [(json.dumps(told), channel.id)])
    return _turn(tx, channel, {account.id for account in fresh})


def _turn(tx: Tx, channel: ChannelRow, accounts: set[str]) -> Turned:
    """What these accounts wrote on the channel before we knew them as ours is outbound, and nobody's matter."""
    people, talk = tables.identities, tables.interactions
    ours = select(people.c.id, people.c.customer).where(
        people.c.ws == tx.ws, people.c.platform == channel.platform, tx.sets.among(people.c.account, "accounts")
    )
    known = {row.id: row.customer for row in tx.rows(ours, accounts=accounts)}
    if not known:
        return {}, frozenset()
    wrong = (
        (talk.c.ws == tx.ws)
        & (talk.c.channel == channel.id)
        & (talk.c.direction == "inbound")
        & tx.sets.among(talk.c.author, "ids")
    )
    where = {row.conversation for row in tx.rows(select(talk.c.conversation).where(wrong).distinct(), ids=set(known))}
    tx.run(update(talk).where(wrong).values(direction="outbound", party=None, customer=None, case_id=None), ids=set(known))
    return {customer: customer for customer in known.values()}, frozenset(where)
