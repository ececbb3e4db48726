"""The store: one database, one workspace, short transactions."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Engine, insert, select, text
from sqlalchemy.pool import StaticPool

from socialcrm.errors import SettingsError
from socialcrm.store import _migrate
from socialcrm.store._engine import BEGIN_WRITE, make_engine, parse_url, use_wal
from socialcrm.store._errors import translated
from socialcrm.store._schema import workspaces
from socialcrm.store._sets import Sets
from socialcrm.store._tx import Tx

__all__ = ["Store"]


class Store:
    """A database as one workspace sees it.

    Guarantees: what `write` committed survives a crash; a block that raises leaves nothing behind; two writers of one
    workspace never interleave.

    Args:
        engine: A SQLAlchemy engine for SQLite or PostgreSQL, at our schema.
        ws: The workspace's number.
        name: The database's address without its password, for messages.
    """

    def __init__(self, engine: Engine, ws: int, name: str) -> None:
        self.engine = engine
        self.ws = ws
        self.name = name
        self.dialect = engine.dialect.name
        self.sets = Sets(self.dialect)
        self._turn = threading.RLock()
        # A database in memory has one connection: its threads take turns, and a reader within a transaction shares it.
        self._alone = isinstance(engine.pool, StaticPool)
        self._shared: Tx | None = None

    @classmethod
    def open(cls, url: str, workspace: str = "default") -> Store:
        """Open a database, and a workspace in it; a new SQLite file is created, an older one migrated.

        Args:
            url: ``sqlite:///acme.db``, ``postgresql+psycopg://…`` or a path.
            workspace: The client's name; workspaces in one database see nothing of each other.

        Raises:
            SettingsError: The address is wrong, or PostgreSQL's driver is not installed.
            SchemaError: A database from a newer version, or PostgreSQL without our schema.
            StoreError: It can't be reached, read or written.
        """
        if not workspace:
            raise SettingsError("a workspace needs a name")
        parsed = parse_url(url)
        name = parsed.render_as_string(hide_password=True)
        engine = make_engine(parsed)
        try:
            with translated(name, engine):
                _migrate.ensure(engine, name)
                use_wal(engine)
                ws = _workspace(engine, workspace)
        except BaseException:
            engine.dispose()
            raise
        store = cls(engine, ws, name)
        # who forgets to close it gets the connections closed when nobody holds it any more
        weakref.finalize(store, engine.dispose).atexit = False
        return store

    @classmethod
    def migrate(cls, url: str) -> None:
        """Create or upgrade the schema of a database; PostgreSQL needs this before `open`.

        Raises:
            SchemaError: It comes from a newer version, or holds tables that are not ours.
            StoreError: It can't be reached or written.
        """
        parsed = parse_url(url)
        engine = make_engine(parsed)
        try:
            with translated(parsed.render_as_string(hide_password=True), engine):
                _migrate.migrate(engine)
        finally:
            engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open a transaction that sees one state of the database and changes nothing."""
        with self._turn if self._alone else nullcontext():
            if self._shared is not None:
                yield self._shared
                return
            with (
                translated(self.name, self.engine),
                self.engine.connect() as connection,
                connection.begin(),
                self._share(Tx(connection, self.ws, self.sets)) as tx,
            ):
                yield tx

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open the workspace's one writing transaction; it commits when the block ends, and not when it raises."""
        options: dict[str, Any] = BEGIN_WRITE if self.dialect == "sqlite" else {}
        turn = self._turn if self.dialect == "sqlite" else nullcontext()
        with (
            turn,
            translated(self.name, self.engine),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(1935894627, :ws)"), {"ws": self.ws})
            with self._share(Tx(connection, self.ws, self.sets)) as tx:
                yield tx

    @contextmanager
    def _share(self, tx: Tx) -> Iterator[Tx]:
        if not self._alone:
            yield tx
            return
        self._shared = tx
        try:
            yield tx
        finally:
            self._shared = None

    def close(self) -> None:
        """Give the connections back; the store can be opened again."""
        self.engine.dispose()


def _workspace(engine: Engine, name: str) -> int:
    find = select(workspaces.c.ws).where(workspaces.c.name == name)
    with engine.connect() as connection:
        found = connection.execute(find).scalar()
    if found is not None:
        return int(found)
    options: dict[str, Any] = BEGIN_WRITE if engine.dialect.name == "sqlite" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE workspaces IN EXCLUSIVE MODE"))
        found = connection.execute(find).scalar()
        if found is None:
            found = (connection.exec_driver_sql("SELECT max(ws) FROM workspaces").scalar() or 0) + 1
            connection.execute(insert(workspaces), {"ws": found, "name": name})
    return int(found)
