"""What an answer of Reddit means: statuses, rate headers, web pages in place of JSON, and errors with status 200."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
    TooLong,
    UnclearError,
)
from socialcrm_reddit._fields import mapping, rows, seconds, text_of

__all__ = ["TOKEN", "judge", "patience"]

TOKEN = "https://www.reddit.com/api/v1/access_token"  # noqa: S105 - an address
"""Where tokens are renewed ("OAuth2" of the API wiki): on www, while the API is on oauth."""

_LIMITED = frozenset(("RATELIMIT", "SUBREDDIT_RATELIMIT", "QUOTA_FILLED"))
_MISSING = frozenset(
    (
        "DELETED_COMMENT", "DELETED_LINK", "DELETED_THING", "COMMENT_NOT_ACCESSIBLE", "POST_NOT_ACCESSIBLE", "NO_THING_ID",
        "USER_DOESNT_EXIST", "NO_USER", "SUBREDDIT_NOEXIST", "CONVERSATION_NOT_FOUND", "banned",
    )
)  # fmt: skip
_CLOSED = frozenset(
    (
        "SUBREDDIT_NOTALLOWED", "SUBREDDIT_NO_ACCESS", "THREAD_LOCKED", "TOO_OLD", "BANNED_FROM_SUBREDDIT", "IN_TIMEOUT",
        "USER_BLOCKED", "USER_BLOCKED_MESSAGE", "NOT_WHITELISTED_BY_USER_MESSAGE", "USER_MUTED", "MUTED_FROM_SUBREDDIT",
        "NO_VERIFIED_EMAIL", "private", "quarantined", "gold_only",
    )
)  # fmt: skip
_WAIT = re.compile(r"(\d{1,4}) (millisecond|second|minute|hour)")
_UNITS = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0}
_WINDOW = 600.0
"""Seconds of the rate limit's window ("Reddit Data API Wiki": 100 queries a minute, averaged over ten minutes)."""


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by the status, the ``X-Ratelimit-*`` headers and Reddit's own words (``json.errors``, ``reason``)."""
    where = f"reddit: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    rest = _rest(call, answer)
    web = "text/html" in answer.headers.get("content-type", "") or answer.content[:15].lstrip().lower().startswith(
        b"<!doctype html"
    )
    if web and answer.status < 300:
        if call.repeatable:
            return Verdict(error=ServerFault(f"{where} with a web page; it is tried again later"), rest=rest)
        return Verdict(error=UnclearError(f"{where} with a web page; it is not known whether it was processed"), rest=rest)
    body = None if web else _body(answer)
    code, words = _said(body)
    if call.path == TOKEN and answer.status in (400, 401, 403):
        what = code or "the application's id and secret are not accepted"
        return Verdict(error=CredentialsError(f"{where}: {what}; give consent again, or check client_id and client_secret"))
    if answer.status == 429:
        pause = _reset(answer) or _retry(call, answer) or 60.0
        return Verdict(error=RateLimited(f"{where}: too many requests", retry_after=pause), rest={call.bucket: pause})
    verdict = evolve(judge_http("reddit", call, answer), rest=rest)
    if answer.status >= 500 or answer.status in (401, 408, 425):
        return verdict
    if code:
        return evolve(verdict, error=_error(f"{where}: {code}: {words}"[:600], code, words, body, call))
    if answer.status == 403 and web:
        why = "a web page: Reddit's network security blocks this address or user agent; check user_agent, or ask Reddit"
        return evolve(verdict, error=ForbiddenError(f"{where} with {why}"))
    return verdict


def _retry(call: Call, answer: Answer) -> float | None:
    error = judge_http("reddit", call, answer).error
    return error.retry_after if isinstance(error, RateLimited) else None


def _body(answer: Answer) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None


def _said(body: Any) -> tuple[str, str]:
    """Reddit's code and words: ``{"json": {"errors": [[code, words, field]]}}``, or ``{"reason": …, "explanation": …}``."""
    first = next(iter(rows(mapping(mapping(body).get("json")).get("errors"))), None)
    if isinstance(first, Sequence) and not isinstance(first, str) and first:
        return str(first[0])[:60], str(first[1])[:300] if len(first) > 1 else ""
    reason = text_of(body, "reason")
    return reason[:60], (text_of(body, "explanation") or text_of(body, "message"))[:300]


def _error(where: str, code: str, words: str, body: Any, call: Call) -> SocialCRMError:
    if code in _LIMITED:
        told = seconds(mapping(mapping(body).get("json")).get("ratelimit"))
        return RateLimited(where, retry_after=told or patience(words) or _WINDOW)
    if code == "TOO_LONG":
        most = re.search(r"max: ?(\d+)", words)
        text = mapping(call.form).get("text") or mapping(call.form).get("body")
        excess = len(text) - int(most[1]) if isinstance(text, str) and most else 1
        return TooLong(f"{where}; shorten it", excess=max(1, excess))
    if code in _MISSING:
        return NotFound(f"{where}; it was deleted, or the name is wrong")
    if code in _CLOSED:
        return ForbiddenError(f"{where}; a person has to look whether and where our account may write or read")
    return RefusedError(where)


def patience(words: str) -> float | None:
    """Return the seconds that Reddit's words ask to wait ("try again in 9 minutes", "Take a break for 40 seconds")."""
    found = _WAIT.search(words)
    return max(1.0, int(found[1]) * _UNITS[found[2]]) if found else None


def _reset(answer: Answer) -> float | None:
    try:
        return min(max(1.0, float(answer.headers.get("x-ratelimit-reset", ""))), _WINDOW)
    except ValueError:
        return None


def _rest(call: Call, answer: Answer) -> Mapping[str, float]:
    """The budget's rest once fewer than one call remains."""
    try:
        left = float(answer.headers.get("x-ratelimit-remaining", ""))
    except ValueError:
        return {}
    return {call.bucket: _reset(answer) or _WINDOW} if left < 1 else {}
