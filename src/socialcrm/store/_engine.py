"""Opens the database with settings under which nothing that was committed is lost."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from socialcrm.errors import SettingsError

__all__ = ["BEGIN_WRITE", "make_engine", "parse_url", "use_wal"]

BEGIN_WRITE = {"socialcrm_begin": "BEGIN IMMEDIATE"}

_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # an acknowledged webhook survives a power cut, not only a crash
    "PRAGMA wal_autocheckpoint=8000",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA busy_timeout=15000",
)


def parse_url(url: str) -> URL:
    """Read a database address; a plain path means SQLite.

    Args:
        url: ``sqlite:///acme.db``, ``postgresql+psycopg://user@host/db``, or a path.

    Raises:
        SettingsError: Not an address of one of the two databases.
    """
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError:
        raise SettingsError(f"{url!r} is no database address; give sqlite:///FILE or postgresql+psycopg://…") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise SettingsError(f"{backend!r} is not supported; give sqlite:///FILE or postgresql+psycopg://…")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def make_engine(url: URL) -> Engine:
    """Create the engine; nothing is connected yet.

    Raises:
        SettingsError: The driver for PostgreSQL is not installed.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True, insertmanyvalues_page_size=1000)
    except (ImportError, NoSuchModuleError):
        raise SettingsError("PostgreSQL needs a driver: pip install 'socialcrm[postgresql]'") from None


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        from sqlalchemy.pool import StaticPool

        engine = create_engine(url, hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False, "timeout": 15})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("socialcrm_begin", "BEGIN"))

    return engine


def use_wal(engine: Engine) -> None:
    """Let readers of a SQLite file go on while somebody writes; it changes the file, so be sure that it is ours."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
