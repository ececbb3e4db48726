"""Which parts of a reply stand, and which are to leave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from socialcrm.outbox._parts import gap, left, rows, until

PLACES = st.integers(1, 8).flatmap(lambda count: st.tuples(st.just(count), st.frozensets(st.integers(0, count - 1))))


def cursor_of(places: frozenset[int]) -> dict[str, str]:
    return {"media:0": "m", **{f"part:{place}": str(place) for place in places}}


@given(PLACES)
def test_a_gap_is_what_is_missing_first(drawn: tuple[int, frozenset[int]]) -> None:
    """Everything before it stands, nothing in it does, and what follows it stands (or nothing follows)."""
    count, there = drawn
    first, end = gap(cursor_of(there), count)
    assert all(place in there for place in range(first))
    assert not any(place in there for place in range(first, end))
    assert end == count or end in there
    assert (first == count) == (len(there) == count)


@given(PLACES)
def test_filling_gap_after_gap_sends_what_is_missing_once_and_in_order(drawn: tuple[int, frozenset[int]]) -> None:
    """No part that stands is ever part of a gap, and in the end none is missing."""
    count, there = drawn
    cursor, sent = cursor_of(there), []
    while left(cursor) < count:
        first, end = gap(cursor, count)
        shown = until(cursor, first)
        assert left(shown) == first
        assert shown["media:0"] == "m"
        sent += range(first, end)
        cursor |= {f"part:{place}": "new" for place in range(first, end)}
    assert sent == sorted(set(range(count)) - there)
    assert gap(cursor, count) == (count, count)


def test_one_id_may_stand_for_several_parts() -> None:
    """A platform that made one message of all parts has delivered all of them."""
    assert rows(["a"], 3) == {"part:0": "a", "part:1": "a", "part:2": "a"}
    assert rows(["a", "b"], 3) == {"part:0": "a", "part:1": "b", "part:2": "b"}
    assert rows([], 2) == {"part:0": "", "part:1": ""}
