"""Sessions, and what an answer of the XRPC protocol means (specs "HTTP API (XRPC)"; "OAuth" is not used)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from attrs import evolve

from socialcrm.connectors import Answer, Call, Flow, Grant, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    PayloadError,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
)
from socialcrm_bluesky._fields import required

__all__ = ["judge", "renew", "sign"]

_CREDENTIALS = {"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired", "AuthFactorTokenRequired"}
_FORBIDDEN = {
    "AccountTakedown", "AccountDeactivated", "AccountSuspended", "RepoTakendown", "RepoDeactivated", "RepoSuspended",
    "BlockedActor", "BlockedByActor", "BlockedSubject", "MessagesDisabled", "NotFollowedBySender", "ConvoLocked", "Forbidden",
}  # fmt: skip
_MISSING = {"NotFound", "RecordNotFound", "RepoNotFound", "InvalidConvo", "RecipientNotFound", "ReplyTargetNotFound"}
_LATER = {"UpstreamFailure", "UpstreamTimeout", "NotEnoughResources", "InternalServerError"}
_NOBODY = ("Profile not found", "Unable to resolve handle", "Could not locate record")
"""What the reference servers say, with the general error ``InvalidRequest``, where something is not there."""

_WINDOW = 300.0
"""Seconds of the general rate limit's window ("Rate Limits": 3000 requests in 5 minutes), where no reset time is told."""


def sign(call: Call, grant: Grant) -> Call:
    """Return the call with the session's token; unsigned where there is no session yet, so that one is asked for."""
    token = grant.get("access", "")
    return evolve(call, headers={**call.headers, "Authorization": f"Bearer {token}"}) if token else call


def renew(identifier: str, grant: Grant) -> Flow[Grant]:
    """Continue the session, or begin one ("com.atproto.server.refreshSession", "com.atproto.server.createSession").

    A refresh token serves once, so a session that can't be continued is begun anew with the app password.

    Raises:
        CredentialsError: The server does not accept identifier and app password.
    """
    if grant.get("refresh"):
        headers = {"Authorization": f"Bearer {grant['refresh']}"}
        try:
            answer = yield from Call("POST", "/xrpc/com.atproto.server.refreshSession", auth=False, headers=headers)
            return _granted(grant, answer)
        except (CredentialsError, RefusedError, ServerFault):
            grant = {name: value for name, value in grant.items() if name not in ("access", "refresh")}
    if not grant.get("app_password"):
        raise CredentialsError("bluesky: there is no app password; set identifier and app_password in the channel's settings")
    body = {"identifier": identifier, "password": grant["app_password"]}
    answer = yield from Call("POST", "/xrpc/com.atproto.server.createSession", json=body, auth=False, bucket="session")
    return _granted(grant, answer)


def _granted(grant: Grant, answer: Answer) -> Grant:
    try:
        body = answer.json(dict)
        return {**grant, "access": required(body, "accessJwt"), "refresh": required(body, "refreshJwt")}
    except PayloadError as error:
        raise ServerFault(f"bluesky: the server's answer holds no session ({error}); it is tried again later") from error


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge by the error's name in the body, which says more than the status: an expired token comes with 400."""
    verdict = judge_http("bluesky", call, answer)
    pause = _until_reset(answer.headers)
    where = f"bluesky: {call.method} {call.path.partition('?')[0]} answered {answer.status}"
    if isinstance(verdict.error, RateLimited):
        wait = verdict.error.retry_after or pause or _WINDOW
        return Verdict(error=RateLimited(f"{where}: too many requests", retry_after=wait), rest={call.bucket: wait})
    if answer.headers.get("ratelimit-remaining", "").strip() == "0":
        verdict = evolve(verdict, rest={call.bucket: pause or _WINDOW})
    if verdict.error is None:
        return verdict
    return evolve(verdict, error=_meant(where, answer, verdict.error))


def _meant(where: str, answer: Answer, error: SocialCRMError) -> SocialCRMError:
    name, said = _said(answer)
    if answer.status >= 500 or not name:
        return error
    words = f"{where}: {said or name}"
    if name in _CREDENTIALS:
        hint = "use an app password" if name == "AuthFactorTokenRequired" else "check identifier and app_password"
        if "scope" in said.lower() or "token method" in said.lower():
            hint = "give an app password that may access direct messages"
        return CredentialsError(f"{words}; {hint}")
    if name in _FORBIDDEN:
        return ForbiddenError(f"{words}; it is up to the account's owner or the server's staff")
    if name in _MISSING or said.startswith(_NOBODY):
        return NotFound(f"{words}; check the address or id")
    if name in _LATER:
        return ServerFault(f"{words}; it is tried again later")
    if isinstance(error, RefusedError):
        return RefusedError(words)
    return error


def _said(answer: Answer) -> tuple[str, str]:
    """The error's name and message, bounded."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return "", ""
    name, said = (body.get("error"), body.get("message")) if isinstance(body, Mapping) else ("", "")
    return (name[:80] if isinstance(name, str) else "", said[:300] if isinstance(said, str) else "")


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds from the answer's ``Date`` until ``RateLimit-Reset``, seconds since 1970 ("Rate Limits")."""
    try:
        return max(1.0, float(headers["ratelimit-reset"]) - parsedate_to_datetime(headers["date"]).timestamp())
    except (KeyError, TypeError, ValueError):
        return None
