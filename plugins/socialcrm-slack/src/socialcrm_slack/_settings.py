"""What a Slack channel needs to know."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["KINDS", "SlackSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

KINDS = ("public_channel", "private_channel", "im", "mpim")
"""The types of conversations ("conversations.list", types)."""


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def _origin(value: str) -> str:
    return value.strip().rstrip("/")


@frozen(kw_only=True)
class SlackSettings:
    """The settings of a Slack channel.

    Raises:
        ValueError: The server is no https address (http is for loopback only), or a value is out of range.
    """

    token: Secret | None = field(
        default=None, metadata={"help": "Bot token (xoxb-… or, with rotation, xoxe.xoxb-…); only a loaded export does without"}
    )
    signing_secret: Secret | None = field(
        default=None, metadata={"help": "Signing secret of the app (Basic Information): proves the events that Slack sends"}
    )
    app_token: Secret | None = field(
        default=None, metadata={"help": "App-level token (xapp-…, scope connections:write) for the live stream (Socket Mode)"}
    )
    client_id: str = field(default="", metadata={"help": "Client id of the app; needed with token rotation only"})
    client_secret: Secret | None = field(
        default=None, metadata={"help": "Client secret of the app; needed with token rotation only"}
    )
    refresh_token: Secret | None = field(
        default=None, metadata={"help": "Refresh token (xoxe-1-…) that came with a token that expires after 12 hours"}
    )
    channels: tuple[str, ...] = field(
        default=(), converter=_words, metadata={"help": "Ids of the conversations to follow; empty for all that the app is in"}
    )
    kinds: tuple[str, ...] = field(
        default=KINDS, converter=_words, metadata={"help": f"Types of conversations to follow, of {', '.join(KINDS)}"}
    )
    colleagues: tuple[str, ...] = field(
        default=(), converter=_words, metadata={"help": "User ids (U…) of our people: what they write is ours, no customer's"}
    )
    workspace_is_us: bool = field(
        default=False,
        metadata={"help": "Everybody of our own workspace is us: customers come by Slack Connect from other workspaces"},
    )
    history_days: int = field(default=30, metadata={"help": "How many days back the first sync looks; 0 for everything"})
    recheck_days: int = field(
        default=14,
        metadata={"help": "For how many days messages are looked at again, hourly, for replies, edits, deletions; 0 for never"},
    )
    page_size: int = field(
        default=200, metadata={"help": "Messages a page; apps that Slack limits to 15 get 15 whatever stands here"}
    )
    server: str = field(
        default="https://slack.com",
        converter=_origin,
        metadata={"help": "Address of the Web API; https://slack-gov.com for GovSlack"},
    )

    @server.validator
    def _check_server(self, _attribute: object, value: str) -> None:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://slack.com (http is for loopback only, no path)")

    @kinds.validator
    def _check_kinds(self, _attribute: object, value: tuple[str, ...]) -> None:
        wrong = [kind for kind in value if kind not in KINDS]
        if wrong or not value:
            raise ValueError(f"kinds should be some of {', '.join(KINDS)}, got {', '.join(wrong) or 'none'}")

    @history_days.validator
    @recheck_days.validator
    def _check_days(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 10_000:
            raise ValueError(f"{getattr(attribute, 'name', 'days')} should be a number of days from 0 to 10000, got {value}")

    @page_size.validator
    def _check_page(self, _attribute: object, value: int) -> None:
        if not 1 <= value <= 999:
            raise ValueError(f"page_size should be from 1 to 999, got {value}")
