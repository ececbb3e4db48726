"""Times, pages, proofs and old exports."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Call, Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Interaction
from socialcrm_meta import check_version, export_batches, moment, node, parse_export, sign
from socialcrm_meta._archive import mended
from socialcrm_meta._graph import next_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "told", [1772452800, "1772452800", 1772452800123, "1772452800999", "2026-03-02T12:00:00+0000", "2026-03-02T13:00:00+01:00"]
)
def test_the_same_time_in_all_its_forms(told: Any) -> None:
    """Seconds, milliseconds and ISO times of one second are one moment."""
    assert moment(told) == NOON


@given(st.one_of(st.none(), st.booleans(), st.text(), st.integers(), st.floats(), st.lists(st.integers())))
def test_any_value_is_a_time_or_none(told: Any) -> None:
    """Whatever stands there, reading a time raises nothing."""
    found = moment(told)
    assert found is None or found.utcoffset() is not None


def test_a_next_link_leaves_its_token_behind() -> None:
    """Of a next link only what names the place is kept."""
    link = "https://graph.facebook.com/v26.0/1/feed?access_token=hush&after=abc&limit=25&until=5"
    assert next_of({"paging": {"next": link}}) == {"after": "abc", "until": "5"}
    assert next_of({"paging": {"next": link, "cursors": {"after": "xyz"}}}) == {"after": "xyz"}
    assert next_of({"paging": {"cursors": {"after": "xyz"}}}) == {}


def test_the_proof_is_the_keyed_digest_of_the_token() -> None:
    """appsecret_proof is HMAC-SHA256 of the token under the app secret; the token is in no address."""
    call = sign(Call("GET", "/x"), {"token": "t", "app_secret": "s"})
    assert call.params["appsecret_proof"] == "61f074c3fcd0a129debe8f2b1c6f66d8824d615cf8397cc192eb58a8b0367889"
    assert call.headers["Authorization"] == "Bearer t"
    assert "appsecret_proof" not in sign(Call("GET", "/x"), {"token": "t", "app_secret": "s"}, proof=False).params


def test_a_hostile_id_stays_one_segment() -> None:
    """An id can't reach another path."""
    assert node("v26.0", "../me?x=1") == "/v26.0/..%2Fme%3Fx%3D1"


@pytest.mark.parametrize("value", ["26", "v26", "latest", "v26.0/../x", ""])
def test_another_version_is_refused(value: str) -> None:
    """A version looks like v26.0."""
    with pytest.raises(ValueError, match=r"v26\.0"):
        check_version(value)


@given(st.text())
def test_texts_of_exports_are_mended(told: str) -> None:
    """What Meta escapes byte by byte comes back as it was written."""
    try:
        escaped = told.encode("utf-8").decode("latin-1")
    except UnicodeEncodeError:
        return
    assert mended(escaped) == told


def export(folder: Path, **threads: list[str]) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for thread, people in threads.items():
            said = [
                {"sender_name": who, "timestamp_ms": 1700000000000 + n, "content": f"{who} \u00c3\u00a4"}
                for n, who in enumerate(people)
            ]
            told = {"participants": [{"name": who} for who in people], "messages": said}
            archive.writestr(f"messages/inbox/{thread}/message_1.json", json.dumps(told))
    return path


def test_we_are_who_takes_part_everywhere(tmp_path: Path) -> None:
    """Without a name, the one in every exchange is us, and the others are told apart by exchange, not by name."""
    raws = [
        raw
        for batch in export_batches(export(tmp_path, a=["Mara", "Acme"], b=["Mara ", "Acme"]), account="1", name="")
        for raw in batch.raws
    ]
    items = [item for raw in raws for item in parse_export(raw)]
    assert isinstance(items[0], Account)
    assert items[0].name == "Acme"
    told = [item for item in items if isinstance(item, Interaction)]
    assert {item.author.id for item in told if item.direction is Direction.INBOUND} == {"export:a", "export:b"}
    assert {item.author.id for item in told if item.direction is Direction.OUTBOUND} == {"1"}
    assert told[0].text == "Mara ä"


def test_who_we_are_must_be_told_where_it_is_open(tmp_path: Path) -> None:
    """One exchange alone does not say who is us; the error says which setting does."""
    with pytest.raises(PayloadError, match="archive_name"):
        list(export_batches(export(tmp_path, a=["Mara", "Acme"]), account="", name=""))


def test_an_element_without_a_time_is_told() -> None:
    """A message of an export without a time raises PayloadError."""
    with pytest.raises(PayloadError):
        list(parse_export(Raw("export_message", {"content": "x"}, {"thread": "a"})))
