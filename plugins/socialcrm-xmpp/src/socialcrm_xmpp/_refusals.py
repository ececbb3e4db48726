"""What a server's refusals mean, by their conditions (RFC 6120, sections 4.9.3, 6.5 and 8.3.3)."""

from __future__ import annotations

from collections.abc import Callable

from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    SocialCRMError,
    Unreachable,
    UnsupportedError,
)
from socialcrm_xmpp._xml import Element

__all__ = ["log_in_refused", "stanza_refused", "stream_ended"]

_LATER = "it is tried again later"
_STANZA: dict[str, tuple[Callable[[str], SocialCRMError], str]] = {
    **dict.fromkeys(
        ("forbidden", "not-allowed", "not-authorized", "registration-required", "subscription-required"),
        (ForbiddenError, "ask whoever runs the room or the server to let our account in"),
    ),
    **dict.fromkeys(("item-not-found", "gone", "recipient-unavailable"), (NotFound, "check the address")),
    **dict.fromkeys(
        ("feature-not-implemented", "service-unavailable"), (UnsupportedError, "the other side does not offer this")
    ),
    **dict.fromkeys(("internal-server-error", "remote-server-timeout", "undefined-condition"), (ServerFault, _LATER)),
    **dict.fromkeys(("resource-constraint",), (RateLimited, _LATER)),
    "conflict": (ForbiddenError, "somebody else has this nick; set another one"),
}


def stanza_refused(what: str, stanza: Element) -> SocialCRMError:
    """Return the error for a stanza of type ``error``."""
    error = next((child for child in stanza if _plain(child) == "error"), None)
    condition, text = _condition(error)
    told = f"{what} was refused ({text})"
    if condition == "policy-violation" and error is not None and error.get("type") == "wait":
        return RateLimited(f"{told}; {_LATER}")
    kind, advice = _STANZA.get(condition, (RefusedError, "see what the server or the receiver allows"))
    return kind(f"{told}; {advice}")


def log_in_refused(where: str, failure: Element) -> SocialCRMError:
    """Return the error for a SASL failure."""
    condition, text = _condition(failure)
    if condition == "temporary-auth-failure":
        return ServerFault(f"{where}: the log-in failed for now ({text}); {_LATER}")
    return CredentialsError(f"{where}: the log-in was refused ({text}); check jid and password of the channel")


def stream_ended(where: str, error: Element) -> SocialCRMError:
    """Return the error for a stream error."""
    condition, text = _condition(error)
    if condition in ("host-unknown", "host-gone", "see-other-host"):
        return SettingsError(f"{where}: the server does not serve our address there ({text}); check jid, host and port")
    if condition == "not-authorized":
        return CredentialsError(f"{where}: the server ended the session ({text}); check jid and password of the channel")
    if condition in (
        "internal-server-error",
        "system-shutdown",
        "resource-constraint",
        "policy-violation",
        "undefined-condition",
    ):
        return ServerFault(f"{where}: the server ended the session ({text}); {_LATER}")
    return Unreachable(f"{where}: the server ended the session ({text}); {_LATER}")


def _condition(error: Element | None) -> tuple[str, str]:
    condition, words = "", ""
    for child in error if error is not None else ():
        if _plain(child) == "text":
            words = " ".join((child.text or "").split())[:200]
        elif not condition:
            condition = _plain(child)
    return condition, ": ".join(filter(None, (condition or "no reason given", words)))


def _plain(element: Element) -> str:
    return element.tag.rpartition("}")[2]
