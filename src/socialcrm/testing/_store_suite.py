"""The contract of stores: what is committed stays, what is not never was."""

# ruff: noqa: S101 - a suite asserts

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from socialcrm.connectors import Raw
from socialcrm.crm import CRM
from socialcrm.errors import SchemaError
from socialcrm.ingest import append, read
from socialcrm.store import HEAD, Lease, Store, Tx, find, held, number, ref, tables
from socialcrm.store import catch_up as index
from socialcrm.testing._fake_scenario import populated
from socialcrm.testing._state import State, compare

__all__ = ["StoreSuite"]

_CUSTOMERS = tables.customers
_LATER = timedelta(hours=3)


class _Failure(Exception):
    """Something went wrong in the middle."""


class StoreSuite:
    """Subclass it and return the address of an empty, migrated database from the fixture ``url``."""

    @pytest.fixture
    def url(self) -> str:
        """Return the database's address; override it."""
        raise NotImplementedError("override the fixture 'url': return the address of an empty, migrated database")

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        """The store under test."""
        opened = Store.open(url)
        yield opened
        opened.close()

    def test_what_is_committed_survives_reopening(self, store: Store, url: str) -> None:
        """A block that ended well is there for whoever opens the database next."""
        with store.write() as tx:
            tx.insert(_CUSTOMERS, [(tx.ws, 1, "Mara Invented", None, None)])
        store.close()
        again = Store.open(url)
        with again.read() as tx:
            assert _names(tx) == ["Mara Invented"]
        again.close()

    def test_a_block_that_raises_leaves_nothing(self, store: Store) -> None:
        """All of a transaction is there or none of it."""
        with pytest.raises(_Failure), store.write() as tx:  # noqa: PT012 - the block is what is tested
            tx.insert(_CUSTOMERS, [(tx.ws, key, "", None, None) for key in range(1, 50)])
            tx.update(_CUSTOMERS, ("name",), [("changed", 1)])
            raise _Failure
        with store.read() as tx:
            assert _names(tx) == []

    def test_workspaces_see_nothing_of_each_other(self, store: Store, url: str) -> None:
        """The same keys hold different rows in two workspaces."""
        other = Store.open(url, "another client")
        for one, name in ((store, "Mara"), (other, "Omar")):
            with one.write() as tx:
                key = tx.allocate(_CUSTOMERS)
                tx.insert(_CUSTOMERS, [(tx.ws, key, name, None, None)])
        for one, name in ((store, "Mara"), (other, "Omar")):
            with one.read() as tx:
                assert _names(tx) == [name]
        other.close()

    def test_writers_take_turns(self, store: Store) -> None:
        """Eight threads that allocate keys at once get each key once."""

        def work(_number: int) -> int:
            with store.write() as tx:
                key = tx.allocate(_CUSTOMERS)
                tx.insert(_CUSTOMERS, [(tx.ws, key, "", None, None)])
                return key

        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(work, range(40)))
        assert sorted(keys) == list(range(min(keys), min(keys) + 40))

    def test_rows_that_are_there_stay_as_they_are(self, store: Store) -> None:
        """`insert_new` adds what is missing only."""
        with store.write() as tx:
            tx.insert_new(tables.cursors, [(tx.ws, 1, "s", "k", "old")])
            tx.insert_new(tables.cursors, [(tx.ws, 1, "s", "k", "new"), (tx.ws, 1, "s", "l", "new")])
            rows = tx.rows(select(tables.cursors.c.key, tables.cursors.c.value).where(tables.cursors.c.ws == tx.ws))
        assert sorted(map(tuple, rows)) == [("k", "old"), ("l", "new")]

    def test_sets_of_any_size_are_looked_up_at_once(self, store: Store) -> None:
        """A set of thousands is one parameter."""
        with store.write() as tx:
            tx.insert(_CUSTOMERS, [(tx.ws, key, f"n{key}", None, None) for key in range(1, 101)])
            statement = select(_CUSTOMERS.c.id).where(_CUSTOMERS.c.ws == tx.ws, tx.sets.among(_CUSTOMERS.c.id, "keys"))
            assert len(tx.rows(statement, keys=set(range(50, 40_000)))) == 51
            assert tx.rows(statement, keys=set()) == []

    def test_elements_come_back_as_they_were(self, store: Store) -> None:
        """The journal keeps JSON, text and bytes without loss, odd characters too."""
        raws = (Raw("a", {"n": [1, None, "ünï ☃ \x00 \ud83d"]}), Raw("b", b"\xff\x00"), Raw("c", "text", {"room": "1"}))
        with store.write() as tx:
            key = append(tx, 1, "s", raws, 1) or 0
        with store.read() as tx:
            assert tuple(read(tx, key, place) for place in range(3)) == raws

    def test_short_ids_lead_back(self) -> None:
        """What people see of a key is the key."""
        assert number("case", ref("case", 41)) == 41

    def test_a_lease_ends_with_its_holder(self) -> None:
        """A claim holds within its block only."""
        with Lease() as lease:
            assert held(lease.name, 0, 0)
        assert not held(lease.name, 0, 0)

    def test_a_newer_schema_is_refused(self, store: Store, url: str) -> None:
        """An older library leaves a newer database alone."""
        with store.write() as tx:
            tx.connection.exec_driver_sql("UPDATE socialcrm_version SET version_num = '9999'")
        with pytest.raises(SchemaError):
            Store.open(url)
        with store.write() as tx:
            tx.connection.exec_driver_sql(f"UPDATE socialcrm_version SET version_num = '{HEAD}'")  # noqa: S608 - ours

    def test_it_holds_what_the_embedded_database_holds(self, url: str) -> None:
        """A history with edits, deletions and a reply ends in the same state as on SQLite."""
        found, expected = self._history(url), self._history("sqlite:///:memory:")
        assert compare(expected, found, without=frozenset({"outbox"})) == ""

    def test_words_are_found(self, url: str) -> None:
        """The full-text index follows what is written and edited."""
        fake = populated()
        crm = fake.crm(url)
        crm.sync()
        fake.edit(fake.posts[0], "My modem is broken")
        fake.now += _LATER
        crm.sync()
        with crm.store.write() as tx:
            index(tx)
            assert len(find(tx, "modem", limit=9)) == 1
            assert find(tx, "router", limit=9) == []
        _close(crm)

    def _history(self, url: str) -> State:
        fake = populated()
        crm = fake.crm(url)
        crm.sync()
        crm.reply(crm.inbox()[0], "We look into it", by="tests", anyway=True)
        crm.flush()
        fake.edit(fake.posts[1], "It is the blue one")
        fake.delete(fake.posts[3])
        fake.now += _LATER
        crm.sync()
        state = State.of(crm)
        _close(crm)
        return state


def _names(tx: Tx) -> list[str]:
    return [row.name for row in tx.rows(select(_CUSTOMERS.c.name).where(_CUSTOMERS.c.ws == tx.ws))]


def _close(crm: CRM) -> None:
    crm.close()
    if crm.client is not None:
        crm.client.close()
