from __future__ import annotations

from datetime import UTC, datetime

import pytest

from socialcrm.connectors import Answer, Call
from socialcrm.errors import CredentialsError, ForbiddenError, RateLimited, RefusedError, ServerFault, SettingsError
from socialcrm.types import Secret
from socialcrm_x import XConnector, XSettings
from socialcrm_x._judge import judge

DATE = "Mon, 05 Oct 2026 12:00:00 GMT"
RESET = str(int(datetime(2026, 10, 5, 12, 4, tzinfo=UTC).timestamp()))
CALL = Call("GET", "/2/users/1/mentions", bucket="mentions")


def test_a_used_up_limit_rests_its_own_bucket():
    """With nothing left, the endpoint's bucket rests until the reset, by X's own clock."""
    headers = {"date": DATE, "x-rate-limit-remaining": "0", "x-rate-limit-reset": RESET}
    assert judge(CALL, Answer(status=200, headers=headers, content=b"{}")).rest == {"mentions": 240.0}
    verdict = judge(CALL, Answer(status=429, headers=headers))
    assert isinstance(verdict.error, RateLimited)
    assert verdict.error.retry_after == 240.0


def test_a_day_s_limit_is_waited_for():
    """The limit of 24 hours counts where it is the one that is used up."""
    headers = {"date": DATE, "x-rate-limit-remaining": "9", "x-user-limit-24hour-remaining": "0",
               "x-user-limit-24hour-reset": str(int(RESET) + 3600)}  # fmt: skip
    assert judge(CALL, Answer(status=429, headers=headers)).rest == {"mentions": 3840.0}


def test_a_limit_without_times_waits_a_window():
    """Where X tells no reset, a window is waited for."""
    assert judge(CALL, Answer(status=429)).rest == {"mentions": 900.0}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"type": "https://api.x.com/2/problems/usage-capped", "period": "Monthly", "detail": "Usage cap exceeded"}'),
        (402, b'{"title": "CreditsDepleted"}'),
    ],
)
def test_a_monthly_cap_is_no_rate_limit(status, body):
    """A used-up month is an error for people, and nothing waits for it."""
    verdict = judge(CALL, Answer(status=status, content=body))
    assert isinstance(verdict.error, ForbiddenError)
    assert not verdict.rest


@pytest.mark.parametrize(
    ("status", "path", "kind"),
    [
        (400, "/2/tweets", RefusedError),
        (400, "/2/oauth2/token", CredentialsError),
        (401, "/2/tweets", CredentialsError),
        (403, "/2/tweets", ForbiddenError),
        (503, "/2/tweets", ServerFault),
    ],
)
def test_errors_say_what_x_said(status, path, kind):
    """The kind follows the status; refusals carry X's words."""
    error = judge(Call("GET", path), Answer(status=status, content=b'{"detail": "these words"}')).error
    assert isinstance(error, kind)
    assert status == 503 or "these words" in str(error)


def test_a_file_in_processing_is_asked_for_again():
    """Pending is tried again when X says, failed is refused, done is fine."""
    call = Call("GET", "/2/media/upload")
    body = b'{"data": {"id": "1", "processing_info": {"state": "%s", "check_after_secs": 7}}}'
    waiting = judge(call, Answer(status=200, content=body % b"in_progress")).error
    assert isinstance(waiting, ServerFault)
    assert waiting.retry_after == 7
    assert isinstance(judge(call, Answer(status=200, content=body % b"failed")).error, RefusedError)
    assert judge(call, Answer(status=200, content=body % b"succeeded")).error is None


def test_tokens_rotate(x, desk):
    """Renewing sends the refresh token by HTTP Basic and keeps the new one that X gives."""
    channel = desk(refresh_token=Secret("refresh-canary-1"), client_id="app", client_secret=Secret("shh"))
    grant = {"token": "old", "refresh_token": "refresh-canary-1", "client_secret": "shh"}
    fresh = channel.run(channel.connector.renew(grant))
    assert (fresh["token"], fresh["refresh_token"]) == ("tok-x-fresh-1", "rotated-refresh-2")
    assert x.log[-1].headers["authorization"].startswith("Basic ")
    for void in ({"token": "old"}, grant):
        with pytest.raises(CredentialsError):
            channel.run(channel.connector.renew(void))


def test_oauth_1_signs_before_bearers():
    """With OAuth 1.0a keys every call carries a signature that covers its query; else the token, else the bearer."""
    keys = {"consumer_key": "a", "consumer_secret": "b", "access_token": "c", "access_token_secret": "d", "token": "t"}
    connector, now = XConnector(XSettings()), datetime(2026, 10, 5, tzinfo=UTC)
    one = connector.sign(Call("GET", "/2/tweets", params={"ids": "1"}), keys, now, "n").headers["Authorization"]
    other = connector.sign(Call("GET", "/2/tweets", params={"ids": "2"}), keys, now, "n").headers["Authorization"]
    assert one.startswith("OAuth ")
    assert one != other
    assert connector.sign(CALL, {"bearer": "B"}, now, "n").headers == {"Authorization": "Bearer B"}
    assert connector.sign(CALL, {"bearer": "B", "token": "T"}, now, "n").headers == {"Authorization": "Bearer T"}


@pytest.mark.parametrize(
    "values",
    [
        {"user_id": "@acme"},
        {"history_days": -1},
        {"api": "http://api.example.com"},
        {"access_token": Secret("a")},
        {"refresh_token": Secret("a")},
        {"bearer": Secret("a")},
    ],
)
def test_settings_are_checked(values):
    """Half of a set of keys, a handle for an id and an address in clear are refused."""
    with pytest.raises(ValueError, match=r"should|needs|set user_id"):
        XSettings(**values)


def test_no_credentials_are_told():
    """A channel without any says what to set."""
    with pytest.raises(CredentialsError, match="set token"):
        next(XConnector(XSettings()).identify())
    assert not issubclass(CredentialsError, SettingsError)
