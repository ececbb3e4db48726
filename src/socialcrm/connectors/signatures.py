"""How webhooks prove where they come from: a keyed digest, a token, a time; compared in constant time.

Every function returns nothing where the proof holds and raises `socialcrm.errors.VerificationError` where it does not. No
message holds the secret, the right value or what was given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Literal

from socialcrm.errors import VerificationError
from socialcrm.types import Secret

__all__ = ["check_equal", "check_fresh", "check_hmac"]

FRESH = timedelta(minutes=5)
"""How old a signed request may be, where a platform does not say otherwise."""


def check_hmac(
    secret: Secret | str,
    message: bytes,
    given: str,
    *,
    digest: Literal["sha1", "sha256", "sha512"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
) -> None:
    """Check a keyed digest (HMAC, RFC 2104).

    Args:
        secret: What the platform and we share; not empty.
        message: What is signed: the body as received, and what the platform puts around it.
        given: What the request carries; empty where it carries nothing.
        digest: The hash function.
        encoding: How the digest is written. Hexadecimal digits may be of either case.
        prefix: What stands before the digest (``sha256=``).

    Raises:
        VerificationError: It is wrong or missing, or we hold no secret to check it with.
    """
    key = _revealed(secret)
    made = hmac.new(key, message, getattr(hashlib, digest)).digest()
    right = made.hex() if encoding == "hex" else base64.b64encode(made).decode()
    told = given.strip()
    if encoding == "hex" and told.startswith(prefix):
        told = prefix + told.removeprefix(prefix).lower()
    if not hmac.compare_digest(told.encode("utf-8", "replace"), (prefix + right).encode()):
        raise VerificationError("the signature is wrong or missing; check the secret in the channel's settings")


def check_equal(secret: Secret | str, given: str) -> None:
    """Check a token that the platform sends as it is.

    Args:
        secret: What we agreed on; not empty.
        given: What the request carries.

    Raises:
        VerificationError: It is another one or missing, or we hold none to check it with.
    """
    if not hmac.compare_digest(given.encode("utf-8", "replace"), _revealed(secret)):
        raise VerificationError("the token is wrong or missing; check the one in the channel's settings")


def check_fresh(sent: float | str, at: datetime, within: timedelta = FRESH) -> None:
    """Check the time that a signature covers, so that an old request can't be played again.

    Args:
        sent: Seconds since 1970, as the request carries them.
        at: Our time, aware: `socialcrm.connectors.Incoming.at`.
        within: How far it may be off, either way.

    Raises:
        VerificationError: It is too old, too far ahead or no time at all.
    """
    try:
        moment = datetime.fromtimestamp(float(sent), UTC)
    except (ValueError, OverflowError, OSError):
        raise VerificationError("the request carries no time that can be read; it is refused") from None
    if abs(at - moment) > within:
        raise VerificationError("the request is too old or ahead of time; check this machine's clock")


def _revealed(secret: Secret | str) -> bytes:
    value = secret.reveal() if isinstance(secret, Secret) else secret
    if not value:
        raise VerificationError("there is no secret to check the request with; give one in the channel's settings")
    return value.encode()
