"""A forum's API: who we are there, what we may see, and which categories guests can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import frozen

from socialcrm.connectors import Call, Fields, Flow
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, PayloadError
from socialcrm.types import Account
from socialcrm_misago._fields import mapping, number, numbers, objects, word
from socialcrm_misago._session import LOGIN, SessionEnded
from socialcrm_misago._settings import MisagoSettings

__all__ = ["PRIVATE", "Api", "Sight", "thread_route"]

PRIVATE = "private"
"""The scope of posts in private threads."""


@frozen(kw_only=True)
class Sight:
    """Who we are, and what we can see.

    Args:
        account: Our account; for a guest the forum itself, as user 0.
        rights: One word for each thing that we can see: what is missing later was lost.
        unapproved: We may list what waits for approval.
        private: We may use private threads.
        starts: We may start private threads.
    """

    account: Account
    rights: frozenset[str]
    unapproved: bool = False
    private: bool = False
    starts: bool = False


class Api:
    """A forum's JSON API (``/api``).

    Args:
        settings: The channel's.
    """

    def __init__(self, settings: MisagoSettings) -> None:
        parts = urlsplit(settings.server)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.settings = settings
        self._home = parts.path

    def path(self, route: str) -> str:
        """Return the path of a route such as ``/api/threads/``."""
        return self._home + route

    def get(self, route: str, params: Fields | None = None, *, auth: bool = True) -> Flow[dict[str, Any]]:
        """Ask for a JSON object."""
        answer = yield from Call("GET", self.path(route), params=params or {}, auth=auth)
        return answer.json(dict)

    def get_list(self, route: str, params: Fields) -> Flow[list[Any]]:
        """Ask for a JSON list."""
        answer = yield from Call("GET", self.path(route), params=params)
        return answer.json(list)

    def sight(self) -> Flow[Sight]:
        """Ask who we are, and what we may (``GET /api/auth/``): each flow begins so, as an ended session is not refused."""
        try:
            row = yield from self.get(LOGIN)
        except SessionEnded:  # also the one that was begun for this very question
            row = yield from self.get(LOGIN)
        if not isinstance(row.get("is_authenticated"), bool):
            raise PayloadError("misago: the forum did not say who we are; check that 'server' is the forum's address")
        acl, signed = mapping(row.get("acl")), row["is_authenticated"]
        if signed != self.settings.signed:
            raise CredentialsError("misago: the session has ended; it is begun anew at the next attempt")
        filters = self.settings.categories or ("*",)
        rights = {
            *(f"in:{one}" for one in filters),
            *(f"see:{one}" for one in numbers(acl.get("browseable_categories"))),
            *(f"approve:{one}" for one in numbers(acl.get("can_approve_content"))),
            *(f"hide:{number(one.get('id'))}" for one in objects(acl.get("categories")) if one.get("can_hide_threads")),
        }
        return Sight(
            account=self._account(row) if signed else Account(id="0", url=self.settings.server),
            rights=frozenset(rights),
            unapproved=bool(acl.get("can_see_unapproved_content_lists")),
            private=signed and bool(acl.get("can_use_private_threads", True)),
            starts=signed and bool(acl.get("can_start_private_threads", True)),
        )

    def user(self) -> Flow[Sight]:
        """Ask who we are, where guests can do nothing.

        Raises:
            CredentialsError: The channel has no user, or the forum does not accept the password.
        """
        if not self.settings.signed:
            raise CredentialsError(
                "misago: this channel reads as a guest and can do no more; give it a username and a password"
            )
        return (yield from self.sight())

    def limited(self, thread: Mapping[str, Any], known: dict[int, str]) -> Flow[bool]:
        """Tell whether guests can't read the threads of a category: asked without the session, once for each.

        Args:
            thread: A thread of that category, as its list shows it.
            known: What was found before.
        """
        category = number(thread.get("category")) or number(mapping(thread.get("category")).get("id"))
        if not self.settings.signed or not category:
            return False
        if category not in known:
            try:
                body = yield from self.get("/api/threads/", {"category": str(category)}, auth=False)
                known[category] = "open" if objects(body.get("results")) else "empty"
            except (CredentialsError, ForbiddenError, NotFound):
                known[category] = "closed"
        shown = not thread.get("is_hidden") and not thread.get("is_unapproved")
        return known[category] == "closed" or (known[category] == "empty" and shown)

    def _account(self, row: Mapping[str, Any]) -> Account:
        name, url = word(row.get("username")), word(row.get("url"))
        if not number(row.get("id")):
            raise PayloadError("misago: the forum did not say which user we are; check that 'server' is the forum's address")
        return Account(
            id=str(number(row["id"])),
            name=word(row.get("real_name")) or name,
            handle=f"@{name}" if name else "",
            url=f"{self.origin}{url}" if url.startswith("/") else "",
        )


def thread_route(thread: str, scope: str) -> str:
    """Return the route of a thread; its posts are at ``posts/`` below."""
    tree = "private-threads" if scope == PRIVATE else "threads"
    return f"/api/{tree}/{quote(thread, safe='')}/"
