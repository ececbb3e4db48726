"""The connector: which streams and which calls, each in a room of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
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
    Now,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Unit,
    Verdict,
)
from socialcrm.errors import NotFound, SettingsError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_mastodon import _send
from socialcrm_mastodon._archive import load
from socialcrm_mastodon._fields import mapping, part, required, rows
from socialcrm_mastodon._follow import Listing, due, follow, late, recheck
from socialcrm_mastodon._judge import judge
from socialcrm_mastodon._live import watch
from socialcrm_mastodon._parse import parse
from socialcrm_mastodon._people import account_of, identity_of
from socialcrm_mastodon._recognise import recognise
from socialcrm_mastodon._settings import MastodonSettings
from socialcrm_mastodon._text import weigh

__all__ = ["MastodonConnector"]

_MENTION = 40
"""Characters kept free for the mention that a reply begins with: a local name holds at most 30."""

_LATE = timedelta(hours=6)
"""How far back hashtags are walked once more each hour: statuses of other servers arrive late, filed under their own time."""

_RECHECK = timedelta(days=3)


def _limit(characters: int) -> TextLimit:
    return TextLimit(characters - _MENTION, Unit.WEIGHTED, weigh)


class MastodonConnector(Connector[MastodonSettings]):
    """Speaks to Mastodon, and to servers that offer its client API."""

    info = ConnectorInfo(
        platform="mastodon",
        title="Mastodon",
        settings=MastodonSettings,
        streams={
            "mentions": Stream(title="Notifications: mentions, direct messages, quotes, reactions", rescan=_RECHECK),
            "own": Stream(title="Our own statuses, wherever they were written", rescan=_RECHECK),
            "hashtags": Stream(title="Public statuses with the chosen hashtags", rescan=_RECHECK),
            "search": Stream(title="Statuses that the server's search finds", rescan=_RECHECK),
            "streaming": Stream(live=True, title="The above as it happens, by websocket"),
        },
        capabilities=Capabilities(
            send=True,
            text=_limit(500),
            threads=True,
            visibility=frozenset(Visibility),
            private_reply=True,
            edits=True,
            deletions=True,
            attachments=4,
            archive=True,
            public=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
        ),
        documentation=(
            "docs.joinmastodon.org: methods (notifications, statuses, accounts, timelines, search, media, streaming, instance)",
            "docs.joinmastodon.org: entities (Status, Account, Notification, Quote, MediaAttachment, Relationship, Instance)",
            "docs.joinmastodon.org: api (guidelines, rate-limits, datetime-format), spec (activitypub)",
        ),
        proven="Recorded traffic of Mastodon 4.x and an OpenAPI description of 4.7; never a live server",
    )

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        return recognise(url, page)

    @property
    def origin(self) -> str:
        """The server's address."""
        return self.settings.server

    @property
    def text_limit(self) -> TextLimit:
        """The server's limit, with the mention that a reply begins with kept free."""
        return _limit(self.settings.max_characters)

    def identify(self) -> Flow[Account]:
        """Ask who the token belongs to ("accounts", Verify account credentials).

        Raises:
            CredentialsError: The server does not accept the token.
            UnsupportedError: There is no token: only public hashtags are followed.
        """
        if self.settings.token is None:
            raise UnsupportedError("mastodon: without a token there is no account of ours; set token to send and get mentions")
        answer = yield from self._get("/api/v1/accounts/verify_credentials")
        return account_of(answer.json(), self.origin)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow a stream; one that the settings do not call for ends at once.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream not in self.info.streams:
            raise UnsupportedError(f"mastodon has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        if stream == "streaming":
            yield from self._watch()
            return
        listings = yield from self._listings(stream)
        if not listings:
            return
        held = dict(cursor)
        now = yield from Now()
        days = timedelta(days=self.settings.history_days)
        window = timedelta(days=self.settings.recheck_days)
        for listing in listings:
            yield from follow(listing, held, until=now - days if days else None, remember=now - window if window else None)
        if due(held, now):
            if stream == "hashtags":
                for listing in listings:
                    yield from late(listing, now - _LATE)
            if window:
                yield from recheck(held, window, now, token=self.settings.token is not None)
            else:
                yield from Batch([], {"checked": now.isoformat(timespec="seconds")})
        if "poke" in cursor:
            yield from Batch([], {"poke": None})

    def _listings(self, stream: str) -> Flow[tuple[Listing, ...]]:
        settings = self.settings
        if stream == "hashtags":
            return tuple(
                Listing(path=f"/api/v1/timelines/tag/{part(tag)}", params={"limit": "40"}, key=f"{tag} ")
                for tag in settings.hashtags
            )
        if settings.token is None or (stream == "own" and not settings.own_posts):
            return ()
        if stream == "search":
            return tuple(self._search_for(query, f"{query} ") for query in settings.search)
        if stream == "own":
            me = yield from self._me()
            params = {"limit": "40", "exclude_reblogs": "true"}
            return (Listing(path=f"/api/v1/accounts/{part(me)}/statuses", params=params),)
        return (Listing(path="/api/v1/notifications", kind="notification", params={"limit": "80", "include_filtered": "true"}),)

    @staticmethod
    def _search_for(query: str, key: str = "") -> Listing:
        return Listing(
            path="/api/v2/search",
            params={"q": query, "type": "statuses", "limit": "40"},
            key=key,
            lower="min_id",
            pick=lambda body: mapping(body).get("statuses"),
        )

    def _watch(self) -> Flow[None]:
        if self.settings.token is None:
            return
        me = yield from self._me()
        pulled = ["mentions"]
        pulled += ["own"] if self.settings.own_posts else []
        pulled += ["hashtags"] if self.settings.hashtags else []
        yield from watch(self.origin, me, self.settings.hashtags, pulled, self.send)

    def _me(self) -> Flow[str]:
        answer = yield from self._get("/api/v1/accounts/verify_credentials")
        return required(answer.json(), "id")

    def _get(self, path: str, **params: str) -> Flow[Answer]:
        if not self.origin:
            raise SettingsError("this mastodon channel has no server; set server, https://example.social for example")
        answer = yield from Call("GET", path, params=params)
        return answer

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw, self.origin)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the account's official export, or a file of the tool "mastodon-archive"."""
        return load(Path(path))

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply in as many statuses as it has parts."""
        return (yield from _send.send(message, cursor, server=self.origin, limit=self.settings.max_characters))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the reply among our own statuses."""
        me = yield from self._me()
        return (yield from _send.settle(message, cursor, me))

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means."""
        return judge(call, answer)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find statuses ("search"; the server decides which are searchable), newest first."""
        yield from follow(self._search_for(query), dict(cursor), until=None, remember=None)

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up by handle ("accounts", Lookup) or by its address ("search", resolve).

        Raises:
            NotFound: The server does not know it.
        """
        if account.startswith(("https://", "http://")):
            answer = yield from self._get("/api/v2/search", q=account, type="accounts", resolve="true", limit="1")
            found = rows(mapping(answer.json()).get("accounts"))
            if not found:
                raise NotFound(f"mastodon: {self.origin} knows no account {account}; check the address")
            return identity_of(found[0], self.origin)
        answer = yield from self._get("/api/v1/accounts/lookup", acct=account.removeprefix("@"))
        return identity_of(answer.json(), self.origin)

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our statuses, the last first; one that is gone already is fine."""
        for key in reversed(receipt.ids):
            try:
                yield from Call("DELETE", f"/api/v1/statuses/{part(key)}", bucket="delete")
            except NotFound:
                continue

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Favourite a status; favouriting twice is one favourite.

        Raises:
            UnsupportedError: Any other reaction.
        """
        if reaction.lower() not in ("favourite", "favorite", "like", "⭐", "❤️", "👍"):
            raise UnsupportedError(f"mastodon knows no reaction {reaction!r}; use 'favourite'")
        yield from Call("POST", f"/api/v1/statuses/{part(id)}/favourite", repeatable=True)
