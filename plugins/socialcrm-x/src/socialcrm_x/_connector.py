"""The connector: which streams and which calls, each in a module of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

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
    Unit,
    Verdict,
)
from socialcrm.connectors.oauth import refresh_grant, sign_oauth1
from socialcrm.errors import CredentialsError, NotFound, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_x import _send
from socialcrm_x._archive import load
from socialcrm_x._ask import USER_FIELDS, message_fields, post_fields
from socialcrm_x._fields import mapping, part, rows
from socialcrm_x._follow import Listing, follow
from socialcrm_x._judge import judge
from socialcrm_x._parse import parse
from socialcrm_x._people import account_of, identity_of
from socialcrm_x._posts import DM
from socialcrm_x._recheck import due, recheck
from socialcrm_x._settings import XSettings
from socialcrm_x._text import weigh
from socialcrm_x._webhook import receive

__all__ = ["XConnector"]

_LIMIT = TextLimit(280, Unit.WEIGHTED, weigh)
_LONG = TextLimit(25_000, Unit.WEIGHTED, weigh)
_RECHECK = timedelta(days=2)
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)


class XConnector(Connector[XSettings]):
    """Speaks to X (formerly Twitter), API v2."""

    info = ConnectorInfo(
        platform="x",
        title="X",
        settings=XSettings,
        streams={
            "mentions": Stream(title="Posts that mention us: questions, replies, quotes", rescan=_RECHECK),
            "own": Stream(title="Our own posts, wherever they were written", rescan=_RECHECK),
            "search": Stream(title="Posts of the last seven days that match the chosen queries", rescan=_RECHECK),
            "messages": Stream(title="Direct messages of the last thirty days"),
        },
        capabilities=Capabilities(
            send=True,
            text=_LIMIT,
            threads=True,
            visibility=frozenset({Visibility.PUBLIC, Visibility.PRIVATE}),
            private_reply=True,
            edits=True,
            deletions=True,
            attachments=4,
            webhook=True,
            archive=True,
            search=True,
            profile=True,
            retract=True,
            react=True,
            renew=True,
        ),
        documentation=(
            "docs.x.com: X API v2 (posts, timelines, search, direct messages, users, likes, hide replies, media), 2026-08-22",
            "docs.x.com: Fundamentals (edit posts, expansions, pagination, rate limits, errors, counting characters, X IDs)",
            "docs.x.com: Webhooks, Account Activity API v2, X Activity API event payloads",
            "OpenAPI document of the X API v2, version 2.167",
        ),
        proven="Recorded traffic of API v2 and 1.1, the OpenAPI document 2.167, all length cases of twitter-text; never live",
    )

    @property
    def origin(self) -> str:
        """The API's address."""
        return self.settings.api

    @property
    def text_limit(self) -> TextLimit:
        """280 by X's own count, or 25,000 where our account may write long posts."""
        return _LONG if self.settings.long_posts else _LIMIT

    # -- who we are ------------------------------------------------------------------------------------------------------

    def identify(self) -> Flow[Account]:
        """Ask who the credentials belong to (``GET /2/users/me``); a bearer alone belongs to nobody, then by the setting.

        Raises:
            CredentialsError: X does not accept them, or there are none.
            NotFound: There is no account of that id.
        """
        if self.settings.user:
            answer = yield from Call("GET", "/2/users/me", params={"user.fields": USER_FIELDS}, bucket="me")
            return account_of(answer.json(dict, "data")["data"])
        if self.settings.bearer is None:
            raise CredentialsError("this x channel has no credentials; set token, the four keys of OAuth 1.0a, or bearer")
        return account_of((yield from self._user(self.settings.user_id)))

    def _user(self, key: str) -> Flow[object]:
        answer = yield from Call("GET", "/2/users", params={"ids": key, "user.fields": USER_FIELDS}, bucket="users")
        return self._found(answer, key)

    @staticmethod
    def _found(answer: Answer, name: str) -> object:
        data = answer.json(dict).get("data")
        user = data if isinstance(data, dict) else next(iter(rows(data)), None)
        if user is None:
            raise NotFound(f"x: there is no account {name}, or it is suspended; check the name")
        return user

    def _me(self) -> Flow[str]:
        if self.settings.user_id:
            return self.settings.user_id
        return (yield from self.identify()).id

    # -- reading ---------------------------------------------------------------------------------------------------------

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow a stream; one that the settings do not call for ends at once.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream not in self.info.streams:
            raise UnsupportedError(f"x has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        listings = yield from self._listings(stream)
        held = dict(cursor)
        now = yield from Now()
        window = timedelta(days=self.settings.recheck_days)
        remember: datetime | None = now - window if window and stream != "messages" else None
        for listing in listings:
            yield from follow(listing, held, now, days=self.settings.history_days, remember=remember)
        if listings and remember is not None and due(held, now):
            yield from recheck(held, window, now, self._posts)

    @property
    def _posts(self) -> dict[str, str]:
        return post_fields(old=self.settings.old_names)

    @property
    def _messages(self) -> dict[str, str]:
        return message_fields(old=self.settings.old_names)

    def _listings(self, stream: str) -> Flow[tuple[Listing, ...]]:
        settings = self.settings
        if not settings.user and settings.bearer is None:
            return ()
        if stream == "search":
            return tuple(self._search(query, sha256(query.encode()).hexdigest()[:12] + " ") for query in settings.search)
        if stream == "messages":
            if not (settings.messages and settings.user):
                return ()
            params = {"max_results": "100", **self._messages}
            return (
                Listing(path="/2/dm_events", params=params, bucket="dms", kind="message", bounded=False, reach=_MONTH),
            )  # fmt: skip
        if stream == "own" and not settings.own_posts:
            return ()
        me = yield from self._me()
        params = {"max_results": "100", **self._posts}
        if stream == "own":
            return (Listing(path=f"/2/users/{part(me)}/tweets", params={**params, "exclude": "retweets"}, bucket="own"),)
        return (Listing(path=f"/2/users/{part(me)}/mentions", params=params, bucket="mentions"),)

    def _search(self, query: str, key: str = "") -> Listing:
        params = {"query": query, "max_results": "100", **self._posts}
        return Listing(path="/2/tweets/search/recent", params=params, bucket="search", key=key, reach=_WEEK)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts of the last seven days ("Search Posts", recent search), newest first."""
        now = yield from Now()
        yield from follow(self._search(query), dict(cursor), now, days=7, remember=None)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw)

    def receive(self, request: Incoming) -> Hook:
        """Answer X's challenge, or verify and split a webhook."""
        return receive(request, self.settings.consumer_secret)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the archive that X hands out to an account."""
        return load(Path(path))

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up by handle (``@acme``) or by id.

        Raises:
            NotFound: There is none, or it is suspended.
        """
        if account.isascii() and account.isdigit():
            return identity_of((yield from self._user(account)))
        name = account.removeprefix("@")
        if not re.fullmatch(r"\w{1,15}", name, re.ASCII):
            raise NotFound(f"x: {account!r} can't be a handle; handles have up to 15 letters, digits and underscores")
        answer = yield from Call(
            "GET", f"/2/users/by/username/{part(name)}", params={"user.fields": USER_FIELDS}, bucket="username"
        )  # fmt: skip
        return identity_of(self._found(answer, account))

    # -- writing ---------------------------------------------------------------------------------------------------------

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply, or write a direct message, in as many as it has parts.

        Raises:
            UnsupportedError: The credentials are the application's alone.
        """
        self._writes()
        return (yield from _send.send(message, cursor))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the reply among our own posts, or in the exchange."""
        me = yield from self._me()
        return (yield from _send.settle(message, cursor, me, (self._posts, self._messages)))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our posts or messages, the last first; one that is gone already is fine."""
        self._writes()
        private = receipt.scope == DM or (receipt.scope is None and "-" in (receipt.conversation or ""))
        for key in reversed(receipt.ids):
            path = f"/2/dm_events/{part(key)}" if private else f"/2/tweets/{part(key)}"
            try:
                yield from Call("DELETE", path, bucket="delete-dm" if private else "delete")
            except NotFound:
                continue

    def react(self, id: str, scope: str, reaction: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Like a post; liking twice is one like.

        Raises:
            UnsupportedError: Any other reaction, or a message.
        """
        self._writes()
        if scope or reaction.lower() not in ("like", "❤️", "❤", "👍"):
            raise UnsupportedError(f"x knows no reaction {reaction!r} to this; a post can be given 'like'")
        me = yield from self._me()
        yield from Call("POST", f"/2/users/{part(me)}/likes", json={"tweet_id": id}, bucket="like", repeatable=True)

    def hide(self, id: str, *, hidden: bool = True) -> Flow[bool]:  # noqa: A002 - the platform's word
        """Hide a reply to a post of ours behind one more click, or show it again ("Hide replies").

        Returns:
            Whether it is hidden now.
        """
        self._writes()
        answer = yield from Call("PUT", f"/2/tweets/{part(id)}/hidden", json={"hidden": hidden}, bucket="hide")
        return mapping(answer.json(dict).get("data")).get("hidden") is True

    def _writes(self) -> None:
        if not self.settings.user:
            raise UnsupportedError("x: the application alone writes nothing; set token, or the four keys of OAuth 1.0a")

    # -- credentials -----------------------------------------------------------------------------------------------------

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Sign with a user's credentials where there are some: OAuth 1.0a, else OAuth 2.0; else with the bearer."""
        if grant.get("access_token") and grant.get("access_token_secret"):
            return sign_oauth1(
                call,
                self.origin,
                consumer_key=grant.get("consumer_key", ""),
                consumer_secret=grant.get("consumer_secret", ""),
                token=grant["access_token"],
                token_secret=grant["access_token_secret"],
                now=now,
                nonce=nonce,
            )
        return super().sign(call, {"token": grant.get("token") or grant.get("bearer", "")}, now, nonce)

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange the refresh token ("OAuth 2.0 Authorization Code Flow with PKCE", step 5); X gives a new one each time.

        Raises:
            CredentialsError: There is none, or X does not accept it any more.
        """
        if not grant.get("refresh_token"):
            raise CredentialsError(
                "x: the credentials are not accepted and can't be renewed; sign in again, with offline.access"
            )
        secret = grant.get("client_secret", "")
        return (
            yield from refresh_grant(
                "/2/oauth2/token", grant, client_id=self.settings.client_id, client_secret=secret, basic=bool(secret)
            )
        )

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means."""
        return judge(call, answer)
