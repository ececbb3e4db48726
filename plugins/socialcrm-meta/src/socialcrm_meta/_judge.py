"""What the Graph API's error codes and usage headers mean.

Sources: Graph API: Handle Errors; Rate Limits; Messenger Platform: Common Error Codes; Access Token Guide: Debugging and
Error Handling. Errors are objects in the body; their HTTP status says little (mostly 400, now and then 200 or 500).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from attrs import frozen

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
    UnsupportedError,
)
from socialcrm_meta._usage import rest_of, wait_of
from socialcrm_meta._values import mapping, text

__all__ = ["AlreadyAnswered", "GraphError", "WindowClosed", "graph_error", "judge"]


class WindowClosed(UnsupportedError):
    """The person wrote too long ago: Meta's messaging window is closed, and nothing was sent."""


class AlreadyAnswered(RefusedError):
    """What was written got its one private reply before; nothing was sent."""


@frozen(kw_only=True)
class GraphError:
    """The error object of an answer.

    Args:
        code: Meta's code.
        subcode: Its subcode, 0 where there is none.
        message: Meta's words.
        transient: Meta says that it passes.
    """

    code: int
    subcode: int
    message: str
    transient: bool


_RATES = frozenset({4, 17, 32, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80007, 80008, 80009, 80014, 130429})
_FAULTS = frozenset({1, 2, 1200})
_TOKENS = frozenset({102, 190, 2500})
_CLOSED = frozenset({2018278, 2018065, 2018109, 2534022})
_ANSWERED = frozenset({10900, 10901, 10903})
_RIGHTS = frozenset({3, 10, 230, 283, 294, *range(200, 220), 240, 270, 273, 278, 299})

_TOKEN: Mapping[int, str] = {
    458: "the person who made the token removed the app; let them log in to the app again and make a new token",
    459: "the person who made the token has to log in on facebook.com and solve what is asked there; then make a new one",
    460: "the password of the person who made the token was changed, which ends it; make a new token",
    463: "the token has expired; exchange a fresh user token for a long-lived one and take the Page's token from /me/accounts "
    "(it does not expire), or refresh the Instagram token before its 60 days are over",
    464: "the account of the person who made the token is not confirmed; confirm it, then make a new token",
    467: "the token is not valid any more (logged out, or revoked); make a new token",
    492: "the person who made the token no longer has a role on the Page; let somebody who has one make a new token",
}
_RENEW = (
    "Meta does not accept the token; make a new long-lived one (Page token from /me/accounts, or a system user's), and check "
    "that app_secret belongs to the app that issued it"
)


def graph_error(answer: Answer) -> GraphError | None:
    """Return the error object in an answer's body, whatever its status; ``None`` where there is none."""
    if answer.status < 400 and b'"error"' not in answer.content:
        return None
    try:
        told = mapping(mapping(json.loads(answer.content)).get("error"))
    except ValueError:
        return None
    code = told.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        return None
    subcode = told.get("error_subcode")
    return GraphError(
        code=code,
        subcode=subcode if isinstance(subcode, int) else 0,
        message=text(told.get("message"))[:300],
        transient=told.get("is_transient") is True,
    )


def judge(platform: str, call: Call, answer: Answer) -> Verdict:
    """Judge an answer by Meta's error object, by HTTP where there is none, and read how much of the rate budget is left."""
    found = graph_error(answer)
    where = f"{platform}: {call.method} {call.path.partition('?')[0]}"
    if found is None:
        return _by_status(platform, call, answer, where)
    wait = wait_of(answer.headers)
    error = _error(found, where, wait)
    if isinstance(error, RateLimited):
        return Verdict(error=error, rest={call.bucket: error.retry_after or 300.0})
    return Verdict(error=error, rest=rest_of(call.bucket, answer.headers))


def _by_status(platform: str, call: Call, answer: Answer, where: str) -> Verdict:
    verdict = judge_http(platform, call, answer)
    if isinstance(verdict.error, NotFound):
        # Graph says of a missing object 400 with an error object; a bare 404 comes from something in between.
        told = f"{where} answered {answer.status} without Meta's own words; check the address and the API version"
        return Verdict(error=RefusedError(told))
    if verdict.error is None:
        return Verdict(rest=rest_of(call.bucket, answer.headers))
    return verdict


def _error(found: GraphError, where: str, wait: float | None) -> SocialCRMError:
    number = f"{found.code}/{found.subcode}" if found.subcode else f"{found.code}"
    told = f"{where} failed ({number}: {found.message})"
    kind, advice = _meaning(found)
    if kind is RateLimited:
        return RateLimited(f"{told}; {advice}", retry_after=wait)
    return kind(f"{told}; {advice}")


def _meaning(found: GraphError) -> tuple[Callable[..., SocialCRMError], str]:
    code, subcode = found.code, found.subcode
    if code in _RATES:
        return RateLimited, "the rate budget is used up; it is tried again later"
    if code in _TOKENS or (code == 467 and not subcode):
        return CredentialsError, _TOKEN.get(subcode, _RENEW)
    if subcode in _CLOSED or (code == 10 and _says_closed(found.message)):
        advice = (
            "the messaging window is closed (24 hours; 7 days with human_agent): wait for the person to write, or call them"
        )
        return WindowClosed, advice
    if code in _ANSWERED:
        return AlreadyAnswered, "only one private reply is allowed; go on in the conversation that it began"
    if code in _FAULTS or found.transient:
        return ServerFault, "Meta failed for the moment; it is tried again later"
    if code in _RIGHTS:
        return ForbiddenError, "the token lacks a permission or the app its review; see the permissions in the plugin's README"
    return _other(code, subcode)


def _other(code: int, subcode: int) -> tuple[Callable[..., SocialCRMError], str]:
    if (code, subcode) in ((100, 33), (100, 2018001)) or code in (803, 1609005):
        return NotFound, "it is gone, or the token may not see it"
    if code == 12:
        return UnsupportedError, "this version of the Graph API no longer offers it; see the plugin's README"
    if code == 551:
        return RefusedError, "the person can't be written to (they blocked us, or left); answer on another channel"
    if code == 368:
        return ForbiddenError, "Meta blocked the account for this action for a while; look into the Page's support inbox"
    if code == 506:
        return RefusedError, "the same text was just sent; change it"
    return RefusedError, "the request was rejected as it stands"


def _says_closed(message: str) -> bool:
    words = message.lower()
    return "outside" in words and "window" in words
