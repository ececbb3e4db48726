"""A call is sent as it was meant, and its answer comes as it was given."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from socialcrm.connectors import Blob, Call
from socialcrm.errors import (
    NotFound,
    PayloadError,
    PluginError,
    StoreError,
)

from .conftest import Place, Runner, echo, one


def test_a_path_is_joined_to_the_origin_with_its_query(run: Runner) -> None:
    """Fields go into the query, a repeated key as often as it has values."""
    answer = run(one(Call("GET", "/a", params={"tag": ["x", "y z"], "q": "ä&b"})), echo)
    assert answer.json()["url"] == "https://social.example.com/a?tag=x&tag=y%20z&q=%C3%A4%26b"


def test_a_link_keeps_its_own_query(run: Runner) -> None:
    """What a call adds to a link's query stands behind it and changes nothing of it."""
    answer = run(one(Call("GET", "https://social.example.com/a?after=%7Eb+c", params={"limit": "5"})), echo)
    assert answer.json()["url"] == "https://social.example.com/a?after=%7Eb+c&limit=5"


@pytest.mark.parametrize("path", ["a", "@evil.example.org/", ""])
def test_a_path_begins_with_a_slash(run: Runner, path: str) -> None:
    """A path can't change the host that it is joined to."""
    with pytest.raises(PluginError, match="begins with '/'"):
        run(one(Call("GET", path)), echo)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (Call("POST", "/a", json={"b": 1}), '{"b":1}'),
        (Call("POST", "/a", form={"b": ["1", "2"], "c": "d e"}), "b=1&b=2&c=d+e"),
        (Call("PUT", "/a", content=b"\x00raw"), "\x00raw"),
    ],
)
def test_bodies(run: Runner, call: Call, body: str) -> None:
    """JSON, forms with repeated fields and raw bytes arrive as they were asked for."""
    assert run(one(call), echo).json()["body"] == body


def test_a_file_is_sent_from_disk(run: Runner, tmp_path: Any) -> None:
    """A blob is a body of known length, or a part of a form, and is read again for every attempt."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"PNG" * 50_000)
    blob = Blob(sha256="0", path=path, size=150_000, mime="image/png", name="photo.png")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200 if len(seen) > 1 else 503)

    run(one(Call("PUT", "/a", content=blob)), handler)
    assert [request.content for request in seen] == [path.read_bytes()] * 2
    assert seen[1].headers["content-length"] == "150000"
    run(one(Call("POST", "/a", form={"alt": "a cat"}, files={"file": blob})), handler)
    assert path.read_bytes() in seen[2].content
    assert b'name="alt"\r\n\r\na cat' in seen[2].content
    assert b'filename="photo.png"\r\nContent-Type: image/png' in seen[2].content


@pytest.mark.parametrize("part", [True, False])
def test_a_file_that_is_gone_is_not_sent(run: Runner, tmp_path: Any, part: bool) -> None:
    """The message names the file, and the step is not unclear."""
    blob = Blob(sha256="0", path=tmp_path / "gone.png", size=10)
    call = Call("POST", "/", files={"file": blob}) if part else Call("POST", "/", content=blob)
    with pytest.raises(StoreError, match=r"gone\.png can't be read"):
        run(one(call), echo)


def test_a_saved_body_is_a_file_known_by_its_content(run: Runner) -> None:
    """``save`` puts the body on disk, with its digest, size, type and name."""

    def look(answer: Any) -> None:
        blob = answer.blob
        assert blob.path.read_bytes() == b"x" * 100_000
        assert (blob.sha256, blob.size) == (hashlib.sha256(b"x" * 100_000).hexdigest(), 100_000)
        assert (blob.mime, blob.name) == ("image/gif", "cat one.gif")

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x" * 100_000, headers={"content-type": "image/gif"})

    answer = run(one(Call("GET", "/media/cat%20one.gif", save=True)), handler, look=look)
    assert answer.content == b""
    assert not answer.blob.path.exists()


def test_a_saved_error_still_has_its_body(run: Runner) -> None:
    """The connector judges an error by its body, so that is not saved."""
    seen = []

    class Judging(Place):
        def judge(self, call: Call, answer: Any) -> Any:
            seen.append(answer.content)
            return super().judge(call, answer)

    with pytest.raises(NotFound):
        run(one(Call("GET", "/gone", save=True)), lambda r: httpx.Response(404, content=b"why"), connector=Judging())
    assert seen == [b"why"]


@pytest.mark.parametrize("save", [False, True])
def test_a_body_beyond_the_limit_is_refused(run: Runner, save: bool) -> None:
    """A huge answer does not fill the memory or the disk."""
    policy = run.time.policy(body=1000, saved=1000)
    with pytest.raises(PayloadError, match=r"GET /big.*more than 1000 bytes"):
        run(one(Call("GET", "/big", save=save)), lambda r: httpx.Response(200, content=b"x" * 1001), policy=policy)


def test_a_folder_that_takes_no_file_is_not_the_platforms_fault(run: Runner, tmp_path: Any) -> None:
    """A full or missing disk is reported as ours, and the call is not tried again."""
    (tmp_path / "file").write_text("")
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with pytest.raises(StoreError, match="can't be saved"):
        run(one(Call("GET", "/", save=True)), handler, folder=tmp_path / "file" / "below")
    assert len(seen) == 1


def test_headers_are_lower_case_and_joined(run: Runner) -> None:
    """A repeated header is one value, joined by a comma."""
    reply = httpx.Response(200, headers=[("Link", "a"), ("X-Y", "1"), ("Link", "b")])
    assert run(one(Call("GET", "/")), lambda r: reply).headers["link"] == "a, b"
