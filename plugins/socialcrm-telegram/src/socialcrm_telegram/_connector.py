"""The connector: what it declares, and which room does what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve

from socialcrm.connectors import (
    Answer,
    Batch,
    Blob,
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
    Stream,
    TextLimit,
    Unit,
    Verdict,
)
from socialcrm.errors import CredentialsError, NotFound, PayloadError, RefusedError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_telegram import _send
from socialcrm_telegram._api import FILES, ask, sign, tell
from socialcrm_telegram._archive import load
from socialcrm_telegram._content import FILE
from socialcrm_telegram._fields import place_of, text_of
from socialcrm_telegram._follow import follow
from socialcrm_telegram._judge import judge
from socialcrm_telegram._message import Ours
from socialcrm_telegram._parse import parse
from socialcrm_telegram._people import account_of, identity_of
from socialcrm_telegram._receive import receive
from socialcrm_telegram._settings import TelegramSettings

__all__ = ["TelegramConnector"]


class TelegramConnector(Connector[TelegramSettings]):
    """Speaks to Telegram as a bot."""

    info = ConnectorInfo(
        platform="telegram",
        title="Telegram",
        settings=TelegramSettings,
        streams={"updates": Stream(title="Messages, edits and reactions in every chat that the bot is in")},
        capabilities=Capabilities(
            send=True,
            text=TextLimit(4096, Unit.UTF16),
            threads=True,
            visibility=frozenset((Visibility.PUBLIC, Visibility.LIMITED, Visibility.PRIVATE)),
            private_reply=True,
            edits=True,
            attachments=10,
            webhook=True,
            archive=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            move_to_private=True,
        ),
        documentation=(
            "Telegram Bot API 10.1 (11 June 2026): Getting updates, Available types, Available methods, Making requests",
            "Telegram's Bots FAQ (limits); the source of the Bot API server (tdlib/telegram-bot-api) for its errors",
            "The source of Telegram Desktop (export_output_json.cpp) for exports",
        ),
        proven="An emulator, recorded updates, the machine-readable description of Bot API 10.1; never the real Telegram",
    )

    @property
    def origin(self) -> str:
        """The Bot API's address."""
        return self.settings.server

    @property
    def _ours(self) -> Ours:
        return Ours(colleagues=frozenset(self.settings.colleagues), homes=self.settings.homes)

    def identify(self) -> Flow[Account]:
        """Ask who the bot is ("getMe").

        Raises:
            CredentialsError: Telegram does not accept the token, or there is none.
        """
        self._need_token()
        return account_of((yield from ask("getMe")))

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Ask for updates; with ``poll=False`` there is nothing to ask for.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream != "updates":
            raise UnsupportedError(f"telegram has no stream {stream!r}; it has updates")
        if self.settings.poll:
            self._need_token()
            yield from follow(self.settings, cursor)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self._ours)

    def receive(self, request: Incoming) -> Hook:
        """Take an update that Telegram sends."""
        return receive(request, self.settings.webhook_secret or "")

    def load(self, path: Path) -> Iterator[Batch]:
        """Read an export of Telegram Desktop."""
        return load(Path(path), self.settings.colleagues)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer in the chat and topic of the question, naming the question."""
        return (yield from _send.send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Say what is known of a send; a bot can't look for its own messages."""
        return (yield from _send.settle(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer what was asked in a group in the customer's private chat with the bot, if they ever pressed Start."""
        return (yield from _send.send(evolve(message, visibility=Visibility.PRIVATE), cursor))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Put the bot's token into the path, where the Bot API wants it."""
        return sign(call, grant.get("token", ""))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means: its body tells more than its status."""
        return judge(call, answer)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user or chat up by its id ("getChat"); a bot knows only those that it has met.

        Raises:
            NotFound: There is none, or the bot has not met it.
        """
        if not account.removeprefix("-").isdigit():
            raise NotFound(f"telegram: {account!r:.40} is no id of a user or chat")
        found = identity_of((yield from ask("getChat", {"chat_id": int(account)})))
        if found is None:
            raise PayloadError("telegram: getChat told no id; check that the server is Telegram's Bot API")
        return found

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our messages, the last first ("deleteMessage"); one that is gone already is fine.

        Raises:
            ForbiddenError: They are older than 48 hours.
        """
        place = place_of(receipt.scope or "", receipt.conversation or "")
        for key in reversed(receipt.ids):
            method, fields = "deleteMessage", dict[str, Any](chat_id=place.chat, message_id=_number(key))
            if place.business:
                method = "deleteBusinessMessages"
                fields = dict[str, Any](business_connection_id=place.business, message_ids=[_number(key)])
            try:
                yield from tell(method, place.chat, fields, repeatable=True)
            except NotFound:
                continue

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Set the bot's one reaction to a message, an emoji of Telegram's list; an empty one takes it back."""
        signs = [{"type": "emoji", "emoji": reaction}] if reaction else []
        place = place_of(scope, "")
        fields = {"chat_id": place.chat, "message_id": _number(id), "reaction": signs}
        yield from tell("setMessageReaction", place.chat, fields, repeatable=True)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark a message to a connected business account as read ("readBusinessMessage"); nothing else has read marks.

        Raises:
            UnsupportedError: The message was sent to the bot itself or into a group.
        """
        place = place_of(scope, "")
        if not place.business:
            raise UnsupportedError("telegram: bots have no read marks; only chats of a connected business account have them")
        yield from tell("readBusinessMessage", place.chat, {**place.fields, "message_id": _number(id)}, repeatable=True)

    def download(self, url: str) -> Flow[Blob]:
        """Fetch an attachment of up to 20 MB by its address ("getFile").

        Args:
            url: `Attachment.url`, beginning with ``telegram:file/``.

        Raises:
            RefusedError: It is no such address, or a server of your own keeps the file on its disk.
        """
        body = yield from ask("getFile", {"file_id": url.removeprefix(FILE)})
        path = text_of(body, "file_path")
        if not path or path.startswith("/") or ".." in path:
            raise RefusedError("telegram: the file is not served by the Bot API; look for it on the disk of your own server")
        answer = yield from Call("GET", f"{FILES}{path}", save=True, bucket="files", timeout=300)
        if answer.blob is None:
            raise PayloadError("telegram: the file came without content; try again")
        return answer.blob

    def _need_token(self) -> None:
        if self.settings.token is None:
            raise CredentialsError("telegram: the channel has no token; give the one that @BotFather shows")


def _number(key: str) -> int:
    """Return a message's id as the Bot API wants it.

    Raises:
        RefusedError: It is the id of something that is no message.
    """
    if not (key.isascii() and key.isdigit()):
        raise RefusedError(f"telegram: {key!r:.40} is no message; only messages can be reacted to, read and taken back")
    return int(key)
