"""Recording and playing back."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import All, Call, Flow
from socialcrm.errors import ConflictError, SettingsError, StopError
from socialcrm.transport import Cassette, Host, redact

from .conftest import Runner

SECRET = 'canary /+ä"token'


def flow() -> Flow[Any]:
    first = yield from Call("GET", "/posts", params={"page": "1"})
    second = yield from Call("GET", "/posts", params={"page": "1"})
    made = yield from Call("POST", "/oauth", form={"client_secret": SECRET, "code": "1"})
    image = yield from Call("GET", f"/bot{'canary-path-token'}/image", params={"access_token": "canary-query"})
    return [first.json(), second.json(), made.json(), image.content, first.headers["x-kind"]]


class Platform:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if request.url.path == "/oauth":
            return httpx.Response(200, json={"access_token": "canary-new", "note": f"kept {SECRET}", "expires_in": 60})
        if request.url.path.endswith("/image"):
            return httpx.Response(200, content=b"\xff\xd8canary-path-token\x00")
        body = gzip.compress(json.dumps({"count": self.count, "next": "/posts?access_token=canary-next"}).encode())
        headers = {"Content-Encoding": "gzip", "Set-Cookie": "sid=canary-cookie", "X-Kind": "posts"}
        return httpx.Response(200, content=body, headers=headers)


def record(run: Runner, path: Path, **options: Any) -> Any:
    host = Host({"token": "canary-grant", "secret": SECRET, "bot": "canary-path-token"})
    cassette = Cassette(path, record=httpx.MockTransport(Platform()), secrets=lambda: host.grant().values(), **options)
    return run(flow(), transport=cassette, host=host)


def test_what_was_recorded_is_played_back(run: Runner, tmp_path: Path) -> None:
    """Playing gives the flow what recording gave it, but for the credentials, in order for equal requests."""
    live = record(run, tmp_path / "a.json")
    tape = Cassette(tmp_path / "a.json", secrets=lambda: ["canary-path-token"])
    played = run(flow(), transport=tape)
    assert [row["count"] for row in live[:2]] == [row["count"] for row in played[:2]] == [1, 2]
    assert played[2] == {"access_token": "REDACTED", "note": "kept REDACTED", "expires_in": 60}
    assert played[3:] == [b"\xff\xd8REDACTED\x00", "posts"]
    assert tape.left == 0


def test_a_cassette_holds_no_credential(run: Runner, tmp_path: Path) -> None:
    """No header, cookie, query, form or JSON field, path or binary body shows one."""
    record(run, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert "canary" not in text
    bodies = [exchange["response"]["body"] for exchange in json.loads(text)["exchanges"]]
    assert "canary" not in str([base64.b64decode(body["base64"]) for body in bodies if "base64" in body])


def test_a_cassette_is_the_same_text_for_the_same_exchanges(run: Runner, tmp_path: Path) -> None:
    """Keys are sorted and nothing in it depends on the moment."""
    record(run, tmp_path / "a.json")
    record(run, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_an_unknown_request_is_an_error_that_names_it(run: Runner, tmp_path: Path) -> None:
    """Nothing is made up, and the message holds no credential."""
    record(run, tmp_path / "a.json")
    asked = iter(Call("GET", "/other", params={"token": "canary-unknown"}))
    with pytest.raises(StopError, match=r"a\.json has no answer left to GET /other\?token=REDACTED"):
        run(asked, transport=Cassette(tmp_path / "a.json"))


def test_bodies_are_compared_if_asked(run: Runner, tmp_path: Path) -> None:
    """Two posts to one address are told apart by what they say."""
    path = tmp_path / "a.json"

    def both(*texts: str) -> Flow[list[str]]:
        answers = yield from All(tuple(Call("POST", "/say", json={"text": text}) for text in texts))
        return [answer.content.decode() for answer in answers]

    echo = httpx.MockTransport(lambda r: httpx.Response(200, content=json.loads(r.content)["text"]))
    run(both("a", "b"), transport=Cassette(path, record=echo), policy=run.time.policy(parallel=1))
    assert run(both("b", "a"), transport=Cassette(path, match_body=True)) == ["b", "a"]
    assert run(both("b", "a"), transport=Cassette(path), policy=run.time.policy(parallel=1)) == ["a", "b"]


def test_nothing_is_overwritten_silently(run: Runner, tmp_path: Path) -> None:
    """An older recording stays unless it may be replaced."""
    path = tmp_path / "a.json"
    path.write_text("mine")
    with pytest.raises(ConflictError, match="exists"):
        Cassette(path, record=httpx.MockTransport(Platform()))
    assert path.read_text() == "mine"
    record(run, path, replace=True)
    assert json.loads(path.read_text())["version"] == 1


@pytest.mark.parametrize("text", [None, "mine", "[]", '{"version": 9, "exchanges": []}'])
def test_a_file_that_is_no_cassette_is_refused(tmp_path: Path, text: str | None) -> None:
    """Missing, foreign or from another version: the message says what to do."""
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(SettingsError, match="record it"):
        Cassette(tmp_path / "a.json")


@given(secret=st.text(min_size=4, max_size=30), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_literal_secret_is_always_taken_out(secret: str, before: str, after: str) -> None:
    """Wherever it stands, unless it is part of the mark itself."""
    if secret in "REDACTED" or "REDACTED" in secret:
        return
    clean = redact({"text": before + secret + after}, [secret])["text"]
    assert secret not in clean.replace("REDACTED", "\0")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /a?access_token=canary&page=2", "GET /a?access_token=REDACTED&page=2"),
        ('{"password": "correct horse", "n": 1}', '{"password": "REDACTED", "n": 1}'),
        ("Authorization: Bearer canary\r\nAccept: x", "Authorization: REDACTED\r\nAccept: x"),
        ("next_page_token=abc", "next_page_token=abc"),
        ("the token was lost", "the token was lost"),
    ],
)
def test_text_is_searched_for_the_names_of_credentials(text: str, clean: str) -> None:
    """In queries, JSON and headers; words that only sound alike stay."""
    assert redact(text) == clean


def test_a_mapping_is_redacted_by_name_at_any_depth() -> None:
    """Empty values and truth values stay: they tell something and hide nothing."""
    value = {"a": [{"X-Api-Key": "canary", "token": ""}], "password": True, "Cookie": ["canary"], "id": 7}
    assert redact(value) == {"a": [{"X-Api-Key": "REDACTED", "token": ""}], "password": True, "Cookie": ["REDACTED"], "id": 7}
