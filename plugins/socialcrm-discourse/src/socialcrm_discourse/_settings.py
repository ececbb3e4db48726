"""What a Discourse channel needs to know."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["DiscourseSettings"]

_CATEGORY = re.compile(r"(?:[\w%-]+/)+[1-9][0-9]*")
_NAME = re.compile(r"[\w.%-]+")


def _address(value: str) -> str:
    value = value.strip().rstrip("/")
    return value if "://" in value or not value else f"https://{value}"


def _path(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one.strip().strip("/").removeprefix("c/") for one in value)


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class DiscourseSettings:
    """One forum, read as a visitor or with a key.

    Args:
        server: The forum's address, with its folder if it lives in one; empty for a loaded archive only.
        username: Who we are there (the ``Api-Username`` of an admin's API key); not needed with a user API key.
        api_key: An API key made by an administrator.
        user_api_key: A key that our user granted (User API keys), in place of ``api_key``.
        webhook_secret: The secret of the webhook.
        categories: Only these, each as slug and id (``support/5``), as in the category's address.
        tags: Only topics with one of these tags (together with the categories, if both are given).
        messages: Follow our personal messages.
        inboxes: Groups whose inbox is followed too.
        history_days: How far back the first sync looks, in days; 0 for everything.
        recheck_days: How far back to look again for edits and deletions, in days; 0 for never.
        recheck_minutes: How long to wait between two such looks, in minutes; 0 for every sync.
        max_characters: The forum's longest post (its setting ``max post length``).
        staff: Ids of further users whose posts are ours.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    server: str = field(
        default="", converter=_address, metadata=_help("the forum's address; only a loaded archive does without")
    )
    username: str = field(default="", metadata=_help("our user's name; empty to read as a visitor or with a user API key"))
    api_key: Secret | None = field(default=None, metadata=_help("an API key from Admin → Advanced → API keys"))
    user_api_key: Secret | None = field(default=None, metadata=_help("a User API key, in place of api_key"))
    webhook_secret: Secret | None = field(default=None, metadata=_help("the webhook's secret, 12 characters or more"))
    categories: tuple[str, ...] = field(default=(), converter=_path, metadata=_help("only these: slug/id, like support/5"))
    tags: tuple[str, ...] = field(default=(), metadata=_help("only topics with one of these tags"))
    messages: bool = field(default=True, metadata=_help("follow our personal messages"))
    inboxes: tuple[str, ...] = field(default=(), metadata=_help("groups whose inbox is followed too"))
    history_days: int = field(default=30, metadata=_help("days the first sync looks back; 0 for everything"))
    recheck_days: int = field(default=3, metadata=_help("days to look back for edits and deletions; 0 for never"))
    recheck_minutes: int = field(default=60, metadata=_help("minutes between two such looks; 0 for every sync"))
    max_characters: int = field(default=32_000, metadata=_help("the forum's longest post, in characters"))
    staff: tuple[str, ...] = field(default=(), metadata=_help("ids of further users whose posts are ours"))

    @property
    def signed(self) -> bool:
        """Whether there is a key to sign calls with."""
        return self.api_key is not None or self.user_api_key is not None

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work or would give the key away."""
        for one in self.categories:
            if not _CATEGORY.fullmatch(one):
                raise ValueError(f"category {one!r} should be slug and id, as in its address: support/5")
        for one in (*self.tags, *self.inboxes, *((self.username,) if self.username else ())):
            if not _NAME.fullmatch(one):
                raise ValueError(f"{one!r} is no name of a tag, group or user: only letters, digits, '_', '.' and '-'")
        if min(self.history_days, self.recheck_days, self.recheck_minutes) < 0 or self.max_characters < 1:
            raise ValueError("days, minutes and max_characters can't be negative")
        if self.server or self.signed:
            self._check_access()

    def _check_access(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("server should be a web address such as https://forum.example.com")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("server should be the bare address: credentials belong in username and api_key")
        if self.api_key is not None and self.user_api_key is not None:
            raise ValueError("give api_key or user_api_key, not both")
        if self.api_key is not None and not self.username:
            raise ValueError("an api_key needs the username that it acts for")
        if self.signed and parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ValueError("a key is only sent over https: use the forum's https address")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
