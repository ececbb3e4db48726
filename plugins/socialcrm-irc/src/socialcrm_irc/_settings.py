"""What an IRC channel needs to know."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import Attribute, field, frozen

from socialcrm.types import Secret
from socialcrm_irc._line import fold

__all__ = ["IrcSettings", "own_id"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECURITY = ("tls", "starttls", "plain")
_NICK = re.compile(r"[^\s\x00-\x20!@,*?:#&$+~%\d-][^\s\x00-\x20!@,*?]*\Z")
_ROOM = re.compile(r"[#&+!][^\s\x00-\x20,\x07:]*\Z")


def _help(text: str) -> dict[str, str]:
    return {"help": text}


def _one_of(_instance: Any, attribute: Attribute[str], value: str) -> None:
    if value not in _SECURITY:
        raise ValueError(f"{attribute.name} is {value!r}; it should be one of {', '.join(_SECURITY)}")


def _word(_instance: Any, attribute: Attribute[str], value: str) -> None:
    if re.search(r"[\s\x00-\x20]", value) or value.startswith(":"):
        raise ValueError(f"{attribute.name} is {value!r}; it may hold no spaces and no control characters")


def _nick(_instance: Any, attribute: Attribute[str], value: str) -> None:
    if value and not _NICK.match(value):
        raise ValueError(f"{attribute.name} is {value!r}, which is no nick: it begins with a letter and holds no spaces")


def _rooms(_instance: Any, attribute: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for room in value:
        if not _ROOM.match(room):
            raise ValueError(f"{attribute.name} holds {room!r}; a channel is called like '#support', without spaces and commas")


def _zone(_instance: Any, attribute: Attribute[str], value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{attribute.name} is {value!r}; give a name of the time zone database, such as Europe/Madrid"
        ) from None


@frozen(kw_only=True)
class IrcSettings:
    """The settings of an IRC channel; an archive of logs needs ``nick`` and ``timezone`` only."""

    host: str = field(default="", validator=_word, metadata=_help("the server or bouncer, such as irc.example.org"))
    port: int = field(default=0, metadata=_help("0 means 6697 for tls, else 6667"))
    security: str = field(
        default="tls", validator=_one_of, metadata=_help("tls, starttls, or plain (with credentials on loopback only)")
    )
    nick: str = field(default="", validator=_nick, metadata=_help("our nick"))
    reply_nick: str = field(
        default="",
        validator=_nick,
        metadata=_help("the nick that `flush` sends with while `watch` holds ours; empty means ours with '-re' behind it"),
    )
    username: str = field(default="socialcrm", validator=_word, metadata=_help("our user name (ident) while watching"))
    realname: str = field(default="Customer care", metadata=_help("what others see as our real name"))
    account: str = field(default="", validator=_word, metadata=_help("our account on the network, for SASL or NickServ"))
    password: Secret | None = field(default=None, metadata=_help("the account's password"))
    server_password: Secret | None = field(default=None, metadata=_help("the server's or bouncer's own password (PASS)"))
    nickserv: str = field(
        default="",
        validator=_word,
        metadata=_help("where to log in if the server has no SASL, such as NickServ@services.example.org; empty for nowhere"),
    )
    channels: tuple[str, ...] = field(default=(), validator=_rooms, metadata=_help("the channels to join, such as #support"))
    channel_keys: Secret | None = field(
        default=None, metadata=_help("keys of channels that need one: '#support key, #other key2'")
    )
    history_days: int = field(
        default=1, metadata=_help("days that the first watch looks back, where the server keeps a history; 0 for none")
    )
    burst: int = field(default=4, metadata=_help("lines that may leave at once"))
    pace: float = field(default=2.0, metadata=_help("seconds between lines after that (RFC 1459, 8.10); 0 for no limit"))
    timezone: str = field(default="UTC", validator=_zone, metadata=_help("the time zone of loaded logs"))
    log_nicks: tuple[str, ...] = field(default=(), metadata=_help("further nicks of ours in loaded logs"))

    @port.validator
    def _possible(self, _attribute: Attribute[int], value: int) -> None:
        if not 0 <= value <= 65535:
            raise ValueError(f"port is {value}; a port lies between 1 and 65535, and 0 means the usual one")

    @burst.validator
    def _some(self, _attribute: Attribute[int], value: int) -> None:
        if value < 1:
            raise ValueError(f"burst is {value}; at least one line has to leave")

    @realname.validator
    def _one_line(self, _attribute: Attribute[str], value: str) -> None:
        if re.search(r"[\r\n\0]", value):
            raise ValueError("realname holds a line's end; it is one line")

    def __attrs_post_init__(self) -> None:
        secret = self.password or self.server_password or self.channel_keys
        if self.security == "plain" and self.host not in ("", *_LOOPBACK) and secret:
            raise ValueError(f"security='plain' would send credentials unencrypted to {self.host}; use 'tls'")

    @property
    def url(self) -> str:
        """Where to open the connection."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 6697 if self.security == "tls" else 6667
        return f"{'tls' if self.security == 'tls' else 'tcp'}://{host}:{self.port or usual}"

    @property
    def sender(self) -> str:
        """The nick that replies are sent with from a connection of their own."""
        return self.reply_nick or f"{self.nick}-re"


def own_id(settings: IrcSettings) -> str:
    """Return the account id under which what we write is kept: our account, else our nick as a mask."""
    return fold(settings.account) if settings.account else f"{fold(settings.nick)}!*@*"
