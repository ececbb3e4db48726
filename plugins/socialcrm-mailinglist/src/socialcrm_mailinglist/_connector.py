"""The connector for mailing lists."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs

from socialcrm.connectors import (
    Answer,
    Batch,
    Call,
    Capabilities,
    Connector,
    ConnectorInfo,
    Cursor,
    Flow,
    Grant,
    Outgoing,
    Raw,
    Receipt,
    Stream,
)
from socialcrm.errors import SettingsError, UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_email import mail
from socialcrm_mailinglist import _hyperkitty, _pipermail, _reply
from socialcrm_mailinglist._archive import load_archive
from socialcrm_mailinglist._parse import parse_raw, text_of
from socialcrm_mailinglist._place import Place
from socialcrm_mailinglist._recognise import recognise
from socialcrm_mailinglist._settings import MailingListSettings

__all__ = ["MailingListConnector"]


class MailingListConnector(Connector[MailingListSettings]):
    """Reads a list's archive on the web, answers the list or its members by mail, and loads mbox files."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="mailinglist",
        title="Mailing list",
        settings=MailingListSettings,
        streams={"mail": Stream(title="what the list's archive holds, also in old threads")},
        capabilities=Capabilities(
            send=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.LIMITED, Visibility.PRIVATE}),
            private_reply=True,
            attachments=10,
            archive=True,
            public=True,
        ),
        documentation=(
            "HyperKitty 1.3: its REST API (lists, emails, email), mbox export, message-id hash",
            "Mailman 3.3 and Mailman 2.1: archiving, DMARC mitigations, decoration of messages, the scrubber",
            "RFC 2369 and RFC 2919 (List-Post, List-Id)",
            "RFC 5064 (Archived-At)",
            "RFC 7960 (DMARC and mailing lists)",
            "RFC 4155 (mbox)",
        ),
        proven="a real Mailman 3.3 with HyperKitty 1.3 on loopback; Pipermail only as invented by us; no public site",
    )

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Say whether an address is that of a list's archive in HyperKitty or Pipermail."""
        return recognise(url, page)

    @property
    def origin(self) -> str:
        """The archive's scheme, host and port."""
        place = self.settings.place
        return place.origin if place is not None else ""

    def identify(self) -> Flow[Account]:
        """Look at the archive, and log in to the mail server where one is set; send nothing.

        Returns:
            Our address; for a visitor the list itself, which writes nothing.
        """
        settings, name = self.settings, ""
        place = settings.place
        if place is not None and place.software == "hyperkitty":
            name = text_of((yield from _hyperkitty.describe(place)).get("display_name"))
        elif place is not None:
            yield from _pipermail.months(place)
        if settings.smtp_host:
            yield from mail.check(settings.mail)
        address = mail.normal_address(settings.address)
        if address:
            return Account(id=address, name=settings.from_name, handle=address)
        if place is None:
            raise SettingsError("mailing list: neither archive nor address is set; add one to the channel's settings")
        return Account(id=f"list:{settings.post or place.root}", name=name, handle=settings.post, url=settings.archive)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring what is new in the archive."""
        if stream != "mail":
            raise UnsupportedError(f"mailing list has no stream {stream!r}; it has 'mail'")
        place = self._place()
        if place.software == "hyperkitty":
            yield from _hyperkitty.follow(place, cursor)
        else:
            yield from _pipermail.follow(place, self.settings.post, cursor)

    def _place(self) -> Place:
        place = self.settings.place
        if place is None:
            raise SettingsError("mailing list: no archive is set, so nothing can be read; add it to the channel's settings")
        return place

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a mail of an archive means."""
        return parse_raw(raw, self.settings)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read an mbox (also HyperKitty's export), Pipermail's text files, a Maildir, or ``.eml`` files."""
        return load_archive(path, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Write to the list, or in private to one who wrote."""
        return _reply.send(self.settings, message, cursor)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for our message id in the archive."""
        return _reply.settle(self.settings, message, cursor)

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with Basic credentials (RFC 7617), which HyperKitty's API takes; the mail server's never go there."""
        password = grant.get("archive_password")
        if not password:
            return call
        pair = base64.b64encode(f"{self.settings.archive_username}:{password}".encode()).decode("ascii")
        return attrs.evolve(call, headers={**call.headers, "Authorization": f"Basic {pair}"})
