"""Comments on a WordPress blog."""

from __future__ import annotations

import base64
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
    Now,
    Outgoing,
    Raw,
    Receipt,
    Stream,
    TextLimit,
    Unit,
    Verdict,
)
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, UnsupportedError
from socialcrm.types import Account, Item, Visibility
from socialcrm_wordpress import _reply
from socialcrm_wordpress._api import RANKS, Access, Api
from socialcrm_wordpress._archive import read_export
from socialcrm_wordpress._judge import judge
from socialcrm_wordpress._parse import moment, number, parse
from socialcrm_wordpress._recognise import recognise
from socialcrm_wordpress._settings import WordPressSettings
from socialcrm_wordpress._walk import Page, Place, next_page

__all__ = ["WordPressConnector"]

_MARGIN = timedelta(days=2)  # the API filters by the site's own time, whose zone may have been another one


class WordPressConnector(Connector[WordPressSettings]):
    """Reads and answers the comments of one blog, through the REST API (``wp/v2``).

    Cursor rows of the stream ``comments``: ``after`` (largest id seen), ``offset`` (about how many comments lie before it),
    ``rank`` (how much we could see, so that a lost permission is noticed), ``rescanned`` (when it last looked back).
    """

    info: ClassVar[ConnectorInfo] = ConnectorInfo(
        platform="wordpress",
        title="WordPress",
        settings=WordPressSettings,
        streams={"comments": Stream(rescan=timedelta(days=14), title="comments, in every state that we may see")},
        capabilities=Capabilities(
            send=True,
            text=TextLimit(_reply.LIMIT, Unit.WEIGHTED, _reply.weigh),
            visibility=frozenset({Visibility.PUBLIC}),
            edits=True,
            deletions=True,
            archive=True,
            retract=True,
            public=True,
        ),
        documentation=(
            "WordPress REST API Handbook: Comments, Users, Pagination, Discovery, Authentication",
            "WordPress Code Reference: WP_REST_Comments_Controller, wp_allow_comment, export_wp",
        ),
        proven="a real WordPress 6.1 on loopback: reading, replies, moderation, edits, deletions; never against a public site",
    )

    def __init__(self, settings: WordPressSettings) -> None:
        super().__init__(settings)
        self._api = Api(settings)

    @classmethod
    def recognise(cls, url: str, page: Answer | None) -> Mapping[str, Any] | None:
        return recognise(page)

    @property
    def origin(self) -> str:
        """The site's scheme, host and port."""
        return self._api.origin

    def identify(self) -> Flow[Account]:
        """Return the user that the application password belongs to; for a visitor the site itself, as user 0."""
        return (yield from self._api.identify())

    def fetch(self, stream: str, cursor: Cursor) -> Flow[None]:
        """Bring new comments, then look back for edits, moderation and deletions where that is due.

        Raises:
            ForbiddenError: We see less than before, so that comments would look deleted.
        """
        if stream != "comments":
            raise UnsupportedError(f"wordpress has no stream {stream!r}; it has 'comments'")
        access = yield from self._api.access()
        _guard(access, cursor)
        place, known, last = Place.of(cursor), dict(cursor), False
        while not last:
            page = yield from next_page(self._api.path("/wp/v2/comments"), access.query, place)
            place, last = page.place, page.last
            rows = {**place.rows(), "rank": access.rank}
            patch = {name: value for name, value in rows.items() if known.get(name) != value}
            if page.rows or patch:
                yield from Batch((yield from self._raws(page, access)), patch)
                known |= patch
        now = yield from Now()
        if self._due(now, cursor):
            yield from self._rescan(now, access, place.after)

    def parse(self, raw: Raw) -> Iterable[Item]:
        """Say what a comment, an exported comment, an exported author or a census means."""
        return parse(raw, self.settings)

    def load(self, path: Path) -> Iterator[Batch]:
        """Read a WordPress export (WXR 1.0 to 1.2), authors first."""
        return read_export(path)

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Post a reply as the user of the application password."""
        return (yield from _reply.send(self._api, message))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Look for a reply among our own comments under the same comment."""
        return (yield from _reply.settle(self._api, message))

    def retract(self, receipt: Receipt) -> Flow[None]:
        """Move our comments to the trash, or delete them where the site has none."""
        yield from _reply.retract(self._api, receipt)

    def sign(self, call: Call, grant: Grant, now: datetime, nonce: str) -> Call:
        """Return the call with Basic credentials (RFC 7617; REST API handbook: Authentication, Application Passwords)."""
        password = grant.get("password")
        if not password:
            return call
        pair = base64.b64encode(f"{self.settings.username}:{password}".encode()).decode("ascii")
        return attrs.evolve(call, headers={**call.headers, "Authorization": f"Basic {pair}"})

    def judge(self, call: Call, answer: Answer) -> Verdict:
        """Judge an answer by WordPress's error code."""
        return judge(call, answer)

    def _due(self, now: datetime, cursor: Cursor) -> bool:
        before = moment(cursor.get("rescanned"))
        waited = before is None or now - before >= timedelta(minutes=self.settings.rescan_minutes)
        return self.settings.rescan_days > 0 and waited

    def _rescan(self, now: datetime, access: Access, newest: int) -> Flow[None]:
        since = now - timedelta(days=self.settings.rescan_days)
        query = {**access.query, "after": f"{since - _MARGIN:%Y-%m-%dT%H:%M:%SZ}"}
        place, ids, last = Place(), set[int](), False
        while not last:
            page = yield from next_page(self._api.path("/wp/v2/comments"), query, place)
            place, last = page.place, page.last
            ids.update(page.ids)
            if page.rows:
                yield from Batch((yield from self._raws(page, access)))
        census = Raw(kind="census", body={"since": since.isoformat(), "ids": sorted(ids), "newest": max(newest, *ids, 0)})
        yield from Batch([census], {"rescanned": now.isoformat()})

    def _raws(self, page: Page, access: Access) -> Flow[list[Raw]]:
        emails = yield from self._account_emails(page, access)
        raws = []
        for row in page.rows:
            email = emails.get(number(row.get("author"))) if isinstance(row, Mapping) else None
            raws.append(Raw(kind="comment", body=row, context={"account_email": email} if email else {}))
        return raws

    def _account_emails(self, page: Page, access: Access) -> Flow[dict[int, str]]:
        """Look the accounts' addresses up: that in a comment is whatever its author, even a registered one, sent along."""
        users = {number(row.get("author")) for row in page.rows if isinstance(row, Mapping)} - {0}
        if not access.accounts or not users:
            return {}
        query = {"context": "edit", "per_page": "100", "include": ",".join(map(str, sorted(users)))}
        try:
            found: Any = (yield from Call("GET", self._api.path("/wp/v2/users"), params=query)).json()
        except (CredentialsError, ForbiddenError, NotFound):
            return {}  # plugins close this route against the listing of users; comments count without it
        accounts = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
        return {number(row.get("id")): row["email"] for row in accounts if isinstance(row.get("email"), str)}


def _guard(access: Access, cursor: Cursor) -> None:
    before = cursor.get("rank", "")
    if before in RANKS and RANKS.index(access.rank) < RANKS.index(before):
        raise ForbiddenError(
            f"wordpress: this channel read as a {before} and now may only read as a {access.rank}, so comments would look "
            "deleted; give the user its role back (Editor, to moderate comments), or add the blog as a new channel"
        )
