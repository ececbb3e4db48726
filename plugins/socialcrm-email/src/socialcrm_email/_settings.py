"""What a mail channel needs to know."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen

from socialcrm.types import Secret
from socialcrm_email._addresses import normal_address

__all__ = ["SENT", "EmailSettings"]

SENT = "\\Sent"
"""The special use (RFC 6154) of the folder that holds what we sent, whatever its name."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECURITY = ("tls", "starttls", "plain")


def _security(instance: Any, attribute: Attribute[str], value: str) -> None:
    if value not in _SECURITY:
        raise ValueError(f"{attribute.name} is {value!r}; it should be one of {', '.join(_SECURITY)}")
    host = getattr(instance, attribute.name.replace("_security", "_host"))
    if value == "plain" and host and host not in _LOOPBACK:
        raise ValueError(f"{attribute.name}='plain' would send the password unencrypted to {host}; use 'tls' or 'starttls'")


def _port(_instance: Any, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} is {value}; a port lies between 1 and 65535, and 0 means the usual one")


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class EmailSettings:
    """The settings of a mail channel; an archive needs none of them, though ``address`` tells whose it is."""

    address: str = field(default="", metadata=_help("our address; what it writes is outbound"))
    aliases: tuple[str, ...] = field(default=(), metadata=_help("further addresses of ours that lead to this mailbox"))
    from_name: str = field(default="", metadata=_help("the name shown beside our address"))
    username: str = field(default="", metadata=_help("log-in name; empty means the address"))
    password: Secret | None = field(default=None, metadata=_help("password, better an app password"))
    token: Secret | None = field(default=None, metadata=_help("OAuth 2.0 access token, used by XOAUTH2 in place of a password"))
    imap_host: str = field(default="", metadata=_help("where mail is read; empty where nothing is fetched"))
    imap_port: int = field(default=0, validator=_port, metadata=_help("0 means 993 for tls, else 143"))
    imap_security: str = field(default="tls", validator=_security, metadata=_help("tls, starttls, or plain on loopback only"))
    smtp_host: str = field(default="", metadata=_help("where mail is handed in; empty where nothing is sent"))
    smtp_port: int = field(default=0, validator=_port, metadata=_help("0 means 465 for tls, 587 for starttls, else 25"))
    smtp_security: str = field(default="tls", validator=_security, metadata=_help("tls, starttls, or plain on loopback only"))
    folders: tuple[str, ...] = field(
        default=("INBOX", SENT),
        metadata=_help(r"folders to follow, the first one live; \Sent means the sent folder"),
    )
    history_days: int = field(
        default=0, metadata=_help("how many days back the first fetch of a folder goes; 0 means everything there is")
    )
    max_size: int = field(default=10 * 2**20, metadata=_help("bytes kept of one mail; what is longer is cut and flagged"))
    save_sent: bool = field(default=True, metadata=_help("put what we send into the sent folder, unless the server did"))
    trusted_authserv_id: str = field(
        default="", metadata=_help("the name our own mail server writes into Authentication-Results; empty trusts none")
    )
    trust_senders: bool = field(
        default=False, metadata=_help("take the From address of archived mail as proven; only for an archive you filtered")
    )

    @max_size.validator
    def _enough(self, _attribute: Attribute[int], value: int) -> None:
        if value < 4096:
            raise ValueError(f"max_size is {value}; less than 4096 bytes would cut the headers of ordinary mail")

    @property
    def login(self) -> str:
        """The log-in name."""
        return self.username or self.address

    @property
    def own(self) -> frozenset[str]:
        """Our addresses, normalised; empty where none is configured."""
        return frozenset(filter(None, map(normal_address, (self.address, *self.aliases))))

    @property
    def imap_url(self) -> str:
        """Where to open the IMAP connection (RFC 8314 prefers implicit TLS)."""
        return _url(self.imap_host, self.imap_port or (993 if self.imap_security == "tls" else 143), self.imap_security)

    @property
    def smtp_url(self) -> str:
        """Where to open the SMTP connection (RFC 8314 prefers implicit TLS)."""
        usual = {"tls": 465, "starttls": 587, "plain": 25}[self.smtp_security]
        return _url(self.smtp_host, self.smtp_port or usual, self.smtp_security)


def _url(host: str, port: int, security: str) -> str:
    return f"{'tls' if security == 'tls' else 'tcp'}://{f'[{host}]' if ':' in host else host}:{port}"
