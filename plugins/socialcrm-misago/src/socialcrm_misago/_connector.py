"""Threads and private threads on a Misago forum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

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
from socialcrm_misago import _acts, _session
from socialcrm_misago._api import PRIVATE, Api
from socialcrm_misago._judge import judge
from socialcrm_misago._move import Move
from socialcrm_misago._parse import parse
from socialcrm_misago._recognise import recognise
from socialcrm_misago._reply import Reply, retract
from socialcrm_misago._settings import MisagoSettings
from socialcrm_misago._threads import follow_threads

__all__ = ["MisagoConnector"]


class MisagoConnector(Connector[MisagoSettings]):
    """Reads and answers on one forum, through its JSON API.

    Streams: ``posts`` (threads by their latest post), ``private`` (our private threads).
    """

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="misago",
        title="Misago",
        settings=MisagoSettings,
        streams={
            "posts": Stream(rescan=timedelta(days=7), title="posts in all categories or those chosen"),
            "private": Stream(rescan=timedelta(days=7), title="our private threads"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(60_000, Unit.CODE_POINTS),
            visibility=frozenset(Visibility),
            private_reply=True,
            move_to_private=True,
            edits=True,
            deletions=True,
            attachments=16,
            search=True,
            profile=True,
            retract=True,
            renew=True,
            public=True,
        ),
        documentation=(
            "Misago's source, release 0.39.6: threads.api, threads.viewmodels, users.api.auth, users.middleware",
            "Django documentation: Cross Site Request Forgery protection; How to use sessions",
        ),
        proven="a real Misago 0.39.6 on loopback: reading, moderation, sessions, public and private answers; no public site",
    )

    def __init__(self, settings: MisagoSettings) -> None:
        super().__init__(settings)
        self._api = Api(settings)

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Know a forum by its pages, and read it as a guest."""
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
        """Return the user that we sign in as; for a guest the forum itself, as user 0."""
        return (yield from self._api.sight()).account

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring new posts, then look back for edits, moderation and deletions where that is due."""
        if stream not in self.info.streams:
            raise UnsupportedError(f"misago has no stream {stream!r}; it has 'posts' and 'private'")
        if stream == "private" and not (self.settings.signed and self.settings.private):
            return
        sight = yield from self._api.sight()
        if stream == "posts":
            yield from follow_threads(self._api, "", sight, cursor)
        elif sight.private:
            yield from follow_threads(self._api, PRIVATE, sight, cursor)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a post or a census means."""
        return parse(raw, self.settings)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply, or begin a private thread where a public post is answered in private."""
        return (yield from self._way(message, cursor).send())

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for a reply among our own posts in that thread, or for the private thread that we began."""
        return (yield from self._way(message, cursor).settle())

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Begin a private thread with the author of a public post."""
        return (yield from Move(self._api, message, cursor).send())

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our posts, or hide them where we may not delete."""
        yield from retract(self._api, receipt)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts by the forum's own search."""
        yield from _acts.search(self._api, query, cursor)

    def profile(self, account: str) -> Flow[Identity]:
        """Look a user up by number."""
        return (yield from _acts.profile(self._api, account))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the session's cookies, and with the CSRF token where it changes something."""
        return _session.sign(self.settings.server, call, grant)

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Sign in with name and password."""
        return (yield from _session.renew(self.settings.server, self.settings.username, grant))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by Misago's sentences, and by whether it ends our session."""
        return judge(call, answer, signed=self.settings.signed)

    def _way(self, message: Outgoing, cursor: Cursor) -> Reply | Move:
        moves = message.visibility is Visibility.PRIVATE and message.scope != PRIVATE
        return Move(self._api, message, cursor) if moves else Reply(self._api, message, cursor)
