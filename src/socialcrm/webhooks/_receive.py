"""Takes one webhook request, whatever framework it came by."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from socialcrm.connectors import Incoming
from socialcrm.crm import CRM
from socialcrm.errors import (
    NotFound,
    PayloadError,
    PluginError,
    RetryError,
    SchemaError,
    SocialCRMError,
    StoreError,
    UnsupportedError,
    VerificationError,
)

__all__ = ["LIMIT", "Reply", "plain", "receive"]

LIMIT = 4 * 2**20
"""Bytes of the largest body taken by default: what platforms send at once is smaller (Meta: Webhooks, payloads up to 3 MB)."""

_log = logging.getLogger("socialcrm.webhooks")


class Reply(NamedTuple):
    """What to answer, as every framework takes it: ``status, headers, body = receive(…)``.

    Args:
        status: The HTTP status.
        headers: Names in lower case.
        body: The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def receive(
    crm: CRM,
    channel: str,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    limit: int = LIMIT,
) -> Reply:
    """Take a webhook request: verified, made durable, and only then answered.

    Args:
        crm: The workspace.
        channel: For which channel it is; where its address holds more than the name, cut the name out.
        method: The HTTP method.
        url: The whole address as the platform called it, before any proxy: some signatures cover it.
        headers: As they came, in any spelling; repeated ones as pairs.
        body: The bytes as they came: signatures cover these.
        limit: Bytes of the largest body to take.

    Returns:
        What to answer. As the connector says where all is well; 403 where the signature is wrong, missing or too old; 400
        where the body can't be read; 404 where there is no such channel, or none with a webhook; 413 where the body is too
        large; 503 where the store can't take it now, and 500 where the channel or its plugin needs care: after both of these
        platforms send it again.

    Example:
        >>> status, headers, body = receive(crm, "shop", method="POST", url=url, headers=headers, body=body)  # doctest: +SKIP
    """
    if len(body) > limit:
        return plain(413)
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    request = Incoming(method=method.upper(), url=url, query=_query(url), headers=_joined(pairs), body=body, at=crm.clock())
    try:
        hook = crm.receive(channel, request)
    except SocialCRMError as error:
        return _refusal(channel, error)
    return Reply(hook.status, {"content-type": hook.mime, **_COMMON}, hook.body)


def plain(status: int) -> Reply:
    """Return an answer that says nothing but its status."""
    again = {"retry-after": "60"} if status == 503 else {}
    return Reply(status, {"content-type": "text/plain", **_COMMON, **again}, b"")


# A challenge is echoed: nothing that a browser would take for a page may come of it.
_COMMON = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def _refusal(channel: str, error: SocialCRMError) -> Reply:
    kind = type(error).__name__
    match error:
        case VerificationError():
            _log.warning("a webhook request for the channel %r was not authentic: %s", channel, kind)
            return plain(403)
        case PayloadError():
            _log.warning("a webhook request for the channel %r could not be read: %s", channel, kind)
            return plain(400)
        case NotFound() | UnsupportedError():
            return plain(404)
        case RetryError() | StoreError() | SchemaError():
            _log.error(
                "a webhook request for the channel %r could not be stored, the platform will repeat it: %s", channel, error
            )
            return plain(503)
    # What a plugin stumbled over may quote the body.
    told = type(error.__cause__).__name__ if isinstance(error, PluginError) else error
    _log.error("a webhook request for the channel %r could not be taken: %s: %s", channel, kind, told)
    return plain(500)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; the values of a repeated one are joined (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _query(url: str) -> dict[str, str | list[str]]:
    fields = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
