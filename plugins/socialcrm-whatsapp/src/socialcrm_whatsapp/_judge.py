"""What the Cloud API's error codes mean; everything else is the Graph API's.

Source: WhatsApp Business Platform, Error codes. The same codes come back as an answer (``error``) and, later, with the status
``failed`` of a message that was accepted: most of what goes wrong with a recipient is only told then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from socialcrm.connectors import Answer, Call, Verdict
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    RateLimited,
    RefusedError,
    ServerFault,
    SocialCRMError,
)
from socialcrm_meta import WindowClosed, graph_error, judge, mapping, text

__all__ = ["advice", "judge_answer"]

_Error = Callable[..., SocialCRMError]

_MEANING: Mapping[int, tuple[_Error, str]] = {
    0: (CredentialsError, "Meta does not accept the token; make a new system user's token"),
    130472: (RefusedError, "WhatsApp holds marketing back from this person; wait for them to write"),
    130497: (ForbiddenError, "WhatsApp does not let this business write to people of that country"),
    131000: (ServerFault, "WhatsApp failed for the moment; try again later"),
    131005: (ForbiddenError, "the token lacks a permission: whatsapp_business_messaging, whatsapp_business_management"),
    131016: (ServerFault, "WhatsApp is overloaded; try again later"),
    131021: (RefusedError, "sender and recipient are the same number"),
    131026: (RefusedError, "they can't be reached: not on WhatsApp, an old app, or they blocked us; use another channel"),
    131030: (ForbiddenError, "a test number only writes to the numbers on its list; add the number in the API setup"),
    131031: (ForbiddenError, "the business account is locked; see the account's quality page"),
    131037: (ForbiddenError, "the number's display name is not approved yet; see the WhatsApp Manager"),
    131042: (ForbiddenError, "there is something wrong with paying; see the payment settings of the business account"),
    131045: (ForbiddenError, "the number is not registered rightly; register it again"),
    131047: (WindowClosed, "more than 24 hours since they wrote last: only a template can be sent (setting template)"),
    131048: (ForbiddenError, "too many messages of this number were reported as spam; see its quality in the WhatsApp Manager"),
    131049: (RefusedError, "WhatsApp holds it back, since the person gets much marketing; try much later, or another channel"),
    131050: (RefusedError, "the person does not want marketing messages from us"),
    131051: (RefusedError, "WhatsApp does not know this type of message"),
    131052: (RefusedError, "the file could not be fetched; ask them to send it again"),
    131053: (RefusedError, "the file can't be sent: its type or size is not allowed; see Supported Media Types"),
    131057: (ServerFault, "the account is being maintained; try again later"),
    131062: (RefusedError, "this template can't go to a user id; it needs the phone number"),
    131064: (ForbiddenError, "the number has reached its messaging limit; see the WhatsApp Manager"),
    132000: (RefusedError, "the template wants another number of variables than one"),
    132001: (RefusedError, "there is no approved template of that name and language; check the setting template"),
    132005: (RefusedError, "the text is too long for the template"),
    132012: (RefusedError, "the template wants its variable in another form"),
    132015: (ForbiddenError, "the template is paused for its low quality; change it"),
    132016: (ForbiddenError, "the template is disabled for good; take another one"),
    132018: (RefusedError, "a template's variable takes one line, without tabs and wide gaps; shorten it"),
    133010: (ForbiddenError, "the number is not registered for the Cloud API; register it"),
}
_RATES: Mapping[int, tuple[float, str]] = {
    130429: (10.0, "more messages at once than the number may send"),
    131056: (15.0, "too many messages to this person at once"),
}
"""Seconds to wait, and why. The pair rate is one message in six seconds, with bursts of 45 (Messaging limits)."""


def advice(code: int) -> str:
    """Return what to do about an error code; general words for one that we don't know."""
    if code in _RATES:
        return f"{_RATES[code][1]}; try again later"
    return _MEANING[code][1] if code in _MEANING else "see the error codes of the Cloud API"


def judge_answer(call: Call, answer: Answer) -> Verdict:
    """Judge an answer by the Cloud API's codes, and by the Graph API's where they are not its own."""
    found = graph_error(answer)
    if found is None or (found.code not in _MEANING and found.code not in _RATES):
        return judge("whatsapp", call, answer)
    told = f"whatsapp: {call.method} {call.path.partition('?')[0]} failed ({found.code}: {_words(answer) or found.message})"
    if found.code in _RATES:
        wait, why = _RATES[found.code]
        # The pair rate is about one person: others may be written to meanwhile.
        rest = {call.bucket: wait} if found.code != 131056 else {}
        return Verdict(error=RateLimited(f"{told}; {why}; it is tried again later", retry_after=wait), rest=rest)
    kind, what = _MEANING[found.code]
    return Verdict(error=kind(f"{told}; {what}"))


def _words(answer: Answer) -> str:
    try:
        error = mapping(mapping(json.loads(answer.content)).get("error"))
    except ValueError:
        return ""
    said, details = text(error.get("message")), text(mapping(error.get("error_data")).get("details"))
    return said[:400] if details in said else f"{said}: {details}"[:400]
