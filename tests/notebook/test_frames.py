"""Records as data frames."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _town import MONDAY, Town

from socialcrm.errors import SettingsError
from socialcrm.notebook import columns, frames, to_frame
from socialcrm.types import Case, Customer, Event, Interaction, Reply

BACKENDS = ("pandas", "polars", "pyarrow")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each library that is installed."""
    pytest.importorskip(request.param)
    return str(request.param)


def rows(frame: Any) -> list[dict[str, Any]]:
    """Return a frame's rows, whatever its library."""
    import narwhals as nw

    return list(nw.from_native(frame, eager_only=True).iter_rows(named=True))


def names(frame: Any) -> list[str]:
    """Return a frame's columns, whatever its library."""
    import narwhals as nw

    return list(nw.from_native(frame, eager_only=True).columns)


@pytest.mark.parametrize("kind", [Case, Customer, Event, Interaction, Reply])
def test_an_empty_frame_has_its_columns(backend: str, kind: type) -> None:
    """The columns depend on the kind of record, not on the data."""
    assert names(to_frame([], backend, kind=kind)) == list(columns(kind))


def test_a_frame_holds_what_the_records_hold(town: Town, backend: str) -> None:
    """Enums are strings, times are aware, what is missing is null, counts are numbers."""
    town.says("ada", "Wo ist mein Päckchen? 📦", at=3)
    (row,) = rows(town.crm.interactions().to_frame(backend))
    assert (row["text"], row["direction"], row["kind"], row["author"]) == (
        "Wo ist mein Päckchen? 📦",
        "inbound",
        "message",
        "Ada",
    )
    assert row["at"] == MONDAY + timedelta(minutes=3)
    assert row["at"].utcoffset() == timedelta(0)
    assert row["attachments"] == 0
    assert row["deleted_at"] is None or row["deleted_at"] != row["deleted_at"]  # null, which pandas calls NaT


def test_the_inbox_turns_into_a_frame_also_when_empty(town: Town, backend: str) -> None:
    """A list knows the kind of its records even when there are none."""
    assert names(town.crm.inbox().to_frame(backend)) == list(columns(Case))
    town.says("ada", at=0)
    (row,) = rows(town.crm.inbox().to_frame(backend))
    assert (row["customer_name"], row["channels"], row["waiting_since"]) == ("Ada", "mail", MONDAY)


def test_waits_are_durations(town: Town, backend: str) -> None:
    """A report has a column for each measure, and a wait is a span of time."""
    first = town.says("ada", at=0)
    town.we("Yes.", at=30, parent=first)
    (row,) = rows(town.crm.measures.report(by="channel").to_frame(backend))
    assert (row["part"], row["customers_helped"], row["first_response_median"]) == ("mail", 1, timedelta(minutes=30))


def test_a_report_over_nothing_is_a_frame_of_nulls(town: Town, backend: str) -> None:
    """Where there is no data yet there is no number."""
    (row,) = rows(town.crm.measures.report().to_frame(backend))
    assert row["backlog"] is None or row["backlog"] != row["backlog"]


def test_the_other_readings_turn_into_frames(town: Town, backend: str) -> None:
    """Map, paths, timeline, coverage, journey, waits and event log are tables too."""
    town.says("ada", at=0, channel="forum")
    town.says("ada", at=1)
    crm = town.crm
    journey = crm.journey(town.customer("Ada"))
    assert [row["channel"] for row in rows(crm.map().to_frame(backend))] == ["forum", "mail"]
    assert rows(to_frame(crm.map().paths, backend))[0]["target"] == "mail"
    assert len(rows(to_frame(crm.map().timeline, backend))) == 2
    assert [row["channel"] for row in rows(crm.coverage().to_frame(backend))] == ["forum", "mail"]
    assert len(rows(journey.to_frame(backend))) == 2
    assert rows(to_frame(journey.waits, backend))[0]["who"] == "customer"
    assert [row["concept:name"] for row in rows(crm.event_log().to_frame(backend))] == ["customer: message"] * 2


def test_a_large_set_comes_in_parts(town: Town, backend: str) -> None:
    """Frames of a stream hold at most so many rows, and together all."""
    for at in range(5):
        town.says("ada", at=at)
    assert [len(rows(part)) for part in frames(town.crm.stream(), 2, backend)] == [2, 2, 1]


def test_several_kinds_make_no_frame(town: Town) -> None:
    """A frame holds one kind of record."""
    town.says("ada", at=0)
    with pytest.raises(SettingsError, match="one kind"):
        to_frame([*town.crm.inbox(), *town.crm.interactions()])


def test_an_unknown_library_is_named(town: Town) -> None:
    """The error says which libraries there are."""
    with pytest.raises(SettingsError, match="pandas, polars, pyarrow"):
        to_frame(town.crm.inbox(), "excel")
