from __future__ import annotations

import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Deletion, Direction, Visibility
from socialcrm_x import XConnector, XSettings
from socialcrm_x import _archive as archive

ME = "1111111111111111111"
ACCOUNT = [{"account": {"accountId": ME, "username": "acme", "accountDisplayName": "Acme"}}]
connector = XConnector(XSettings())


def tweet(key, text, **more):
    return {"tweet": {"id_str": key, "full_text": text, "created_at": "Mon Oct 05 08:00:00 +0000 2026", **more}}


def write(folder, **files):
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in {"account": ACCOUNT, **files}.items():
            bundle.writestr(f"data/{name.replace('_', '-')}.js", f"window.YTD.{name}.part0 = {json.dumps(content)}")
    return path


def read(path):
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def test_everything_in_its_place(tmp_path):
    """The account comes first; posts are ours, deleted ones deletions, messages private, long posts whole."""
    long = tweet("3", "It began on a Monday, when nothing worked… https://t.co/x")
    note = {
        "noteTweet": {
            "createdAt": "2026-10-05T08:00:00.000Z",
            "core": {"text": "It began on a Monday, when nothing worked and so on"},
        }
    }
    said = [{"messageCreate": {"id": str(n), "senderId": who, "text": "hello", "createdAt": "2026-10-05T09:00:00.000Z"}}
            for n, who in ((7, "42"), (8, ME))]  # fmt: skip
    talk = {"dmConversation": {"conversationId": f"42-{ME}", "messages": [*said, {"joinConversation": {}}]}}
    path = write(
        tmp_path, tweets=[tweet("2", "Good day"), long], note_tweet=[note], deleted_tweets=[tweet("4", "gone")],
        direct_messages=[talk],
    )  # fmt: skip
    account, first, second, gone, asked, answered = read(path)
    assert account == Account(id=ME, name="Acme", handle="@acme", url="https://x.com/acme", key=ME)
    assert (first.direction, first.author.handle) == (Direction.OUTBOUND, "@acme")
    assert second.text.endswith("and so on")
    assert isinstance(gone, Deletion)
    assert (asked.visibility, asked.direction, asked.conversation) == (Visibility.PRIVATE, None, f"42-{ME}")
    assert answered.direction is Direction.OUTBOUND


def test_versions_are_one_post(tmp_path):
    """Every version of an edited post is known by the first one's id."""
    initial = {"initial": {"editTweetIds": ["2", "3"]}}
    edited = {"edit": {"initialTweetId": "2", "editControlInitial": {"editTweetIds": ["2", "3"]}}}
    path = write(tmp_path, tweets=[tweet("2", "one", edit_info=initial), tweet("3", "two", edit_info=edited)])
    assert [item.id for item in read(path)[1:]] == ["2", "2"]


def test_a_folder_in_parts(tmp_path):
    """An unpacked archive is read too, its parts in order, older names as well."""
    (tmp_path / "data").mkdir()
    for name, content in (("account", ACCOUNT), ("tweet", [tweet("1", "a")]), ("tweet-part1", [tweet("2", "b")])):
        (tmp_path / "data" / f"{name}.js").write_text(f"window.YTD.{name[:5]}.part0 = {json.dumps(content)}")
    assert [item.id for item in read(tmp_path)] == [ME, "1", "2"]


@pytest.mark.parametrize("content", ["alert(1)", "window.YTD.tweets.part0 = [{", "window.YTD.tweets.part0 = 7", ""])
def test_what_is_no_archive_is_refused(tmp_path, content):
    """A file of another shape, or one that breaks off, says what was expected."""
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("data/account.js", "window.YTD.account.part0 = " + json.dumps(ACCOUNT))
        bundle.writestr("data/tweets.js", content)
    with pytest.raises(PayloadError, match="expected X's archive"):
        read(path)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    """A file that unpacks to more than is read stops the load."""
    monkeypatch.setattr(archive, "_TOTAL", 100)
    with pytest.raises(PayloadError, match="more than can be read"):
        read(write(tmp_path, tweets=[tweet("1", "x" * 200)]))


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=9) | st.integers()), max_size=9), st.integers(1, 40))
def test_pieces_do_not_matter(tmp_path_factory, rows, piece):
    """However the file is cut into pieces, the same elements come out."""
    path = tmp_path_factory.mktemp("a") / "x.js"
    path.write_text("window.YTD.x.part0 = " + json.dumps(rows, ensure_ascii=False), encoding="utf-8", errors="replace")
    kept, archive._PIECE = archive._PIECE, piece
    try:
        with path.open("rb") as stream:
            assert list(archive._array(stream, "x.js")) == json.loads(path.read_text(encoding="utf-8").partition("=")[2])
    finally:
        archive._PIECE = kept
