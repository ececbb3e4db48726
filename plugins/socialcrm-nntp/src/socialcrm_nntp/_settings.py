"""What a channel of discussion groups needs to know."""

from __future__ import annotations

import ipaddress
from typing import Any

from attrs import Attribute, field, frozen

from socialcrm.types import Secret, Visibility
from socialcrm_email.mail import normal_address

__all__ = ["NntpSettings"]

_SECURITY = {"tls": 563, "starttls": 119, "plain": 119}
_AUDIENCE = {"public": Visibility.PUBLIC, "members": Visibility.LIMITED}


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(value)


def _host(value: str) -> str:
    return value.strip()


def _port(_instance: Any, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} is {value}; a port lies between 1 and 65535, and 0 means the usual one")


def _not_negative(_instance: Any, attribute: Attribute[int], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} is {value}; it can't be negative")


def _one_of(words: Any) -> Any:
    def check(_instance: Any, attribute: Attribute[str], value: str) -> None:
        if value not in words:
            raise ValueError(f"{attribute.name} is {value!r}; it should be one of {', '.join(words)}")

    return check


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class NntpSettings:
    """The settings of a channel; an archive needs none of them, though ``address`` tells whose it is.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    server: str = field(default="", converter=_host, metadata=_help("the news server's host name, such as news.example.com"))
    port: int = field(default=0, validator=_port, metadata=_help("0 means 563 for tls, else 119"))
    security: str = field(
        default="tls",
        validator=_one_of(_SECURITY),
        metadata=_help("tls, starttls, or plain: unencrypted, without log-in or on loopback only"),
    )
    username: str = field(default="", metadata=_help("log-in name; empty to read as anybody"))
    password: Secret | None = field(default=None, metadata=_help("the log-in name's password"))
    groups: tuple[str, ...] = field(
        default=(),
        converter=_names,
        metadata=_help("the groups to follow; wildmats are allowed: acme.*, !acme.test"),
    )
    address: str = field(default="", metadata=_help("our address in From; what it writes is outbound"))
    aliases: tuple[str, ...] = field(default=(), converter=_names, metadata=_help("further addresses that we write from"))
    from_name: str = field(default="", metadata=_help("the name shown beside our address"))
    audience: str = field(
        default="public",
        validator=_one_of(_AUDIENCE),
        metadata=_help("who can read the groups: public, or members where the server lets only its own people in"),
    )
    history: int = field(
        default=0, validator=_not_negative, metadata=_help("how many articles the first fetch of a group brings; 0 for all")
    )
    rescan_days: int = field(
        default=14, validator=_not_negative, metadata=_help("days to look back for cancelled articles; 0 for never")
    )
    rescan_minutes: int = field(
        default=60, validator=_not_negative, metadata=_help("minutes between two such looks; 0 for every sync")
    )
    max_size: int = field(default=2**20, metadata=_help("of a longer article (in bytes) only the header is kept, and flagged"))
    cancel_secret: Secret | None = field(
        default=None,
        metadata=_help("a long random text of your own, never changed: locks our articles, so that only we can withdraw them"),
    )

    @max_size.validator
    def _enough(self, _attribute: Attribute[int], value: int) -> None:
        if value < 4096:
            raise ValueError(f"max_size is {value}; less than 4096 bytes would cut ordinary articles")

    def __attrs_post_init__(self) -> None:
        """Refuse what would give the password away or can't work."""
        if any(character in self.server for character in "/@ \r\n"):
            raise ValueError(f"server is {self.server!r}; give the host's name alone, and the port as 'port'")
        if self.security == "plain" and (self.username or self.password) and self.server and not _loopback(self.server):
            raise ValueError(
                f"security='plain' would send the password unencrypted to {self.server}; use 'tls' or 'starttls', "
                "or leave username and password out"
            )
        if self.address and not normal_address(self.address):
            raise ValueError(f"address is {self.address!r}, which is no mail address")
        if any(character in name for name in (self.username, *self.groups) for character in "\r\n\0"):
            raise ValueError("username or groups hold a line break")

    @property
    def own(self) -> frozenset[str]:
        """Our addresses, normalised; empty where none is configured."""
        return frozenset(filter(None, map(normal_address, (self.address, *self.aliases))))

    @property
    def visibility(self) -> Visibility:
        """Who can read what is posted."""
        return _AUDIENCE[self.audience]

    @property
    def url(self) -> str:
        """Where to open the connection (RFC 4642 and RFC 8143: port 563 is TLS from the start)."""
        scheme = "tls" if self.security == "tls" else "tcp"
        host = f"[{self.server}]" if ":" in self.server else self.server
        return f"{scheme}://{host}:{self.port or _SECURITY[self.security]}"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
