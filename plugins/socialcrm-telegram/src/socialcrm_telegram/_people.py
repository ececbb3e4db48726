"""Who wrote: users and chats, by their ids, which never change; names and usernames do ("User", "Chat")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Identity
from socialcrm_telegram._fields import mapping, text_of

__all__ = ["account_of", "author_of", "identity_of", "named"]

SITE = "https://t.me/"


def named(body: Any) -> str:
    """Return the name shown to people: of a user first and last name, of a chat its title."""
    names = " ".join(filter(None, (text_of(body, "first_name"), text_of(body, "last_name"))))
    return names or text_of(body, "title")


def identity_of(body: Any) -> Identity | None:
    """Return who a user or a chat is; ``None`` where it has no id."""
    key, username = text_of(body, "id"), text_of(body, "username").lstrip("@")
    if not key:
        return None
    handle, url = (f"@{username}", f"{SITE}{username}") if username else ("", "")
    return Identity(id=key, name=named(body), handle=handle, url=url)


def author_of(body: Mapping[str, Any]) -> Identity:
    """Return who sent a message, or caused an event.

    What was sent in a chat's name (anonymous administrators, channels) is the chat's: Telegram then puts a fake user into
    ``from`` ("Message": ``sender_chat``). What a channel posts has no user at all.

    Raises:
        PayloadError: Nobody is named.
    """
    source = mapping(mapping(body.get("boost")).get("source")) or mapping(body.get("source"))
    for one in (
        *(body.get(key) for key in ("sender_chat", "from", "user", "actor_chat", "voter_chat")),
        source.get("user"),
        body.get("chat"),
    ):
        found = identity_of(one)
        if found is not None:
            return found
    raise PayloadError("expected a sender with an id, got none; it can't be told who wrote")


def account_of(body: Any) -> Account:
    """Return who we are ("getMe").

    Raises:
        PayloadError: There is no id.
    """
    found = identity_of(body)
    if found is None:
        raise PayloadError("expected a user with an id, got none; check that the address is Telegram's Bot API")
    return Account(id=found.id, name=found.name, handle=found.handle, url=found.url)
