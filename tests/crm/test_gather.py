"""An archive's batches are joined before they are made durable. All people are invented."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import socialcrm
from socialcrm import CRM
from socialcrm.connectors import Batch, Capabilities, Connector, ConnectorInfo, NoSettings, PluginManager, Raw, hookimpl
from socialcrm.crm import Progress
from socialcrm.crm._gather import gathered, weight_of
from socialcrm.errors import PayloadError
from socialcrm.types import Identity, Interaction, Item

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BODIES = st.text(max_size=20) | st.binary(max_size=20) | st.lists(st.integers(), max_size=3)
BATCHES = st.lists(
    st.builds(
        Batch,
        st.lists(st.builds(Raw, st.sampled_from(["post", "mail"]), BODIES), max_size=6),
        st.dictionaries(st.sampled_from("abc"), st.none() | st.text(max_size=2), max_size=2),
        stream=st.sampled_from(["", "posts"]),
        account=st.sampled_from(["", "us"]),
    ),
    max_size=12,
)


class Broken(Connector[NoSettings]):
    """Its archive holds one element in each batch, and ends in the middle if it is told so."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(platform="broken", capabilities=Capabilities(archive=True))
    gc_seen: ClassVar[list[bool]] = []

    def load(self, path: Path) -> Iterator[Batch]:
        for line in path.read_text().splitlines():
            if line == "torn":
                raise PayloadError("the archive ends in the middle of an element")
            yield Batch([Raw("post", line)])

    def parse(self, raw: Raw) -> Iterable[Item]:
        self.gc_seen.append(gc.isenabled())
        yield Interaction(id=raw.body, at=NOON, author=Identity(id="mara"), text=f"Hello {raw.body}")


class _Plugin:
    @hookimpl
    def socialcrm_connectors(self) -> list[type[Connector[NoSettings]]]:
        return [Broken]


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[CRM]:
    plugins = PluginManager()
    plugins.register(_Plugin(), "broken")
    Broken.gc_seen.clear()
    with socialcrm.open(f"sqlite:///{tmp_path}/crm.db", plugins=plugins) as opened:
        yield opened


@given(batches=BATCHES, most=st.integers(1, 12), heaviest=st.integers(1, 120))
def test_joined_batches_bring_the_same_in_the_same_order(batches: list[Batch], most: int, heaviest: int) -> None:
    joined = [batch for batch, _ in gathered(batches, most=most, heaviest=heaviest)]
    assert list(chain.from_iterable(one.raws for one in joined)) == list(chain.from_iterable(one.raws for one in batches))
    for stream in ("", "posts"):
        for account in ("", "us"):
            before, after = dict[str, str | None](), dict[str, str | None]()
            for into, some in ((before, batches), (after, joined)):
                for one in some:
                    if (one.stream, one.account) == (stream, account):
                        into.update(one.cursor)
            assert before == after


@given(batches=BATCHES, most=st.integers(1, 12), heaviest=st.integers(1, 120))
def test_a_joined_batch_is_no_larger_than_it_may_be(batches: list[Batch], most: int, heaviest: int) -> None:
    as_they_came = [one.raws for one in batches]
    for batch, weight in gathered(batches, most=most, heaviest=heaviest):
        assert weight == sum(map(weight_of, batch.raws))
        assert (len(batch.raws) <= most and weight <= heaviest) or batch.raws in as_they_came


def test_batches_are_read_as_they_are_needed() -> None:
    read = []

    def reader() -> Iterator[Batch]:
        for number in range(100):
            read.append(number)
            yield Batch([Raw("post", str(number))])

    next(gathered(reader(), most=5))
    assert read == [0, 1, 2, 3, 4, 5]


def test_a_long_archive_takes_few_transactions(crm: CRM, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_text("\n".join(f"p{number}" for number in range(600)))
    seen: list[Progress] = []
    report = crm.load(archive, platform="broken", channel="one", progress=seen.append)
    assert (report.new, report.batches, len(seen)) == (600, 1, 1)


def test_what_was_read_before_an_archive_ends_in_the_middle_is_kept(crm: CRM, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_text("p1\np2\np3\ntorn\np4")
    with pytest.raises(PayloadError, match="ends in the middle") as caught:
        crm.load(archive, platform="broken", channel="one")
    assert any("what was loaded before stays" in note for note in caught.value.__notes__)
    assert {one.id for one in crm.interactions()} == {"p1", "p2", "p3"}


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(
    crm: CRM, tmp_path: Path, enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    archive.write_text("p1")
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        crm.load(archive, platform="broken", channel="one")
        assert gc.isenabled() is enabled
        assert Broken.gc_seen == [False]
        monkeypatch.setattr("socialcrm.ingest.append", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            crm.load(archive, platform="broken", channel="one")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
