"""The connector for IRC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from socialcrm.connectors import (
    Batch,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Write,
)
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_irc._archive import load_logs
from socialcrm_irc._follow import follow
from socialcrm_irc._parse import parse_raw
from socialcrm_irc._register import connect
from socialcrm_irc._say import limit_of, say, send_reply, settle_reply
from socialcrm_irc._settings import IrcSettings, own_id

__all__ = ["IrcConnector"]


class IrcConnector(Connector[IrcSettings]):
    """Follows channels and private messages on one network, answers there, and loads logs of common clients."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="irc",
        title="IRC",
        settings=IrcSettings,
        streams={"live": Stream(live=True, replayable=False, title="what is said in the channels, and to us in private")},
        capabilities=Capabilities(
            send=True,
            text=limit_of(None),
            threads=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.LIMITED, Visibility.PRIVATE}),
            private_reply=True,
            deletions=True,
            archive=True,
        ),
        documentation=(
            "Modern IRC Client Protocol (modern.ircdocs.horse)",
            "RFC 2812 (Internet Relay Chat: Client Protocol)",
            "RFC 1459, section 8.10 (flood control)",
            "IRCv3: capability negotiation, message tags, server-time, message ids, echo-message, labeled-response, batch, STS",
            "IRCv3: account-tag, account-notify, extended-join, chghost, userhost-in-names, SASL 3.1 and 3.2, WHOX",
            "IRCv3: chathistory, message redaction, reply, react",
            "RFC 4616 (SASL PLAIN)",
        ),
        proven="a real ngIRCd 26 and InspIRCd 3.15 on loopback; services, SASL and chathistory with a server in memory only",
    )

    @property
    def text_limit(self) -> TextLimit:
        """How long one line may be with our nick, and in the longest of our channels."""
        return limit_of(self.settings)

    def identify(self) -> Flow[Account]:
        """Connect, log in and leave again; say who we are."""
        session = yield from connect(self.settings, self.settings.sender)
        yield from Write(session.conn, b"QUIT :done\r\n")
        return Account(id=own_id(self.settings), name=self.settings.nick, handle=self.settings.nick)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow the network (``live``): stay connected until stopped."""
        if stream != "live":
            raise UnsupportedError(f"irc has no stream {stream!r}; it has 'live'")
        yield from follow(self.settings, cursor, say)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a line means: an interaction, a deletion, a hole, an account of ours."""
        return parse_raw(raw, self.settings.host)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read logs of irssi, WeeChat, ZNC, HexChat and energymech: a file, or a folder of them."""
        return load_logs(path, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send a reply from a connection of its own."""
        return send_reply(self.settings, message, cursor)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for a reply in what the server kept, where it keeps anything."""
        return settle_reply(self.settings, message, cursor)
