"""Accounts as people see them (lexicons ``app.bsky.actor.defs``, ``chat.bsky.actor.defs``)."""

from __future__ import annotations

from typing import Any

from socialcrm.types import Account, Handle, HandleKind, Identity
from socialcrm_bluesky._fields import required, text_of

__all__ = ["account_of", "identity_of", "known", "page"]

_APP = "https://bsky.app/profile"
_BROKEN = "handle.invalid"
"""What stands in place of a handle that does not lead back to its account (spec "Handle")."""


def page(did: str, key: str = "") -> str:
    """Return the address of an account's page, or of one of its posts; by DID, which never changes hands."""
    return f"{_APP}/{did}/post/{key}" if key else f"{_APP}/{did}"


def identity_of(profile: Any) -> Identity:
    """Read any profile view: known by its DID; the handle, which may change hands, is only shown.

    Raises:
        PayloadError: It has no DID.
    """
    did = required(profile, "did")
    handle = text_of(profile, "handle")
    return Identity(
        id=did,
        name=text_of(profile, "displayName").strip(),
        handle=f"@{handle}" if handle and handle != _BROKEN else "",
        url=page(did),
        avatar=text_of(profile, "avatar"),
        handles=(Handle(kind=HandleKind.URL, value=page(did), verified=True),),
    )


def known(did: str, profiles: list[Any]) -> Identity:
    """Return the identity of an account, with what a list of profile views tells about it."""
    found = next((profile for profile in profiles if text_of(profile, "did") == did), None)
    return identity_of(found if found is not None else {"did": did})


def account_of(body: Any) -> Account:
    """Read our own account from a session or a profile view.

    Raises:
        PayloadError: It has no DID.
    """
    who = identity_of(body)
    return Account(id=who.id, name=who.name or who.handle.removeprefix("@"), handle=who.handle, url=who.url)
