"""Archives of every form give the mails they hold, in batches, our own account first."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Direction

SEPARATOR = b"From 1792@xxx Fri Mar 01 10:00:00 +0000 2024\n"


def mbox(*mails):
    return b"".join(SEPARATOR + data.replace(b"\r\n", b"\n") + b"\n" for data in mails)


def loaded(connector, path):
    return [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]


def test_an_mbox_is_split_and_unquoted(build_connector, build_mail, tmp_path):
    """Separators split, marked lines lose one mark, and a line that only looks like a separator stays."""
    first = build_mail(1, body=">From here on\n>>From there\n\nFrom now on it works\nend")
    path = tmp_path / "support.mbox"
    path.write_bytes(mbox(first, build_mail(2)))
    account, one, two = loaded(build_connector(), path)
    assert account == Account(id="support@example.org", handle="support@example.org")
    assert (one.id, two.id) == ("m1@example.com", "m2@example.com")
    (raw, _) = [raw for batch in build_connector().load(path) for raw in batch.raws if raw.kind == "message"]
    assert raw.body.endswith(b"\n\nFrom here on\n>From there\n\nFrom now on it works\nend\n\n")


def test_a_compressed_mbox_reads_the_same(build_connector, build_mail, tmp_path):
    """Compression is found by content."""
    (tmp_path / "a.mbox").write_bytes(mbox(build_mail(1)))
    (tmp_path / "b").write_bytes(gzip.compress(mbox(build_mail(1))))
    first, second = (loaded(build_connector(), tmp_path / name) for name in ("a.mbox", "b"))
    assert [item.id for item in first] == [item.id for item in second]


@pytest.mark.parametrize("damage", [lambda packed: packed[:-40], lambda packed: packed[:40] + b"\xff" * 9 + packed[49:]])
def test_a_damaged_compression_is_told(build_connector, build_mail, tmp_path, damage):
    """A compressed archive that ends too early, or was changed in the middle, is an error after what could be read."""
    path = tmp_path / "a.mbox.gz"
    path.write_bytes(damage(gzip.compress(mbox(*(build_mail(number) for number in range(50))))))
    with pytest.raises(PayloadError, match=r"a\.mbox\.gz can't be read"):
        loaded(build_connector(), path)


def test_a_maildir_is_read(build_connector, build_mail, tmp_path):
    """New and current mail, and folders within, are read; the temporary one is not; the file's name tells the arrival."""
    for folder, name, number in (("cur", "1709290800.a:2,S", 1), ("new", "1709290801.b", 2), ("tmp", "1709290802.c", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(build_mail(number).replace(b"Date:", b"X-Date:"))
    (tmp_path / ".Sent" / "cur").mkdir(parents=True)
    (tmp_path / ".Sent" / "cur" / "1709290803.d").write_bytes(build_mail(4, sender="support@example.org"))
    _, *mails = loaded(build_connector(), tmp_path)
    assert sorted(item.id for item in mails) == ["m1@example.com", "m2@example.com", "m4@example.com"]
    assert {item.id: item.at.minute for item in mails}["m1@example.com"] == 0
    assert {item.id: item.direction for item in mails}["m4@example.com"] is Direction.OUTBOUND


def test_eml_files_are_read(build_connector, build_mail, tmp_path):
    """A single file, and a folder of them."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.eml").write_bytes(build_mail(1))
    (tmp_path / "sub" / "B.EML").write_bytes(build_mail(2))
    (tmp_path / "notes.txt").write_text("no mail")
    assert [item.id for item in loaded(build_connector(), tmp_path / "a.eml")][1:] == ["m1@example.com"]
    assert sorted(item.id for item in loaded(build_connector(), tmp_path))[:2] == ["m1@example.com", "m2@example.com"]


def test_the_owner_is_found(build_connector, build_mail, tmp_path):
    """Without a configured address, who wrote what is labelled as sent is us; else where most was delivered to."""
    connector = build_connector(address="")
    path = tmp_path / "all.mbox"
    path.write_bytes(mbox(build_mail(1), build_mail(2, sender="Us <us@example.org>", head="X-Gmail-Labels: Sent,Work")))
    account, inbound, _ = loaded(connector, path)
    assert account.id == "us@example.org"
    assert inbound.direction is None
    path.write_bytes(mbox(build_mail(1, head="Delivered-To: box@example.org")))
    assert loaded(connector, path)[0].id == "box@example.org"


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"just words\n"])
def test_what_is_no_archive_is_refused(build_connector, tmp_path, content):
    """A file that is no mail is refused with what was expected."""
    path = tmp_path / "x.mbox"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match="expected an mbox"):
        loaded(build_connector(), path)


def test_an_empty_or_missing_folder_is_refused(build_connector, tmp_path):
    """A folder without mail and a path without anything are refused."""
    with pytest.raises(PayloadError, match="no mail"):
        loaded(build_connector(), tmp_path)
    with pytest.raises(PayloadError, match="check the path"):
        loaded(build_connector(), tmp_path / "nowhere")


def test_a_big_mbox_streams(build_connector, build_mail, tmp_path):
    """Batches hold a few hundred mails, and memory holds one batch, not the file."""
    path = tmp_path / "big.mbox"
    one = mbox(build_mail(body=("x" * 70 + "\n") * 400))
    with path.open("wb") as file:
        for _ in range(1500):
            file.write(one)
    tracemalloc.start()
    sizes = [len(batch.raws) for batch in build_connector().load(path)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) == 1501
    assert max(sizes) <= 200
    assert peak < path.stat().st_size / 2


def test_a_giant_mail_is_cut(build_connector, build_mail, tmp_path):
    """Beyond max_size a mail is cut and flagged, in an mbox and alone."""
    for name, data in (("a.mbox", mbox(build_mail(body="x" * 9000))), ("a.eml", build_mail(body="x" * 9000))):
        (tmp_path / name).write_bytes(data)
        _, item = loaded(build_connector(max_size=5000), tmp_path / name)
        assert item.extra["truncated"] is True
