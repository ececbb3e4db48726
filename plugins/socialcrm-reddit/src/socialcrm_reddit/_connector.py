"""The connector: which streams and which calls, each in a room of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

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
from socialcrm.connectors.oauth import refresh_grant
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, SettingsError, SocialCRMError, UnsupportedError
from socialcrm.types import Account, Identity, Item, Visibility
from socialcrm_reddit import _send
from socialcrm_reddit._archive import load
from socialcrm_reddit._fields import part, text_of
from socialcrm_reddit._judge import TOKEN, judge
from socialcrm_reddit._mail import MODMAIL
from socialcrm_reddit._modmail import CONVERSATIONS, follow_mail
from socialcrm_reddit._parse import parse
from socialcrm_reddit._people import account_of, profile_of
from socialcrm_reddit._recheck import due, recheck
from socialcrm_reddit._settings import RedditSettings
from socialcrm_reddit._text import LIMIT, weigh
from socialcrm_reddit._walk import OVERLAP, Listing, walk

__all__ = ["RedditConnector"]

_RESCAN = timedelta(days=30)
_LATE = timedelta(days=1)
"""How far listings are walked back once more, hourly: what moderators approve is filed under the time it was written at."""


class RedditConnector(Connector[RedditSettings]):
    """Speaks to one account on Reddit."""

    info = ConnectorInfo(
        platform="reddit",
        title="Reddit",
        settings=RedditSettings,
        streams={
            "inbox": Stream(title="Replies, mentions and messages to us, and the messages we sent", rescan=_RESCAN),
            "own": Stream(title="Our own posts and comments, wherever they were written", rescan=_RESCAN),
            "subreddits": Stream(title="New posts and comments of the chosen subreddits; moderation queues", rescan=_RESCAN),
            "search": Stream(title="New posts that Reddit's search finds", rescan=_RESCAN),
            "modmail": Stream(title="Modmail of the subreddits that we moderate"),
        },
        capabilities=Capabilities(
            send=True,
            text=TextLimit(LIMIT, Unit.WEIGHTED, weigh),
            threads=True,
            visibility=frozenset(Visibility),
            private_reply=True,
            edits=True,
            deletions=True,
            archive=True,
            search=True,
            profile=True,
            retract=True,
            mark_read=True,
            move_to_private=True,
            renew=True,
        ),
        documentation=(
            "reddit.com/dev/api (listings, fullnames, links & comments, messages, new modmail, users, account)",
            "Reddit Help: Reddit Data API Wiki (rules, rate limits, deletion); Responsible Builder Policy",
            "reddit-archive/reddit wiki: OAuth2, API; the listing, error and message code of reddit-archive/reddit (2017)",
            "r/modnews 2025-03-19: Important Updates to Reddit's Messaging System for Mods and Developers",
            "Reddit Help: How do I request a copy of my Reddit data and information?",
        ),
        proven="Recorded traffic of 2016 to 2025 (63 recordings of PRAW's tests); never a live account",
    )

    @property
    def origin(self) -> str:
        """The API's address; tokens come from another (www.reddit.com)."""
        return "https://oauth.reddit.com"

    def _ready(self) -> None:
        if not self.settings.connected:
            raise SettingsError("this reddit channel has no credentials; set user_agent, client_id and refresh_token")

    def _get(self, path: str, **params: str) -> Flow[Answer]:
        self._ready()
        return (yield from Call("GET", path, params={**params, "raw_json": "1"}))

    def identify(self) -> Flow[Account]:
        """Ask who the token belongs to (GET /api/v1/me, scope ``identity``)."""
        body = (yield from self._get("/api/v1/me")).json(dict, "id", "name")
        return account_of(body)

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Follow a stream; one that the settings do not call for ends at once.

        A subreddit that is closed, banned or misspelt does not keep the others waiting: its error comes last.

        Raises:
            UnsupportedError: There is no such stream.
        """
        if stream not in self.info.streams:
            raise UnsupportedError(f"reddit has no stream {stream!r}; it has {', '.join(self.info.streams)}")
        held, settings = dict(cursor), self.settings
        history, window = timedelta(days=settings.history_days), timedelta(days=settings.recheck_days)
        if stream == MODMAIL:
            if settings.modmail:
                self._ready()
                yield from follow_mail(held, (yield from Now()), history)
            return
        listings = yield from self._listings(stream)
        if not listings:
            return
        self._ready()
        now = yield from Now()
        floor = (now - history).timestamp() if history else 0.0
        kept = max(window, 2 * _LATE)
        hourly = due(held, now)
        failed: SocialCRMError | None = None
        for listing in listings:
            try:
                late = _LATE if hourly else OVERLAP
                yield from walk(listing, held, now, floor=floor, remember=(now - kept).timestamp(), late=late)
            except (ForbiddenError, NotFound) as error:
                failed = failed or error
        if hourly:
            yield from recheck(held, now, window, kept)
        if failed is not None:
            raise failed

    def _listings(self, stream: str) -> Flow[tuple[Listing, ...]]:
        settings = self.settings
        if stream == "subreddits":
            new = [
                Listing(path=f"/r/{name}/{what}", params={"sort": "new"} if what == "comments" else {}, key=f"{name}/{what} ")
                for name in settings.subreddits
                for what in ("new", "comments")
            ]
            queues = [
                Listing(path=f"/r/{name}/about/modqueue", key=f"{name}/queue ", complete=False) for name in settings.moderated
            ]
            return (*new, *queues)
        if stream == "search":
            homes = settings.search_in or ("",)
            return tuple(_search_for(query, home) for query in settings.search for home in homes)
        ours = {"direction": "outbound"}
        if stream == "inbox" and settings.inbox:
            return (
                Listing(path="/message/inbox", key="inbox "),
                Listing(path="/message/mentions", key="mentions "),
                Listing(path="/message/sent", key="sent ", context=ours),
            )
        if stream == "own" and settings.own_posts and settings.connected:
            me = part((yield from self.identify()).name)
            paths = (f"/user/{me}/submitted", f"/user/{me}/comments")
            return tuple(Listing(path=path, params={"sort": "new"}, key=f"{path[-8:]} ", context=ours) for path in paths)
        return ()

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what an element means."""
        return parse(raw)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read the account's data export."""
        return load(Path(path))

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer a post, comment, message or modmail conversation."""
        self._ready()
        return (yield from _send.reply(message, cursor))

    def move_to_private(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Answer a post or comment by a message to its author, which Reddit shows them as a chat since 2025."""
        self._ready()
        to = yield from self._name(message)
        return (yield from _send.compose(message, cursor, to, self.settings.message_subject))

    def _name(self, message: Outgoing) -> Flow[str]:
        told = _send.name_of(message)
        return told or (yield from self.profile(message.to)).name

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for the answer among what we wrote."""
        moved = message.visibility is Visibility.PRIVATE and (message.reply_to or "").startswith(("t1_", "t3_"))
        to = (yield from self._name(message)) if moved else ""
        me = (yield from self.identify()).name
        return (yield from _send.settle(message, cursor, me, to))

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Add the token and the user agent, which Reddit wants with every call.

        Without a token an empty one is sent: Reddit then answers 401, and the token is renewed; it would answer 403 to none.
        """
        headers = {"Authorization": f"Bearer {grant.get('token') or 'none'}", "User-Agent": self.settings.user_agent}
        return evolve(call, headers={**call.headers, **headers})

    def renew(self, grant: Grant) -> Flow[Grant]:
        """Exchange the refresh token ("OAuth2", refreshing the token); it stays the same unless Reddit gives a new one.

        Raises:
            CredentialsError: There is none, or Reddit does not accept it any more.
        """
        if not grant.get("refresh_token"):
            raise CredentialsError("reddit: the access token is not accepted and can't be renewed; set refresh_token")
        secret = grant.get("client_secret", "")
        fresh = refresh_grant(TOKEN, grant, client_id=self.settings.client_id, client_secret=secret, basic=True)
        return (yield from self._named(fresh))

    def _named(self, flow: Flow[Grant]) -> Flow[Grant]:
        """Run a flow whose calls are not signed, with our user agent."""
        answer: Any = None
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as stop:
                found: Grant = stop.value
                return found
            agent = {"User-Agent": self.settings.user_agent}
            answer = yield from evolve(step, headers={**step.headers, **agent}) if isinstance(step, Call) else step

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Say what an answer means."""
        return judge(call, answer)

    def search(self, query: str, cursor: Cursor) -> Flow[None]:
        """Find posts (GET /search; Reddit's search knows no comments), newest first."""
        self._ready()
        now = yield from Now()
        yield from walk(_search_for(query, ""), dict(cursor), now, floor=0.0, remember=None, late=OVERLAP)

    def profile(self, account: str) -> Flow[Identity]:
        """Look an account up by name or by fullname (``t2_…``).

        Raises:
            NotFound: There is none.
        """
        name = account.strip().removeprefix("/").removeprefix("u/")
        if account.startswith("t2_"):
            body = (yield from self._get("/api/user_data_by_account_ids", ids=account)).json(dict)
            name = text_of(body.get(account), "name")
            if not name:
                raise NotFound(f"reddit knows no account {account}; it was deleted, or the id is wrong")
        return profile_of((yield from self._get(f"/user/{part(name)}/about")).json(dict, "data")["data"])

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Delete our comments, the last first (POST /api/del); one that is gone already is fine.

        Raises:
            UnsupportedError: It is a message: Reddit can't take those back.
        """
        self._ready()
        for key in reversed(receipt.ids):
            if not key.startswith(("t1_", "t3_")):
                raise UnsupportedError(f"reddit can't take {key} back: messages and modmail stay with whoever got them")
            yield from Call("POST", "/api/del", form={"id": key}, repeatable=True)

    def mark_read(self, id: str, scope: str) -> Flow[None]:  # noqa: A002 - the platform's word
        """Mark a message, an inbox comment or a modmail conversation as read."""
        self._ready()
        if scope == MODMAIL:
            form = {"conversationIds": id.partition("/")[0]}
            yield from Call("POST", f"{CONVERSATIONS}/read", form=form, repeatable=True)
        else:
            yield from Call("POST", "/api/read_message", form={"id": id}, repeatable=True)


def _search_for(query: str, home: str) -> Listing:
    limited = {"restrict_sr": "1"} if home else {}
    return Listing(
        path=f"/r/{home}/search" if home else "/search",
        params={"q": query[:512], "sort": "new", "type": "link", **limited},
        key=f"{home}/{query} ",
    )
