"""Exports of Telegram Desktop. Everybody in them is invented."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Kind, Visibility
from socialcrm_telegram import TelegramConnector, TelegramSettings
from socialcrm_telegram._archive import _Mended

FIRST = {"id": 1, "type": "message", "date": "2026-10-05T10:00:00", "date_unixtime": "1791190800", "from": "Mara"}
FIRST |= {"from_id": "user5001", "text": "Hello", "text_entities": []}


def chat(*messages: dict[str, Any], kind: str = "private_supergroup", number: int = 1000000001) -> dict[str, Any]:
    """An exported chat."""
    return {"name": "Help", "type": kind, "id": number, "messages": list(messages)}


def items(path: Path, content: Any, **settings: Any) -> list[Any]:
    """Load an export and parse it."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    connector = TelegramConnector(TelegramSettings(**settings))
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the export lies."""
    return tmp_path / "result.json"


@pytest.mark.parametrize(
    ("kind", "scope", "visibility"),
    [
        ("private_supergroup", "-1001000000001", Visibility.LIMITED),
        ("public_supergroup", "-1001000000001", Visibility.PUBLIC),
        ("public_channel", "-1001000000001", Visibility.PUBLIC),
        ("private_group", "-1000000001#export", Visibility.LIMITED),
        ("personal_chat", "1000000001#export", Visibility.PRIVATE),
    ],
)
def test_an_archive_meets_what_the_bot_saw(path: Path, kind: str, scope: str, visibility: Visibility) -> None:
    """Supergroups and channels have the ids that bots know; numbers that are the exporting person's own stay apart."""
    (item,) = items(path, chat(FIRST, kind=kind))
    assert (item.id, item.scope, item.visibility, item.author.id) == ("1", scope, visibility, "5001")
    if "#" not in scope:
        live = {"message_id": 1, "chat": {"id": int(scope), "type": "supergroup"}, "from": {"id": 5001}, "date": 1791190800}
        (seen,) = TelegramConnector(TelegramSettings()).parse(
            Raw("update", {"update_id": 1, "message": {**live, "text": "Hello"}})
        )
        assert (seen.id, seen.scope, seen.conversation, seen.at) == (item.id, item.scope, item.conversation, item.at)


def test_a_full_export_says_whose_it_is(path: Path) -> None:
    """Our account comes first, without its telephone number; chats that were left are read too."""
    me = {"user_id": 7, "first_name": "Ana", "phone_number": "+1 555 0100", "username": "@ana_example"}
    whole = {
        "about": "",
        "personal_information": me,
        "chats": {"about": "", "list": [chat(FIRST), chat({**FIRST, "id": 2}, number=1000000002)]},
        "left_chats": {"about": "", "list": [chat({**FIRST, "id": 3}, number=1000000003)]},
    }
    account, *rest = items(path, whole)
    assert account == Account(id="7", name="Ana", handle="@ana_example", url="https://t.me/ana_example")
    assert [item.scope for item in rest] == ["-1001000000001", "-1001000000002", "-1001000000003"]
    assert b"555" not in repr([batch.raws for batch in TelegramConnector(TelegramSettings()).load(path)]).encode()


def test_in_a_private_chat_the_other_side_is_the_exporting_person(path: Path) -> None:
    """What the customer did not write is ours."""
    theirs, ours = items(path, chat(FIRST, {**FIRST, "id": 2, "from_id": "user7"}, kind="personal_chat", number=5001))
    assert (theirs.direction, ours.direction) == (Direction.INBOUND, Direction.OUTBOUND)


def test_colleagues_are_ours(path: Path) -> None:
    """The export of one group does not say whose it is; the settings do."""
    account, item = items(path, chat(FIRST), colleagues=("5001",))
    assert (account.id, item.direction) == ("5001", Direction.OUTBOUND)


def test_formatted_text_edits_and_answers(path: Path) -> None:
    """Pieces become one text, addresses stay, an edit has its time."""
    text = ["See ", {"type": "text_link", "text": "here", "href": "https://example.org/a"}, {"type": "bold", "text": "!"}]
    told = {**FIRST, "id": 2, "text": text, "edited_unixtime": "1791190900", "reply_to_message_id": 1, "via_bot": "@x"}
    (item,) = items(path, chat(told))
    assert (item.text, item.parent) == ("See here (https://example.org/a)!", "1")
    assert item.edited_at == datetime.fromtimestamp(1791190900, UTC)
    (other,) = items(path, chat({**told, "reply_to_peer_id": "channel9"}))
    assert other.parent is None


def test_topics_are_found_by_what_is_answered(path: Path) -> None:
    """An export does not name topics: a message belongs to the one that its answers lead to."""
    began = {
        **FIRST,
        "id": 5,
        "type": "service",
        "actor": "Ana",
        "actor_id": "user7",
        "action": "topic_created",
        "title": "Refunds",
    }
    for name in ("from", "from_id", "text"):
        del began[name]
    asked = {**FIRST, "id": 6, "reply_to_message_id": 5}
    answer = {**FIRST, "id": 7, "reply_to_message_id": 6}
    outside = {**FIRST, "id": 8}
    found = items(path, chat(began, asked, answer, outside))
    assert [(item.conversation.partition(":")[2], item.parent) for item in found] == [
        ("5", None),
        ("5", None),
        ("5", "6"),
        ("", None),
    ]
    assert (found[0].kind, found[0].text, found[0].author.id) == (Kind.OTHER, "Refunds", "7")


def test_old_exports(path: Path) -> None:
    """Times without a zone, senders as numbers, an edit in 1970 that never was."""
    old = {"id": 1, "type": "message", "date": "2020-01-29T11:41:46", "edited": "1970-01-01T01:00:00", "from": "Mara"}
    (item,) = items(path, chat({**old, "from_id": 5001, "text": "Hello"}))
    assert (item.at, item.edited_at, item.author.id) == (datetime(2020, 1, 29, 11, 41, 46, tzinfo=UTC), None, "5001")


def test_files_polls_and_places(path: Path) -> None:
    """What was left out of the export is no attachment."""
    bare = {**FIRST, "text": ""}
    photo, left, poll, place, unknown = items(
        path,
        chat(
            {**bare, "photo": "photos/photo_1.jpg", "photo_file_size": 9},
            {**bare, "id": 2, "file": "(File not included. Change data exporting settings to download.)"},
            {**bare, "id": 3, "poll": {"question": "Open?", "answers": [{"text": "Yes"}, {"text": [{"text": "No"}]}]}},
            {
                **bare,
                "id": 4,
                "place_name": "Shop",
                "address": "1 Road",
                "location_information": {"latitude": 1.5, "longitude": 2},
            },
            {"id": 5, "type": "unsupported"},
            {**bare, "id": 6, "from": None, "from_id": "channel1000000001"},
        ),
    )
    assert [(one.url, one.mime, one.size) for one in photo.attachments] == [("photos/photo_1.jpg", "image/jpeg", 9)]
    assert (left.attachments, poll.text) == ((), "Open?\n- Yes\n- No")
    assert place.text == "Shop, 1 Road\ngeo:1.5,2"
    assert unknown.author.id == "-1001000000001"


def test_what_is_no_json_is_mended(path: Path) -> None:
    """Telegram Desktop writes control characters as no JSON parser reads them."""
    told = json.dumps(chat({**FIRST, "text": "aCONTROLb\\x1f"})).replace("CONTROL", "\\x1F")
    (item,) = items(path, told)
    assert item.text == "a\x1fb\\x1f"


@given(
    st.lists(st.sampled_from([b"\\x1F", b"\\\\", b"\\\\x1F", b'\\"', b"\\n", b"a", b"x", b"1"]), max_size=30),
    st.integers(min_value=1, max_value=5),
)
def test_mending_does_not_depend_on_how_it_is_read(pieces: list[bytes], size: int) -> None:
    """However the bytes are cut, an escape is mended, and an escaped backslash is none."""

    class Slow(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            return super().read(size)

    stream, found = _Mended(Slow(b"".join(pieces))), b""  # type: ignore[arg-type]  # a stream is a stream
    while piece := stream.read(1):
        found += piece
    assert found == b"".join(b"\\u001F" if piece == b"\\x1F" else piece for piece in pieces)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"messages": [{"id": 1}]}', "{" * 500, '{"name": "x", "type": "a"'])
def test_what_is_no_export_is_told(path: Path, content: str) -> None:
    """A file that is no export, or only half of one, says what was expected."""
    with pytest.raises(PayloadError, match=r"result\.json"):
        items(path, content)


def test_an_element_without_end_is_refused(path: Path) -> None:
    """Nesting is bounded."""
    with pytest.raises(PayloadError, match="nested"):
        items(path, json.dumps(chat(FIRST)).replace('"Hello"', "[" * 80 + "]" * 80))


def test_the_folder_of_an_export_will_do(path: Path) -> None:
    """The application writes a folder; it can be named, too."""
    path.write_text(json.dumps(chat(FIRST)))
    assert len(list(TelegramConnector(TelegramSettings()).load(path.parent))) == 1
    with pytest.raises(PayloadError, match="expected"):
        list(TelegramConnector(TelegramSettings()).load(path.parent / "elsewhere.json"))
