"""What a Misago channel needs to know."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["MisagoSettings"]


def _address(value: str) -> str:
    value = value.strip().rstrip("/")
    return value if "://" in value or not value else f"https://{value}"


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class MisagoSettings:
    """One forum, read as a guest or as one of its users.

    Args:
        server: The forum's address, with its folder if it lives in one.
        username: Our user's name or e-mail address; empty to read as a guest.
        password: Our user's password.
        categories: Only these categories and those below them, by number.
        private: Follow our private threads.
        history_days: How far back the first sync looks, in days; 0 for everything.
        rescan_days: How old a post may be when it is looked at again for edits, moderation and deletions; 0 for never.
        rescan_minutes: How long to wait between two such looks, in minutes; 0 for every sync.
        max_characters: The forum's longest post.
        staff: Numbers of further users whose posts are ours.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    server: str = field(converter=_address, metadata=_help("the forum's address, such as https://forum.example.com"))
    username: str = field(default="", metadata=_help("our user's name or e-mail address; empty to read as a guest"))
    password: Secret | None = field(default=None, metadata=_help("our user's password"))
    categories: tuple[str, ...] = field(default=(), metadata=_help("only these categories and those below them, by number"))
    private: bool = field(default=True, metadata=_help("follow our private threads"))
    history_days: int = field(default=30, metadata=_help("days the first sync looks back; 0 for everything"))
    rescan_days: int = field(default=7, metadata=_help("days for which posts are looked at again; 0 for never"))
    rescan_minutes: int = field(default=60, metadata=_help("minutes between two such looks; 0 for every sync"))
    max_characters: int = field(default=60_000, metadata=_help("the forum's longest post, in characters"))
    staff: tuple[str, ...] = field(default=(), metadata=_help("numbers of further users whose posts are ours"))

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work or would give the password away."""
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("server should be a web address such as https://forum.example.com")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("server should be the bare address: credentials belong in username and password")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together: give both, or neither to read as a guest")
        if not all(one.isascii() and one.isdigit() for one in (*self.categories, *self.staff)):
            raise ValueError("categories and staff are numbers, as in /c/support/5/ and /u/ana/7/: 5, 7")
        if min(self.history_days, self.rescan_days, self.rescan_minutes) < 0 or self.max_characters < 1:
            raise ValueError("days and minutes can't be negative, nor max_characters less than one")
        if self.password is not None and parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ValueError("a password is only sent over https: use the forum's https address")

    @property
    def signed(self) -> bool:
        """Whether we read as a user."""
        return self.password is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
