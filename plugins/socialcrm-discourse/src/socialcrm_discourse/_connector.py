"""Posts and personal messages on a Discourse forum."""

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
    Unit,
    Verdict,
)
from socialcrm.errors import UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_discourse import _acts
from socialcrm_discourse._api import Api
from socialcrm_discourse._archive import read_export
from socialcrm_discourse._hook import read_hook
from socialcrm_discourse._judge import judge
from socialcrm_discourse._lists import follow_lists
from socialcrm_discourse._parse import parse
from socialcrm_discourse._recognise import recognise
from socialcrm_discourse._reply import Reply, retract
from socialcrm_discourse._settings import DiscourseSettings
from socialcrm_discourse._walk import follow_posts

__all__ = ["DiscourseConnector"]


class DiscourseConnector(Connector[DiscourseSettings]):
    """Reads and answers on one forum, through its HTTP API.

    Streams: ``posts`` (the whole forum, or the categories and tags of the settings), ``messages`` (personal messages).
    """

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="discourse",
        title="Discourse",
        settings=DiscourseSettings,
        streams={
            "posts": Stream(rescan=timedelta(days=3), title="posts in public and in our categories"),
            "messages": Stream(rescan=timedelta(days=3), title="our personal messages and group inboxes"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(32_000, Unit.CODE_POINTS),
            visibility=frozenset(Visibility),
            private_reply=True,
            move_to_private=True,
            edits=True,
            deletions=True,
            attachments=10,
            webhook=True,
            archive=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            public=True,
        ),
        documentation=(
            "Discourse API Documentation (OpenAPI document of docs.discourse.org)",
            "Discourse's source: posts and application controllers, LatestPostsQuery, EmitWebHookEvent, ExportUserArchive",
            'Discourse Meta: "Configure webhooks", "User API keys specification"',
        ),
        proven="a forum made from the documentation, its OpenAPI document and recorded answers; never a real server",
    )

    def __init__(self, settings: DiscourseSettings) -> None:
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
        """The forum's longest post, as the settings say it."""
        return TextLimit(self.settings.max_characters, Unit.CODE_POINTS)

    def identify(self) -> Flow[Account]:
        """Return the user that the key acts for; for a visitor the forum itself, as user 0."""
        return (yield from self._api.identify())

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring new posts or personal messages, then look back for edits and deletions where that is due."""
        if stream not in self.info.streams:
            raise UnsupportedError(f"discourse has no stream {stream!r}; it has 'posts' and 'messages'")
        if stream == "messages":
            if self.settings.signed and self.settings.messages:
                me = yield from self._api.me()
                yield from follow_lists(self._api, self._inboxes(me.username), cursor)
        elif lists := self._lists():
            yield from follow_lists(self._api, lists, cursor)
        else:
            yield from follow_posts(self._api, cursor)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a post, a topic event, a chat message, a line of an export or a census means."""
        return parse(raw, self.settings)

    def receive(self, request: Incoming) -> Hook:
        """Read a webhook request: one event, signed with the webhook's secret."""
        return read_hook(request, self.settings.webhook_secret)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read a user's own export, whose owner comes first."""
        return read_export(path)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply, or begin a personal message where a public post is answered in private."""
        return (yield from Reply(self._api, message, cursor).send())

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for a reply among our own posts in that topic, and in the review queue."""
        return (yield from Reply(self._api, message, cursor).settle())

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Begin a personal message to the author of a public post."""
        return (yield from Reply(self._api, message, cursor, private=True).send())

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our posts."""
        yield from retract(self._api, receipt)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """Like a post."""
        yield from _acts.like(self._api, id, scope, reaction)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the contract's word
        """Mark a post as read."""
        yield from _acts.mark_read(self._api, id, scope)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts by the forum's own search, whose operators (``@name``, ``#category``, ``after:``) may be used."""
        yield from _acts.search(self._api, query, cursor)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user up, by number or by ``@name``."""
        return (yield from _acts.profile(self._api, account))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with its key: ``Api-Key`` and ``Api-Username``, or ``User-Api-Key``."""
        if key := grant.get("api_key"):
            return attrs.evolve(call, headers={**call.headers, "Api-Key": key, "Api-Username": self.settings.username})
        if key := grant.get("user_api_key"):
            return attrs.evolve(call, headers={**call.headers, "User-Api-Key": key})
        return call

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by Discourse's error types."""
        return judge(call, answer, signed=self.settings.signed)

    def _lists(self) -> list[str]:
        settings = self.settings
        return [f"/c/{one}" for one in settings.categories if settings.tags] + [f"/tag/{one}" for one in settings.tags]

    def _inboxes(self, name: str) -> list[str]:
        groups = [f"/topics/private-messages-group/{name}/{group}" for group in self.settings.inboxes]
        return [f"/topics/private-messages/{name}", f"/topics/private-messages-sent/{name}", *groups]
