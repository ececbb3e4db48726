"""What a Bluesky channel needs to know."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret
from socialcrm_bluesky._ids import is_did, is_handle

__all__ = ["BlueskySettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = "https://bsky.social"
_PUBLIC = "https://public.api.bsky.app"
_CHAT = "did:web:api.bsky.chat#bsky_chat"


def _origin(value: str) -> str:
    """Normalise ``example.social/`` to ``https://example.social``."""
    value = value.strip()
    value = value if not value or "://" in value else f"https://{value}"
    return value if value.endswith("://") else value.rstrip("/")


def _name(value: str) -> str:
    value = value.strip().removeprefix("@")
    return value if value.startswith("did:") else value.lower()


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(value) for value in values if value.strip()))


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


@frozen(kw_only=True)
class BlueskySettings:
    """The settings of a Bluesky channel.

    Raises:
        ValueError: The server is no https address (http is for loopback only), a name is neither handle nor DID, or a number
            is out of range.
    """

    identifier: str = field(
        default="", converter=_name, metadata={"help": "Our account: its handle (acme.example.com) or its DID"}
    )
    app_password: Secret | None = field(
        default=None, metadata={"help": "App password of our account; without it only public posts are read"}
    )
    server: str = field(
        default="",
        converter=_origin,
        metadata={"help": f"Address of our account's server; empty for {_HOST}, or {_PUBLIC} without app_password"},
    )
    chats: bool = field(
        default=False, metadata={"help": "Follow direct messages (the app password must be allowed to access them)"}
    )
    own_posts: bool = field(default=True, metadata={"help": "Follow our own posts, so answers written elsewhere appear"})
    search: tuple[str, ...] = field(
        default=(), converter=_words, metadata={"help": "What to look for in all posts: a brand, or a hashtag with its #"}
    )
    profiles: tuple[str, ...] = field(
        default=(), converter=_names, metadata={"help": "Handles or DIDs of other accounts whose posts to follow"}
    )
    history_days: int = field(default=30, metadata={"help": "How many days back the first sync looks; 0 for everything"})
    recheck_days: int = field(
        default=3, metadata={"help": "For how many days a post is checked, hourly, for being deleted; 0 for never"}
    )
    chat_service: str = field(
        default=_CHAT, metadata={"help": "DID and service of the chat server; only other networks than Bluesky's change it"}
    )

    @property
    def origin(self) -> str:
        """Where the calls go: our account's server, or the public read-only one."""
        return self.server or (_PUBLIC if self.app_password is None else _HOST)

    @server.validator
    def _check_server(self, _attribute: object, value: str) -> None:
        if not value:
            return
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://bsky.social (http is for loopback only, no path)")

    @identifier.validator
    def _check_identifier(self, _attribute: object, value: str) -> None:
        if value and not (is_handle(value) or is_did(value) or "@" in value):
            raise ValueError(f"identifier should be a handle like acme.example.com or a DID, got {value!r:.80}")

    @app_password.validator
    def _check_password(self, _attribute: object, value: Secret | None) -> None:
        if value is not None and not self.identifier:
            raise ValueError("app_password needs identifier, the handle or DID of the account that it belongs to")

    @profiles.validator
    def _check_profiles(self, _attribute: object, values: tuple[str, ...]) -> None:
        for value in values:
            if not (is_handle(value) or is_did(value)):
                raise ValueError(f"profiles should be handles like mara.example.com or DIDs, got {value!r:.80}")

    @history_days.validator
    @recheck_days.validator
    def _check_days(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 36500:
            raise ValueError(f"{getattr(attribute, 'name', 'days')} should be a number of days from 0 on, got {value}")
