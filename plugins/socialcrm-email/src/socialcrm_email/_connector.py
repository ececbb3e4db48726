"""The connector for mail."""

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
    Sent,
    Stream,
)
from socialcrm.errors import SettingsError, SocialCRMError, UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_email._addresses import normal_address
from socialcrm_email._archive import load_archive
from socialcrm_email._fetch import catch_up, resolve_folders, row, wait
from socialcrm_email._login import open_imap
from socialcrm_email._parse import parse_raw
from socialcrm_email._sent import send_reply, settle_reply
from socialcrm_email._settings import EmailSettings
from socialcrm_email._smtp import check

__all__ = ["EmailConnector"]


class EmailConnector(Connector[EmailSettings]):
    """Reads mail over IMAP, answers over SMTP, and loads mbox, Maildir and ``.eml`` archives."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="email",
        title="E-mail",
        settings=EmailSettings,
        streams={
            "mail": Stream(title="what is new in each folder"),
            "idle": Stream(live=True, title="what arrives in the first folder, as it arrives"),
        },
        capabilities=Capabilities(
            send=True,
            visibility=frozenset({Visibility.PRIVATE}),
            attachments=10,
            archive=True,
        ),
        documentation=(
            "RFC 9051 and RFC 3501 (IMAP)",
            "RFC 2177 (IDLE)",
            "RFC 6154 (SPECIAL-USE)",
            "RFC 5530 (IMAP response codes)",
            "RFC 5321 (SMTP)",
            "RFC 3207 (STARTTLS)",
            "RFC 4954 (AUTH)",
            "RFC 5322 (messages)",
            "RFC 3464 (delivery status)",
            "RFC 3834 (automatic answers)",
            "RFC 8601 (Authentication-Results)",
            "Gmail: OAuth 2.0 Mechanism",
        ),
        proven="a real Dovecot 2.3 and OpenSMTPD 6.8 on loopback, with STARTTLS and without",
    )

    def identify(self) -> Flow[Account]:
        """Log in to the mailbox, and to the server that takes our mail where one is set; send nothing."""
        address = normal_address(self.settings.address)
        if not address:
            raise SettingsError(f"mail: {self.settings.address!r} is no mail address; set 'address' in the channel's settings")
        imap = yield from open_imap(self.settings)
        yield from imap.logout()
        if self.settings.smtp_host:
            yield from check(self.settings)
        return Account(id=address, name=self.settings.from_name, handle=address)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow the folders (``mail``), or wait for what arrives in the first one (``idle``)."""
        if stream == "mail":
            yield from self._sync(cursor)
        elif stream == "idle":
            yield from self._watch(cursor)
        else:
            raise UnsupportedError(f"mail has no stream {stream!r}; it has 'mail' and 'idle'")

    def _sync(self, cursor: Cursor) -> Flow[None]:
        imap = yield from open_imap(self.settings)
        for folder in (yield from resolve_folders(imap, self.settings.folders)):
            yield from catch_up(imap, folder, cursor, self.settings)
        yield from imap.logout()

    def _watch(self, cursor: Cursor) -> Flow[None]:
        imap = yield from open_imap(self.settings)
        folder = next(iter((yield from resolve_folders(imap, self.settings.folders))), "INBOX")
        rows = dict(cursor)
        if row(folder) not in rows:
            # What lies there already is the pull stream's; this one begins now, and says so before it waits.
            selected = yield from imap.examine(folder)
            rows[row(folder)] = f"{selected.validity}:{max(selected.next - 1, 0)}"
            yield from Batch((), {row(folder): rows[row(folder)]})
        while True:
            selected, rows[row(folder)] = yield from catch_up(imap, folder, rows, self.settings)
            message = yield from wait(imap, selected.exists)
            if message is not None:
                yield from self._hand_over(message)

    def _hand_over(self, message: Outgoing) -> Flow[None]:
        outcome: Receipt | Exception
        try:
            outcome = yield from self.send(message, {})
        except SocialCRMError as error:
            outcome = error
        yield from Sent(message, outcome)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a message means: an e-mail, a delivery report, or an account of ours."""
        return parse_raw(raw, self.settings)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read an mbox file (also ``.gz``, also Google Takeout's), a Maildir, or ``.eml`` files."""
        return load_archive(path, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Hand a reply to the mail server; its final dot is the one step that can't be repeated."""
        return send_reply(self.settings, message, cursor)

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for our message id in our own folders."""
        return settle_reply(self.settings, message, cursor)
