"""Which version of the schema a database has, and how to bring it to ours.

A database at our version is recognised by one plain query; Alembic is imported only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from socialcrm.errors import SchemaError

__all__ = ["HEAD", "KNOWN", "ensure", "migrate", "version"]

KNOWN = ("0001",)
"""Every version that this library knows, oldest first."""

HEAD = KNOWN[-1]


def version(connection: Connection) -> str | None:
    """Return the database's schema version; ``None`` for an empty database.

    Raises:
        SchemaError: There are tables, and they are not ours.
    """
    if connection.dialect.name == "sqlite":
        found = "SELECT count(*) FROM sqlite_master WHERE name = 'socialcrm_version'"
    else:
        found = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'socialcrm_version'"
    if connection.exec_driver_sql(found).scalar():
        number: str | None = connection.exec_driver_sql("SELECT version_num FROM socialcrm_version").scalar()
        return number
    ours = {"interactions", "workspaces", "journal"}
    if connection.dialect.name == "sqlite" and (tables := set(inspect(connection).get_table_names()) - ours):
        raise SchemaError(f"the database holds other tables ({', '.join(sorted(tables)[:3])}); give the path of a new file")
    return None


def ensure(engine: Engine, name: str) -> None:
    """Make sure that the database has our schema: migrates SQLite, and says what to do for PostgreSQL.

    Raises:
        SchemaError: It comes from a newer version of the library, is not ours, or PostgreSQL needs the command.
    """
    with engine.connect() as connection:
        current = version(connection)
    _check_known(current, name)
    if current == HEAD:
        return
    if engine.dialect.name == "postgresql":
        raise SchemaError(f"{name} has schema {current or 'none'}, this version needs {HEAD}; run: socialcrm migrate URL")
    migrate(engine)


def migrate(engine: Engine) -> None:
    """Bring the database to our version, in one transaction.

    Raises:
        SchemaError: It comes from a newer version of the library, or is not ours.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    options = {"socialcrm_begin": "BEGIN IMMEDIATE"} if engine.dialect.name == "sqlite" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20261121)")
        current = version(connection)
        _check_known(current, engine.url.render_as_string(hide_password=True))
        if current != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _check_known(current: str | None, name: str) -> None:
    if current is not None and current not in KNOWN:
        raise SchemaError(
            f"{name} was written by a newer version of socialcrm (schema {current}, this one knows {HEAD}); "
            "upgrade socialcrm. Nothing was changed"
        )
