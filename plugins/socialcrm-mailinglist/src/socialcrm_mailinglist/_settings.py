"""What a mailing list channel needs to know."""

from __future__ import annotations

import ipaddress
from typing import Any

from attrs import Attribute, field, frozen

from socialcrm.types import Secret
from socialcrm_email import EmailSettings
from socialcrm_email.mail import normal_address
from socialcrm_mailinglist._place import Place, locate

__all__ = ["MailingListSettings"]


def _help(text: str) -> dict[str, str]:
    return {"help": text}


def _port(_instance: Any, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} is {value}; a port lies between 1 and 65535, and 0 means the usual one")


@frozen(kw_only=True)
class MailingListSettings:
    """One mailing list: where its archive is, who we are on it, and through which mail server we write.

    Reading a public archive needs ``archive`` only; a loaded mbox needs nothing.
    """

    archive: str = field(default="", metadata=_help("the archive's web address (HyperKitty or Pipermail); any of its pages"))
    list: str = field(default="", metadata=_help("the address that one writes to; HyperKitty's archive tells it by itself"))
    private: bool = field(default=False, metadata=_help("only members can read the list, where the archive does not say"))
    archive_username: str = field(default="", metadata=_help("log-in name at a HyperKitty whose archive is for members"))
    archive_password: Secret | None = field(default=None, metadata=_help("password there"))
    staff: tuple[str, ...] = field(default=(), metadata=_help("addresses of ours: what they write to the list is outbound"))
    address: str = field(default="", metadata=_help("the address we write from; it should be a member of the list"))
    from_name: str = field(default="", metadata=_help("the name shown beside our address"))
    username: str = field(default="", metadata=_help("log-in name at the mail server; empty means the address"))
    password: Secret | None = field(default=None, metadata=_help("password there, better an app password"))
    token: Secret | None = field(default=None, metadata=_help("OAuth 2.0 access token, used by XOAUTH2 in place of a password"))
    smtp_host: str = field(default="", metadata=_help("where mail is handed in; empty where nothing is sent"))
    smtp_port: int = field(default=0, validator=_port, metadata=_help("0 means 465 for tls, 587 for starttls, else 25"))
    smtp_security: str = field(default="tls", metadata=_help("tls, starttls, or plain on loopback only"))

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work or would give a password away."""
        place = self.place
        if self.archive and place is None:
            raise ValueError(
                "archive should be a web address such as https://lists.example.org/archives/list/talk@example.org/"
            )
        if self.list and not normal_address(self.list):
            raise ValueError(f"list is {self.list!r}; it should be the address that one writes to, such as talk@example.org")
        for name in ("address", *(["staff"] if self.staff else [])):
            values = self.staff if name == "staff" else filter(None, (self.address,))
            wrong = [value for value in values if not normal_address(value)]
            if wrong:
                raise ValueError(f"{name} has {wrong[0]!r}, which is no mail address")
        if bool(self.archive_username) != (self.archive_password is not None):
            raise ValueError("archive_username and archive_password go together: give both, or neither to read as a visitor")
        if self.archive_password is not None and place is not None:
            if place.software != "hyperkitty":
                raise ValueError("only HyperKitty takes a log-in here: load an mbox of a private Pipermail archive instead")
            if not place.origin.startswith("https://") and not _is_loopback(place.origin):
                raise ValueError("a password is only sent over https: use the archive's https address")
        # The mail plugin checks its own part.
        self.mail  # noqa: B018

    @property
    def place(self) -> Place | None:
        """Where the archive is; ``None`` for a loaded mbox only."""
        return locate(self.archive) if self.archive else None

    @property
    def post(self) -> str:
        """The list's address, normalised; empty where it is not known."""
        place = self.place
        return normal_address(self.list) or (place.list if place is not None else "")

    @property
    def ours(self) -> frozenset[str]:
        """Our addresses, normalised."""
        return frozenset(filter(None, map(normal_address, (self.address, *self.staff))))

    @property
    def mail(self) -> EmailSettings:
        """The mail server, as the mail plugin knows it."""
        return EmailSettings(
            address=self.address,
            from_name=self.from_name,
            username=self.username,
            password=self.password,
            token=self.token,
            smtp_host=self.smtp_host,
            smtp_port=self.smtp_port,
            smtp_security=self.smtp_security,
            save_sent=False,
        )


def _is_loopback(origin: str) -> bool:
    host = origin.partition("://")[2].rpartition(":")[0] or origin.partition("://")[2]
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
