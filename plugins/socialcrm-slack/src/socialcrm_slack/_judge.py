"""What an answer of the Web API means: ``ok`` in the body, whatever the status ("Using the Slack Web API", "Errors")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from socialcrm.connectors import Answer, Call, Verdict, judge_http, retry_after
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
    UnclearError,
)
from socialcrm_slack._fields import text_of

__all__ = ["BadCursor", "ThreadGone", "judge"]

_PAUSE = 60.0
"""Seconds to wait where Slack does not say ("Rate limits": budgets are counted by the minute)."""

_FAULTS = frozenset(
    ("fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org", "temporarily_unavailable")
)
_CREDENTIALS = frozenset(
    (
        "account_inactive", "app_uninstalled", "bad_client_secret",
        "invalid_auth", "invalid_client_id", "invalid_refresh_token",
        "not_authed", "org_login_required", "token_expired", "token_revoked", "two_factor_setup_required",
    )
)  # fmt: skip
_FORBIDDEN = frozenset(
    (
        "access_denied", "accesslimited", "as_user_not_supported", "cannot_dm_bot", "cant_delete_message", "ekm_access_denied",
        "enterprise_is_restricted", "method_not_supported_for_channel_type", "missing_scope", "no_permission", "not_allowed",
        "not_allowed_token_type", "not_in_channel", "team_access_not_granted", "team_not_found", "thread_locked",
    )
)  # fmt: skip
_DONE = frozenset(("already_reacted",))
"""Refusals that say that it is already so."""


class ThreadGone(NotFound):
    """The message that began a thread is not there any more."""


class BadCursor(RefusedError):
    """The place in a listing is not known any more: the listing begins anew."""


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by ``ok`` and ``error`` in the body; by the status where this is no call of the Web API.

    A body that is no Web API answer (a log-in page, half an answer) is a passing fault of a call that may be repeated; else
    nobody knows what became of it.
    """
    verdict = judge_http("slack", call, answer)
    if not call.path.startswith("/api/"):
        return verdict
    where = f"slack: {call.path.removeprefix('/api/').partition('?')[0]}"
    if isinstance(verdict.error, RateLimited):
        return _limited(where, call, answer)
    body = _body(answer)
    if body is None or not isinstance(body.get("ok"), bool):
        if verdict.error is not None:
            return verdict
        if call.repeatable:
            return Verdict(error=ServerFault(f"{where}: this is no answer of Slack's Web API; it is tried again later"))
        return Verdict(error=UnclearError(f"{where}: the answer can't be read; it is not known whether it was processed"))
    if body["ok"]:
        return verdict
    code = text_of(body, "error") or "unknown_error"
    if code in ("ratelimited", "rate_limited"):
        return _limited(where, call, answer)
    return evolve(verdict, error=None if code in _DONE else _error(where, code, body))


def _body(answer: Answer) -> Mapping[str, Any] | None:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, Mapping) else None


def _limited(where: str, call: Call, answer: Answer) -> Verdict:
    wait = retry_after(answer.headers) or _PAUSE
    error = RateLimited(f"{where}: too many requests; it is tried again in {wait:.0f} s", retry_after=wait)
    return Verdict(error=error, rest={call.bucket: wait})


def _error(where: str, code: str, body: Mapping[str, Any]) -> SocialCRMError:
    said = f"{where} answered {code[:100]!r}"
    if code == "missing_scope":
        needed, provided = text_of(body, "needed")[:200], text_of(body, "provided")[:300]
        return ForbiddenError(
            f"{said}: the token lacks the scope {needed or '(not told)'} (it has {provided or 'none that is told'}); "
            "add it to the app (OAuth & Permissions), install the app again, and give the new token"
        )
    if code == "not_in_channel":
        return ForbiddenError(f"{said}: the app is no member; invite it to the channel")
    if code == "thread_not_found":
        return ThreadGone(f"{said}: the message that began the thread is not there")
    if code == "invalid_cursor":
        return BadCursor(f"{said}: the place in the listing has expired; the listing begins anew")
    if code in _FAULTS:
        return ServerFault(f"{said}: Slack failed; it is tried again later")
    if code in _CREDENTIALS:
        return CredentialsError(f"{said}: the token is not accepted; give a token that is in force")
    if code in _FORBIDDEN or code.startswith("restricted_action"):
        return ForbiddenError(f"{said}: not allowed; check the app's scopes, its channels and the workspace's rules")
    if code.endswith("_not_found") or code == "file_deleted":
        return NotFound(f"{said}: it is not there, or the app may not see it; check the ids and the app's channels")
    if code in ("msg_too_long", "msg_blocks_too_long"):
        return RefusedError(f"{said}: the text is too long; shorten it")
    return RefusedError(f"{said}: the request was rejected as it stands")
