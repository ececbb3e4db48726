"""What a Matrix channel needs to know."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["MatrixSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_JOIN = ("none", "direct", "all")


def _origin(value: str) -> str:
    """Normalise ``matrix.example.org/`` to ``https://matrix.example.org``."""
    value = value.strip()
    value = value if not value or "://" in value else f"https://{value}"
    return value if value.endswith("://") else value.rstrip("/")


def _trimmed(value: str) -> str:
    return value.strip()


@frozen(kw_only=True)
class MatrixSettings:
    """The settings of a Matrix channel.

    Raises:
        ValueError: The server is no https address (http is for loopback only), or a value is none of those allowed.
    """

    server: str = field(
        default="",
        converter=_origin,
        metadata={
            "help": "Base address of our homeserver's API, https://matrix.example.org; only a loaded archive does without"
        },
    )
    token: Secret | None = field(default=None, metadata={"help": "Access token of our account, of a device of its own"})
    refresh_token: Secret | None = field(
        default=None, metadata={"help": "Refresh token that came with it, where the server's access tokens expire"}
    )
    user_id: str = field(
        default="",
        converter=_trimmed,
        metadata={"help": "Our user id, @acme:example.org; only a loaded archive needs it, a server tells it"},
    )
    join: str = field(
        default="direct",
        metadata={"help": "Which invitations to accept: none, direct (somebody wants to talk to us alone) or all"},
    )
    history_days: int = field(
        default=30, metadata={"help": "How many days back a room is read when we first see it; 0 for everything"}
    )
    hs_token: Secret | None = field(
        default=None, metadata={"help": "The hs_token of an application service whose pushes we receive"}
    )

    @server.validator
    def _check_server(self, _attribute: object, value: str) -> None:
        if not value:
            return
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://matrix.example.org (http is for loopback only, no path)")

    @user_id.validator
    def _check_user(self, _attribute: object, value: str) -> None:
        if value and not (value.startswith("@") and ":" in value):
            raise ValueError(f"user_id should look like @acme:example.org, got {value!r}")

    @join.validator
    def _check_join(self, _attribute: object, value: str) -> None:
        if value not in _JOIN:
            raise ValueError(f"join should be one of {', '.join(_JOIN)}, got {value!r}")

    @history_days.validator
    def _check_days(self, _attribute: object, value: int) -> None:
        if not 0 <= value <= 36500:
            raise ValueError(f"history_days should be a number of days from 0 on, got {value}")
