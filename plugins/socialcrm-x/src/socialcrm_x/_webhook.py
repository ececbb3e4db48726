"""Webhooks: the challenge, the signature, and events split by account and element. Pure.

The Account Activity API, its successor the X Activity API, and webhooks of the filtered stream share one endpoint and one
signature ("V2 Webhooks API", "Getting started with webhooks").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Batch, Hook, Incoming, Raw
from socialcrm.connectors.signatures import check_hmac
from socialcrm.errors import PayloadError, VerificationError
from socialcrm.types import Secret
from socialcrm_x._ask import split
from socialcrm_x._fields import mapping, rows, text_of

__all__ = ["receive"]

_HEADER = "x-twitter-webhooks-signature"
_ABOUT = frozenset(("for_user_id", "users", "apps", "user_has_blocked", "is_blocked_by"))


def receive(request: Incoming, secret: Secret | None) -> Hook:
    """Answer the challenge, or verify and read events.

    Args:
        request: As it came.
        secret: The application's API key secret.

    Raises:
        VerificationError: The signature is wrong or missing, or we have no secret.
        PayloadError: The body is no JSON object.
    """
    if secret is None:
        raise VerificationError("x: webhooks are signed with the API key secret; set consumer_secret")
    if request.method == "GET":
        return _challenge(request, secret)
    check_hmac(secret, request.body, request.headers.get(_HEADER, ""), encoding="base64", prefix="sha256=")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise PayloadError("x: the webhook's body is not JSON") from None
    if not isinstance(body, dict):
        raise PayloadError(f"x: the webhook's body should be a JSON object, got {type(body).__name__}")
    return Hook(batches=tuple(_batches(body)))


def _challenge(request: Incoming, secret: Secret) -> Hook:
    """Answer the challenge-response check: the token, signed."""
    token = request.query.get("crc_token", "")
    if not isinstance(token, str) or not token:
        raise PayloadError("x: the request holds no crc_token; it is no challenge of X's")
    digest = hmac.new(secret.reveal().encode(), token.encode(), hashlib.sha256).digest()
    told = {"response_token": "sha256=" + base64.b64encode(digest).decode()}
    return Hook(body=json.dumps(told).encode(), mime="application/json")


def _batches(body: Mapping[str, Any]) -> list[Batch]:
    data = body.get("data")
    if isinstance(data, Mapping) and text_of(data, "event_type"):
        return [_activity(data)]
    if isinstance(data, Mapping) and text_of(data, "id"):
        return [Batch(split(body, "post"))]
    return _account_activity(body)


def _activity(data: Mapping[str, Any]) -> Batch:
    payload = mapping(data.get("payload"))
    account = text_of(data.get("filter"), "user_id") or text_of(payload, "user_id")
    return Batch([Raw(kind="activity", body=data)], account=account)


def _account_activity(body: Mapping[str, Any]) -> list[Batch]:
    revoke = mapping(mapping(body.get("user_event")).get("revoke"))
    account = text_of(body, "for_user_id") or text_of(revoke.get("source"), "user_id")
    context = {"for": account} if account else {}
    raws = []
    for name, events in body.items():
        for event in (events if isinstance(events, list) else [events]) if name not in _ABOUT else ():
            extra = {"users": body["users"]} if "users" in body else {}
            raws.append(Raw(kind=str(name), body={"event": event, **extra}, context=context))
    batches = [Batch(raws, account=account)]
    if rows(body.get("tweet_delete_events")):
        # A deletion names one version of a post; only a look-up tells whether that was a later version of one we know.
        batches.append(Batch([], {"poke": "deletion"}, stream="own", account=account))
    return batches
