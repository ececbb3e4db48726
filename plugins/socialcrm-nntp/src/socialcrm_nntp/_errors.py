"""What a response that says no means (RFC 3977, section 3.2; RFC 4643, section 2; RFC 4642, section 2)."""

from __future__ import annotations

import re

from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    SettingsError,
    SocialCRMError,
)

__all__ = ["refusal"]

_BUSY = re.compile(r"too many|connection limit|load at", re.IGNORECASE)
_LATER = re.compile(r"\A(?:400|403|436)\b")


def refusal(where: str, what: str, code: int, text: str) -> SocialCRMError:
    """Return the error for a response.

    Args:
        where: The server, for the message.
        what: What was asked, without any credential.
        code: The three digits.
        text: What followed them.
    """
    told = f"{where}: {what} was refused ({code} {' '.join(text.split())[:200]})"
    if code in (400, 502) and _BUSY.search(text):
        return RateLimited(f"{told}; it is tried again later")
    if code in (400, 403, 436) or (code == 441 and _LATER.match(text)):
        return ServerFault(f"{told}; it is tried again later")
    if code == 480:
        return CredentialsError(f"{told}; the server wants a log-in: set username and password of the channel, or others")
    if code in (481, 482):
        return CredentialsError(f"{told}; check the user name and the password of the channel")
    if code == 483:
        return SettingsError(f"{told}; the server wants encryption: set security to 'tls' or 'starttls'")
    if code in (411, 420, 421, 422, 423, 430):
        return NotFound(f"{told}; check that it still is there")
    if code == 440:
        return ForbiddenError(f"{told}; this account may not post here: ask the server's operator")
    if code == 502:
        return ForbiddenError(f"{told}; ask the server's operator what this account may do")
    if 400 <= code < 500 and code != 441:
        return ServerFault(f"{told}; it is tried again later")
    return RefusedError(f"{told}; nothing was done")
