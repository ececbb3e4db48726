"""WhatsApp: what people write to one business phone number, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

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
    Hook,
    Incoming,
    Outgoing,
    Raw,
    Receipt,
    Verdict,
)
from socialcrm.errors import SettingsError
from socialcrm.types import Account, Attachment, Item, Visibility
from socialcrm_meta import FACEBOOK, ident, node, sign, text
from socialcrm_whatsapp._export import load_chats
from socialcrm_whatsapp._judge import judge_answer
from socialcrm_whatsapp._parse import parse
from socialcrm_whatsapp._people import WINDOW, digits
from socialcrm_whatsapp._send import FILES, TEXT, Sender
from socialcrm_whatsapp._settings import WhatsAppSettings
from socialcrm_whatsapp._split import read_webhook

__all__ = ["WhatsAppConnector"]


class WhatsAppConnector(Connector[WhatsAppSettings]):
    """Hears and answers one business number. No streams: the Cloud API tells everything by webhook, and lists nothing."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="whatsapp",
        title="WhatsApp",
        settings=WhatsAppSettings,
        capabilities=Capabilities(
            send=True,
            text=TEXT,
            threads=True,
            visibility=frozenset({Visibility.PRIVATE, Visibility.LIMITED}),
            private_reply=True,
            edits=True,
            deletions=True,
            attachments=FILES,
            reply_window=WINDOW,
            webhook=True,
            archive=True,
            react=True,
            mark_read=True,
        ),
        documentation=(
            "WhatsApp Business Platform: webhook references (messages and pages below, smb_message_echoes, history, standby)",
            "WhatsApp Business Platform: Messages API, Media, Typing indicators, Groups, Calling API, Error codes, changelog",
            "WhatsApp Business Platform: Business-scoped user IDs",
            "Meta's OpenAPI document of the Business Messaging API, v23.0",
        ),
        proven="a server made from the documentation, Meta's OpenAPI document, recorded payloads; never WhatsApp itself",
    )

    @property
    def origin(self) -> str:
        """The Graph API; nothing where the channel only holds an archive."""
        return FACEBOOK if self.settings.phone_number_id else ""

    @property
    def reply_window(self) -> timedelta | None:
        """24 hours since the customer's last message; none where a template carries answers after that."""
        return None if self.settings.fallback else self.info.capabilities.reply_window

    def identify(self) -> Flow[Account]:
        """Ask for the number.

        Raises:
            CredentialsError: The token is not accepted; the message says why and what to do.
            SettingsError: The channel only holds an archive.
        """
        number = self._number()
        fields = "id,display_phone_number,verified_name"
        path = node(self.settings.version, number)
        row = (yield from Call("GET", path, params={"fields": fields})).json(dict, "id")
        phone = digits(row.get("display_phone_number"))
        return Account(
            id=ident(row["id"]) or number,
            name=text(row.get("verified_name")),
            handle=f"+{phone}" if phone else "",
            url=f"https://wa.me/{phone}" if phone else "",
            key=number,
        )

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a message, a status, a call or a line of an exported chat means."""
        return parse(raw, self.settings.version, windows=self.settings.fallback is not None)

    def receive(self, request: Incoming) -> Hook:
        """Answer the handshake, or verify a notification and split it by number, message by message."""
        settings = self.settings
        return read_webhook(request, app_secret=settings.app_secret, verify_token=settings.verify_token)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read chats that the app exported ("Export chat"): text files, the zips around them, or a folder of both.

        Raises:
            PayloadError: It is no such chat, nobody can tell who we are in it, or how it writes dates.
        """
        return load_chats(path, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer a person or a group."""
        return (yield from self._sender().send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Say that it can't be known whether an unclear reply arrived.

        Raises:
            UnclearError: Always: the Cloud API has no list of sent messages.
        """
        return (yield from self._sender().settle(message, cursor))

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """React to a message with an emoji; an empty one takes the reaction back.

        Args:
            id: The message.
            scope: The key of its conversation (`Interaction.conversation`): WhatsApp has to be told where the message stands.
            reaction: The emoji.

        Raises:
            UnsupportedError: The scope names nobody.
        """
        yield from self._sender().react(id, scope, reaction)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark a message, and those before it, as read."""
        yield from self._sender().mark_read(id, typing=self.settings.typing)

    def media(self, url: str) -> Flow[Attachment]:
        """Ask where an attachment can be fetched.

        The address is good for five minutes and lies on another host than the Graph API, which is never given our token by a
        flow: fetch it yourself with the token as ``Authorization: Bearer``. Files in webhooks are kept for 7 days.

        Args:
            url: `socialcrm.types.Attachment` ``url``, as `parse` gave it.

        Raises:
            NotFound: It is gone.
        """
        return (yield from self._sender().media(url.rstrip("/").rpartition("/")[2]))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the token as a header, and the app secret's proof."""
        return sign(call, grant)

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by the error codes of the Cloud API and of the Graph API."""
        return judge_answer(call, answer)

    def _number(self) -> str:
        if not self.settings.phone_number_id:
            raise SettingsError("whatsapp: this channel only holds an archive; set phone_number_id and token to use a number")
        return self.settings.phone_number_id

    def _sender(self) -> Sender:
        return Sender(version=self.settings.version, number=self._number(), template=self.settings.fallback)
