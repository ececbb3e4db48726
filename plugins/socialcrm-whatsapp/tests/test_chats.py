"""Exported chats, in the ways that phones write them. Everybody in them is invented."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Interaction, Kind, Visibility
from socialcrm_whatsapp import WhatsAppConnector, WhatsAppSettings
from socialcrm_whatsapp._dates import order_of, read_head


def load(path: Path, **told: Any) -> list[Any]:
    """Return the items of an export."""
    connector = WhatsAppConnector(WhatsAppSettings(**told))
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def chat(folder: Path, *lines: str, name: str = "WhatsApp Chat with Mara.txt") -> Path:
    """Write an export."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("head", "clock"),
    [
        ("[31.12.26, 23:59:58] ", (23, 59, 58)),
        ("\u200e[31/12/2026, 11:59:58\u202fPM] ", (23, 59, 58)),
        ("31/12/2026, 11:59 pm - ", (23, 59, 0)),
        ("31/12/26 23:59 - ", (23, 59, 0)),
        ("31.12.26, 12:05 a. m. - ", (0, 5, 0)),
        ("2026-12-31 23:59 - ", (23, 59, 0)),
        ("2026/12/31 下午11:59 - ", (23, 59, 0)),
        ("[2026. 12. 31. 오후 11:59:58] ", (23, 59, 58)),
        ("[31.12.2026 klo 23.59.58] ", (23, 59, 58)),
        ("٣١\u200f/١٢\u200f/٢٠٢٦، ١١:٥٩ م - ", (23, 59, 0)),
        ("31/12/16, 11:59:58 PM: ", (23, 59, 58)),
        ("[23:59:58, 31/12/26] ", (23, 59, 58)),
    ],
)
def test_heads_of_many_phones_are_read(head: str, clock: tuple[int, int, int]) -> None:
    """Brackets, dashes, marks of direction, halves of the day and digits of other scripts are known."""
    found = read_head(head + "Mara: Hi")
    assert found is not None
    assert (found.clock, found.rest.endswith("Mara: Hi")) == (clock, True)


@pytest.mark.parametrize("line", ["", "Hello", "1/2 of it - really: yes", "[not a date] Mara: Hi", "25:70, 1/1/26 - Mara: Hi"])
def test_other_lines_begin_nothing(line: str) -> None:
    """What only looks a little like a head goes on with the message before."""
    assert read_head(line) is None


def test_an_export_tells_who_said_what(tmp_path: Path) -> None:
    """Both sides, several lines, files and the app's own words are told apart."""
    path = chat(
        tmp_path,
        "31/12/2026, 23:58 - Messages and calls are end-to-end encrypted.",
        "31/12/2026, 23:59 - Mara: My line is slow",
        "since Monday: all day",
        "01/01/2027, 08:00 - Acme: We look into it <This message was edited>",
        "01/01/2027, 08:01 - Mara: <Media omitted>",
        "01/01/2027, 08:02 - Mara: \u200eIMG-20270101-WA0001.jpg (file attached)",
        "the router",
    )
    account, first, second, third, fourth = load(path, timezone="Europe/Berlin")
    assert isinstance(account, Account)
    assert account.name == "Acme"
    assert (first.text, first.at) == ("My line is slow\nsince Monday: all day", datetime(2026, 12, 31, 22, 59, tzinfo=UTC))
    assert (second.direction, second.text, second.extra) == (Direction.OUTBOUND, "We look into it", {"edited": True})
    assert (third.kind, first.visibility) == (Kind.OTHER, Visibility.PRIVATE)
    assert (fourth.text, fourth.attachments[0].name) == ("the router", "IMG-20270101-WA0001.jpg")
    assert len({item.conversation for item in (first, second, third, fourth)}) == 1


def test_a_zip_of_an_iphone_is_read(tmp_path: Path) -> None:
    """The chat lies in the zip as _chat.txt, and the zip's name tells with whom."""
    path = tmp_path / "WhatsApp Chat - Mara.zip"
    lines = (
        "[31.12.26, 09:00:00] Mara: \u200eMessages and calls are end-to-end encrypted.",
        "[31.12.26, 09:00:01] Mara: Hi",
        "\u200e[31.12.26, 09:00:02] Mara: \u200e<attached: 00000002-PHOTO-2026-12-31-09-00-02.jpg>",
        "[31.12.26, 09:00:03] ~\u202fAcme: Hello",
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", "\r\n".join(lines))
    said = [item for item in load(path) if isinstance(item, Interaction) and item.kind is Kind.MESSAGE]
    assert [(one.author.name, one.text, len(one.attachments)) for one in said] == [
        ("Mara", "Hi", 0),
        ("Mara", "", 1),
        ("Acme", "Hello", 0),
    ]
    assert said[2].direction is Direction.OUTBOUND


def test_a_pasted_chat_stays_in_its_message(tmp_path: Path) -> None:
    """Lines in another phone's style are part of what was said."""
    path = chat(tmp_path, "31/12/2026, 23:59 - Mara: He wrote", "[30.12.26, 10:00:00] Ivo: No", "31/12/2026, 23:59 - Acme: Oh")
    assert [item.text for item in load(path)[1:]] == ["He wrote\n[30.12.26, 10:00:00] Ivo: No", "Oh"]


def test_a_group_has_a_limited_audience_and_needs_our_name(tmp_path: Path) -> None:
    """With three people the file's name does not tell who we are."""
    lines = [f"31/12/2026, 23:5{n} - {name}: Hi" for n, name in enumerate(("Mara", "Acme", "Ivo"))]
    path = chat(tmp_path, *lines, name="WhatsApp Chat with Garden.txt")
    with pytest.raises(PayloadError, match="archive_name"):
        load(path)
    said = load(path, archive_name="Acme")[1:]
    assert {item.visibility for item in said} == {Visibility.LIMITED}
    assert len({item.author.id for item in said}) == 3


def test_open_dates_are_asked_for(tmp_path: Path) -> None:
    """One day that could be two is not guessed."""
    path = chat(tmp_path, "03/04/2026, 10:00 - Mara: Hi", "03/04/2026, 10:01 - Acme: Hello")
    with pytest.raises(PayloadError, match="archive_dates"):
        load(path)
    assert load(path, archive_dates="dmy")[1].at.month == 4
    assert load(path, archive_dates="mdy")[1].at.month == 3


def test_equal_lines_are_two(tmp_path: Path) -> None:
    """Who says the same twice within a minute said it twice."""
    said = load(chat(tmp_path, *["31/12/2026, 23:59 - Mara: Hi"] * 2))
    assert len({item.id for item in said if isinstance(item, Interaction)}) == 2


@given(
    start=st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),
    steps=st.lists(st.integers(0, 9), min_size=10, max_size=40).filter(lambda steps: sum(steps) > 45),
    order=st.sampled_from(["dmy", "mdy"]),
)
def test_the_order_of_dates_is_told_by_the_whole_file(start: datetime, steps: list[int], order: str) -> None:
    """A chat of some weeks tells whether its days or its months come first."""
    days = [start := start + timedelta(days=step) for step in steps]
    dates = [(day.day, day.month, day.year) if order == "dmy" else (day.month, day.day, day.year) for day in days]
    numbers = {number for first, second, _ in dates for number in (first, second)}
    if max(numbers) > 12:
        assert order_of(dates, "/", "") == order
