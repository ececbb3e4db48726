"""What Discourse's errors mean, beyond what HTTP says.

An error is a JSON object with ``errors`` (sentences in the forum's language), ``error_type`` and sometimes ``extras``; the
source is the application controller of Discourse and its request rate limiter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
)
from socialcrm_discourse._fields import mapping, word

__all__ = ["Gone", "NewUserLimit", "TooShort", "TooSimilar", "judge"]


class Gone(NotFound):
    """The forum itself says that there is no such thing, or none for us."""


class TooShort(RefusedError):
    """The post is shorter than the forum allows (its settings ``min post length``, ``min personal message post length``)."""


class TooSimilar(RefusedError):
    """The same user wrote the same only minutes ago (its setting ``unique posts mins``)."""


class NewUserLimit(RefusedError):
    """Our user's trust level does not allow this yet: links, pictures, mentions, replies a day."""


# The sentences are translated; these words are those of the English ones, which is why nothing depends on recognising them.
_WORDS: tuple[tuple[str, type[RefusedError], str], ...] = (
    ("too short", TooShort, "write more; staff may lower 'min post length'"),
    ("too similar", TooSimilar, "the same was said minutes ago; change the text, or wait"),
    ("new user", NewUserLimit, "raise our user's trust level, or leave out links, pictures and mentions"),
)


def judge(call: Call, answer: Answer, *, signed: bool) -> Verdict:
    """Judge an answer.

    Args:
        call: What was asked.
        answer: What came.
        signed: We have a key.
    """
    verdict = judge_http("discourse", call, answer)
    if verdict.error is None:
        return _redirect(call, answer)
    body = _body(answer)
    where = f"discourse: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    if answer.status == 429:
        return _limited(where, call, answer, body, verdict)
    kind = word(body.get("error_type"))
    error = _meaning(where, kind, _said(body), answer.status, signed)
    return Verdict(error=error) if error is not None else verdict


def _meaning(where: str, kind: str, said: str, status: int, signed: bool) -> SocialCRMError | None:
    if kind == "not_logged_in":
        what = "the key is not accepted; make a new one" if signed else "the forum is for members only; give the channel a key"
        return CredentialsError(f"{where} (not_logged_in): {what}")
    if kind == "invalid_access":
        advice = "check that the key is valid and fits the username, its scopes, and what our user may see or do there"
        return ForbiddenError(f"{where} (invalid_access): {said or 'not allowed'}; {advice}")
    if kind == "not_found":
        return Gone(f"{where} (not_found): it was deleted, or our user may not see it")
    if kind == "read_only" or (status == 405 and "read" in said):
        return ServerFault(f"{where}: the forum is read-only for now; it is tried again later")
    if status in (400, 422) and said:
        for words, error, advice in _WORDS:
            if words in said.casefold():
                return error(f"{where}: {said}; {advice}")
        return RefusedError(f"{where}: {said}")
    return None


def _limited(where: str, call: Call, answer: Answer, body: Mapping[str, Any], verdict: Verdict) -> Verdict:
    told = mapping(body.get("extras")).get("wait_seconds")
    named = told if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 10**9 else None
    standard = verdict.error.retry_after if isinstance(verdict.error, RateLimited) else None
    wait = max((one for one in (named, standard) if one is not None), default=60.0)
    code = word(answer.headers.get("discourse-rate-limit-error-code"))
    text = f"{where}{f' ({code})' if code else ''}: too many requests; it is tried again later"
    return Verdict(error=RateLimited(text, retry_after=float(wait)), rest={call.bucket: float(wait)})


def _redirect(call: Call, answer: Answer) -> Verdict:
    if 300 <= answer.status < 400 and call.method not in ("GET", "HEAD"):
        text = f"discourse: {call.method} {call.path} is redirected, so nothing happened; set the forum's own address"
        return Verdict(error=RefusedError(text))
    return Verdict()


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.content))
    except ValueError:
        return {}


def _said(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    texts = [one for one in errors if isinstance(one, str)] if isinstance(errors, list) else []
    return " ".join(texts)[:300]
