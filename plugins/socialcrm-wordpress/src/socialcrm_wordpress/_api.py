"""Where a site's REST API lies, who we are there, and how much of the comments we may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from socialcrm.connectors import Call, Flow
from socialcrm.errors import CredentialsError, NotFound, PayloadError, SettingsError
from socialcrm.types import Account
from socialcrm_wordpress._parse import number
from socialcrm_wordpress._settings import WordPressSettings

__all__ = ["RANKS", "Access", "Api"]

RANKS = ("visitor", "writer", "moderator")
"""How much one may see, from least to most: approved comments; more of one's own posts; everything."""

_QUERIES: Mapping[str, Mapping[str, str]] = {
    "visitor": {"context": "view"},
    "writer": {"context": "view", "status": "any", "type": "all"},
    "moderator": {"context": "edit", "status": "any", "type": "all"},
}


@frozen(kw_only=True)
class Access:
    """What our credentials open.

    Args:
        rank: One of `RANKS`.
        account: Who we are; ``None`` for a visitor without credentials.
        accounts: We may see the accounts of users, with their e-mail addresses.
    """

    rank: str
    account: Account | None = None
    accounts: bool = False

    @property
    def query(self) -> Mapping[str, str]:
        """The query that shows every comment we may see, in one list."""
        return _QUERIES[self.rank]


class Api:
    """A site's REST API.

    Args:
        settings: The channel's.
    """

    def __init__(self, settings: WordPressSettings) -> None:
        parts = urlsplit(settings.server)
        self.origin = f"{parts.scheme}://{parts.netloc}" if settings.server else ""
        self._home = parts.path
        self._root = parts.path + (settings.rest_root[:-1] if "?" in settings.rest_root else settings.rest_root.rstrip("/"))
        self._settings = settings

    def path(self, route: str) -> str:
        """Return the path of a route such as ``/wp/v2/comments``.

        Raises:
            SettingsError: The channel only holds an archive.
        """
        if not self.origin:
            raise SettingsError("this channel has no server: it holds an archive only; set 'server' to the site's address")
        return self._root + route

    def access(self) -> Flow[Access]:
        """Ask who we are and what we may (REST API handbook: Users, ``/wp/v2/users/me``, context ``edit``).

        ``moderate_comments`` (Editor, Administrator) sees everything, ``edit_posts`` (Author, Contributor) also the
        waiting comments on its own posts, ``list_users`` (Administrator) the accounts (Roles and Capabilities).

        Raises:
            CredentialsError: The site does not accept the application password.
        """
        if self._settings.password is None:
            return Access(rank="visitor")
        answer = yield from Call("GET", self.path("/wp/v2/users/me"), params={"context": "edit"})
        me = answer.json()
        if not isinstance(me, Mapping) or not number(me.get("id")):
            raise PayloadError("WordPress did not say who we are; check that rest_root is the site's REST API")
        granted = me.get("capabilities")
        may = granted if isinstance(granted, Mapping) else {}
        rank = "moderator" if may.get("moderate_comments") else "writer" if may.get("edit_posts") else "visitor"
        return Access(rank=rank, account=_account(me), accounts=bool(may.get("list_users")))

    def login(self) -> Flow[tuple[Access, int]]:
        """Return what we may, and our user's id.

        Raises:
            CredentialsError: The channel has none, or the site does not accept them.
        """
        access = yield from self.access()
        if access.account is None:
            raise CredentialsError(
                "wordpress: this channel reads as a visitor and can't write; give it a username and an application password"
            )
        return access, int(access.account.id)

    def identify(self) -> Flow[Account]:
        """Return our account; for a visitor the site itself, as user 0, who writes nothing.

        Raises:
            SettingsError: The REST API is elsewhere; the message says where.
        """
        try:
            access = yield from self.access()
            if access.account is not None:
                return access.account
            index = (yield from Call("GET", self.path("/"))).json()
        except (NotFound, PayloadError):
            yield from self._discover()
            raise
        name = index.get("name") if isinstance(index, Mapping) else None
        return Account(id="0", name=name if isinstance(name, str) else "", url=self._settings.server)

    def _discover(self) -> Flow[None]:
        """Look up where the site says its REST API is (REST API handbook: Discovery, the ``Link`` header)."""
        answer = yield from Call("HEAD", self._home + "/", auth=False)
        for link in answer.headers.get("link", "").split(","):
            address, _, relation = link.partition(";")
            if "https://api.w.org/" in relation:
                found = address.strip().strip("<>").removeprefix(self._settings.server)
                raise SettingsError(
                    f"wordpress: the REST API is not at {self._settings.rest_root!r}; the site says it is at {found!r}: "
                    "set that as rest_root (and check server, if it is a whole address)"
                )


def _account(me: Mapping[str, Any]) -> Account:
    name, handle, url = (value if isinstance(value := me.get(key), str) else "" for key in ("name", "slug", "link"))
    return Account(id=str(number(me["id"])), name=name, handle=handle, url=url)
