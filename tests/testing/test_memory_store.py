"""A database in memory has one connection, and is used like any other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from socialcrm.store import Store, tables


def test_a_read_within_a_transaction_sees_its_state() -> None:
    """A reader inside a writer of the same thread shares its transaction."""
    store = Store.open("sqlite:///:memory:")
    with store.write() as tx:
        tx.insert(tables.customers, [(tx.ws, 1, "Mara", None, None)])
        with store.read() as inner:
            assert inner.value(select(tables.customers.c.name)) == "Mara"
    store.close()


def test_threads_take_turns() -> None:
    """Eight threads that read and write at once disturb nobody."""
    store = Store.open("sqlite:///:memory:")

    def work(number: int) -> int:
        with store.write() as tx:
            tx.insert(tables.customers, [(tx.ws, number, "", None, None)])
        with store.read() as tx:
            return len(tx.rows(select(tables.customers.c.id)))

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(work, range(1, 65))) == 64
    store.close()


def test_a_failed_transaction_leaves_nothing_shared() -> None:
    """After a block that raised, the next one begins anew."""
    store = Store.open("sqlite:///:memory:")
    try:
        with store.write() as tx:
            tx.insert(tables.customers, [(tx.ws, 1, "", None, None)])
            raise KeyError
    except KeyError:
        pass
    with store.read() as tx:
        assert tx.rows(select(tables.customers.c.id)) == []
    store.close()
