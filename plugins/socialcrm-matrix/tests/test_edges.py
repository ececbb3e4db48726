"""Where it meets the outside: error codes, settings, pushes, exports."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Call, Incoming, make_settings
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    PayloadError,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    UnsupportedError,
    VerificationError,
)
from socialcrm.types import Account, Interaction, Secret
from socialcrm_matrix import MatrixConnector, MatrixSettings
from socialcrm_matrix._text import weigh

CALL = Call("GET", "/_matrix/client/v3/sync")
MARA = "@mara:example.com"


def judged(status: int, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return MatrixConnector(MatrixSettings()).judge(CALL, Answer(status=status, headers=told, content=content))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "M_UNKNOWN_TOKEN", CredentialsError),
        (403, "M_FORBIDDEN", ForbiddenError),
        (403, "M_CONSENT_NOT_GIVEN", ForbiddenError),
        (404, "M_NOT_FOUND", NotFound),
        (404, "M_UNRECOGNIZED", UnsupportedError),
        (400, "M_BAD_JSON", RefusedError),
        (413, "M_TOO_LARGE", RefusedError),
        (502, "M_UNKNOWN", ServerFault),
        (404, None, SettingsError),
        (403, None, SettingsError),
    ],
)
def test_error_codes(status: int, code: str | None, error: type[Exception]) -> None:
    """The code decides; a refusal without one is not from a homeserver, and says nothing about rooms."""
    assert type(judged(status, {"errcode": code} if code else b"<html>").error) is error


def test_waiting() -> None:
    """``Retry-After`` goes before ``retry_after_ms``; without either it is a minute."""
    limited = {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}
    assert judged(429, limited).rest == {"default": 2.5}
    assert judged(429, limited, retry_after="7").rest == {"default": 7.0}
    unknown = judged(429, {})
    assert (unknown.rest, unknown.error.retry_after) == ({"default": 60.0}, None)
    assert isinstance(judged(400, limited).error, RateLimited)


@pytest.mark.parametrize(
    "wrong",
    [
        {"server": "http://matrix.example.org"},
        {"server": "https://matrix.example.org/_matrix"},
        {"join": "some"},
        {"user_id": "acme"},
        {"history_days": -1},
        {"token": "syt_plain"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    """When the channel is added, with the way to mend them."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        make_settings(MatrixSettings, wrong, platform="matrix")


def push(body: bytes, token: str = "hush", *, method: str = "PUT", path: str = "/transactions/7", query: bool = False) -> Any:
    request = Incoming(
        method=method,
        url=f"https://crm.example.org/_matrix/app/v1{path}",
        headers={} if query else {"authorization": f"Bearer {token}"},
        query={"access_token": token} if query else {},
        body=body,
        at=datetime(2026, 10, 5, tzinfo=UTC),
    )
    return MatrixConnector(MatrixSettings(hs_token=Secret("hush"))).receive(request)


def test_a_push_wakes_the_stream() -> None:
    """Its events are kept, and the stream gets a row; older servers give their token in the query."""
    body = json.dumps({"events": [{"type": "m.room.message"}], "ephemeral": []}).encode()
    for query in (False, True):
        (batch,) = push(body, query=query).batches
        assert (len(batch.raws), batch.stream, batch.cursor) == (1, "rooms", {"poke": "7"})


def test_a_push_with_another_token_is_refused() -> None:
    """Before its body is read, and so is every push where the channel has no token."""
    for token in ("guess", ""):
        with pytest.raises(VerificationError):
            push(b"{not json", token)
    with pytest.raises(VerificationError):
        MatrixConnector(MatrixSettings()).receive(Incoming(method="PUT", url="/", at=datetime(2026, 10, 5, tzinfo=UTC)))


def test_other_questions_of_the_homeserver() -> None:
    """A ping is answered; users and rooms are not made on demand; what is no transaction is told."""
    assert push(b'{"transaction_id": "x"}', method="POST", path="/ping").status == 200
    assert push(b"", method="GET", path="/users/%40x%3Aexample.org").status == 404
    with pytest.raises(PayloadError):
        push(b"[]")


def exported(**more: Any) -> bytes:
    event = {"type": "m.room.message", "room_id": "!a:example.org", "origin_server_ts": 1791000000000, "sender": MARA}
    newer = {
        "sender": MARA,
        "origin_server_ts": 1791000009000,
        "content": {"m.new_content": {"msgtype": "m.text", "body": "New"}},
    }
    events = [
        {
            **event,
            "type": "m.room.member",
            "event_id": "$0",
            "state_key": MARA,
            "content": {"membership": "join", "displayname": "Mara"},
        },
        {**event, "event_id": "$1", "content": {"msgtype": "m.text", "body": "Hello"}},
        {**event, "event_id": "$2", "content": {"body": "Old"}, "unsigned": {"m.relations": {"m.replace": newer}}},
    ]
    return json.dumps({"room_name": "Help", "exported_by": "Acme", "messages": events, **more}).encode()


@pytest.mark.parametrize("zipped", [False, True])
def test_an_export(tmp_path: Path, zipped: bool) -> None:
    """First who we are, then every message, in its last wording; alone or in a zip."""
    path = tmp_path / "export.json"
    path.write_bytes(exported())
    if zipped:
        with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
            archive.write(path, "matrix - Help/export.json")
        path = tmp_path / "export.zip"
    connector = MatrixConnector(MatrixSettings(user_id="@acme:example.org"))
    items = [item for batch in connector.load(path) for raw in batch.raws for item in connector.parse(raw)]
    assert isinstance(items[0], Account)
    said = [item for item in items if isinstance(item, Interaction)]
    assert [(one.id, one.text, one.author.name) for one in said] == [("$1", "Hello", "Mara"), ("$2", "New", "Mara")]
    assert said[1].edited_at is not None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", exported(messages=None), b"PK\x03\x04", b"[" * 100_000])
def test_what_is_no_export_is_told(tmp_path: Path, content: bytes) -> None:
    """With what was expected."""
    path = tmp_path / "export.json"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match="export"):
        list(MatrixConnector(MatrixSettings()).load(path))


def test_a_text_weighs_what_it_takes_in_an_event() -> None:
    """Escaped as JSON, the rest as UTF-8."""
    assert [weigh(text) for text in ("abc", '"', "\n", "é", "👍")] == [3, 2, 2, 2, 4]
