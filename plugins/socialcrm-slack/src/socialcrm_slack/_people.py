"""Who wrote: users of our workspace and of others, apps, and ourselves.

Users of our own workspace are known by their id (``U1``), those of another by workspace and id (``T2:U1``): "users.identity"
says that ids are globally unique now, which was not always so. An app without a user is known by its bot id (``B1``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Handle, HandleKind, Identity
from socialcrm_slack._fields import mapping, required, text_of

__all__ = ["NOBODY", "account_of", "author_of", "home_of", "identity_of", "team_of", "user_of"]

NOBODY = "USLACKBOT"
"""The user in whose name Slack itself speaks."""


def team_of(message: Mapping[str, Any]) -> str:
    """Return the workspace of a message's author; empty where it is not told.

    ``user_team`` and ``user_profile.team`` are the author's; ``team`` is the author's in what people wrote.
    """
    profile = mapping(message.get("user_profile"))
    return text_of(message, "user_team") or text_of(profile, "team") or text_of(message, "team")


def author_of(message: Mapping[str, Any], context: Mapping[str, str]) -> Identity:
    """Return who wrote a message.

    Args:
        message: It.
        context: ``team`` (our workspace), and where they were looked up ``name`` and ``handle``.
    """
    user, bot, profile = text_of(message, "user"), text_of(message, "bot_id"), mapping(message.get("user_profile"))
    about = mapping(message.get("bot_profile")) if bot else {}
    name = (
        context.get("name", "")
        or text_of(profile, "real_name")
        or text_of(profile, "display_name")
        or text_of(message, "username")
        or text_of(about, "name")
    )
    handle = context.get("handle", "") or text_of(profile, "name")
    return Identity(
        id=_key(user, team_of(message), context.get("team", "")) if user else bot or text_of(message, "app_id") or NOBODY,
        name=name,
        handle=handle and f"@{handle.lstrip('@')}",
        avatar=text_of(profile, "image_72"),
    )


def _key(user: str, team: str, home: str) -> str:
    # An id of an Enterprise organisation (E…) says nothing about the workspace.
    foreign = team.startswith("T") and home.startswith("T") and team != home and user != NOBODY
    return f"{team}:{user}" if foreign else user


def user_of(account: str) -> str:
    """Return the user's or bot's own id of an identity's id."""
    return account.rpartition(":")[2]


def identity_of(user: Any, home: str) -> Identity:
    """Read a user object ("User type"). The address is taken for verified only where Slack says that it was confirmed.

    Args:
        user: It.
        home: Our workspace.

    Raises:
        PayloadError: It has no id.
    """
    key, profile = required(user, "id"), mapping(mapping(user).get("profile"))
    team, address = text_of(user, "team_id") or text_of(profile, "team"), text_of(profile, "email").lower()
    confirmed = mapping(user).get("is_email_confirmed") is True
    handle = text_of(user, "name")
    return Identity(
        id=_key(key, team, home),
        name=text_of(profile, "real_name") or text_of(user, "real_name") or text_of(profile, "display_name") or handle,
        handle=f"@{handle}" if handle else "",
        avatar=text_of(profile, "image_72"),
        handles=(Handle(kind=HandleKind.EMAIL, value=address, verified=confirmed),) if "@" in address else (),
    )


def account_of(body: Any) -> Account:
    """Read an answer of ``auth.test``: who the token is.

    Raises:
        PayloadError: It names nobody.
    """
    key = text_of(body, "user_id") or text_of(body, "bot_id")
    if not key:
        raise PayloadError("auth.test names no user and no bot; check that the address is Slack's Web API")
    name = text_of(body, "user")
    return Account(id=key, name=name, handle=f"@{name}" if name else "", url=text_of(body, "url"), key=home_of(body))


def home_of(body: Any) -> str:
    """Return the workspace (or organisation) that an ``auth.test`` or an authorization is for."""
    if mapping(body).get("is_enterprise_install") is True:
        return text_of(body, "enterprise_id") or text_of(body, "team_id")
    return text_of(body, "team_id")
