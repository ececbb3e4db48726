"""What a Mastodon channel needs to know."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["MastodonSettings", "host_of"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def host_of(url: str) -> str:
    """Return the host of an address in lower case, with its port if it has one; empty where there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _origin(value: str) -> str:
    """Normalise ``example.social/`` to ``https://example.social``."""
    value = value.strip()
    value = value if not value or "://" in value else f"https://{value}"
    return value if value.endswith("://") else value.rstrip("/")


def _tags(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip().lstrip("#").lower() for tag in values if tag.strip().lstrip("#")))


@frozen(kw_only=True)
class MastodonSettings:
    """The settings of a Mastodon channel.

    Raises:
        ValueError: The server is no https address (http is for loopback only), or a number is out of range.
    """

    server: str = field(
        default="",
        converter=_origin,
        metadata={"help": "Address of the server, https://example.social; only a loaded archive does without"},
    )
    token: Secret | None = field(
        default=None, metadata={"help": "Access token of our account; without it only public hashtags are followed"}
    )
    hashtags: tuple[str, ...] = field(
        default=(), converter=_tags, metadata={"help": "Hashtags to follow, without #, separated by commas"}
    )
    search: tuple[str, ...] = field(
        default=(), metadata={"help": "Words to look for in every status the server lets us search (needs token)"}
    )
    own_posts: bool = field(default=True, metadata={"help": "Follow our own statuses, so answers written elsewhere appear"})
    history_days: int = field(default=30, metadata={"help": "How many days back the first sync looks; 0 for everything"})
    recheck_days: int = field(
        default=3, metadata={"help": "For how many days a status is checked, hourly, for edits and deletions; 0 for never"}
    )
    max_characters: int = field(
        default=500, metadata={"help": "The server's limit for one status (instance, configuration.statuses.max_characters)"}
    )

    @server.validator
    def _check_server(self, _attribute: object, value: str) -> None:
        if not value:
            return
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://example.social (http is for loopback only, no path)")

    @history_days.validator
    @recheck_days.validator
    def _check_days(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 36500:
            raise ValueError(f"{getattr(attribute, 'name', 'days')} should be a number of days from 0 on, got {value}")

    @max_characters.validator
    def _check_limit(self, _attribute: object, value: int) -> None:
        if value < 100:
            raise ValueError(f"max_characters should be at least 100, got {value}")
