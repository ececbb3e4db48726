"""Credentials on a call."""

from __future__ import annotations

import hashlib
import hmac

import attrs

from socialcrm.connectors import Call, Grant

__all__ = ["sign"]


def sign(call: Call, grant: Grant, *, proof: bool = True) -> Call:
    """Return the call with the token and, where an app secret is given, the proof that we hold it.

    The token travels as a header, so it stands in no address. The proof is the HMAC-SHA256 of the token, keyed by the app
    secret (Graph API: Securing Requests, ``appsecret_proof``).

    Args:
        call: To the Graph API.
        grant: With ``token`` and perhaps ``app_secret``.
        proof: Whether this host takes the proof.
    """
    token, secret = grant.get("token", ""), grant.get("app_secret", "")
    if not token:
        return call
    headers = {**call.headers, "Authorization": f"Bearer {token}"}
    if not (secret and proof):
        return attrs.evolve(call, headers=headers)
    made = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    return attrs.evolve(call, headers=headers, params={**call.params, "appsecret_proof": made})
