"""The store: transactions, workspaces, schema versions, errors, search."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select

from socialcrm.errors import NotFound, SchemaError, SettingsError, StoreError
from socialcrm.store import HEAD, Lease, Store, held, number, ref, tables


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A place for a database."""
    return str(tmp_path / "a.db")


def names(store: Store) -> list[str]:
    """Return the names of the customers of a workspace."""
    with store.read() as tx:
        return [row.name for row in tx.rows(select(tables.customers.c.name).where(tables.customers.c.ws == tx.ws))]


def add(store: Store, name: str) -> None:
    """Add a customer."""
    with store.write() as tx:
        tx.insert(tables.customers, [(tx.ws, tx.allocate(tables.customers), name, None, None)])


def test_a_block_that_raises_leaves_nothing_behind(path: str) -> None:
    """A writing transaction commits when its block ends, and not when it raises."""
    store = Store.open(path)
    add(store, "kept")

    def interrupted() -> None:
        with store.write() as tx:
            tx.insert(tables.customers, [(tx.ws, tx.allocate(tables.customers), "lost", None, None)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert names(store) == ["kept"]


@given(
    count=st.integers(0, 620),
    empty=st.sets(st.sampled_from(["merged", "last_case"])),
    gaps=st.lists(st.tuples(st.integers(0, 619), st.sampled_from([3, 4])), max_size=4),
)
@settings(max_examples=25, deadline=None)
def test_many_rows_are_what_they_were_one_by_one(count: int, empty: set[str], gaps: list[tuple[int, int]]) -> None:
    """However many rows are added at once, and wherever there is nothing in them, each is read back as it was given."""
    rows = [
        [1, number, f"n{number}", *(None if one in empty else number for one in ("merged", "last_case"))]
        for number in range(count)
    ]
    for place, column in gaps:
        if place < count:
            rows[place][column] = None if rows[place][column] is not None else 7
    given_rows = [tuple(row) for row in rows]
    store = Store.open("sqlite://")
    with store.write() as tx:
        tx.insert(tables.customers, given_rows)
        found = [tuple(row) for row in tx.rows(select(tables.customers).order_by(tables.customers.c.id))]
    store.close()
    assert found == given_rows


def test_what_the_driver_itself_refuses_is_told(path: str) -> None:
    """Rows go to the driver without SQLAlchemy between; its errors are ours all the same, and nothing is left of the rows."""
    store = Store.open(path)
    rows = [(store.ws, number, "twice", None, None) for number in (*range(300), 7)]
    with pytest.raises(StoreError, match="refused"), store.write() as tx:
        tx.insert(tables.customers, rows)
    assert names(store) == []


def test_workspaces_see_nothing_of_each_other(path: str) -> None:
    """Two workspaces of one database hold different customers."""
    one, two = Store.open(path, "one"), Store.open(path, "two")
    add(one, "ada")
    add(two, "bo")
    assert (names(one), names(two)) == (["ada"], ["bo"])
    assert Store.open(path, "one").ws == one.ws


def test_the_frozen_schema_is_what_the_tables_say(path: str) -> None:
    """A new database has every table, column and index of the metadata."""
    found = inspect(Store.open(path).engine)
    for table in tables.metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys()), table.name
        indexes = {index["name"] for index in found.get_indexes(table.name)}
        assert {str(index.name) for index in table.indexes} <= indexes, table.name


def test_opening_an_existing_database_imports_no_alembic(path: str) -> None:
    """Alembic is loaded only when there is something to migrate."""
    Store.open(path).close()
    code = f"import sys; from socialcrm.store import Store; Store.open({path!r}); assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_newer_database_is_refused_and_left_alone(path: str) -> None:
    """A schema version that we don't know is refused with the advice to upgrade."""
    store = Store.open(path)
    with store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE socialcrm_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="upgrade socialcrm"):
        Store.open(path)
    with store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT version_num FROM socialcrm_version").scalar() == "9999" != HEAD


def test_a_foreign_database_is_not_touched(tmp_path: Path) -> None:
    """A SQLite file with other tables is refused, and stays as it is."""
    import sqlite3

    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(SchemaError, match="recipes"):
        Store.open(str(path))


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    """A file of another kind gives a typed error that names it."""
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(str(path))


def test_a_folder_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    """A path without its folder gives a typed error with what to check."""
    with pytest.raises(StoreError, match="can't be opened"):
        Store.open(str(tmp_path / "nowhere" / "a.db"))


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql+nonsense://x", "://"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    """Only the two databases that we know are accepted."""
    with pytest.raises((SettingsError, StoreError)):
        Store.open(url)


def test_writers_take_turns(path: str) -> None:
    """Eight threads that allocate ids at once never get the same."""
    store = Store.open(path)
    threads = [threading.Thread(target=add, args=(store, f"n{index}")) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(store)) == sorted(f"n{index}" for index in range(8))


def test_a_lease_of_a_process_that_is_gone_is_free() -> None:
    """A lease counts while its holder lives: a finished block or a dead process frees it."""
    with Lease() as lease:
        assert held(lease.name, 0, 1)
    assert not held(lease.name, 0, 1)
    host = lease.name.rsplit(":", 2)[0]
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    assert not held(f"{host}:{gone.stdout.strip()}:abc", 0, 1)
    assert held("elsewhere:1:abc", 0, 1)
    assert not held("elsewhere:1:abc", 0, 11 * 60 * 1_000_000)


def test_short_ids_go_both_ways() -> None:
    """A short id leads back to its key, and nothing else is taken for one."""
    assert number("case", ref("case", 12)) == 12
    for wrong in ("12", "u12", "c", "c-1", "c1x", "c١", "c" + "9" * 40):
        with pytest.raises(NotFound):
            number("case", wrong)
