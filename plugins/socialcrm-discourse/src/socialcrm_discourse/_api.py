"""A forum's API: who we are there, what we may see, and which post a reply answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from socialcrm.connectors import Call, Fields, Flow
from socialcrm.errors import CredentialsError, PayloadError, SettingsError
from socialcrm.types import Account
from socialcrm_discourse._fields import mapping, number, objects, required, word
from socialcrm_discourse._judge import Gone
from socialcrm_discourse._settings import DiscourseSettings

__all__ = ["Api", "Me", "Sight"]


@frozen(kw_only=True)
class Me:
    """Our user.

    Args:
        id: Its number.
        username: Its name.
        account: As the host knows it.
    """

    id: int
    username: str
    account: Account


@frozen(kw_only=True)
class Sight:
    """The categories that we may see.

    Args:
        limited: Those that not everybody may read.
        categories: All of them.
    """

    limited: frozenset[int] = field(default=frozenset())
    categories: frozenset[int] = field(default=frozenset())


class Api:
    """A forum's API.

    Args:
        settings: The channel's.
    """

    def __init__(self, settings: DiscourseSettings) -> None:
        parts = urlsplit(settings.server)
        self.origin = f"{parts.scheme}://{parts.netloc}" if settings.server else ""
        self.settings = settings
        self._home = parts.path

    def path(self, route: str) -> str:
        """Return the path of a route such as ``/posts.json``.

        Raises:
            SettingsError: The channel only holds an archive.
        """
        if not self.origin:
            raise SettingsError("this channel has no server: it holds an archive only; set 'server' to the forum's address")
        return self._home + route

    def get(self, route: str, params: Fields | None = None) -> Flow[dict[str, Any]]:
        """Ask for a JSON object."""
        answer = yield from Call("GET", self.path(route), params=params or {})
        return answer.json(dict)

    def me(self) -> Flow[Me]:
        """Ask who we are (``/session/current.json``; a user API key needs the scope ``session_info`` or ``read`` for it).

        Raises:
            CredentialsError: The channel has no key, or the key belongs to nobody.
        """
        if not self.settings.signed:
            raise CredentialsError(
                "discourse: this channel reads as a visitor and can do no more; give it a username and an api_key"
            )
        try:
            body = yield from self.get("/session/current.json")
        except Gone:
            raise CredentialsError("discourse: the key belongs to no user; make a new one") from None
        row = mapping(body.get("current_user"))
        user, name = number(row.get("id")) or row.get("id"), word(row.get("username"))
        if not isinstance(user, int) or isinstance(user, bool) or not name:
            raise PayloadError("discourse: the forum did not say who we are; check that 'server' is the forum's address")
        url = f"{self.settings.server}/u/{quote(name)}"
        account = Account(id=str(user), name=word(row.get("name")) or name, handle=f"@{name}", url=url)
        return Me(id=user, username=name, account=account)

    def identify(self) -> Flow[Account]:
        """Return our account; for a visitor the forum itself, as user 0, who writes nothing."""
        if self.settings.signed:
            return (yield from self.me()).account
        body = yield from self.get("/site/basic-info.json")
        if not word(body.get("title")):
            raise PayloadError("discourse: the forum did not tell its title; check that 'server' is the forum's address")
        return Account(id="0", name=word(body.get("title")), url=self.settings.server)

    def sight(self) -> Flow[Sight]:
        """Ask which categories we may see, and which of them are not for everybody (``/site.json``, ``read_restricted``)."""
        body = yield from self.get("/site.json")
        rows = objects(required(body, "categories"))
        return Sight(
            limited=frozenset(number(row.get("id")) for row in rows if row.get("read_restricted") is True),
            categories=frozenset(number(row.get("id")) for row in rows),
        )

    def parents(self, rows: Iterable[Any], known: dict[tuple[int, int], int]) -> Flow[None]:
        """Find out which posts are answered: a post tells the number within its topic only.

        Args:
            rows: Posts.
            known: Post ids by topic and number: what is found, 0 for what is gone, is added.
        """
        posts = [row for row in rows if isinstance(row, Mapping)]
        for row in posts:
            known[number(row.get("topic_id")), number(row.get("post_number"))] = number(row.get("id"))
        asked = ((number(row.get("topic_id")), number(row.get("reply_to_post_number"))) for row in posts)
        for topic, place in dict.fromkeys(asked):
            if not topic or not place or (topic, place) in known:
                continue
            try:
                found = yield from self.get(f"/posts/by_number/{topic}/{place}.json")
            except Gone:
                known[topic, place] = 0
                continue
            if not number(found.get("id")):
                raise PayloadError(f"discourse: post {place} of topic {topic} came without an id; it is asked for again later")
            known[topic, place] = number(found.get("id"))
