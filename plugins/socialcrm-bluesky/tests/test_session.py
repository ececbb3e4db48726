"""Sessions, and what answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from socialcrm.connectors import Answer, Call
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
)
from socialcrm.types import Secret
from socialcrm_bluesky import BlueskyConnector, BlueskySettings

CONNECTOR = BlueskyConnector(BlueskySettings())


def judged(status: int, error: str = "", message: str = "", **headers: str) -> Any:
    content = json.dumps({"error": error, "message": message}).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return CONNECTOR.judge(Call("GET", "/xrpc/x"), Answer(status=status, headers=told, content=content))


@pytest.mark.parametrize(
    ("status", "error", "message", "kind"),
    [
        (400, "ExpiredToken", "Token has expired", CredentialsError),
        (400, "InvalidToken", "Bad token scope", CredentialsError),
        (401, "AuthFactorTokenRequired", "A sign in code has been sent", CredentialsError),
        (400, "AccountTakedown", "Account has been suspended", ForbiddenError),
        (400, "BlockedActor", "", ForbiddenError),
        (400, "MessagesDisabled", "", ForbiddenError),
        (400, "InvalidRequest", "Profile not found", NotFound),
        (400, "RecordNotFound", "Could not locate record", NotFound),
        (400, "InvalidConvo", "", NotFound),
        (400, "InvalidRequest", "Input/text must not be longer than 3000", RefusedError),
        (502, "UpstreamFailure", "Upstream Failure", ServerFault),
        (500, "ExpiredToken", "", ServerFault),
    ],
)
def test_the_errors_name_decides(status: int, error: str, message: str, kind: type[Exception]) -> None:
    """The name in the body says what happened; the status alone would not."""
    assert type(judged(status, error, message).error) is kind


def test_direct_messages_need_their_permission() -> None:
    """An app password that may not read them is told as such."""
    assert "direct messages" in str(judged(400, "InvalidToken", "Bad token scope").error)


def test_rate_limits() -> None:
    """The wait is what the reset header says, against the answer's own date; a used-up budget waits at once."""
    headers = {"ratelimit_reset": "1791201660", "date": "Mon, 05 Oct 2026 12:00:00 GMT"}
    verdict = judged(429, "RateLimitExceeded", **headers)
    assert isinstance(verdict.error, RateLimited)
    assert verdict.error.retry_after == 60
    assert judged(200, ratelimit_remaining="0", **headers).rest == {"default": 60}
    assert judged(429).rest == {"default": 300}


def test_a_session_is_begun_continued_and_begun_again(server: Any, desk: Any) -> None:
    """The app password is used once; an expired token is refreshed; where that fails, the password is used again."""
    here = desk()
    made = lambda: [one.url.rpartition(".")[2] for one in server.log if "Session" in one.url and "get" not in one.url]  # noqa: E731
    here.run(here.connector.identify())
    here.run(here.connector.identify())
    assert made() == ["createSession"]
    server.expired = True
    here.run(here.connector.identify())
    assert made() == ["createSession", "refreshSession"]
    server.sessions += 1
    here.run(here.connector.identify())
    assert made() == ["createSession", "refreshSession", "refreshSession", "createSession"]


def test_a_wrong_password(desk: Any) -> None:
    """It is told as such, and not shown."""
    here = desk(app_password=Secret("hunter2"))
    with pytest.raises(CredentialsError, match="app_password") as caught:
        here.run(here.connector.identify())
    assert "hunter2" not in str(caught.value)


def test_the_password_goes_nowhere_else(server: Any, desk: Any) -> None:
    """Only the call that begins a session holds the password, and only refreshing holds the refresh token."""
    here = desk()
    here.run(here.connector.identify())
    for request in server.log:
        shown = request.url + str(request.headers) + request.body.decode()
        assert ("canary-app-password" in shown) == request.url.endswith("createSession")


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "http://pds.example.com"},
        {"server": "https://pds.example.com/xrpc"},
        {"identifier": "not a handle"},
        {"app_password": Secret("x")},
        {"profiles": ("nobody",)},
        {"history_days": -1},
    ],
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    """What can't work is refused when the channel is added."""
    with pytest.raises(ValueError, match=r"should|needs"):
        BlueskySettings(**settings)


def test_servers() -> None:
    """Without a server, an account goes to Bluesky's, and nobody to its public one."""
    assert BlueskySettings().origin == "https://public.api.bsky.app"
    assert BlueskySettings(identifier="@Acme.example.com", app_password=Secret("x")).origin == "https://bsky.social"
    assert BlueskySettings(server="pds.example.com/").origin == "https://pds.example.com"
