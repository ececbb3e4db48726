"""What an XMPP channel needs to know."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen

from socialcrm.types import Secret
from socialcrm_xmpp._jid import bare, domain, is_bare, local

__all__ = ["XmppSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECURITY = ("starttls", "tls", "plain")
_FLOOR = 10_000
"""RFC 6120, section 13.12: every server takes stanzas of so many bytes."""


def _address(_instance: Any, attribute: Attribute[str], value: str) -> None:
    if not is_bare(value):
        raise ValueError(f"{attribute.name} is {value!r}; give an address without a resource, such as team@example.org")


def _addresses(_instance: Any, attribute: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for one in value:
        if not is_bare(one):
            raise ValueError(f"{attribute.name} holds {one!r}; give each room's address, such as help@rooms.example.org")


def _port(_instance: Any, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} is {value}; a port lies between 1 and 65535, and 0 means the usual one")


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen(kw_only=True)
class XmppSettings:
    """The settings of an XMPP channel: one account, and the rooms that it follows."""

    jid: str = field(validator=_address, metadata=_help("our address, such as team@example.org"))
    password: Secret = field(metadata=_help("the account's password"))
    rooms: tuple[str, ...] = field(
        default=(), validator=_addresses, metadata=_help("chat rooms to follow, such as help@rooms.example.org")
    )
    nick: str = field(default="", metadata=_help("our name in rooms; empty means what stands before the @ of our address"))
    host: str = field(default="", metadata=_help("where to connect; empty means the domain of our address"))
    port: int = field(default=0, validator=_port, metadata=_help("0 means 5223 for tls, else 5222"))
    security: str = field(default="starttls", metadata=_help("starttls, tls, or plain on loopback only"))
    page_size: int = field(default=50, metadata=_help("how many messages are asked for at once; servers may give fewer"))
    look_back: int = field(
        default=500, metadata=_help("how many messages back the original of a correction or retraction is looked for")
    )
    text_limit: int = field(default=8000, metadata=_help("bytes of one message of ours, as escaped; longer texts are split"))
    max_stanza: int = field(default=2**20, metadata=_help("bytes of the largest stanza that is read"))

    @security.validator
    def _safe(self, _attribute: Attribute[str], value: str) -> None:
        if value not in _SECURITY:
            raise ValueError(f"security is {value!r}; it should be one of {', '.join(_SECURITY)}")
        if value == "plain" and self.where not in _LOOPBACK:
            raise ValueError(f"security='plain' would talk unencrypted to {self.where}; use 'starttls' or 'tls'")

    @page_size.validator
    def _some(self, _attribute: Attribute[int], value: int) -> None:
        if not 1 <= value <= 500:
            raise ValueError(f"page_size is {value}; ask for 1 to 500 messages at once")

    @look_back.validator
    def _not_negative(self, _attribute: Attribute[int], value: int) -> None:
        if value < 1:
            raise ValueError(f"look_back is {value}; it should be 1 or more")

    @text_limit.validator
    def _room_for_words(self, _attribute: Attribute[int], value: int) -> None:
        if value < 200:
            raise ValueError(f"text_limit is {value}; less than 200 bytes holds no sentence")

    @max_stanza.validator
    def _enough(self, _attribute: Attribute[int], value: int) -> None:
        if value < _FLOOR:
            raise ValueError(f"max_stanza is {value}; servers take stanzas of {_FLOOR} bytes, so read as many")

    @property
    def own(self) -> str:
        """Our bare address, in lower case."""
        return bare(self.jid)

    @property
    def where(self) -> str:
        """The host to connect to."""
        return self.host or domain(self.jid)

    @property
    def name(self) -> str:
        """Our nick in rooms."""
        return self.nick or local(self.jid)

    @property
    def followed(self) -> tuple[str, ...]:
        """The rooms' bare addresses, in lower case, each once."""
        return tuple(dict.fromkeys(map(bare, self.rooms)))

    @property
    def url(self) -> str:
        """Where to open the stream (RFC 6120, section 3; XEP-0368 for direct TLS)."""
        host = f"[{self.where}]" if ":" in self.where else self.where
        usual = 5223 if self.security == "tls" else 5222
        return f"{'tls' if self.security == 'tls' else 'tcp'}://{host}:{self.port or usual}"
