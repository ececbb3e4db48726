"""What a Telegram channel needs to know."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["KINDS", "TelegramSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_WAIT = 50

KINDS = (
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
    "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction", "callback_query",
    "my_chat_member", "chat_join_request", "poll_answer",
)  # fmt: skip
"""The kinds of updates that are asked for by default ("Update"); reactions come only where they are asked for by name."""


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def _origin(value: str) -> str:
    return value.strip().rstrip("/")


@frozen(kw_only=True)
class TelegramSettings:
    """The settings of a Telegram channel.

    Raises:
        ValueError: The server is no https address (http is for loopback only), or a value is out of range.
    """

    token: Secret | None = field(
        default=None, metadata={"help": "The bot's token, from @BotFather; only a loaded export does without"}
    )
    webhook_secret: Secret | None = field(
        default=None, metadata={"help": "What was given to setWebhook as secret_token; without it every webhook is refused"}
    )
    poll: bool = field(
        default=True, metadata={"help": "Ask for updates (getUpdates); false where the bot has a webhook: Telegram allows one"}
    )
    wait: int = field(
        default=0, metadata={"help": f"Seconds that a sync waits for something new (long polling), up to {_LONGEST_WAIT}"}
    )
    updates: tuple[str, ...] = field(
        default=KINDS, converter=_words, metadata={"help": "Kinds of updates to ask for (allowed_updates)"}
    )
    colleagues: tuple[str, ...] = field(
        default=(), converter=_words, metadata={"help": "Ids of our people and of our own groups: what they write is ours"}
    )
    moved: tuple[str, ...] = field(
        default=(),
        converter=_words,
        metadata={"help": "Groups that became supergroups, OLD=NEW, for webhooks; polling finds out by itself"},
    )
    server: str = field(
        default="https://api.telegram.org",
        converter=_origin,
        metadata={"help": "Address of the Bot API; another one for a server of your own"},
    )

    @property
    def homes(self) -> dict[str, str]:
        """The ids that supergroups had as groups, by their new ids."""
        return {new: old for old, _, new in (pair.partition("=") for pair in self.moved)}

    @server.validator
    def _check_server(self, _attribute: object, value: str) -> None:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://api.telegram.org (http is for loopback only, no path)")

    @wait.validator
    def _check_wait(self, _attribute: object, value: int) -> None:
        if not 0 <= value <= _LONGEST_WAIT:
            raise ValueError(f"wait should be a number of seconds from 0 to {_LONGEST_WAIT}, got {value}")

    @updates.validator
    def _check_updates(self, _attribute: object, value: tuple[str, ...]) -> None:
        wrong = [kind for kind in value if not re.fullmatch(r"[a-z_]+", kind)]
        if wrong or not value:
            raise ValueError(f"updates should be kinds such as {', '.join(KINDS[:3])}, got {', '.join(wrong) or 'none'}")

    @colleagues.validator
    def _check_colleagues(self, _attribute: object, value: tuple[str, ...]) -> None:
        wrong = [key for key in value if not re.fullmatch(r"-?[0-9]+", key)]
        if wrong:
            raise ValueError(f"colleagues should be numeric ids, got {', '.join(wrong)}; a @username can change hands")

    @moved.validator
    def _check_moved(self, _attribute: object, value: tuple[str, ...]) -> None:
        wrong = [pair for pair in value if not re.fullmatch(r"-[0-9]+=-100[0-9]+", pair)]
        if wrong:
            raise ValueError(f"moved should be pairs such as -4711=-1001234567890, got {', '.join(wrong)}")
