"""Names of the AT protocol. Every name is invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm_bluesky._ids import Address, address, instant, is_did, is_handle, is_record_key, is_tid, tid, tid_for

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@given(st.integers(0, 2**53 - 1), st.integers(0, 1023))
def test_every_tid_is_one(micros: int, clock: int) -> None:
    """Whatever the time and the clock, the key is a valid TID and so a valid record key."""
    made = tid(micros, clock)
    assert is_tid(made)
    assert is_record_key(made)


@given(st.integers(0, 2**53 - 2), st.integers(0, 1023))
def test_tids_sort_by_time(micros: int, clock: int) -> None:
    """A later microsecond gives a later text, whatever the clock."""
    assert tid(micros, clock) < tid(micros + 1, 0) or clock == 1023


@given(st.text(), st.none() | st.datetimes(datetime(2023, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_seed_has_one_tid(seed: str, at: datetime | None) -> None:
    """The same reply always gives the same key."""
    assert tid_for(seed, at) == tid_for(seed, at)
    assert is_tid(tid_for(seed, at))


def test_seeds_of_one_moment_differ() -> None:
    """A thousand replies queued in the same millisecond have a thousand keys, but for a rare chance."""
    assert len({tid_for(f"o{number}/0", NOON) for number in range(100)}) == 100


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("at://did:plc:abc/app.bsky.feed.post/3k2", Address("did:plc:abc", "app.bsky.feed.post", "3k2")),
        ("at://mara.example.org", Address("mara.example.org")),
        ("at://did:plc:abc/post/3k2", None),
        ("at://did:plc:abc/app.bsky.feed.post/..", None),
        ("https://bsky.app/profile/x", None),
        ("", None),
    ],
)
def test_addresses(text: str, read: Address | None) -> None:
    """An AT URI is read into its parts, and nothing else is one."""
    assert address(text) == read


def test_names() -> None:
    """DIDs and handles are told apart."""
    assert is_did("did:web:example.com")
    assert not is_did("mara.example.org")
    assert is_handle("mara.example.org")
    assert not is_handle("mara")
    assert not is_handle("-mara.example.org")


@pytest.mark.parametrize("text", ["2026-10-05T12:00:00Z", "2026-10-05T14:00:00.000000000+02:00", "2026-10-05T12:00:00.0Z"])
def test_times(text: str) -> None:
    """All these are noon."""
    assert instant(text) == NOON


@pytest.mark.parametrize(
    "text", ["2026-10-05", "2026-10-05T12:00:00", "2026-10-05 12:00:00Z", "2026-10-05T12:00:00-00:00", "x"]
)
def test_no_times(text: str) -> None:
    """A time without an offset, or with an unknown one, is none."""
    assert instant(text) is None
