"""OAuth for connectors, over oauthlib (extra ``oauth``): renewing grants (RFC 6749), signing calls (RFC 5849); no I/O.

oauthlib is imported when one of the two is first used.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import attrs

from socialcrm.connectors._steps import Answer, Call, Fields, Flow, Grant
from socialcrm.errors import CredentialsError, PayloadError, PluginError, ServerFault

__all__ = ["refresh_grant", "sign_oauth1"]


def refresh_grant(
    url: str, grant: Grant, *, client_id: str, client_secret: str = "", basic: bool = False, scope: str = ""
) -> Flow[Grant]:
    """Exchange a refresh token for a fresh access token (RFC 6749, section 6): what `Connector.renew` returns, mostly.

    Args:
        url: The token endpoint: a path below the connector's origin, or an absolute link.
        grant: The grant in force, with ``refresh_token``.
        client_id: Our application's public name there.
        client_secret: Its password; empty for a public client.
        basic: Send name and password in the header (HTTP Basic) instead of the form.
        scope: Ask for less than before; empty asks for the same.

    Returns:
        The grant with a new ``token``, and a new ``refresh_token`` where the platform rotates it; all else is kept.

    Raises:
        CredentialsError: There is no refresh token, or it is void: consent has to be given again.
        ServerFault: The answer is no JSON object; the host tries again later.
    """
    held = grant.get("refresh_token", "")
    if not held:
        raise CredentialsError("the token has expired, and there is no refresh token to renew it; give consent again")
    form: dict[str, str] = {"grant_type": "refresh_token", "refresh_token": held}
    headers: dict[str, str] = {"Accept": "application/json"}
    if scope:
        form["scope"] = scope
    if basic:
        both = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
    else:
        form["client_id"] = client_id
        if client_secret:
            form["client_secret"] = client_secret
    answer = yield from Call("POST", url, form=form, headers=headers, auth=False, bucket="oauth")
    fresh = _token(answer)
    return {**grant, "token": fresh["access_token"], "refresh_token": str(fresh.get("refresh_token") or held)}


def sign_oauth1(
    call: Call,
    origin: str,
    *,
    consumer_key: str,
    consumer_secret: str,
    token: str,
    token_secret: str,
    now: datetime,
    nonce: str,
) -> Call:
    """Return the call with an OAuth 1.0a header (RFC 5849, HMAC-SHA1), for `Connector.sign`.

    Args:
        call: What to sign: its query and its form fields are covered, a JSON or multipart body is not.
        origin: The connector's own, for calls with a path.
        consumer_key: Our application's public name.
        consumer_secret: Its password.
        token: The account's token.
        token_secret: The account's token's password.
        now: The time, aware.
        nonce: A text used once.
    """
    client = _oauthlib("oauth1").Client(
        consumer_key,
        client_secret=consumer_secret,
        resource_owner_key=token,
        resource_owner_secret=token_secret,
        nonce=nonce,
        timestamp=str(int(now.timestamp())),
    )
    url = call.path if "://" in call.path else origin.rstrip("/") + call.path
    if query := _encoded(call.params):
        url += ("&" if "?" in url else "?") + query
    covered = call.form is not None and not call.files
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if covered else {}
    _, signed, _ = client.sign(url, call.method, body=_encoded(call.form or {}) if covered else None, headers=headers)
    return attrs.evolve(call, headers={**call.headers, "Authorization": signed["Authorization"]})


def _encoded(fields: Fields) -> str:
    return urlencode(dict(fields), doseq=True, quote_via=quote)


def _token(answer: Answer) -> Mapping[str, Any]:
    errors = _oauthlib("oauth2.rfc6749.errors")
    parse = _oauthlib("oauth2.rfc6749.parameters").parse_token_response
    try:
        found: Mapping[str, Any] = parse(json.dumps(answer.json(dict)))
    except errors.OAuth2Error as error:
        raise CredentialsError(f"the platform gave no new token ({error.error}); give consent again") from None
    except PayloadError as error:
        raise ServerFault(f"the platform's token endpoint failed: {error}") from None
    return found


def _oauthlib(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(f"oauthlib.{name}")
    except ModuleNotFoundError as error:
        raise PluginError("this needs oauthlib: pip install 'socialcrm[oauth]'") from error
