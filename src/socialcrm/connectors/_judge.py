"""What HTTP itself says about an answer (RFC 9110, RFC 6585), for every platform that does not say it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from socialcrm.connectors._messages import Verdict
from socialcrm.connectors._steps import Answer, Call
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
)

__all__ = ["judge_http", "retry_after"]


def judge_http(platform: str, call: Call, answer: Answer) -> Verdict:
    """Judge an answer by its status and standard headers.

    Args:
        platform: For the message.
        call: What was asked.
        answer: What came.

    Returns:
        No error below 400. 401 `CredentialsError`, 403 `ForbiddenError`, 404 and 410 `NotFound`, 408, 425 and 5xx
        `ServerFault`, 429 `RateLimited`, other 4xx `RefusedError`. ``rest`` holds the wait for the call's bucket.
    """
    status = answer.status
    if status < 400:
        return Verdict()
    wait = retry_after(answer.headers)
    where = f"{platform}: {call.method} {call.path.partition('?')[0]} answered {status}"
    error: SocialCRMError
    if status == 429:
        error = RateLimited(f"{where}: too many requests; it is tried again later", retry_after=wait)
        return Verdict(error=error, rest={call.bucket: wait if wait is not None else 60.0})
    if status == 401:
        error = CredentialsError(f"{where}: the credentials are not accepted; renew them in the channel's settings")
    elif status == 403:
        error = ForbiddenError(f"{where}: not allowed; check the permissions (scopes) of the credentials")
    elif status in (404, 410):
        error = NotFound(f"{where}: it is not there; check the address and the ids")
    elif status in (408, 425) or status >= 500:
        error = ServerFault(f"{where}: the platform failed; it is tried again later", retry_after=wait)
    else:
        error = RefusedError(f"{where}: the request was rejected as it stands")
    return Verdict(error=error)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait; an HTTP date counts from the answer's own ``Date``.

    Args:
        headers: Names in lower case.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until, sent = parsedate_to_datetime(value), parsedate_to_datetime(headers["date"])
        return max(0.0, (until - sent).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None
