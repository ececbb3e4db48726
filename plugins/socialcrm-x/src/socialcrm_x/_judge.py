"""What an answer of X means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import CredentialsError, ForbiddenError, RateLimited, RefusedError, ServerFault, SocialCRMError
from socialcrm_x._fields import mapping, rows, text_of

__all__ = ["judge"]

_WINDOW = 900.0
"""Seconds of a rate limit's window ("Rate Limits": mostly 15 minutes), where no reset time is told."""

_LIMITS = ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour")


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by the status, the rate limit headers and X's problem types ("Response Codes & Errors", "Rate Limits").

    A used-up monthly cap or credit (429 ``usage-capped``, 402) is no rate limit: waiting some minutes would not help. A file
    that X still processes is asked for again later.
    """
    verdict = judge_http("x", call, answer)
    where = f"x: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    body = _body(answer)
    wait = _wait(answer.headers)
    if answer.status == 429 or answer.status == 402:
        return _limited(call, where, body, wait)
    rest = {call.bucket: wait} if wait is not None else {}
    if verdict.error is None:
        return Verdict(error=_processing(call, body), rest=rest)
    said = _said(body)
    error: SocialCRMError = verdict.error
    if call.path.endswith("/oauth2/token") and answer.status in (400, 401):
        error = CredentialsError(f"{where}: {said or 'the refresh token is not accepted'}; sign in again and set new tokens")
    elif isinstance(error, CredentialsError):
        error = CredentialsError(f"{where}: {said or 'the credentials are not accepted'}; check the keys and tokens")
    elif isinstance(error, ForbiddenError):
        error = ForbiddenError(f"{where}: {said or 'not allowed'}; check the scopes, and what the application's plan allows")
    elif isinstance(error, RefusedError) and said:
        error = RefusedError(f"{where}: {said}")
    return Verdict(error=error, rest=rest)


def _limited(call: Call, where: str, body: Mapping[str, Any], wait: float | None) -> Verdict:
    capped = _capped(body) or where.endswith("402")
    if capped and text_of(body, "period").lower() != "daily":
        told = _said(body) or "the month's cap or the credits are used up"
        return Verdict(error=ForbiddenError(f"{where}: {told}; buy more in X's developer console, or wait for the next month"))
    pause = wait if wait is not None else _WINDOW
    return Verdict(error=RateLimited(f"{where}: too many requests", retry_after=pause), rest={call.bucket: pause})


def _capped(body: Mapping[str, Any]) -> bool:
    """Whether X says that the plan's amount is used up (problem type ``usage-capped``)."""
    return text_of(body, "type").endswith("/usage-capped") or text_of(body, "title") in ("UsageCapExceeded", "CreditsDepleted")


def _processing(call: Call, body: Mapping[str, Any]) -> SocialCRMError | None:
    """Whether a file is ready ("Chunked Media Upload", step 4)."""
    if not call.path.startswith("/2/media/upload") or call.method != "GET":
        return None
    info = mapping(mapping(body.get("data")).get("processing_info"))
    state = text_of(info, "state")
    if state == "failed":
        return RefusedError(f"x: the file could not be processed: {_said(info) or 'X gives no reason'}; send another format")
    if state in ("pending", "in_progress"):
        pause = info.get("check_after_secs")
        return ServerFault("x: the file is still being processed", retry_after=float(pause) if isinstance(pause, int) else 5)
    return None


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.content))
    except (ValueError, RecursionError):
        return {}


def _said(body: Mapping[str, Any]) -> str:
    """X's own words, bounded: of the problem, of the first error in it, of the token endpoint, of API 1.1."""
    first = mapping(next(iter(rows(body.get("errors"))), None))
    words = [text_of(body, "detail"), text_of(first, "message") or text_of(first, "detail")]
    words += [text_of(body, "error_description") or text_of(body, "message")]
    return " ".join(dict.fromkeys(word for word in words if word))[:300] or text_of(body, "title")[:300]


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limits that have nothing left are filled again, from the answer's own ``Date``; else ``None``."""
    waits = []
    for limit in _LIMITS:
        if headers.get(f"{limit}-remaining", "").strip() != "0":
            continue
        try:
            sent = parsedate_to_datetime(headers["date"])
            sent = sent if sent.tzinfo else sent.replace(tzinfo=UTC)
            reset = datetime.fromtimestamp(int(headers[f"{limit}-reset"]), UTC)
            waits.append(max(1.0, (reset - sent).total_seconds()))
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            waits.append(_WINDOW)
    return max(waits, default=None)
