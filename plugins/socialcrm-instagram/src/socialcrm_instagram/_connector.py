"""Instagram: comments, mentions and direct messages of one professional account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
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
    Hook,
    Incoming,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Verdict,
)
from socialcrm.errors import SettingsError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_instagram._mentions import Mentions
from socialcrm_instagram._parse import COMMENT, MEDIA, parse, poke
from socialcrm_instagram._reply import COMMENTS, MESSAGES, Reply, is_public
from socialcrm_instagram._settings import InstagramSettings
from socialcrm_meta import (
    Inbox,
    Wall,
    export_batches,
    ident,
    judge,
    known,
    mapping,
    moment,
    node,
    receive,
    sign,
    text,
)

__all__ = ["InstagramConnector"]


class InstagramConnector(Connector[InstagramSettings]):
    """Reads and answers one professional account, with the token of its Page or with its own."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="instagram",
        title="Instagram",
        settings=InstagramSettings,
        streams={
            "media": Stream(rescan=timedelta(days=30), title="our media, with every comment and reply"),
            "messages": Stream(title="direct messages, story replies and story mentions"),
            "mentions": Stream(title="what names or tags us on media of others (with a Page's token)"),
        },
        capabilities=Capabilities(
            send=True,
            text=MESSAGES,
            threads=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.PRIVATE}),
            private_reply=True,
            edits=True,
            deletions=True,
            reply_window=timedelta(days=7),
            webhook=True,
            archive=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            move_to_private=True,
        ),
        documentation=(
            "Instagram Platform v26.0: IG User, IG Media, IG Comment, Mentions, Conversations, Messaging API, Private Replies",
            "Instagram Platform: Webhooks, Notification Examples; Webhooks Reference: Instagram",
            "Messenger Platform: Webhook Events, Common Error Codes; Graph API: Handle Errors, Rate Limits",
        ),
        proven="a server made from the documentation, and recorded payloads of others; never against Instagram itself",
    )

    @property
    def origin(self) -> str:
        """The Graph API that the token is for; nothing where the channel only holds an archive."""
        return self.settings.host if self.settings.account_id else ""

    @property
    def text_limit(self) -> TextLimit:
        """That of messages, since one reply may be either; a channel without messages may write longer comments."""
        return MESSAGES if self.settings.messages else COMMENTS

    def identify(self) -> Flow[Account]:
        """Ask for the account.

        Raises:
            CredentialsError: The token is not accepted; the message says why and what to do.
            SettingsError: The token is not for this account, or the channel only holds an archive.
        """
        account = self._account()
        linked = bool(self.settings.page_id)
        fields = "id,username,name" if linked else "id,user_id,username,name"
        row = (yield from Call("GET", self._path(account if linked else "me"), params={"fields": fields})).json(dict, "id")
        if account not in (ident(row["id"]), ident(row.get("user_id"))):
            told = ident(row.get("user_id")) or ident(row["id"])
            raise SettingsError(f"instagram: the token is for the account {told}; set account_id to that, or use another token")
        name = text(row.get("username"))
        url = f"https://www.instagram.com/{name}/" if name else ""
        return Account(id=account, name=text(row.get("name")) or name, handle=name, url=url)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow our media with their comments, direct messages, or mentions."""
        self._account()
        if stream == "media":
            yield from self._wall().follow(cursor)
        elif stream == "messages":
            if self.settings.messages:
                yield from self._inbox().follow(cursor)
        elif stream == "mentions":
            if self.settings.page_id:
                yield from self._mentions().follow(cursor)
        else:
            raise UnsupportedError(f"instagram has no stream {stream!r}; it has 'media', 'messages' and 'mentions'")

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element of a list, a webhook or an export means."""
        return parse(raw, self.settings)

    def receive(self, request: Incoming) -> Hook:
        """Answer the handshake, or verify a notification and split it by account."""
        return receive(request, app_secret=self.settings.app_secret, verify_token=self.settings.verify_token, poke=poke)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the messages of a "Download your information" export (JSON, zip or folder)."""
        return export_batches(path, account=self.settings.account_id, name=self.settings.archive_name)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer with a comment, with a private reply to one, or with a message."""
        return (yield from self._reply().send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for an answer among our comments there, or among the messages."""
        return (yield from self._reply().settle(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer a comment in private: once, within seven days (Instagram Platform: Private Replies)."""
        return (yield from self._reply().send(attrs.evolve(message, visibility=Visibility.PRIVATE), cursor))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our comments."""
        yield from self._reply().retract(receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """React to a message (Messaging API: ``react``).

        Raises:
            UnsupportedError: It is a comment: the API likes none.
        """
        if is_public(id):
            raise UnsupportedError("instagram: comments can't be liked through the API; answer, or like it in the app")
        inbox = self._inbox()
        yield from inbox.act((yield from inbox.partner(id)), "react", {"message_id": id, "reaction": reaction or "love"})

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Show the person that their messages were seen (sender action ``mark_seen``).

        Raises:
            UnsupportedError: It is no message.
        """
        if is_public(id):
            raise UnsupportedError("instagram: only messages are marked as read; comments have no such mark")
        inbox = self._inbox()
        yield from inbox.act((yield from inbox.partner(id)), "mark_seen")

    def profile(self, account: str) -> Flow[Identity]:
        """Look a person up (Instagram Platform: User Profile API); works for those who wrote to us."""
        row = (yield from Call("GET", self._path(account), params={"fields": "name,username,profile_pic"})).json(dict)
        return known({**row, "id": ident(row.get("id")) or account}, element=account)

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the token as a header, and on Facebook's host the app secret's proof."""
        return sign(call, grant, proof=bool(self.settings.page_id))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by Meta's error codes and usage headers."""
        return judge("instagram", call, answer)

    def _account(self) -> str:
        if not self.settings.account_id:
            raise SettingsError("instagram: this channel only holds an archive; set account_id and token to follow an account")
        return self.settings.account_id

    def _path(self, *names: str) -> str:
        return node(self.settings.version, *names)

    def _wall(self) -> Wall:
        replies = f"replies.limit(50){{{COMMENT}}}"
        return Wall(
            version=self.settings.version,
            listing=lambda since: (
                self._path(self.settings.account_id, "media"),
                {"fields": MEDIA, "limit": "50", "since": str(int(since.timestamp()))},
            ),
            comments=lambda medium: (self._path(medium, "comments"), {"fields": f"{COMMENT},{replies}", "limit": "50"}),
            replies=lambda comment: (self._path(comment, "replies"), {"fields": COMMENT, "limit": "50"}),
            nested=lambda row: mapping(row.get("replies")),
            mark=lambda row: ident(row.get("comments_count")),
            counted=_counted,
            born=lambda row: moment(row.get("timestamp")),
            days=self.settings.history_days,
            minutes=self.settings.rescan_minutes,
        )

    def _inbox(self) -> Inbox:
        account = self._account()
        return Inbox(
            version=self.settings.version,
            owner=self.settings.page_id or account,
            account=account,
            platform="instagram",
            days=self.settings.history_days,
            human_agent=self.settings.human_agent,
        )

    def _mentions(self) -> Mentions:
        return Mentions(
            version=self.settings.version,
            account=self._account(),
            days=self.settings.history_days,
            minutes=self.settings.rescan_minutes,
        )

    def _reply(self) -> Reply:
        return Reply(
            platform="instagram",
            version=self.settings.version,
            account=self._account(),
            inbox=self._inbox(),
            limit=MESSAGES,
            public=is_public,
        )


def _counted(row: Mapping[str, Any]) -> int | None:
    count = row.get("comments_count")
    return count if isinstance(count, int) and not isinstance(count, bool) else None
