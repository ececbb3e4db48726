"""The channels of a workspace: ``crm.channels``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field
from sqlalchemy import delete, select

from socialcrm.connectors import Connector, PluginManager, make_settings, plain_settings, secret_fields
from socialcrm.crm._accounts import ChannelRow, as_channel, find_channel, list_channels
from socialcrm.crm._open import add_channel_row
from socialcrm.errors import NotFound, SettingsError, StateError
from socialcrm.store import Store, tables
from socialcrm.types import Channel, Secret

__all__ = ["Channels"]


@define
class Channels:
    """Our configured accounts. Iterate over it, or ask by name."""

    _store: Store
    _plugins: PluginManager
    _memory: dict[str, dict[str, Secret]] = field(factory=dict)

    def add(self, platform: str, *, name: str, **settings: Any) -> Channel:
        """Add a channel. Nothing is fetched yet; ``crm.check(name)`` tries the credentials.

        Args:
            platform: The platform's name; its plugin has to be installed.
            name: Ours for it, unique in the workspace.
            settings: As the connector's settings class says (``socialcrm plugins show PLATFORM``). A credential is a
                reference (``env:NAME``, ``keyring:SERVICE/NAME``, ``file:PATH``), which is what gets stored; or a callable or
                a `Secret`, which live in this process only.

        Raises:
            UnknownPlatform: No installed plugin speaks to it.
            SettingsError: A setting is unknown, missing or of the wrong kind, or the name is taken.

        Example:
            >>> crm.channels.add("wordpress", name="blog", server="https://blog.example.com")  # doctest: +SKIP
        """
        cls = self._plugins.connector(platform)
        made = make_settings(cls.info.settings, settings, platform=platform)
        if not name:
            raise SettingsError("a channel needs a name")
        row = add_channel_row(self._store, name, platform, plain_settings(made))
        self._remember(name, made)
        return as_channel(row)

    def archive(self, platform: str, *, name: str, settings: Mapping[str, Any]) -> ChannelRow:
        """Return the channel of that name for a loaded archive, adding it where there is none."""
        with self._store.read() as tx:
            row = find_channel(tx, name)
        if row is not None:
            if row.platform != platform:
                raise SettingsError(f"the channel {name!r} belongs to {row.platform}; give another name for the archive")
            return row
        cls = self._plugins.connector(platform)
        made = make_settings(cls.info.settings, settings, platform=platform)
        self._remember(name, made)
        return add_channel_row(self._store, name, platform, plain_settings(made), archive=True)

    def provide(self, name: str, **secrets: str | Secret | Callable[[], str]) -> None:
        """Give this process credentials that are not stored.

        Args:
            name: The channel.
            secrets: By the name of the setting.

        Raises:
            NotFound: There is no such channel.
        """
        self.row(name)
        given = {key: value if isinstance(value, Secret) else Secret(value) for key, value in secrets.items()}
        self._memory.setdefault(name, {}).update(given)

    def update(self, name: str, **settings: Any) -> Channel:
        """Change settings of a channel; those not named stay.

        Raises:
            NotFound: There is no such channel.
            SettingsError: As for `add`.
        """
        row = self.row(name)
        cls = self._plugins.connector(row.platform)
        merged = {**row.settings, **self._memory.get(name, {}), **settings}
        made = make_settings(cls.info.settings, {k: v for k, v in merged.items() if v is not None}, platform=row.platform)
        with self._store.write() as tx:
            tx.update(tables.channels, ("settings",), [(json.dumps(plain_settings(made)), row.id)])
        self._remember(name, made)
        return as_channel(self.row(name))

    def forget_position(self, name: str) -> None:
        """Let the next sync fetch from the beginning; what is stored already is not doubled.

        Raises:
            NotFound: There is no such channel.
        """
        row = self.row(name)
        with self._store.write() as tx:
            tx.run(delete(tables.cursors).where(tables.cursors.c.ws == tx.ws, tables.cursors.c.channel == row.id))

    def retire(self, name: str) -> Channel:
        """Never sync a channel again; what it brought stays, and so does the way to answer on it."""
        row = self.row(name)
        with self._store.write() as tx:
            tx.update(tables.channels, ("archive",), [(True, row.id)])
        return as_channel(self.row(name))

    def remove(self, name: str) -> None:
        """Remove a channel that has brought nothing.

        Raises:
            NotFound: There is no such channel.
            StateError: It holds interactions; `retire` it instead.
        """
        row = self.row(name)
        held = tables.interactions
        with self._store.write() as tx:
            if tx.row(select(held.c.id).where(held.c.ws == tx.ws, held.c.channel == row.id).limit(1)) is not None:
                raise StateError(f"the channel {name!r} holds interactions; crm.channels.retire({name!r}) ends its syncs")
            for table in (tables.cursors, tables.grants, tables.quarantine, tables.holes, tables.journal):
                tx.run(delete(table).where(table.c.ws == tx.ws, table.c.channel == row.id))
            tx.run(delete(tables.channels).where(tables.channels.c.ws == tx.ws, tables.channels.c.id == row.id))
        self._memory.pop(name, None)

    def __iter__(self) -> Iterator[Channel]:
        with self._store.read() as tx:
            rows = list_channels(tx)
        return iter([as_channel(row) for row in rows])

    def __getitem__(self, name: str) -> Channel:
        return as_channel(self.row(name))

    def __len__(self) -> int:
        with self._store.read() as tx:
            return len(list_channels(tx))

    def rows(self) -> list[ChannelRow]:
        """Return the rows of all channels, by name."""
        with self._store.read() as tx:
            return list_channels(tx)

    def row(self, name: str) -> ChannelRow:
        """Return a channel's row.

        Raises:
            NotFound: There is no such channel; the message names those there are.
        """
        with self._store.read() as tx:
            found = find_channel(tx, name)
            known = ", ".join(row.name for row in list_channels(tx)) if found is None else ""
        if found is None:
            raise NotFound(f"there is no channel {name!r}; there are: {known or 'none yet'}")
        return found

    def connector(self, row: ChannelRow) -> Connector[Any]:
        """Return the connector of a channel, ready to be driven.

        Raises:
            UnknownPlatform: Its plugin is not installed any more.
            SettingsError: Its settings no longer fit, or a credential was given to another process only.
        """
        cls = self._plugins.connector(row.platform)
        memory = self._memory.get(row.name, {})
        given = {name: value for name, value in {**row.settings, **memory}.items() if value is not None}
        try:
            return cls(make_settings(cls.info.settings, given, platform=row.platform))
        except SettingsError as error:
            if any(hint for hint in row.settings if row.settings[hint] is None):
                error.add_note(f"credentials that are not stored are given again with crm.channels.provide({row.name!r}, …)")
            raise

    def _remember(self, name: str, settings: object) -> None:
        self._memory[name] = {key: secret for key, secret in secret_fields(settings).items() if secret.reference is None}
