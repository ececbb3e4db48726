"""Posts and chats on a NodeBB forum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from socialcrm.connectors import (
    Answer,
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
    TextLimit,
    Unit,
    Verdict,
)
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_nodebb import _acts
from socialcrm_nodebb._api import Api
from socialcrm_nodebb._chats import follow_chats
from socialcrm_nodebb._judge import judge
from socialcrm_nodebb._parse import parse
from socialcrm_nodebb._recognise import recognise
from socialcrm_nodebb._reply import Reply, retract
from socialcrm_nodebb._settings import NodeBBSettings
from socialcrm_nodebb._topics import follow_topics

__all__ = ["NodeBBConnector"]


class NodeBBConnector(Connector[NodeBBSettings]):
    """Reads and answers on one forum, through its Read and Write APIs.

    Streams: ``posts`` (topics by their latest post), ``chats`` (our private messages).
    """

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="nodebb",
        title="NodeBB",
        settings=NodeBBSettings,
        streams={
            "posts": Stream(rescan=timedelta(days=3), title="posts in all categories or those chosen"),
            "chats": Stream(rescan=timedelta(days=3), title="our chats"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(32_767, Unit.CODE_POINTS),
            visibility=frozenset(Visibility),
            private_reply=True,
            move_to_private=True,
            edits=True,
            deletions=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            public=True,
        ),
        documentation=(
            "NodeBB Read API and Write API (OpenAPI documents of the NodeBB repository, 2026-08)",
            "NodeBB's source: controllers of topics, chats and errors; api of posts and topics",
        ),
        proven="a forum made from its OpenAPI documents; never a real server",
    )

    def __init__(self, settings: NodeBBSettings) -> None:
        super().__init__(settings)
        self._api = Api(settings)

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Know a forum by its pages, and read it as a visitor."""
        return recognise(url, page)

    @property
    def origin(self) -> str:
        """The forum's scheme, host and port."""
        return self._api.origin

    @property
    def text_limit(self) -> TextLimit:
        """The forum's longest post, as the settings say it; a chat message may hold less."""
        return TextLimit(self.settings.max_characters, Unit.CODE_POINTS)

    def identify(self) -> Flow[Account]:
        """Return the user that the token acts for; for a guest the forum itself, as user 0."""
        return (yield from self._api.identify())

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring new posts or chat messages, then look back for edits and deletions where that is due."""
        if stream not in self.info.streams:
            raise UnsupportedError(f"nodebb has no stream {stream!r}; it has 'posts' and 'chats'")
        if stream == "posts":
            yield from follow_topics(self._api, cursor)
        elif self.settings.token is not None and self.settings.chats:
            yield from follow_chats(self._api, cursor)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a post, a chat message or a census means."""
        return parse(raw, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply, or write into a chat where a message or a post is answered in private."""
        return (yield from Reply(self._api, message, cursor).send())

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for a reply among our own posts in that topic, or our own messages in that room."""
        return (yield from Reply(self._api, message, cursor).settle())

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Write into a chat with the author of a public post."""
        return (yield from Reply(self._api, message, cursor, private=True).send())

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our posts or messages."""
        yield from retract(self._api, receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """Vote a post up."""
        yield from _acts.vote(self._api, id, scope, reaction)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """Mark the topic of a post as read."""
        yield from _acts.mark_read(self._api, id, scope)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts by the forum's own search."""
        yield from _acts.search(self._api, query, cursor)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user up by number."""
        return (yield from _acts.profile(self._api, account))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the bearer token, and with ``_uid`` for a master token (Read API: Authentication)."""
        token = grant.get("token")
        if not token:
            return call
        params = {**call.params, "_uid": str(self.settings.uid)} if self.settings.uid else call.params
        return attrs.evolve(call, params=params, headers={**call.headers, "Authorization": f"Bearer {token}"})

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by NodeBB's status object."""
        return judge(call, answer)
