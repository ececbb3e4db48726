"""The connector for XMPP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from socialcrm.connectors import (
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
    Unit,
)
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_xmpp._acts import look_up, mark_read, react, retract
from socialcrm_xmpp._fetch import follow, sync
from socialcrm_xmpp._login import open_session
from socialcrm_xmpp._parse import parse_raw
from socialcrm_xmpp._send import hand_over, send_reply, settle_reply
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import escaped_size

__all__ = ["XmppConnector"]


class XmppConnector(Connector[XmppSettings]):
    """Reads an account's archive and those of rooms, and answers in private and in rooms."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="xmpp",
        title="XMPP",
        settings=XmppSettings,
        streams={
            "archives": Stream(title="what is new in our archive and in the rooms'"),
            "live": Stream(live=True, title="the same, as it comes"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(8000, Unit.WEIGHTED, escaped_size),
            threads=True,
            visibility=frozenset(Visibility),
            private_reply=True,
            edits=True,
            deletions=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
        ),
        documentation=(
            "RFC 6120, RFC 6121, RFC 7622 (XMPP)",
            "RFC 5802, RFC 7677 (SCRAM)",
            "XEP-0045 1.35 (rooms)",
            "XEP-0313 1.1.3 (archives)",
            "XEP-0059, XEP-0441 (pages, preferences)",
            "XEP-0359 (ids)",
            "XEP-0421 (occupant ids)",
            "XEP-0308 (corrections)",
            "XEP-0424, XEP-0425 (retractions)",
            "XEP-0444 (reactions)",
            "XEP-0461, XEP-0428 (replies)",
            "XEP-0333, XEP-0184 (markers, receipts)",
            "XEP-0280 (carbons)",
            "XEP-0066 (links to files)",
            "XEP-0054 (cards)",
        ),
        proven="a real Prosody 0.12 and ejabberd 23.01 (STARTTLS, direct TLS and in clear) on loopback",
    )

    @property
    def text_limit(self) -> TextLimit:
        """How long one message may be: as the settings say, in bytes as escaped."""
        return TextLimit(self.settings.text_limit, Unit.WEIGHTED, escaped_size)

    def identify(self) -> Flow[Account]:
        """Log in; nobody sees it."""
        session = yield from open_session(self.settings)
        yield from session.close()
        return Account(id=session.own, handle=session.own, name=self.settings.name)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Read on in the archives (``archives``), or stay in touch and read on whenever something comes (``live``)."""
        if stream == "archives":
            yield from sync(self.settings, cursor)
        elif stream == "live":
            settings = self.settings
            yield from follow(settings, cursor, lambda session, message: hand_over(session, settings, message))
        else:
            raise UnsupportedError(f"xmpp has no stream {stream!r}; it has 'archives' and 'live'")

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an archived message means."""
        return parse_raw(raw, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send a reply into a room, to a person, or to somebody in a room without the others."""
        return send_reply(self.settings, message, cursor)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for our id in the archive."""
        return settle_reply(self.settings, message, cursor)

    def profile(self, account: str) -> Flow[Identity]:
        """Look at somebody's card."""
        return look_up(self.settings, account)

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Ask everybody to forget messages of ours."""
        return retract(self.settings, receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """React with an emoji."""
        return react(self.settings, id, scope, reaction)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """Tell that we have seen a message, and all before it."""
        return mark_read(self.settings, id, scope)
