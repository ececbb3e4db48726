"""Accounts as the API shows them.

An identity's id is the account's ActivityPub actor URI: the same person seen through two servers is one identity, and the
database id of one server can't be taken for another person's on the next. A server older than 4.2 (or of another make)
that does not tell the URI is keyed by the profile's address, and at last by the server's address and its database id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Handle, HandleKind, Identity
from socialcrm_mastodon._fields import rows, text_of
from socialcrm_mastodon._settings import host_of
from socialcrm_mastodon._text import link_in

__all__ = ["account_of", "identity_of"]


def identity_of(account: Any, server: str) -> Identity:
    """Read an Account entity.

    Args:
        account: The entity (documentation: entities, "Account").
        server: The server that told it, ``https://example.social``.

    Raises:
        PayloadError: It names nobody.
    """
    if not isinstance(account, Mapping):
        raise PayloadError("the status or notification has no account; it can't be attributed to anybody")
    url, local, acct = text_of(account, "url"), text_of(account, "id"), text_of(account, "acct")
    actor = text_of(account, "uri") or text_of(account.get("pleroma"), "ap_id")
    key = actor or url or (f"{server}#{local}" if local else "")
    if not key:
        raise PayloadError("the account has no uri, url or id; it can't be told from others")
    host = host_of(url) or host_of(server)
    handle = f"@{acct}" if "@" in acct or not host else f"@{acct}@{host}"
    return Identity(
        id=key,
        name=text_of(account, "display_name").strip() or text_of(account, "username") or acct,
        handle=handle if acct else "",
        url=url,
        avatar=text_of(account, "avatar"),
        handles=tuple(_handles(account, url)),
    )


def _handles(account: Mapping[str, Any], url: str) -> list[Handle]:
    """The profile's own address, and the links that the server verified by ``rel=me`` (entity "Account", Field)."""
    found = [Handle(kind=HandleKind.ACCOUNT, value=url.rstrip("/"), verified=True)] if url else []
    for row in rows(account.get("fields")):
        if isinstance(row, Mapping) and row.get("verified_at"):
            link = link_in(text_of(row, "value")).rstrip("/")
            if link:
                found.append(Handle(kind=HandleKind.URL, value=link, verified=True))
    return found


def account_of(account: Any, server: str) -> Account:
    """Read an Account entity as one of ours."""
    who = identity_of(account, server)
    return Account(id=who.id, name=who.name, handle=who.handle, url=who.url)
