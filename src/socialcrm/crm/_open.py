"""Opens workspaces, and writes the rows of channels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from socialcrm.cases import DEFAULT, Playbook
from socialcrm.connectors import PluginManager
from socialcrm.crm._accounts import ChannelRow, find_channel
from socialcrm.errors import SettingsError
from socialcrm.store import Store, tables
from socialcrm.types import Account, micros

if TYPE_CHECKING:
    import httpx

    from socialcrm.crm._crm import CRM
    from socialcrm.transport import Policy

__all__ = ["add_channel_row", "migrate", "open"]


def add_channel_row(
    store: Store,
    name: str,
    platform: str,
    settings: Mapping[str, Any] | None = None,
    *,
    accounts: Sequence[str] = (),
    archive: bool = False,
    now: datetime | None = None,
) -> ChannelRow:
    """Write a channel's row.

    Raises:
        SettingsError: There is a channel of that name.
    """
    created = micros(now or datetime.now(UTC))
    with store.write() as tx:
        if find_channel(tx, name) is not None:
            raise SettingsError(f"there is a channel named {name!r} already; choose another name, or remove that one first")
        key = tx.allocate(tables.channels)
        told = json.dumps([{"id": account} for account in accounts])
        row = (tx.ws, key, name, platform, json.dumps(dict(settings or {})), told, archive, created, "", None)
        tx.insert(tables.channels, [row])
    return ChannelRow(key, name, platform, dict(settings or {}), [Account(id=one) for one in accounts], archive, created)


def open(  # noqa: A001 - socialcrm.open reads as what it does
    url: str = "socialcrm.db",
    *,
    workspace: str = "default",
    plugins: PluginManager | None = None,
    playbook: Playbook = DEFAULT,
    clock: Callable[[], datetime] | None = None,
    client: httpx.Client | None = None,
    policy: Policy | None = None,
) -> CRM:
    """Open a workspace: one line, an embedded database by default.

    Args:
        url: ``sqlite:///acme.db``, a path, or ``postgresql+psycopg://…`` (run ``socialcrm migrate URL`` once before). A new
            SQLite file is created, an older one migrated.
        workspace: The client's name; workspaces in one database see nothing of each other.
        plugins: Which connectors and hooks there are; the installed ones by default.
        playbook: The process in force.
        clock: The time, aware UTC; for tests.
        client: An HTTP client for connectors; for tests.
        policy: How often, how long and how much connectors may try.

    Raises:
        SettingsError: The address is wrong, or PostgreSQL's driver is not installed.
        SchemaError: A database from a newer version, or PostgreSQL without our schema.
        StoreError: It can't be reached, read or written.

    Example:
        >>> import socialcrm
        >>> crm = socialcrm.open("sqlite:///:memory:")
        >>> crm.inbox()
        []
    """
    from socialcrm.crm._crm import CRM

    store = Store.open(url, workspace)
    extra: dict[str, Any] = {"clock": clock} if clock is not None else {}
    if policy is not None:
        extra["policy"] = policy
    return CRM(store, plugins=plugins, playbook=playbook, client=client, **extra)


def migrate(url: str) -> None:
    """Create or upgrade the schema of a database; PostgreSQL needs this once before `open`, SQLite never.

    Raises:
        SchemaError: It comes from a newer version, or holds tables that are not ours.
        StoreError: It can't be reached or written.
    """
    Store.migrate(url)
