"""What a WhatsApp channel needs to know."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from socialcrm.types import Secret
from socialcrm_meta import VERSION, check_version

__all__ = ["Template", "WhatsAppSettings"]

_TEMPLATE = re.compile(r"([a-z0-9_]{1,512}):([a-z]{2,3}(?:_[A-Z]{2,4})?)")
ORDERS = ("", "dmy", "mdy")
"""How a chat export may write its dates, where the file itself leaves it open."""


def _trimmed(value: str) -> str:
    return value.strip()


@frozen(kw_only=True)
class Template:
    """An approved message template whose body has exactly one variable: it takes a reply outside the 24 hours.

    Args:
        name: Its name: lower case letters, digits and underscores.
        language: Its language, as Meta writes it: ``en_US``, ``de``.
    """

    name: str
    language: str


@frozen(kw_only=True)
class WhatsAppSettings:
    """One business phone number.

    Args:
        phone_number_id: The number's id in the Cloud API (not the number); empty for a loaded archive only.
        token: A system user's token with ``whatsapp_business_messaging`` and ``whatsapp_business_management``.
        app_secret: The app's secret: verifies webhooks, proves calls.
        verify_token: What the app's dashboard sends along when the webhook is set up; free words of ours.
        template: ``name:language`` of an approved template with one variable, for answers outside the 24 hours.
        typing: Marking a message as read also shows that we are typing.
        version: Of the Graph API.
        timezone: IANA name of the zone in which the phone that exported a chat showed its times.
        archive_name: Our name in an exported chat, where the file's name does not tell.
        archive_dates: ``dmy`` or ``mdy``: how an exported chat writes dates, where the file leaves it open.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    phone_number_id: str = field(
        default="",
        converter=_trimmed,
        metadata={"help": "the id of the business phone number (not the number); only a loaded archive does without"},
    )
    token: Secret | None = field(default=None, metadata={"help": "a system user's token"})
    app_secret: Secret | None = field(default=None, metadata={"help": "the app's secret; needed for webhooks"})
    verify_token: Secret | None = field(default=None, metadata={"help": "the words that you set for the webhook's handshake"})
    template: str = field(
        default="",
        converter=_trimmed,
        metadata={"help": "name:language of an approved template with one variable, for answers outside the 24 hours"},
    )
    typing: bool = field(default=False, metadata={"help": "marking as read also shows that we are typing"})
    version: str = field(default=VERSION, converter=check_version, metadata={"help": "version of the Graph API"})
    timezone: str = field(default="UTC", metadata={"help": "zone of the times in an exported chat, such as Europe/Berlin"})
    archive_name: str = field(default="", metadata={"help": "our name in an exported chat, if it can't be told from it"})
    archive_dates: str = field(default="", metadata={"help": "dmy or mdy: dates of an exported chat, if it leaves them open"})

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work."""
        if bool(self.phone_number_id) != (self.token is not None):
            raise ValueError("phone_number_id and token go together: give both, or neither for a loaded archive only")
        if self.phone_number_id and not (self.phone_number_id.isascii() and self.phone_number_id.isdigit()):
            raise ValueError("phone_number_id should be the id that the API setup page shows beside the number, digits only")
        if self.template and not _TEMPLATE.fullmatch(self.template):
            raise ValueError("template should look like order_update:en_US: the template's name, a colon, its language")
        if self.archive_dates not in ORDERS:
            raise ValueError("archive_dates should be dmy (31/12/2026) or mdy (12/31/2026), or empty to tell from the file")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"timezone should be an IANA name such as Europe/Berlin, got {self.timezone!r}") from None

    @property
    def fallback(self) -> Template | None:
        """The template for answers outside the 24 hours; ``None`` where there is none, and such answers are refused."""
        found = _TEMPLATE.fullmatch(self.template)
        return Template(name=found[1], language=found[2]) if found else None
