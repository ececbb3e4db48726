"""The one place where foreign errors become ours.

Invariant: no message, cause or context made here holds a credential. Foreign messages may quote a header or an address, and
httpx's errors hold the whole signed request, so only their class and the operating system's words are kept.
"""

from __future__ import annotations

import socket
import ssl

import httpx

from socialcrm.errors import PayloadError, SettingsError, SocialCRMError, Unreachable

__all__ = ["FOREIGN", "broken_off", "too_big", "translate"]

FOREIGN: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError)

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, socket.gaierror)


def translate(error: Exception, what: str, *, connecting: bool = False) -> SocialCRMError:
    """Return our error for one of httpx, of a socket or of TLS.

    Args:
        error: One of `FOREIGN`.
        what: What was tried, as people may see it.
        connecting: It failed before anything was sent.
    """
    untrusted = _find(error, ssl.SSLCertVerificationError)
    if untrusted is not None:
        reason = getattr(untrusted, "verify_message", "") or "it is not trusted"
        return SettingsError(
            f"{what}: the server's certificate can't be verified ({reason}); check the address, or let this machine trust "
            "the authority that signed it"
        )
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return SettingsError(f"{what}: this is no address that can be called; check the channel's address")
    if isinstance(error, httpx.LocalProtocolError | UnicodeError):
        return SettingsError(
            f"{what}: the request holds a character that HTTP does not allow in a header; check the credentials for line "
            "breaks and typographic characters"
        )
    if connecting or isinstance(error, _NOT_SENT):
        return Unreachable(
            f"{what}: no connection ({_reason(error)}); check the address and the network, it is tried again later",
            processed=False,
        )
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Unreachable(f"{what}: no answer in time ({_reason(error)}); it is tried again later")
    return broken_off(what, _reason(error))


def broken_off(what: str, reason: str) -> Unreachable:
    """Return the error for a connection that ended in the middle: nobody knows what was processed."""
    return Unreachable(f"{what}: the connection broke off ({reason}); it is tried again later")


def too_big(what: str, limit: int) -> PayloadError:
    """Return the error for something larger than the policy allows."""
    return PayloadError(f"{what}: more than {limit} bytes came, the limit of the policy; raise it if that is right")


def _reason(error: BaseException) -> str:
    system = _find(error, OSError)
    words = getattr(system, "strerror", None)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _find(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
