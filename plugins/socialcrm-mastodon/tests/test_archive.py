from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction, Interaction, Kind, Visibility
from socialcrm_mastodon import MastodonConnector, MastodonSettings
from socialcrm_mastodon import _archive as archive

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ME = "https://example.social/users/acme"
ACTOR = {"id": ME, "preferredUsername": "acme", "name": "Acme Telephone", "url": "https://example.social/@acme"}


def note(key, *, to=(PUBLIC,), cc=(), **more):
    uri = f"{ME}/statuses/{key}"
    body = {
        "id": uri,
        "published": f"2026-10-05T12:00:{key:02}Z",
        "content": f"<p>number {key}</p>",
        "to": to,
        "cc": cc,
        **more,
    }
    return {"id": f"{uri}/activity", "type": "Create", "actor": ME, "published": body["published"], "object": body}


OUTBOX = [
    note(1, url="https://example.social/@acme/1", contentMap={"de": "<p>number 1</p>"}, conversation="tag:example.social,1"),
    note(2, inReplyTo=f"{ME}/statuses/1", updated="2026-10-05T13:00:00Z", summary="long"),
    note(3, inReplyTo="https://example.town/users/mara/statuses/9", to=["https://example.town/users/mara"]),
    note(4, to=[f"{ME}/followers"], attachment=[{"url": "media/1.png", "mediaType": "image/png", "name": "A router"}]),
    {"id": f"{ME}/statuses/5/activity", "type": "Announce", "actor": ME, "published": "2026-10-05T12:00:05Z",
     "object": "https://example.town/users/mara/statuses/9", "to": [PUBLIC]},
]  # fmt: skip
FILES = {"actor.json": ACTOR, "outbox.json": {"type": "OrderedCollection", "orderedItems": OUTBOX}, "likes.json": {}}


def api_account(name, host=""):
    home = host or "example.social"
    acct = f"{name}@{host}" if host else name
    return {
        "id": name,
        "username": name,
        "acct": acct,
        "url": f"https://{home}/@{name}",
        "uri": f"https://{home}/users/{name}",
    }


def api_status(key, account, **more):
    made = {"id": key, "created_at": "2026-10-05T12:00:00+00:00", "account": account, "content": f"<p>{key}</p>"}
    return {**made, "visibility": "public", "uri": f"{account['uri']}/statuses/{key}", **more}


MARA = api_account("mara", "example.town")
TOOL = {
    "account": api_account("acme"),
    "statuses": [api_status(1, api_account("acme")), api_status("2", api_account("acme"), in_reply_to_id=3)],
    "mentions": [
        api_status("3", MARA),
        {
            "id": 70,
            "type": "mention",
            "created_at": "2026-10-05T12:00:00Z",
            "account": MARA,
            "status": api_status("4", MARA),
        },
        None,
    ],
    "favourites": [api_status("99", MARA)],
    "bookmarks": [],
    "followers": [MARA],
}


def loaded(path):
    connector = MastodonConnector(MastodonSettings())
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def as_zip(path, *, prefix="", files=FILES):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"{prefix}media_attachments/1.png", b"png")
        for name, body in files.items():
            bundle.writestr(prefix + name, json.dumps(body))
    return path


def as_tar(path, *, members=()):
    with tarfile.open(path, "w:gz") as bundle:
        for info, content in members or [(tarfile.TarInfo(name), json.dumps(body).encode()) for name, body in FILES.items()]:
            info.size = len(content)
            bundle.addfile(info, io.BytesIO(content))
    return path


def as_folder(path):
    path.mkdir()
    for name, body in FILES.items():
        (path / name).write_text(json.dumps(body))
    return path


@pytest.mark.parametrize("make", [as_zip, as_tar, as_folder])
def test_the_official_export_is_read(tmp_path, make):
    """Zip, tar.gz and folder hold the same: the account first, then every post and boost as ours."""
    account, *posts = loaded(make(tmp_path / "export"))
    assert account == Account(id=ME, name="Acme Telephone", handle="@acme@example.social", url="https://example.social/@acme")
    assert [post.id for post in posts] == ["1", "2", "3", "4", "5"]
    assert {post.direction for post in posts} == {Direction.OUTBOUND}
    assert [post.kind for post in posts] == [Kind.POST, Kind.REPLY, Kind.MESSAGE, Kind.POST, Kind.REACTION]
    public, limited, private = Visibility.PUBLIC, Visibility.LIMITED, Visibility.PRIVATE
    assert [post.visibility for post in posts] == [public, public, private, limited, public]
    assert posts[0].language == "de"
    assert (posts[1].parent, posts[1].subject, posts[1].edited_at.hour) == ("1", "long", 13)
    assert posts[3].attachments[0].description == "A router"


def test_archive_and_api_name_one_post_alike(tmp_path):
    """A post of ours has the same id and author from the export and from the API; so has a thread with another server."""
    exported = loaded(as_zip(tmp_path / "x.zip"))
    connector = MastodonConnector(MastodonSettings(server="https://example.social"))
    fetched = connector.parse(Raw(kind="status", body=api_status("1", api_account("acme"))))
    (ours,) = fetched
    assert (ours.id, ours.author.id) == (exported[1].id, exported[1].author.id)
    (theirs,) = connector.parse(Raw(kind="status", body=api_status("9", MARA)))
    assert exported[3].parent in theirs.references


def test_new_style_uris_are_ours_too():
    """The addresses that servers use since 4.5 lead to the same database id."""
    activity = json.loads(json.dumps(OUTBOX[0]).replace("/users/acme", "/ap/users/117"))
    (item,) = MastodonConnector(MastodonSettings()).parse(Raw(kind="activity", body=activity))
    assert item.id == "1"


def test_one_folder_inside_is_fine(tmp_path):
    """An archive that was packed again with its folder is read."""
    assert len(loaded(as_zip(tmp_path / "x.zip", prefix="archive-1/"))) == 6


def test_the_tools_file_is_read(tmp_path):
    """The tool's file brings our statuses and the mentions, as statuses or notifications, and nobody's favourites."""
    path = tmp_path / "example.social.user.acme.json"
    path.write_text(json.dumps(TOOL))
    account, *posts = loaded(path)
    assert isinstance(account, Account)
    assert [post.id for post in posts] == ["1", "2", "3", "4"]
    assert posts[1].parent == posts[2].id
    assert [post.author.id == account.id for post in posts] == [True, True, False, False]
    assert posts[0].author.handle == "@acme@example.social"


def test_batches_are_bounded(tmp_path):
    """A large archive comes in batches of a few hundred."""
    files = {**FILES, "outbox.json": {"orderedItems": [note(1)] * 1201}}
    batches = list(MastodonConnector(MastodonSettings()).load(as_zip(tmp_path / "x.zip", files=files)))
    assert [len(batch.raws) for batch in batches] == [500, 500, 202]


class TestHostile:
    def test_nothing_is_written_or_followed(self, tmp_path):
        """Members that climb out, links and folders of the right name are not read, and nothing is unpacked."""
        secret = tmp_path / "outbox.json"
        secret.write_text(json.dumps(FILES["outbox.json"]))
        link = tarfile.TarInfo("outbox.json")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        climbing = tarfile.TarInfo("../outbox.json")
        path = as_tar(tmp_path / "evil.tar.gz", members=[(link, b""), (climbing, b"{}")])
        before = sorted(tmp_path.iterdir())
        with pytest.raises(PayloadError, match=r"no outbox\.json"):
            loaded(path)
        assert sorted(tmp_path.iterdir()) == before

    def test_a_bomb_is_not_unpacked(self, tmp_path, monkeypatch):
        """A member that unpacks beyond the bound is refused."""
        monkeypatch.setattr(archive, "_SIZE", 1000)
        files = {"actor.json": ACTOR, "outbox.json": {"orderedItems": [], "x": "0" * 5000}}
        with pytest.raises(PayloadError, match="more than"):
            loaded(as_zip(tmp_path / "x.zip", files=files))

    def test_a_tar_that_never_ends_is_refused(self, tmp_path, monkeypatch):
        """A tar whose members add up beyond the bound is not read to its end."""
        monkeypatch.setattr(archive, "_TOTAL", 10)
        with pytest.raises(PayloadError, match="more than"):
            loaded(as_tar(tmp_path / "x.tar.gz"))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b"not json",
            b"[" * 100_000,
            b'{"account": 1, "statuses": 2}',
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
        ],
    )
    def test_other_files_are_refused(self, tmp_path, content):
        """A file that is no archive is refused with what was expected."""
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(PayloadError, match="mastodon-archive"):
            loaded(path)

    def test_a_missing_file_is_told(self, tmp_path):
        """A path that leads nowhere is refused likewise."""
        with pytest.raises(PayloadError, match="nowhere"):
            loaded(tmp_path / "nowhere")

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_damaged_archives_are_read_or_refused(self, tmp_path, data):
        """An archive with any byte changed, or cut anywhere, gives items or a PayloadError."""
        make = data.draw(st.sampled_from([as_zip, as_tar]))
        content = bytearray(Path(make(tmp_path / "x")).read_bytes())
        content = content[: data.draw(st.integers(0, len(content)))]
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (tmp_path / "x").write_bytes(content)
        try:
            assert all(isinstance(item, Account | Interaction) for item in loaded(tmp_path / "x"))
        except PayloadError:
            return
