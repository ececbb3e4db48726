"""A forum's API: who we are there, and which categories guests can read."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from socialcrm.connectors import Call, Fields, Flow
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, PayloadError
from socialcrm.types import Account
from socialcrm_nodebb._fields import mapping, number, word
from socialcrm_nodebb._settings import NodeBBSettings

__all__ = ["Api"]


class Api:
    """A forum's Read API (``/api``) and Write API (``/api/v3``).

    Args:
        settings: The channel's.
    """

    def __init__(self, settings: NodeBBSettings) -> None:
        parts = urlsplit(settings.server)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.settings = settings
        self._home = parts.path

    def path(self, route: str) -> str:
        """Return the path of a route such as ``/api/recent``."""
        return self._home + route

    def get(self, route: str, params: Fields | None = None, *, auth: bool = True) -> Flow[dict[str, Any]]:
        """Ask for a JSON object."""
        answer = yield from Call("GET", self.path(route), params=params or {}, auth=auth)
        return answer.json(dict)

    def me(self) -> Flow[Account]:
        """Ask who we are (``/api/self``).

        Raises:
            CredentialsError: The channel has no token, or the forum does not accept it.
        """
        if self.settings.token is None:
            raise CredentialsError("nodebb: this channel reads as a guest and can do no more; give it a token")
        row = yield from self.get("/api/self")
        uid, name = number(row.get("uid")), word(row.get("username"))
        if not uid:
            raise PayloadError("nodebb: the forum did not say who we are; check server, and uid if the token is a master token")
        if self.settings.uid and uid != self.settings.uid:
            raise CredentialsError("nodebb: the token belongs to another user; leave uid out, or use a master token")
        slug = word(row.get("userslug"))
        url = f"{self.settings.server}/user/{quote(slug)}" if slug else ""
        return Account(id=str(uid), name=word(row.get("displayname")) or name, handle=f"@{name}" if name else "", url=url)

    def identify(self) -> Flow[Account]:
        """Return our account; for a guest the forum itself, as user 0, who writes nothing."""
        if self.settings.token is not None:
            return (yield from self.me())
        body = yield from self.get("/api/config")
        if "siteTitle" not in body:
            raise PayloadError("nodebb: the forum did not tell its title; check that 'server' is the forum's address")
        return Account(id="0", name=word(body.get("siteTitle")), url=self.settings.server)

    def limited(self, cid: str, known: dict[str, bool]) -> Flow[bool]:
        """Tell whether guests can't read a category: asked without the token, once for each.

        Args:
            cid: The category; -1 and less for what came from elsewhere, which is public.
            known: What was found before.
        """
        if self.settings.token is None or not number(cid):
            return False
        if cid not in known:
            try:
                body = yield from self.get(f"/api/category/{cid}", auth=False)
                known[cid] = not mapping(body) or str(body.get("cid")) != cid
            except (CredentialsError, ForbiddenError, NotFound):
                known[cid] = True
        return known[cid]
