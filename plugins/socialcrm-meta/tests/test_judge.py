"""What Meta's error objects and usage headers become."""

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
    UnsupportedError,
)
from socialcrm_meta import AlreadyAnswered, WindowClosed, judge

CALL = Call("POST", "/v26.0/100/messages", bucket="messages")


def answer(code: int, subcode: int = 0, status: int = 400, headers: dict[str, str] | None = None, **told: Any) -> Answer:
    error = {"message": "no", "type": "OAuthException", "code": code, "error_subcode": subcode, **told}
    return Answer(status=status, headers=headers or {}, content=json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (190, 463, CredentialsError),
        (102, 0, CredentialsError),
        (4, 0, RateLimited),
        (17, 0, RateLimited),
        (32, 0, RateLimited),
        (613, 0, RateLimited),
        (80001, 0, RateLimited),
        (80007, 0, RateLimited),
        (10, 0, ForbiddenError),
        (200, 0, ForbiddenError),
        (10, 2018278, WindowClosed),
        (10, 2534022, WindowClosed),
        (100, 33, NotFound),
        (100, 0, RefusedError),
        (551, 1545041, RefusedError),
        (10900, 0, AlreadyAnswered),
        (12, 0, UnsupportedError),
        (1200, 0, ServerFault),
        (2, 0, ServerFault),
    ],
)
def test_a_code_becomes_its_error(code: int, subcode: int, kind: type[Exception]) -> None:
    """Each documented code becomes the error by which the caller acts."""
    assert type(judge("facebook", CALL, answer(code, subcode)).error) is kind


def test_an_error_counts_whatever_its_status() -> None:
    """An error object with status 200 is an error."""
    assert isinstance(judge("facebook", CALL, answer(190, status=200)).error, CredentialsError)


def test_what_passes_is_tried_again() -> None:
    """An error that Meta calls transient is tried again."""
    assert isinstance(judge("facebook", CALL, answer(100, is_transient=True)).error, ServerFault)


def test_an_expired_token_says_what_to_do() -> None:
    """The message of an expired token names the way to a lasting one."""
    assert "/me/accounts" in str(judge("facebook", CALL, answer(190, 463)).error)


def test_words_about_the_window_count() -> None:
    """A closed window is known by Meta's words where the subcode is a new one."""
    told = answer(10, 99, message="(#10) This message is sent outside of allowed window.")
    assert isinstance(judge("facebook", CALL, told).error, WindowClosed)


def test_a_throttled_app_waits_as_long_as_meta_estimates() -> None:
    """The estimate in X-Business-Use-Case-Usage is in minutes."""
    usage = json.dumps({"1": [{"call_count": 100, "estimated_time_to_regain_access": 7}]})
    verdict = judge("facebook", CALL, answer(32, headers={"x-business-use-case-usage": usage}))
    assert isinstance(verdict.error, RateLimited)
    assert verdict.error.retry_after == 420
    assert verdict.rest == {"messages": 420}


@pytest.mark.parametrize(("count", "rest"), [(99, {}), (100, {"messages": 300.0})])
def test_a_used_up_budget_rests(count: int, rest: dict[str, float]) -> None:
    """A good answer with a full budget lets the bucket rest."""
    headers = {"x-app-usage": json.dumps({"call_count": count, "total_time": 1, "total_cputime": 1})}
    assert judge("facebook", CALL, Answer(status=200, headers=headers, content=b"{}")).rest == rest


@pytest.mark.parametrize("usage", ["", "{", "[]", '{"1": 5}', '{"1": [7]}', '{"1": [{"call_count": "x"}]}'])
def test_odd_headers_are_no_news(usage: str) -> None:
    """A usage header of another shape means nothing."""
    verdict = judge("facebook", CALL, Answer(status=200, headers={"x-business-use-case-usage": usage}, content=b"{}"))
    assert verdict.error is None
    assert verdict.rest == {}


def test_a_bare_404_is_no_missing_object() -> None:
    """Only Meta's own words say that an object is gone."""
    error = judge("facebook", CALL, Answer(status=404, content=b"<html>")).error
    assert isinstance(error, RefusedError)
    assert not isinstance(error, NotFound)


def test_a_customers_words_are_no_error() -> None:
    """A body that merely talks of an error is a good answer."""
    content = json.dumps({"data": [{"message": '"error": {"code": 190}'}]}).encode()
    assert judge("facebook", CALL, Answer(status=200, content=content)).error is None
