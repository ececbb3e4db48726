"""What an answer means: Matrix says it by an error code in the body ("Standard error response"). Pure."""

from __future__ import annotations

import json

from attrs import evolve

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    SettingsError,
    UnsupportedError,
)
from socialcrm_matrix._fields import number, text_of

__all__ = ["judge"]

_TOKEN = frozenset(("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED"))
_CONSENT = frozenset(("M_CONSENT_NOT_GIVEN", "M_USER_SUSPENDED", "M_RESOURCE_LIMIT_EXCEEDED", "M_GUEST_ACCESS_FORBIDDEN"))


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge an answer by its status and Matrix's error code.

    A refusal without such a code is not from a homeserver (a proxy, a web page): nothing may be concluded from it about
    rooms and events, so it is a matter of the settings.
    """
    verdict = judge_http("matrix", call, answer)
    if verdict.error is None:
        return verdict
    body = _body(answer)
    code, told = text_of(body, "errcode"), text_of(body, "error")[:200]
    where = f"matrix: {call.method} {call.path.partition('?')[0]} answered {answer.status} {code}"
    reason = f"{where} ({told})" if told else where
    if code == "M_LIMIT_EXCEEDED" or isinstance(verdict.error, RateLimited):
        return _limited(call, body, verdict, reason)
    if code in _TOKEN or isinstance(verdict.error, CredentialsError):
        return Verdict(error=CredentialsError(f"{reason}: the access token is not accepted; log in again and renew token"))
    if answer.status >= 500 or answer.status in (408, 425):
        return verdict
    if not code:
        return Verdict(error=SettingsError(f"{reason} without a Matrix error code: check that server is a homeserver's API"))
    if code == "M_UNRECOGNIZED":
        return Verdict(error=UnsupportedError(f"{reason}: this homeserver does not offer it; a newer version may"))
    if code in _CONSENT:
        return Verdict(error=ForbiddenError(f"{reason}: the server wants something of our account first; ask its operator"))
    if code == "M_NOT_FOUND":
        return Verdict(error=NotFound(f"{reason}: it is not there, or we may not see it"))
    if code == "M_FORBIDDEN":
        return Verdict(error=ForbiddenError(f"{reason}: our account may not do this in that room"))
    return Verdict(error=RefusedError(f"{reason}: the request was rejected as it stands"))


def _limited(call: Call, body: object, verdict: Verdict, reason: str) -> Verdict:
    """``Retry-After`` says how long to wait; before version 1.10 only ``retry_after_ms`` in the body ("Rate limiting")."""
    wait = verdict.rest.get(call.bucket, 60.0)
    given = number(body, "retry_after_ms")
    header = isinstance(verdict.error, RateLimited) and verdict.error.retry_after is not None
    if given is not None and not header:
        wait = max(0.0, given / 1000)
    known = wait if header or given is not None else None
    error = RateLimited(f"{reason}: too many requests; it is tried again later", retry_after=known)
    return evolve(verdict, error=error, rest={call.bucket: wait})


def _body(answer: Answer) -> object:
    try:
        found: object = json.loads(answer.content)
    except ValueError:
        return None
    return found
