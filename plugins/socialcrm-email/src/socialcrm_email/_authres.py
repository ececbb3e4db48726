"""Whether our own mail server vouches for a sender: the header Authentication-Results (RFC 8601).

Anybody can write that header. Only the uppermost one that bears our own server's name counts, because our server adds its
header above what came in and, by RFC 8601 section 5, removes those that pretend to be its own. A name has to be configured;
without one nobody is vouched for.
"""

from __future__ import annotations

import re
from email.message import Message
from enum import StrEnum

from socialcrm_email._headers import headers

__all__ = ["Vouching", "vouching"]

_COMMENT = re.compile(r"\([^()]*\)")
_PROPERTY = re.compile(r"\b([a-z]+\.[a-z]+)\s*=\s*\"?([^\s;\"]+)")


class Vouching(StrEnum):
    """What our server says of the domain in From."""

    PASS = "pass"  # noqa: S105 - the RFC's word
    FAIL = "fail"
    NONE = "none"


def vouching(message: Message, address: str, server: str) -> Vouching:
    """Say whether our server authenticated the sender.

    Args:
        message: As received.
        address: The one address in From, normalised.
        server: Our server's ``authserv-id``; empty trusts none.

    Returns:
        PASS for ``dmarc=pass``, or for a DKIM signature by exactly the domain in From. FAIL for ``dmarc=fail``.
    """
    if not server or not address:
        return Vouching.NONE
    ours = (value for value in headers(message, "Authentication-Results") if _server(value) == server.lower())
    results = [part.strip().lower() for part in _COMMENT.sub(" ", next(ours, "")).split(";")[1:]]
    domain = address.rpartition("@")[2]
    verdict = Vouching.NONE
    for result in results:
        method, _, outcome = result.partition("=")
        word = re.match(r"\s*([a-z]+)", outcome)
        properties = dict(_PROPERTY.findall(result))
        passed = word is not None and word.group(1) == "pass"
        if method.strip() == "dmarc":
            if properties.get("header.from", domain) != domain:
                continue
            if not passed:
                return Vouching.FAIL if word is not None and word.group(1) == "fail" else verdict
            verdict = Vouching.PASS
        elif method.strip() == "dkim" and passed and _signer(properties) == domain:
            verdict = Vouching.PASS
    return verdict


def _server(value: str) -> str:
    name = _COMMENT.sub(" ", value).partition(";")[0].split()
    return name[0].lower() if name else ""


def _signer(properties: dict[str, str]) -> str:
    return properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
