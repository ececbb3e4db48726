"""The connector for discussion groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
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
)
from socialcrm.errors import NotFound, SettingsError, UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_email.mail import normal_address
from socialcrm_nntp._archive import load_archive
from socialcrm_nntp._follow import follow_groups, resolve_groups
from socialcrm_nntp._login import open_nntp
from socialcrm_nntp._parse import parse_raw
from socialcrm_nntp._post import retract_articles, send_reply, settle_reply
from socialcrm_nntp._settings import NntpSettings

__all__ = ["NntpConnector"]


class NntpConnector(Connector[NntpSettings]):
    """Follows groups on a news server, posts followups, and loads mbox and spool archives."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="nntp",
        title="Discussion groups (Usenet)",
        settings=NntpSettings,
        streams={"articles": Stream(rescan=timedelta(days=14), title="what is new in each group, and what was cancelled")},
        capabilities=Capabilities(
            send=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.LIMITED}),
            edits=True,
            deletions=True,
            archive=True,
            retract=True,
        ),
        documentation=(
            "RFC 3977 (NNTP)",
            "RFC 2980 (common extensions)",
            "RFC 4642 (STARTTLS)",
            "RFC 4643 (AUTHINFO)",
            "RFC 5536 (article format)",
            "RFC 5537 (architecture, control messages)",
            "RFC 8315 (Cancel-Lock)",
            "RFC 3676 (format=flowed)",
            "RFC 2047 (encoded words)",
        ),
        proven="a real INN 2.7.1 on loopback, with TLS, STARTTLS and without",
    )

    def identify(self) -> Flow[Account]:
        """Log in, and look whether the groups are there; post nothing."""
        address = normal_address(self.settings.address)
        if not address:
            raise SettingsError(
                f"nntp: {self.settings.address!r} is no mail address; set 'address' in the channel's settings to what we write "
                "from: it is how our own articles are known"
            )
        nntp = yield from open_nntp(self.settings)
        for name, status in (yield from resolve_groups(nntp, self.settings.groups)).items():
            if not status:
                try:
                    yield from nntp.group(name)
                except NotFound as error:
                    raise SettingsError(f"{nntp.where}: there is no group {name!r}; check the channel's groups") from error
        yield from nntp.quit()
        return Account(id=address, name=self.settings.from_name, handle=address)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring what is new in each group, then count off what was taken back."""
        if stream != "articles":
            raise UnsupportedError(f"nntp has no stream {stream!r}; it has 'articles'")
        nntp = yield from open_nntp(self.settings)
        yield from follow_groups(nntp, cursor, self.settings)
        yield from nntp.quit()

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an article means, or a census of the groups."""
        return parse_raw(raw, self.settings.visibility)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read an mbox file (also ``.gz``), an article, or a spool folder with one article in each file."""
        return load_archive(path, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply to the groups of what it answers."""
        return send_reply(self.settings, message, cursor)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Ask the server for the reply's message id."""
        return settle_reply(self.settings, message, cursor)

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Cancel articles of ours."""
        return retract_articles(self.settings, receipt)
