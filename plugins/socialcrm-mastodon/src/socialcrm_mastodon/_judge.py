"""What an answer of a Mastodon server means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import evolve

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    UnclearError,
)

__all__ = ["judge"]

_WINDOW = 300.0
"""Seconds of the rate limit's window ("Rate limits": 300 requests within 5 minutes), where no reset time is told."""


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by the status, the ``X-RateLimit-*`` headers and the server's own words ("Rate limits", entity "Error").

    A web page in place of JSON (a log-in wall, a firewall) is an error even with status 200: a read is refused, a write
    is unclear. An upload that is still being processed (206) is tried again later.
    """
    web = "text/html" in answer.headers.get("content-type", "") or answer.content[:15].lower().startswith(b"<!doctype html")
    where = f"mastodon: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    if answer.status < 300 and web:
        if call.repeatable:
            return Verdict(error=SettingsError(f"{where} with a web page; check that the server's address is a Mastodon API"))
        return Verdict(error=UnclearError(f"{where} with a web page; it is not known whether it was processed"))
    if answer.status == 206 and call.path.startswith("/api/v1/media/"):
        return Verdict(error=ServerFault(f"{where}: the upload is still being processed", retry_after=5))
    verdict = judge_http("mastodon", call, answer)
    wait = _until_reset(answer.headers)
    if isinstance(verdict.error, RateLimited):
        pause = verdict.error.retry_after or wait or _WINDOW
        return Verdict(error=RateLimited(f"{where}: too many requests", retry_after=pause), rest={call.bucket: pause})
    if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
        verdict = evolve(verdict, rest={call.bucket: wait or _WINDOW})
    said = "a web page, not the API's words: a firewall or proxy stands before the server" if web else _said(answer)
    error = verdict.error
    if isinstance(error, CredentialsError):
        error = CredentialsError(f"{where}: {said or 'the access token is not accepted'}; give a token that is in force")
    elif isinstance(error, ForbiddenError):
        error = ForbiddenError(f"{where}: {said or 'not allowed'}; check the token's scopes and the state of the account")
    elif isinstance(error, RefusedError) and said:
        error = RefusedError(f"{where}: {said}")
    return evolve(verdict, error=error)


def _said(answer: Answer) -> str:
    """The ``error`` that the server gives, bounded."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ""
    words = body.get("error_description") or body.get("error") if isinstance(body, Mapping) else ""
    return words[:300] if isinstance(words, str) else ""


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds from the answer's ``Date`` until ``X-RateLimit-Reset`` (an ISO 8601 time)."""
    try:
        reset = datetime.fromisoformat(headers["x-ratelimit-reset"].strip())
        sent = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    reset = reset if reset.tzinfo else reset.replace(tzinfo=UTC)
    sent = sent if sent.tzinfo else sent.replace(tzinfo=UTC)
    return max(1.0, (reset - sent).total_seconds())
