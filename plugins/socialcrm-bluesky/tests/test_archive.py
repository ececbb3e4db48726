"""Repository exports: CAR files made here of invented records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Interaction
from socialcrm_bluesky import BlueskyConnector, BlueskySettings

DID = "did:plc:acmeacmeacmeacmeacmeacme"


def _items(path: Path) -> list[Any]:
    connector = BlueskyConnector(BlueskySettings())
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def test_posts_come_with_their_account_first(export: Any, tmp_path: Path) -> None:
    """An export gives our account, then each post with its own address, so that it is the same one as fetched."""
    account, *posts = _items(export(tmp_path, ["Good morning", "Bye"]))
    assert isinstance(account, Account)
    assert (account.id, account.name) == (DID, "Acme")
    assert [(post.id, post.text, post.author.id) for post in posts] == [
        (f"at://{DID}/app.bsky.feed.post/3ka2222222222", "Good morning", DID),
        (f"at://{DID}/app.bsky.feed.post/3kb2222222222", "Bye", DID),
    ]
    assert isinstance(posts[0], Interaction)
    (picture,) = posts[0].attachments
    assert picture.url.startswith("https://public.api.bsky.app/xrpc/com.atproto.sync.getBlob?did=did:plc:acme")
    assert (picture.mime, picture.description) == ("image/png", "a picture")


def test_many_posts_come_in_batches(export: Any, tmp_path: Path) -> None:
    """What is read is what was written, whatever the number of texts."""
    assert len(_items(export(tmp_path, [f"Number {number}" for number in range(10)]))) == 11


def test_a_changed_block_is_noticed(export: Any, tmp_path: Path) -> None:
    """A block that is not what its hash says is damage, and said so."""
    with pytest.raises(PayloadError, match="not what its hash says"):
        _items(export(tmp_path, ["Good morning"], spoil=True))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"hello, this is no CAR file", b"\xff" * 40, b"PK\x03\x04" + b"\x00" * 60, b"\x05\xa1\x61a\x01\x00"],
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    """Any other file is refused, with what was expected."""
    path = tmp_path / "repo.car"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match="CAR file"):
        _items(path)


def test_a_file_that_is_cut_off_is_refused_everywhere(export: Any, tmp_path: Path) -> None:
    """Wherever an export ends too early, it raises PayloadError and nothing else."""
    path = export(tmp_path, ["Good morning"])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(PayloadError):
            _items(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that can't be read says so."""
    with pytest.raises(PayloadError, match="can't be read"):
        _items(tmp_path / "none.car")


def test_a_tree_without_end_is_refused(car: Any, tmp_path: Path) -> None:
    """A node that stands in two places is no tree: a small file can't spell out a large one."""
    leaf = car.add({"l": None, "e": []})
    twice = car.add({"l": leaf, "e": [{"p": 0, "k": b"a/b", "v": leaf, "t": leaf}]})
    root = car.add({"did": DID, "version": 3, "data": twice})
    with pytest.raises(PayloadError, match="no tree"):
        _items(car.save(tmp_path / "repo.car", root))


def test_a_commit_of_nobody_is_refused(export: Any, tmp_path: Path) -> None:
    """Without an account there is no repository."""
    with pytest.raises(PayloadError, match="no repository of an account"):
        _items(export(tmp_path, ["x"], commit={"did": "acme"}))
