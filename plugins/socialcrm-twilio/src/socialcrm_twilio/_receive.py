"""Webhooks: proven by X-Twilio-Signature, told apart by their parameters, answered with TwiML that does nothing.

The signature ("Webhooks security") is an HMAC-SHA1 with the auth token over the address that Twilio called, followed, for a
form, by its parameters sorted by name; values that repeat count once. A JSON body is covered by ``bodySHA256`` in the address.
Twilio is not consistent about the port, so the address counts with its standard port and without any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit, urlunsplit

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_equal, check_hmac
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_twilio._address import normal
from socialcrm_twilio._calls import FINAL
from socialcrm_twilio._fields import text_of
from socialcrm_twilio._follow import OPEN
from socialcrm_twilio._settings import TwilioSettings

__all__ = ["check", "receive"]

_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_FORM = "application/x-www-form-urlencoded"

_Pairs = list[tuple[str, str]]


def receive(request: Incoming, settings: TwilioSettings) -> Hook:
    """Verify a request, and say what it brings.

    Raises:
        VerificationError: The signature is wrong or missing, or there is no auth token to check it with.
        PayloadError: The body holds no parameters.
    """
    pairs = _pairs(request)
    check(request, settings.auth_token or "", settings.public_url, pairs)
    form = {_clean(name): _clean(value) for name, value in reversed(pairs or _asked(request))}
    if not form:
        raise PayloadError("twilio: a webhook without parameters; point it at Twilio's own requests")
    raw = Raw(_kind(form), form, {"at": request.at.astimezone(UTC).isoformat()})
    batch = Batch([raw], account=_account(form, raw.kind, settings))
    return Hook(body=_TWIML, mime="text/xml", batches=(batch, *_pokes(form, batch.account)))


def check(request: Incoming, token: Secret | str, public: str, pairs: _Pairs) -> None:
    """Check the signature of a request.

    Args:
        request: As it came.
        token: The account's auth token; never an API key's secret.
        public: The address that Twilio called, where a proxy changes it; empty where the request's own is right.
        pairs: The parameters of the form; of any other body none.

    Raises:
        VerificationError: It is wrong or missing, or the body is another one.
    """
    parts = urlsplit(_public(request.url, public))
    told = ""
    if _is_form(request):
        told = "".join(name + value for name, value in sorted(set(pairs)))
    elif request.body:
        digest = parse_qs(parts.query).get("bodySHA256", [""])[0]
        check_equal(hashlib.sha256(request.body).hexdigest(), digest.lower())
    given = request.headers.get("x-twilio-signature", "")
    for number, address in enumerate(addresses := list(dict.fromkeys(_addresses(parts))), 1):
        signed = (address + told).encode("utf-8", "surrogateescape")
        try:
            check_hmac(token, signed, given, digest="sha1", encoding="base64")
        except VerificationError as error:
            if number == len(addresses):
                raise VerificationError(
                    f"twilio: {error}; where a proxy changes the address that Twilio calls, give it as public_url"
                ) from None
        else:
            return


def _public(url: str, public: str) -> str:
    """Return the address that Twilio called: the setting's scheme, host and (if it has one) path, the request's query."""
    if not public:
        return url
    parts, ours = urlsplit(url), urlsplit(public)
    return urlunsplit((ours.scheme, ours.netloc, ours.path or parts.path, parts.query, ""))


def _addresses(parts: SplitResult) -> Iterator[str]:
    yield parts.geturl()
    user, at, host = parts.netloc.rpartition("@")
    bare, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        yield parts._replace(netloc=f"{user}{at}{bare}").geturl()
    else:
        yield parts._replace(netloc=f"{user}{at}{host}:{443 if parts.scheme == 'https' else 80}").geturl()


def _is_form(request: Incoming) -> bool:
    return request.headers.get("content-type", _FORM).partition(";")[0].strip().lower() == _FORM


def _pairs(request: Incoming) -> _Pairs:
    """Return the parameters, byte for byte (as `os.fsdecode` keeps them): the signature covers the bytes."""
    if request.method == "GET" or not _is_form(request):
        return []
    return parse_qsl(request.body.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape")


def _asked(request: Incoming) -> _Pairs:
    """Return the parameters of a webhook by GET, which stand in the signed address; of a JSON body its fields."""
    if request.method == "GET":
        return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    try:
        body = json.loads(request.body)
    except ValueError:
        return []
    fields = body.items() if isinstance(body, dict) else ()
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in fields]


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _kind(form: Mapping[str, Any]) -> str:
    if "RecordingSid" in form or "TranscriptionSid" in form:
        return "recording"
    if "MessageStatus" in form and form["MessageStatus"] not in ("received", "receiving"):
        return "status"
    if text_of(form, "MessageSid", "SmsSid", "SmsMessageSid"):
        return "incoming" if "Body" in form or "NumMedia" in form else "status"
    return "voice" if "CallSid" in form else "other"


def _account(form: Mapping[str, str], kind: str, settings: TwilioSettings) -> str:
    """Return whose channel it is: the one whose first number it concerns, or that of the account."""
    account = text_of(form, "AccountSid")
    if not settings.ours:
        return account
    outbound = kind == "status" or text_of(form, "Direction").startswith(("outbound", "trunking-terminating"))
    ours = normal(text_of(form, "From" if outbound else "To"), settings.region)
    return settings.key if not ours or ours in settings.ours else ours


def _pokes(form: Mapping[str, str], account: str) -> Iterator[Batch]:
    """Have a call read again when it has ended, or when something was recorded or transcribed."""
    sid = text_of(form, "ParentCallSid", "CallSid")
    news = text_of(form, "TranscriptionSid", "RecordingSid") or text_of(form, "CallStatus")
    if sid and (news in FINAL or "RecordingSid" in form or "TranscriptionSid" in form):
        yield Batch([], {f"{OPEN}{sid}": news}, stream="calls", account=account)
