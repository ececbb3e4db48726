"""Addresses (RFC 7622): ``local@domain/resource``."""

from __future__ import annotations

__all__ = ["bare", "domain", "is_bare", "local", "resource"]


def bare(jid: str) -> str:
    """Return an address without its resource; local part and domain in lower case, as servers compare them."""
    return jid.partition("/")[0].lower()


def resource(jid: str) -> str:
    """Return the resource, which in a room is the nick; empty where there is none."""
    return jid.partition("/")[2]


def domain(jid: str) -> str:
    """Return the domain."""
    return bare(jid).rpartition("@")[2]


def local(jid: str) -> str:
    """Return what stands before the ``@``; empty where there is none."""
    return bare(jid).rpartition("@")[0]


def is_bare(jid: str) -> bool:
    """Say whether this looks like ``local@domain``, without a resource."""
    name, at, host = jid.partition("@")
    return bool(name and at and host) and not any(sign in jid for sign in " /\"&'<>") and "@" not in host
