from __future__ import annotations

import pytest

from socialcrm.connectors import Answer, Call
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    UnclearError,
)
from socialcrm_mastodon._judge import judge

GET = Call("GET", "/api/v1/notifications")
POST = Call("POST", "/api/v1/statuses")
JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html; charset=utf-8"}


def judged(status, content=b"{}", headers=JSON, call=GET):
    return judge(call, Answer(status=status, content=content, headers=headers))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialsError),
        (403, ForbiddenError),
        (404, NotFound),
        (410, NotFound),
        (422, RefusedError),
        (429, RateLimited),
        (500, ServerFault),
        (503, ServerFault),
    ],
)
@pytest.mark.parametrize("body", [b'{"error": "Because"}', b"<html>", b"", b"[]", b"[" * 9999, b'{"error": ["x"]}'])
def test_every_failure_has_its_kind(status, error, body):
    """The status decides what to do, whatever the body."""
    assert isinstance(judged(status, body).error, error)


@pytest.mark.parametrize("status", [401, 403, 422])
def test_the_servers_words_are_told(status):
    """What the server says is part of the message, bounded."""
    assert "outside the authorized scopes" in str(judged(status, b'{"error": "This is outside the authorized scopes"}').error)
    assert len(str(judged(status, b'{"error": "' + b"x" * 9999 + b'"}').error)) < 600


def test_a_firewalls_page_is_told_from_the_api():
    """A 403 with a web page does not send people looking for scopes alone."""
    assert "firewall" in str(judged(403, b"<html>blocked</html>", HTML).error)


def test_a_web_page_with_status_200():
    """A read that gets a web page has the wrong address; a write is unclear."""
    assert isinstance(judged(200, b"<html>", HTML).error, SettingsError)
    assert isinstance(judged(200, b"<!DOCTYPE html>", {}, POST).error, UnclearError)
    assert judged(200).error is None


def test_the_last_call_of_a_budget_rests_the_bucket():
    """With nothing remaining, the bucket rests until the reset, even after a good answer."""
    headers = {**JSON, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-10-05T12:05:00.000000Z"}
    verdict = judged(200, headers={**headers, "date": "Mon, 05 Oct 2026 12:03:00 GMT"})
    assert (verdict.error, verdict.rest) == (None, {"default": 120})
    assert judged(200, headers=headers).rest == {"default": 300}
    assert judged(200, headers={**headers, "x-ratelimit-remaining": "12"}).rest == {}


@pytest.mark.parametrize("reset", ["", "soon", "1700000000", "2026-10-05"])
def test_odd_reset_times_do_no_harm(reset):
    """A reset time that can't be read gives a cautious wait."""
    verdict = judged(429, headers={**JSON, "x-ratelimit-reset": reset, "date": "Mon, 05 Oct 2026 12:03:00 GMT"})
    assert isinstance(verdict.error, RateLimited)
    assert verdict.error.retry_after > 0


def test_retry_after_is_believed_first():
    """Retry-After goes before the reset time."""
    assert judged(429, headers={"retry-after": "7"}).rest == {"default": 7}


def test_an_upload_in_progress_is_not_there_yet():
    """206 for an upload means later; elsewhere it is no error."""
    assert isinstance(judged(206, call=Call("GET", "/api/v1/media/7")).error, ServerFault)
    assert judged(206).error is None
