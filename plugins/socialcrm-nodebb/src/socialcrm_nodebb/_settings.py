"""What a NodeBB channel needs to know."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["NodeBBSettings"]


def _address(value: str) -> str:
    value = value.strip().rstrip("/")
    return value if "://" in value or not value else f"https://{value}"


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class NodeBBSettings:
    """One forum, read as a guest or with a token.

    Args:
        server: The forum's address, with its folder if it lives in one.
        token: A bearer token of our user, or a master token.
        uid: With a master token: the number of the user whom we act for; 0 with a user's own token.
        categories: Only these categories, by number (``cid``).
        chats: Follow our chats.
        history_days: How far back the first sync looks, in days; 0 for everything.
        recheck_days: For how long a topic without new posts is looked at again for edits and deletions; 0 for never.
        recheck_minutes: How long to wait between two such looks, in minutes; 0 for every sync.
        max_characters: The forum's longest post.
        max_chat_characters: The forum's longest chat message.
        staff: Numbers of further users whose posts are ours.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    server: str = field(converter=_address, metadata=_help("the forum's address, such as https://forum.example.com"))
    token: Secret | None = field(default=None, metadata=_help("an API token; empty to read as a guest"))
    uid: int = field(default=0, metadata=_help("with a master token: the number of our user; else 0"))
    categories: tuple[str, ...] = field(default=(), metadata=_help("only these categories, by number"))
    chats: bool = field(default=True, metadata=_help("follow our chats"))
    history_days: int = field(default=30, metadata=_help("days the first sync looks back; 0 for everything"))
    recheck_days: int = field(default=3, metadata=_help("days for which topics are looked at again; 0 for never"))
    recheck_minutes: int = field(default=60, metadata=_help("minutes between two such looks; 0 for every sync"))
    max_characters: int = field(default=32_767, metadata=_help("the forum's longest post, in characters"))
    max_chat_characters: int = field(default=1_000, metadata=_help("the forum's longest chat message, in characters"))
    staff: tuple[str, ...] = field(default=(), metadata=_help("numbers of further users whose posts are ours"))

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work or would give the token away."""
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("server should be a web address such as https://forum.example.com")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("server should be the bare address: credentials belong in token")
        if not all(one.isascii() and one.isdigit() for one in self.categories):
            raise ValueError("categories are numbers, as in /category/5/support: 5")
        if self.uid and self.token is None:
            raise ValueError("uid goes with a master token; give the token, or leave uid out")
        numbers = (self.uid, self.history_days, self.recheck_days, self.recheck_minutes)
        if min(numbers) < 0 or min(self.max_characters, self.max_chat_characters) < 1:
            raise ValueError("uid, days and minutes can't be negative, nor a text limit less than one")
        if self.token is not None and parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ValueError("a token is only sent over https: use the forum's https address")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
