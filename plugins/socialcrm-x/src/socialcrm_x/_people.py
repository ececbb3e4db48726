"""Accounts as X shows them: API v2, API 1.1 (webhooks, archives), and the wrapped form of the Activity API.

An identity is keyed by the account's number; a handle can change hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Identity
from socialcrm_x._fields import either, mapping, text_of

__all__ = ["account_of", "identity_of", "is_protected", "unwrap"]


def unwrap(user: Any) -> Mapping[str, Any]:
    """Return a user; the Activity API wraps some in ``data``."""
    body = mapping(user)
    return mapping(body["data"]) if isinstance(body.get("data"), Mapping) else body


def identity_of(user: Any, key: str = "") -> Identity:
    """Read a user.

    Args:
        user: What X shows; may be empty where it only named the id.
        key: The id that it was named by.

    Raises:
        PayloadError: Nobody is named.
    """
    body = unwrap(user)
    found = text_of(body, "id_str") or text_of(body, "id") or key
    if not found:
        raise PayloadError("the element names no author; it can't be attributed to anybody")
    handle = str(either(body, "username", "screen_name") or "")
    avatar = str(either(body, "profile_image_url_https", "profile_image_url") or "")
    return Identity(
        id=found,
        name=text_of(body, "name") or handle,
        handle=f"@{handle}" if handle else "",
        url=f"https://x.com/{handle}" if handle else f"https://x.com/i/user/{found}",
        avatar=avatar,
    )


def is_protected(user: Any) -> bool:
    """Whether only followers may read this account's posts."""
    return unwrap(user).get("protected") is True


def account_of(user: Any) -> Account:
    """Read a user as one of ours; webhooks name it by its id."""
    who = identity_of(user)
    return Account(id=who.id, name=who.name, handle=who.handle, url=who.url, key=who.id)
