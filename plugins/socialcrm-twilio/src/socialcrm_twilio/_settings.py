"""What a Twilio channel needs to know."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from socialcrm.types import Secret
from socialcrm_twilio._address import normal

__all__ = ["TwilioSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def _plain(value: str) -> str:
    return value.strip()


def _upper(value: str) -> str:
    return value.strip().upper()


def _origin(value: str) -> str:
    return value.strip().rstrip("/")


def _sid(prefix: str) -> re.Pattern[str]:
    return re.compile(f"{prefix}[0-9a-fA-F]{{32}}")


@frozen(kw_only=True)
class TwilioSettings:
    """The settings of a Twilio channel.

    Raises:
        ValueError: A SID, an address or a number is not as Twilio writes it, or a value is out of range.
    """

    account_sid: str = field(converter=_plain, metadata={"help": "Account SID (AC…) from the Console's first page"})
    auth_token: Secret | None = field(
        default=None,
        metadata={"help": "Auth token: proves webhooks, and signs in where there is no API key"},
    )
    key_sid: str = field(default="", converter=_plain, metadata={"help": "API key SID (SK…) to sign in with"})
    key_secret: Secret | None = field(default=None, metadata={"help": "The API key's secret"})
    numbers: tuple[str, ...] = field(
        default=(),
        converter=_words,
        metadata={"help": "Our numbers and senders that this channel serves; empty for all of the account"},
    )
    region: str = field(
        default="", converter=_upper, metadata={"help": "Country (ISO 3166, such as US) of numbers written without its code"}
    )
    messaging_service: str = field(
        default="",
        converter=_plain,
        metadata={"help": "Messaging Service (MG…) to send by; empty to send by the number alone"},
    )
    status_callback: str = field(
        default="",
        converter=_plain,
        metadata={"help": "Public address that Twilio tells of deliveries: that of the webhook"},
    )
    public_url: str = field(
        default="",
        converter=_origin,
        metadata={
            "help": "Address by which Twilio calls our webhook, where a proxy changes it; without a path it keeps the path"
        },
    )
    calls: bool = field(default=True, metadata={"help": "Follow phone calls too"})
    recordings: bool = field(default=True, metadata={"help": "Read the recordings of calls, and what <Record> transcribed"})
    missed_below: int = field(
        default=10,
        metadata={"help": "A completed call of fewer seconds, put through to nobody, counts as missed; 0 for never"},
    )
    follow_deletions: bool = field(
        default=True,
        metadata={"help": "What is deleted at Twilio is taken back here; switch it off if you clear Twilio's log as a routine"},
    )
    history_days: int = field(default=30, metadata={"help": "How many days back the first sync looks; 0 for everything"})
    recheck_days: int = field(
        default=3,
        metadata={"help": "For how many days calls and messages are looked at again, hourly; 0 for never"},
    )
    page_size: int = field(default=200, metadata={"help": "Calls or messages a page, up to 1000"})
    server: str = field(
        default="https://api.twilio.com",
        converter=_origin,
        metadata={"help": "Address of the API; https://api.dublin.ie1.twilio.com for Ireland"},
    )

    @property
    def ours(self) -> frozenset[str]:
        """Our numbers as Twilio writes them; empty for all of the account."""
        return frozenset(normal(one, self.region) for one in self.numbers)

    @property
    def key(self) -> str:
        """How webhooks name this channel: its first number, or the account."""
        return normal(self.numbers[0], self.region) if self.numbers else self.account_sid

    @account_sid.validator
    def _check_account(self, _attribute: Attribute[str], value: str) -> None:
        if not _sid("AC").fullmatch(value):
            raise ValueError("account_sid should be AC and 32 hexadecimal digits; it stands on the Console's first page")

    @key_sid.validator
    def _check_key(self, _attribute: Attribute[str], value: str) -> None:
        if value and not _sid("SK").fullmatch(value):
            raise ValueError("key_sid should be SK and 32 hexadecimal digits; the secret goes into key_secret")

    @messaging_service.validator
    def _check_service(self, _attribute: Attribute[str], value: str) -> None:
        if value and not _sid("MG").fullmatch(value):
            raise ValueError("messaging_service should be MG and 32 hexadecimal digits")

    @region.validator
    def _check_region(self, _attribute: Attribute[str], value: str) -> None:
        if value and not (len(value) == 2 and value.isascii() and value.isalpha()):
            raise ValueError(f"region should be a country's two letters, such as US or DE, got {value}")

    @server.validator
    def _check_server(self, _attribute: Attribute[str], value: str) -> None:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("server should look like https://api.twilio.com (http is for loopback only, no path)")

    @status_callback.validator
    @public_url.validator
    def _check_address(self, attribute: Attribute[str], value: str) -> None:
        parts = urlsplit(value)
        if value and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError(f"{attribute.name} should look like https://crm.example.com/hooks/twilio, got {value}")

    @history_days.validator
    @recheck_days.validator
    @missed_below.validator
    def _check_span(self, attribute: Attribute[int], value: int) -> None:
        if not 0 <= value <= 10_000:
            raise ValueError(f"{attribute.name} should be from 0 to 10000, got {value}")

    @page_size.validator
    def _check_page(self, _attribute: Attribute[int], value: int) -> None:
        if not 1 <= value <= 1000:
            raise ValueError(f"page_size should be from 1 to 1000, got {value}")
