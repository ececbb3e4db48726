"""What a WordPress channel needs to know."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["WordPressSettings"]


def _address(value: str) -> str:
    value = value.strip().rstrip("/")
    return value if "://" in value or not value else f"https://{value}"


def _rest_root(value: str) -> str:
    return "/" + value.strip().strip("/") + "/"


@frozen(kw_only=True)
class WordPressSettings:
    """One blog, read as a visitor or with an application password.

    Args:
        server: The site's address, with its folder if it lives in one; empty for a loaded archive only.
        username: Who we are there; empty to read as a visitor.
        password: An application password (WordPress 5.6 and later), not the one for logging in.
        rest_root: Where the REST API begins, below the site's address.
        rescan_days: How far back to look again for edits, moderation and deletions, in days; 0 for never.
        rescan_minutes: How long to wait between two such looks, in minutes; 0 to look at every sync.
        post_types: Only comments on these post types (``post``, ``page``, ``product`` …); empty for all.
        staff: Ids of further WordPress users whose comments are ours too.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    server: str = field(
        default="",
        converter=_address,
        metadata={"help": "the site's address, such as https://blog.example.com; only a loaded archive does without"},
    )
    username: str = field(default="", metadata={"help": "the WordPress user; empty to read as a visitor"})
    password: Secret | None = field(default=None, metadata={"help": "an application password of that user"})
    rest_root: str = field(
        default="/wp-json/",
        converter=_rest_root,
        metadata={"help": "where the REST API begins; '/?rest_route=/' where permalinks are plain"},
    )
    rescan_days: int = field(default=14, metadata={"help": "days to look back for edits and deletions; 0 for never"})
    rescan_minutes: int = field(default=60, metadata={"help": "minutes between two such looks; 0 for every sync"})
    post_types: tuple[str, ...] = field(default=(), metadata={"help": "only comments on these post types; empty for all"})
    staff: tuple[str, ...] = field(default=(), metadata={"help": "ids of further WordPress users whose comments are ours"})

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work or would give the password away."""
        if not self.server and not self.username and self.password is None:
            return
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("server should be a web address such as https://blog.example.com")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("server should be the bare address: credentials belong in username and password")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together: give both, or neither to read as a visitor")
        if self.password is not None and parts.scheme != "https" and not _is_loopback(parts.hostname):
            raise ValueError("a password is only sent over https: use the site's https address")
        if self.rescan_days < 0 or self.rescan_minutes < 0:
            raise ValueError("rescan_days and rescan_minutes can't be negative")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
