"""What Twilio's answers mean: HTTP's status, and the code in the body ("Error and Warning Dictionary")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Answer, Call, Verdict, judge_http, retry_after
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, RateLimited, RefusedError, SocialCRMError
from socialcrm_twilio._fields import number, text_of

__all__ = ["judge"]

_BUSY = frozenset((14107, 20429, 21611, 30001, 63018))
"""Too many requests or queued messages: certainly not processed ("20429: safe to retry")."""

_CREDENTIALS = {20003: "the SID and token (or API key and secret) are not accepted; check them in the channel's settings"}
_FORBIDDEN = {
    20005: "the account is suspended or closed; see the Console",
    20006: "the account may not do this; check the API key's permissions",
    20008: "test credentials can't do this; give live ones",
    21408: "sending to that country is switched off; allow it in the Console (Messaging geographic permissions)",
    21608: "a trial account sends to verified numbers only; verify it or upgrade",
    21219: "a trial account reaches verified numbers only; verify it or upgrade",
    21610: "the customer has opted out (STOP) and gets no message from this number until they write START; call instead",
    63016: "WhatsApp allows free text only within 24 hours of the customer's last message",
}
_REFUSED = {
    20009: "it is not complete yet, so it can't be deleted; try again in some minutes",
    21211: "the customer's number is not valid",
    21212: "our number is not valid as a sender",
    21217: "the customer's number is not valid",
    21606: "our number can't send messages, or is not of this account; check numbers and messaging_service",
    21612: "our number can't reach that number; choose another sender",
    21614: "the customer's number is no mobile phone; call instead",
    21617: "the text is longer than 1,600 characters",
    21659: "our number is not of this account; check numbers in the channel's settings",
    21660: "our number and the account do not belong together; check account_sid",
}


def judge(call: Call, answer: Answer) -> Verdict:
    """Judge an answer of the REST API."""
    verdict = judge_http("twilio", call, answer)
    if answer.status < 400:
        return verdict
    body = _body(answer)
    code = number(body, "code")
    where = f"twilio: {call.method} {call.path.partition('?')[0].rpartition('/')[2]} (error {code or answer.status})"
    if code in _BUSY or answer.status == 429:
        wait = retry_after(answer.headers)
        error = RateLimited(f"{where}: too many requests; it is tried again later", retry_after=wait)
        return Verdict(error=error, rest={call.bucket: 1.0 if wait is None else wait})
    known = _known(where, code, answer.status)
    if known is not None:
        return Verdict(error=known, rest=verdict.rest)
    if isinstance(verdict.error, RefusedError) and code:
        told = " ".join(text_of(body, "message").split())[:300] or "the request was rejected as it stands"
        return Verdict(error=RefusedError(f"{where}: {told}; look the code up in Twilio's error dictionary"))
    return verdict


def _known(where: str, code: int, status: int) -> SocialCRMError | None:
    if code in _CREDENTIALS and status != 403:
        return CredentialsError(f"{where}: {_CREDENTIALS[code]}")
    if code in _FORBIDDEN or (code in _CREDENTIALS and status == 403):
        return ForbiddenError(f"{where}: {_FORBIDDEN.get(code, 'the credentials may not do this; check their permissions')}")
    if code == 20404:
        return NotFound(f"{where}: it is not there; check the SIDs")
    return RefusedError(f"{where}: {_REFUSED[code]}") if code in _REFUSED else None


def _body(answer: Answer) -> Mapping[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
