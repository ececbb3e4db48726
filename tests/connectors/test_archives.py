"""Exports are opened as what they are, and nothing that is wrong with one gets further than an error that says so."""

from __future__ import annotations

import gzip
import io
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialcrm.connectors.archives import open_archive, tell_damage
from socialcrm.errors import PayloadError

EXPECTED = "expected a zip or folder with posts.csv"


def zipped(files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def read(path: Path, most: int = 1000) -> dict[str, bytes]:
    with open_archive(path, expected=EXPECTED, most=most) as members:
        return {name: one.read() for name, one in members.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one of them deeper."""
    found = tmp_path / "export"
    (found / "data").mkdir(parents=True)
    (found / "posts.csv").write_bytes(b"1")
    (found / "data" / "a.csv").write_bytes(b"2")
    return found


def test_zip_and_folder_are_the_same(folder: Path, tmp_path: Path) -> None:
    """The files of both are read by the same names, in their order."""
    path = tmp_path / "export.zip"
    path.write_bytes(zipped({"posts.csv": b"1", "data\\a.csv": b"2", "empty/": b""}))
    assert list(read(folder).items()) == list(read(path).items()) == [("data/a.csv", b"2"), ("posts.csv", b"1")]


def test_any_other_file_is_its_own_only_member(folder: Path) -> None:
    """A file that is no zip is read as it is."""
    assert read(folder / "posts.csv") == {"posts.csv": b"1"}


def test_names_that_lead_out_are_left_out(tmp_path: Path) -> None:
    """Neither a way up nor a place of its own on the disk is a member."""
    path = tmp_path / "export.zip"
    path.write_bytes(zipped({"../a.csv": b"1", "/etc/b.csv": b"2", "c\\..\\..\\d.csv": b"3", "./e.csv": b"4"}))
    assert read(path) == {"e.csv": b"4"}


def test_links_are_left_out(folder: Path, tmp_path: Path) -> None:
    """Neither a link to a file nor one to a folder is followed."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.csv").write_bytes(b"secret")
    (folder / "linked").symlink_to(tmp_path / "secret", target_is_directory=True)
    (folder / "key.csv").symlink_to(tmp_path / "secret" / "key.csv")
    assert sorted(read(folder)) == ["data/a.csv", "posts.csv"]


def test_what_unpacks_to_too_much_is_not_opened(tmp_path: Path) -> None:
    """Its size is told before a byte of it is read; other files of the export can be."""
    path = tmp_path / "export.zip"
    path.write_bytes(zipped({"large.csv": bytes(2000), "small.csv": b"1"}))
    with open_archive(path, expected=EXPECTED, most=1000) as members:
        assert members["small.csv"].read() == b"1"
        with pytest.raises(PayloadError, match=r"large\.csv holds more than can be read"):
            members["large.csv"].open()


def test_a_size_that_is_a_lie_bounds_what_is_read(tmp_path: Path) -> None:
    """A file that says it is small, and is not, gives no more than it said, or is told as damaged."""
    content = zipped({"a.csv": bytes(100_000)}).replace((100_000).to_bytes(4, "little"), (500).to_bytes(4, "little"))
    path = tmp_path / "export.zip"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match=f"BadZipFile.*{EXPECTED}"):
        read(path)


def test_a_path_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    """A missing file is an error of the library, too."""
    with pytest.raises(PayloadError, match=r"nowhere\.zip can't be read"):
        read(tmp_path / "nowhere.zip")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    hits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damage_is_told(tmp_path: Path, kind: int, hits: list[tuple[float, int]]) -> None:
    """Whichever bytes of a zip are changed, it is read or told to be damaged, and nothing else is raised."""
    content = bytearray(zipped({"posts.csv": b"id,text\n" * 40, "b\u00fc.csv": b"x"}, kind))
    for where, byte in hits:
        content[int(where * (len(content) - 1))] = byte
    path = tmp_path / "export.zip"
    path.write_bytes(content)
    with suppress(PayloadError):
        read(path, 10_000)


@pytest.mark.parametrize("at", [3, 12, 14, 30, -5])
def test_damage_inside_gzip_is_told(tmp_path: Path, at: int) -> None:
    """A compressed file whose bytes were changed raises no error of the standard library."""
    content = bytearray(gzip.compress(bytes(range(256)) * 9, mtime=0))
    content[at] ^= 0xFF
    path = tmp_path / "log.gz"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match="expected a log"), tell_damage(path, "expected a log"), gzip.open(path) as file:
        file.read()
