"""What Misago's errors mean, beyond what HTTP says.

Errors are JSON: ``{"detail": "…"}`` or, for a form, lists of sentences by field. A guest is not refused with 401 but with 403,
as everybody is who posts too fast (``FloodProtectionMiddleware``: 3 seconds, and limits for an hour and a day). The sentences
are in the forum's language: those of English forums are told apart here, `socialcrm_misago._reply` asks further for others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, RateLimited, RefusedError, SocialCRMError
from socialcrm_misago._fields import mapping, word
from socialcrm_misago._session import LOGIN, SessionEnded, lost

__all__ = ["Gone", "judge"]


class Gone(NotFound):
    """The forum itself says that there is no such thing, or none that we may see."""


_WAITS = (("so quickly after previous", 4.0), ("hourly post limit", 900.0), ("daily post limit", 3600.0))
"""Words of refusals that pass, and the seconds to wait."""
_GUEST = ("not available to guests", "you have to sign in", "csrf")


def judge(call: Call, answer: Answer, *, signed: bool) -> Verdict:
    """Judge an answer by Misago's sentences, and by HTTP where there are none.

    Args:
        call: What was asked.
        answer: What came.
        signed: The channel has a user.
    """
    path = call.path.partition("?")[0]
    where = f"misago: {call.method} {path} answered {answer.status}"
    ours = signed and call.auth
    if ours and (lost(answer) or (path.endswith(LOGIN) and _is_guest(answer))):
        return Verdict(error=SessionEnded(f"{where}: the session has ended; it is begun anew"))
    if 300 <= answer.status < 400 and call.method != "GET":
        text = f"{where}: it is redirected, so nothing happened; set the forum's own address as server"
        return Verdict(error=RefusedError(text))
    verdict = judge_http("misago", call, answer)
    if verdict.error is None or answer.status == 429 or answer.status >= 500:
        return verdict
    body = _body(answer)
    said = " ".join(_sentences(body))[:300]
    if not call.auth and path.endswith(LOGIN):
        return Verdict(
            error=CredentialsError(f"{where}: {said or word(body.get('code')) or 'no reason'}: check username and password")
        )
    if answer.status == 404 and body:
        return Verdict(error=Gone(f"{where}: it was deleted or hidden, or our user may not see it"))
    if answer.status == 403 and said:
        return _forbidden(where, said, call, ours=ours, banned="ban" in body)
    if answer.status == 400 and said:
        return Verdict(error=RefusedError(f"{where}: {said}"))
    return verdict


def _forbidden(where: str, said: str, call: Call, *, ours: bool, banned: bool) -> Verdict:
    words = said.casefold()
    error: SocialCRMError
    for sign, wait in _WAITS:
        if sign in words:
            return Verdict(error=RateLimited(f"{where}: {said}", retry_after=wait), rest={call.bucket: wait})
    if ours and any(sign in words for sign in _GUEST):
        error = CredentialsError(f"{where}: {said}")
    elif banned:
        error = ForbiddenError(f"{where}: {said} Our user or address is banned; ask the forum's staff")
    else:
        error = ForbiddenError(f"{where}: {said} Check what our user may do there, or answer elsewhere")
    return Verdict(error=error)


def _is_guest(answer: Answer) -> bool:
    return answer.status == 200 and _body(answer).get("is_authenticated") is False


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.content))
    except (ValueError, RecursionError):
        return {}


def _sentences(body: Mapping[str, Any]) -> Iterator[str]:
    for name, value in body.items():
        if name in ("code", "ban"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if word(one):
                yield word(one)
