"""The laws of the inbound corridor, over whole corridors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialcrm.cases import DEFAULT, differences
from socialcrm.connectors import Batch
from socialcrm.crm._accounts import find_channel
from socialcrm.crm.inbound import absorb
from socialcrm.store import Store

sys.path.insert(0, str(Path(__file__).parent))
from _histories import Plain, histories, play, state

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(history=histories(), data=st.data())
def test_order_and_repetition_change_nothing(history: list[tuple[str, Any]], data: st.DataObject) -> None:
    """Shuffled and repeated delivery, in batches of any size, ends in the same threads, customers and cases."""
    ordered, shuffled = Store.open("sqlite:///:memory:"), Store.open("sqlite:///:memory:")
    play(ordered, history)
    again = data.draw(st.lists(st.sampled_from(history), max_size=5), label="repeated")
    order = data.draw(st.permutations([*history, *again]), label="order")
    sizes = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4), label="sizes")
    play(shuffled, order, sizes)
    assert state(shuffled) == state(ordered)
    for store in (ordered, shuffled):
        store.close()


@SLOW
@given(history=histories(), data=st.data())
def test_the_log_tells_the_table(history: list[tuple[str, Any]], data: st.DataObject) -> None:
    """Folding the event log from empty gives the rows of the table of cases."""
    store = Store.open("sqlite:///:memory:")
    play(store, data.draw(st.permutations(history)), (3,))
    with store.read() as tx:
        assert differences(tx) == []
    store.close()


@SLOW
@given(history=histories())
def test_delivering_everything_again_writes_nothing(history: list[tuple[str, Any]]) -> None:
    """A second delivery of the same elements leaves every case and its version as they were."""
    store = Store.open("sqlite:///:memory:")
    play(store, history)
    with store.read() as tx:
        before = tx.connection.exec_driver_sql("SELECT * FROM cases ORDER BY id").fetchall()
    for name in ("forum", "mail"):
        with store.read() as tx:
            channel = find_channel(tx, name)
        assert channel is not None
        part = Batch([raw for channel_name, raw in history if channel_name == name])
        absorb(store, channel, Plain(object()), part, stream="all", playbook=DEFAULT, now=0)
    with store.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT * FROM cases ORDER BY id").fetchall() == before
    store.close()
