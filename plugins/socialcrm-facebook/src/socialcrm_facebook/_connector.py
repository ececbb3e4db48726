"""Facebook Pages and Messenger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

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
    Now,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Verdict,
)
from socialcrm.errors import SettingsError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_facebook._changes import poke
from socialcrm_facebook._parse import COMMENT, POST, RATING, parse
from socialcrm_facebook._reply import COMMENTS, MESSAGES, Reply, is_public
from socialcrm_facebook._settings import FacebookSettings
from socialcrm_meta import (
    FACEBOOK,
    Inbox,
    Wall,
    export_batches,
    ident,
    judge,
    known,
    mapping,
    moment,
    node,
    read_page,
    receive,
    sign,
    text,
)

__all__ = ["FacebookConnector"]


class FacebookConnector(Connector[FacebookSettings]):
    """Reads and answers one Page: posts, comments, visitors' posts, recommendations, mentions and Messenger."""

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="facebook",
        title="Facebook",
        settings=FacebookSettings,
        streams={
            "posts": Stream(rescan=timedelta(days=30), title="posts on the Page, ours and visitors', with every comment"),
            "messages": Stream(title="Messenger"),
            "reviews": Stream(rescan=timedelta(days=3650), title="recommendations, where the app may poll them"),
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
            "Graph API v26.0: Page, Page Post, Comment, Recommendation, Conversation, Message, Handle Errors, Rate Limits",
            "Graph API: Webhooks, Getting Started; Webhooks Reference: Page",
            "Messenger Platform: Webhook Events, Send API, Private Replies, Conversations API, Common Error Codes",
        ),
        proven="a server made from the documentation, and recorded payloads of others; never against Facebook itself",
    )

    @property
    def origin(self) -> str:
        """The Graph API; nothing where the channel only holds an archive."""
        return FACEBOOK if self.settings.page_id else ""

    @property
    def text_limit(self) -> TextLimit:
        """That of messages, since one reply may be either; a channel without Messenger may write longer comments."""
        return MESSAGES if self.settings.messages else COMMENTS

    def identify(self) -> Flow[Account]:
        """Ask for the Page.

        Raises:
            CredentialsError: The token is not accepted; the message says why and what to do.
            SettingsError: The token is not for this Page, or the channel only holds an archive.
        """
        answer = yield from Call("GET", self._path(self._page()), params={"fields": "id,name,username,link"})
        row = answer.json(dict, "id")
        if ident(row["id"]) != self.settings.page_id:
            raise SettingsError("facebook: the Graph API answered for another Page; set page_id to the id of the token's Page")
        return Account(
            id=ident(row["id"]), name=text(row.get("name")), handle=text(row.get("username")), url=text(row.get("link"))
        )

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow posts with their comments, Messenger, or recommendations."""
        self._page()
        if stream == "posts":
            yield from self._wall().follow(cursor)
        elif stream == "messages":
            if self.settings.messages:
                yield from self._inbox().follow(cursor)
        elif stream == "reviews":
            if self.settings.reviews:
                yield from self._ratings(cursor)
        else:
            raise UnsupportedError(f"facebook has no stream {stream!r}; it has 'posts', 'messages' and 'reviews'")

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element of a list, a webhook or an export means."""
        return parse(raw)

    def receive(self, request: Incoming) -> Hook:
        """Answer the handshake, or verify a notification and split it by Page."""
        return receive(request, app_secret=self.settings.app_secret, verify_token=self.settings.verify_token, poke=poke)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the messages of a "Download your information" export (JSON, zip or folder)."""
        return export_batches(path, account=self.settings.page_id, name=self.settings.archive_name)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer with a comment, with a private reply to one, or with a message."""
        return (yield from self._reply().send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for an answer among our comments there, or in Messenger."""
        return (yield from self._reply().settle(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer a comment or a visitor's post in private: once, within seven days (Messenger Platform: Private Replies)."""
        return (yield from self._reply().send(attrs.evolve(message, visibility=Visibility.PRIVATE), cursor))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our comments."""
        yield from self._reply().retract(receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Like a post or a comment (Graph API: Comment Likes), or react to a message (Send API: sender actions)."""
        if is_public(id):
            yield from Call("POST", self._path(id, "likes"), repeatable=True)
            return
        inbox = self._inbox()
        yield from inbox.act((yield from inbox.partner(id)), "react", {"message_id": id, "reaction": reaction or "love"})

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Show the person that their messages were seen (Send API: sender action ``mark_seen``).

        Raises:
            UnsupportedError: It is no message.
        """
        if is_public(id):
            raise UnsupportedError("facebook: only messages are marked as read; comments have no such mark")
        inbox = self._inbox()
        yield from inbox.act((yield from inbox.partner(id)), "mark_seen")

    def profile(self, account: str) -> Flow[Identity]:
        """Look a person up (Messenger Platform: User Profile API); works for those who wrote to us in Messenger."""
        answer = yield from Call("GET", self._path(account), params={"fields": "id,name,first_name,last_name,profile_pic"})
        row = answer.json(dict)
        full = " ".join(filter(None, (text(row.get("first_name")), text(row.get("last_name")))))
        return known({**row, "id": ident(row.get("id")) or account}, element=account, name=full)

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the token as a header, and the app secret's proof."""
        return sign(call, grant)

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by Meta's error codes and usage headers."""
        return judge("facebook", call, answer)

    def _page(self) -> str:
        if not self.settings.page_id:
            raise SettingsError("facebook: this channel only holds an archive; set page_id and token to follow a Page")
        return self.settings.page_id

    def _path(self, *names: str) -> str:
        return node(self.settings.version, *names)

    def _wall(self) -> Wall:
        page, query = self.settings.page_id, {"fields": COMMENT, "limit": "100"}
        return Wall(
            version=self.settings.version,
            listing=lambda since: (
                self._path(page, "feed"),
                {"fields": POST, "limit": "100", "since": str(int(since.timestamp()))},
            ),
            comments=lambda post: (
                self._path(post, "comments"),
                {**query, "filter": "stream", "order": "chronological", "summary": "true"},
            ),
            mark=lambda row: text(row.get("updated_time")),
            born=lambda row: moment(row.get("created_time")),
            days=self.settings.history_days,
            minutes=self.settings.rescan_minutes,
        )

    def _inbox(self) -> Inbox:
        page = self._page()
        return Inbox(
            version=self.settings.version,
            owner=page,
            account=page,
            platform="messenger",
            days=self.settings.history_days,
            human_agent=self.settings.human_agent,
            fields="id,created_time,from,to,message,attachments,shares,sticker",
        )

    def _reply(self) -> Reply:
        return Reply(
            platform="facebook",
            version=self.settings.version,
            account=self._page(),
            inbox=self._inbox(),
            limit=MESSAGES,
            public=is_public,
        )

    def _ratings(self, cursor: Cursor) -> Flow[None]:
        now = yield from Now()
        last = moment(cursor.get("rescanned"))
        if last is not None and now - last < timedelta(minutes=self.settings.rescan_minutes):
            return
        edge, ids, more = (self._path(self._page(), "ratings"), {"fields": RATING, "limit": "50"}), set[str](), dict[str, str]()
        while True:
            page = yield from read_page(*edge, more)
            raws = [Raw("rating", row) for row in page.rows]
            ids |= {ident(mapping(mapping(row).get("open_graph_story")).get("id")) for row in page.rows}
            if raws:
                yield from Batch(raws)
            more = dict(page.more)
            if not more:
                break
        # Recommendations without a story have ids of our making; nothing is counted off where there are such.
        whole = ids and "" not in ids
        census = Raw("ratings_census", {"ids": sorted(ids), "until": now.isoformat()})
        yield from Batch([census] if whole else [], {"rescanned": now.isoformat()})
