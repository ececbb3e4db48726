"""The connector: which streams and which calls, each in a room of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

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
    Now,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Unit,
    Verdict,
)
from socialcrm.errors import SettingsError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_bluesky import _reactions, _send, _session
from socialcrm_bluesky._archive import load
from socialcrm_bluesky._chat import follow_chats
from socialcrm_bluesky._fields import required
from socialcrm_bluesky._follow import EPOCH, Listing, due, follow
from socialcrm_bluesky._parse import parse
from socialcrm_bluesky._people import account_of, identity_of
from socialcrm_bluesky._recheck import recheck
from socialcrm_bluesky._recognise import recognise
from socialcrm_bluesky._settings import BlueskySettings
from socialcrm_bluesky._text import weigh

__all__ = ["BlueskyConnector"]

_RECHECK = timedelta(days=3)


class BlueskyConnector(Connector[BlueskySettings]):
    """Speaks to Bluesky, and to other AT protocol servers that offer ``app.bsky``."""

    info = ConnectorInfo(
        platform="bluesky",
        title="Bluesky",
        settings=BlueskySettings,
        streams={
            "notifications": Stream(title="Mentions, replies, quotes, reactions", rescan=_RECHECK),
            "own": Stream(title="Our own posts, wherever they were written", rescan=_RECHECK),
            "search": Stream(title="Posts that the search finds: brands, hashtags", rescan=_RECHECK),
            "profiles": Stream(title="Posts of chosen accounts", rescan=_RECHECK),
            "chats": Stream(title="Direct messages"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(300, Unit.WEIGHTED, weigh),
            threads=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.PRIVATE}),
            private_reply=True,
            deletions=True,
            attachments=4,
            archive=True,
            public=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
            mark_read=True,
            renew=True,
        ),
        documentation=(
            "Lexicons app.bsky.*, chat.bsky.*, com.atproto.* of bluesky-social/atproto, August 2026",
            "atproto.com: specs (AT URI, DID, Handle, Record Key, TID, Data Model, Repository, HTTP API)",
            "docs.bsky.app: posts, links and mentions in rich text, timestamps, rate limits, API hosts and auth",
        ),
        proven="PLC, PDS and AppView of npm @atproto/dev-env on loopback; chats and search only against their lexicons",
    )

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        """Know the pages of Bluesky's own app that everybody may read."""
        return recognise(url)

    @property
    def origin(self) -> str:
        """Our account's server; without an account the public read-only one."""
        return self.settings.origin

    def identify(self) -> Flow[Account]:
        """Ask whose session this is; without an app password look up the account that the settings name.

        Raises:
            CredentialsError: The server does not accept identifier and app password.
            UnsupportedError: The settings name no account.
        """
        if self.settings.app_password is not None:
            return account_of((yield from self._get("com.atproto.server.getSession")).json(dict))
        if not self.settings.identifier:
            raise UnsupportedError("bluesky: the settings name no account of ours; set identifier and app_password to answer")
        return account_of((yield from self._profile(self.settings.identifier)).json(dict))

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow a stream; one that the settings do not call for ends at once.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream not in self.info.streams:
            raise UnsupportedError(f"bluesky has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        now = yield from Now()
        held = dict(cursor)
        until = now - timedelta(days=self.settings.history_days) if self.settings.history_days else EPOCH
        if stream == "chats":
            if self.settings.chats and self.settings.app_password is not None:
                yield from follow_chats(self.settings.chat_service, held, until)
            return
        yield from self._lists(self._listings(stream), held, now, until)

    def _lists(self, listings: tuple[Listing, ...], held: dict[str, str], now: datetime, until: datetime) -> Flow[None]:
        window = timedelta(days=self.settings.recheck_days)
        back = due(held, now)
        remember = now - window if window else None
        for listing in listings:
            yield from follow(listing, held, now, until=until, remember=remember, back=back)
        if listings and back:
            yield from recheck(held, window, now)

    def _listings(self, stream: str) -> tuple[Listing, ...]:
        settings = self.settings
        if stream == "search":
            return tuple(_search_for(query, f"{query} ") for query in settings.search)
        if stream == "profiles":
            return tuple(_posts_of(name, f"{name} ") for name in settings.profiles)
        if stream == "own":
            return (_posts_of(settings.identifier),) if settings.own_posts and settings.identifier else ()
        path = "/xrpc/app.bsky.notification.listNotifications"
        signed = settings.app_password is not None
        return (Listing(path=path, rows="notifications", kind="notification"),) if signed else ()

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self.origin)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read a repository export, a CAR file ("com.atproto.sync.getRepo")."""
        return load(Path(path))

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer with as many posts or direct messages as the reply has parts."""
        me = yield from self._me()
        return (yield from _send.send(message, cursor, me=me, service=self.settings.chat_service))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the post by its key, for the direct message by its text."""
        me = yield from self._me()
        return (yield from _send.settle(message, cursor, me=me, service=self.settings.chat_service))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with the session's token."""
        return _session.sign(call, grant)

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Continue the session, or begin one with identifier and app password."""
        return (yield from _session.renew(self.settings.identifier, grant))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means."""
        return _session.judge(call, answer)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts ("app.bsky.feed.searchPosts"), newest first."""
        now = yield from Now()
        yield from follow(_search_for(query), dict(cursor), now, until=EPOCH, remember=None, back=False)

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up by handle or DID.

        Raises:
            NotFound: There is none.
            ForbiddenError: It was suspended or deactivated.
        """
        return identity_of((yield from self._profile(account.removeprefix("@"))).json(dict))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete posts of ours, the last first; one that is gone already is fine.

        Raises:
            UnsupportedError: It is a direct message: deleting one hides it from ourselves only.
        """
        me = yield from self._me()
        yield from _reactions.retract(receipt, me)

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Like a post, or put an emoji to a direct message; twice is once.

        Raises:
            UnsupportedError: A post only knows likes.
        """
        me = yield from self._me()
        yield from _reactions.react(id, scope, reaction, me=me, service=self.settings.chat_service)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark a direct message, or every notification up to that of a post, as read; never the other way."""
        yield from _reactions.mark_read(id, scope, service=self.settings.chat_service)

    def _me(self) -> Flow[str]:
        if self.settings.app_password is None:
            raise SettingsError("this bluesky channel only reads; set identifier and app_password to answer")
        return required((yield from self._get("com.atproto.server.getSession")).json(dict), "did")

    def _profile(self, actor: str) -> Flow[Answer]:
        return (yield from self._get("app.bsky.actor.getProfile", actor=actor))

    def _get(self, method: str, **params: str) -> Flow[Answer]:
        answer = yield from Call("GET", f"/xrpc/{method}", params=params)
        return answer


def _posts_of(actor: str, key: str = "") -> Listing:
    params = {"actor": actor, "filter": "posts_with_replies"}
    return Listing(path="/xrpc/app.bsky.feed.getAuthorFeed", rows="feed", kind="feed", params=params, key=key)


def _search_for(query: str, key: str = "") -> Listing:
    path = "/xrpc/app.bsky.feed.searchPosts"
    return Listing(path=path, rows="posts", kind="post", params={"q": query, "sort": "latest"}, key=key, steady=False)
