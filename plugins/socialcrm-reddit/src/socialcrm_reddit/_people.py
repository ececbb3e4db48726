"""Accounts as Reddit shows them.

An identity's id is the account's fullname (``t2_…``). Where an element names its author only (exports, old elements), the id
is ``u/name`` in lower case: Reddit gives a name to nobody else, not even after its account was deleted. Both carry the
profile's address as a verified handle, so they are one customer. ``[deleted]`` is not one person: each such author is its own.
"""

from __future__ import annotations

from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Handle, HandleKind, Identity
from socialcrm_reddit._fields import base36, mapping, text_of

__all__ = ["account_of", "author_of", "gone", "moderator_of", "named", "profile_of", "subreddit"]

SITE = "https://www.reddit.com"
DELETED = "[deleted]"


def named(name: str, key: str = "", avatar: str = "") -> Identity:
    """Return the account with a name, and its fullname where that is known."""
    url = f"{SITE}/user/{name}"
    return Identity(
        id=key if key.startswith("t2_") and len(key) > 3 else f"u/{name.lower()}",
        name=name,
        handle=f"u/{name}",
        url=url,
        avatar=avatar,
        handles=(Handle(kind=HandleKind.ACCOUNT, value=url.lower(), verified=True),),
    )


def gone(about: str) -> Identity:
    """Return the author of an element whose author is gone or hidden: nobody else."""
    return Identity(id=f"deleted:{about}", name=DELETED)


def subreddit(name: str) -> Identity:
    """Return a subreddit as the author of a message."""
    return Identity(id=f"r/{name.lower()}", name=f"r/{name}", handle=f"r/{name}", url=f"{SITE}/r/{name}")


def author_of(thing: Any, about: str) -> Identity:
    """Return who wrote a comment, post or message.

    Args:
        thing: The thing's ``data``.
        about: Its fullname.
    """
    name = text_of(thing, "author")
    if name == DELETED:
        return gone(about)
    if name:
        return named(name, text_of(thing, "author_fullname"))
    home = text_of(thing, "subreddit")
    return subreddit(home) if home and about.startswith("t4_") else gone(about)


def moderator_of(author: Any, about: str) -> Identity:
    """Return who wrote in modmail, where account ids are decimal numbers.

    Args:
        author: The message's ``author``.
        about: The message's id.
    """
    name, key = text_of(author, "name"), mapping(author).get("id")
    if not name or name == DELETED or mapping(author).get("isDeleted") is True:
        return gone(about)
    known = isinstance(key, int) and not isinstance(key, bool) and 0 < key < 36**13
    return named(name, f"t2_{base36(key)}" if known and isinstance(key, int) else "")


def profile_of(body: Any) -> Identity:
    """Read an account (GET /user/{name}/about, /api/v1/me); a suspended one is told by its name only.

    Raises:
        PayloadError: It has no name.
    """
    name, key = text_of(body, "name"), text_of(body, "id").removeprefix("t2_")
    if not name:
        raise PayloadError("the account has no name; check that this is Reddit's API")
    return named(name, f"t2_{key}" if key else "", text_of(body, "icon_img"))


def account_of(body: Any) -> Account:
    """Read an account as ours."""
    who = profile_of(body)
    return Account(id=who.id, name=who.name, handle=who.handle, url=who.url)
