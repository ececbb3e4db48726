"""One transaction: set-based reads and writes, in plain tuples.

Statements are compiled once by SQLAlchemy; bulk writes hand tuples straight to the driver (``executemany`` on SQLite, ``COPY``
on PostgreSQL), because that is where the time goes. Writers of a workspace take turns: SQLite by its write lock, PostgreSQL by
an advisory lock that ends with the transaction, so a lookup followed by an insert can't race.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Row, Select, Table, bindparam, select

from socialcrm.store._sets import Sets, adapt

__all__ = ["Tx"]

_AT_ONCE = 250
"""How many rows one statement adds to SQLite: a quarter less time than one by one. 32,766 values are the most it takes."""


class Tx:
    """A transaction in one workspace. Rooms read and write through it; the store opens and ends it."""

    def __init__(self, connection: Connection, ws: int, sets: Sets) -> None:
        self.connection = connection
        self.ws = ws
        self.sets = sets
        self.dialect = connection.dialect.name
        self._next: dict[str, int] = {}

    def rows(self, statement: Select[Any], **parameters: Any) -> Sequence[Row[Any]]:
        """Run a query; a collection among the parameters is passed as one set. ``ws`` is passed along."""
        return self.run(statement, **parameters).fetchall()

    def row(self, statement: Select[Any], **parameters: Any) -> Row[Any] | None:
        """Run a query for at most one row."""
        return self.run(statement, **parameters).first()

    def value(self, statement: Select[Any], **parameters: Any) -> Any:
        """Run a query for one value; ``None`` where there is no row."""
        return self.run(statement, **parameters).scalar()

    def holds(self, table: Table, channel: int) -> bool:
        """Tell whether a table has any row of a channel: one look that often spares thousands."""
        return self.row(_any_of(table), channel=channel) is not None

    def run(self, statement: Executable, **parameters: Any) -> CursorResult[Any]:
        """Run any statement."""
        return self.connection.execute(statement, {"ws": self.ws, **adapt(self.dialect, parameters)})

    def allocate(self, table: Table, count: int = 1) -> int:
        """Reserve ids in the order of arrival.

        Returns:
            The first of ``count`` consecutive ids.
        """
        name = table.name
        if name not in self._next:
            column = "seq" if "seq" in table.c else "id"
            where = "" if self.dialect == "sqlite" else f" WHERE ws = {int(self.ws)}"
            last = self.connection.exec_driver_sql(f"SELECT max({column}) FROM {name}{where}").scalar()  # noqa: S608 - names are ours
            self._next[name] = (last or 0) + 1
        first = self._next[name]
        self._next[name] = first + count
        return first

    def insert(self, table: Table, rows: Collection[Any], values: Callable[[Any], tuple[Any, ...]] | None = None) -> None:
        """Add rows; the driver takes them as they are made, so that no second copy of all of them is held.

        Args:
            table: Which table.
            rows: What to add.
            values: Returns a row's columns, every one, in the table's order; without it each row is a tuple of them.
        """
        if not rows:
            return
        raw: Any = self.connection.connection.driver_connection
        tuples = iter(rows if values is None else map(values, rows))
        if self.dialect == "sqlite":
            for _ in range(len(rows) // _AT_ONCE):
                told = list(chain.from_iterable(islice(tuples, _AT_ONCE)))
                empty = _drop_empty(table, told)
                raw.execute(_insert_sql(table, rows=_AT_ONCE, without=empty), told)
            raw.executemany(_insert_sql(table), tuples)
            return
        with raw.cursor().copy(_copy_sql(table)) as copy:
            for row in tuples:
                copy.write_row(row)

    def insert_new(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows that may already be there; those that are stay as they are."""
        if rows:
            self.connection.exec_driver_sql(_insert_sql(table, self._mark) + " ON CONFLICT DO NOTHING", list(rows))

    def update(
        self, table: Table, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]], *, key: tuple[str, ...] = ("id",)
    ) -> None:
        """Set columns of many rows.

        Args:
            table: Which table.
            columns: What to set.
            rows: For each: the values in the order of ``columns``, then those of the key.
            key: The columns that select the row, besides the workspace.
        """
        listed = list(rows)
        if listed:
            self.connection.exec_driver_sql(_update_sql(table, columns, key, self.ws, self._mark), listed)

    @property
    def _mark(self) -> str:
        return "?" if self.dialect == "sqlite" else "%s"


@cache
def _any_of(table: Table) -> Select[Any]:
    return select(table.c.channel).where(table.c.ws == bindparam("ws"), table.c.channel == bindparam("channel")).limit(1)


def _drop_empty(table: Table, told: list[Any]) -> tuple[int, ...]:
    """Take the columns out of the values of many rows that are NULL in all of them, because `sqlite3` is slow to take a None.

    Returns:
        The places of these columns, the last one first.
    """
    width = len(table.columns)
    empty = tuple(place for place in _nullable(table) if told[place::width].count(None) == _AT_ONCE)
    for place in empty:
        del told[place::width]
        width -= 1
    return empty


@cache
def _nullable(table: Table) -> tuple[int, ...]:
    return tuple(place for place, column in reversed(list(enumerate(table.columns))) if column.nullable)


@cache
def _insert_sql(table: Table, mark: str = "?", rows: int = 1, without: tuple[int, ...] = ()) -> str:
    columns = [column.name for place, column in enumerate(table.columns) if place not in without]
    names = ", ".join(f'"{name}"' for name in columns)
    marks = f"({', '.join(mark for _ in columns)})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([marks] * rows)}"  # noqa: S608 - names are ours


@cache
def _copy_sql(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    return f"COPY {table.name} ({names}) FROM STDIN"


@cache
def _update_sql(table: Table, columns: tuple[str, ...], key: tuple[str, ...], ws: int, mark: str) -> str:
    sets = ", ".join(f'"{name}" = {mark}' for name in columns)
    where = " AND ".join([f"ws = {int(ws)}", *(f'"{name}" = {mark}' for name in key)])
    return f"UPDATE {table.name} SET {sets} WHERE {where}"  # noqa: S608 - names are ours
