"""Likes, read marks, searching, looking people up."""

from __future__ import annotations

from collections.abc import Mapping

from socialcrm.connectors import Batch, Call, Cursor, Flow
from socialcrm.errors import NotFound, RefusedError, UnsupportedError
from socialcrm.types import Identity
from socialcrm_discourse._api import Api
from socialcrm_discourse._fields import mapping, number, objects, required, word
from socialcrm_discourse._judge import Gone
from socialcrm_discourse._people import identity
from socialcrm_discourse._walk import post_raw

__all__ = ["like", "mark_read", "profile", "search"]

_LIKE = 2
_LIKES = frozenset({"like", "heart", "❤", "❤️", "+1", "👍"})
_MOST_PAGES = 10
_READ = 1000
"""Milliseconds that a post counts as looked at."""


def like(api: Api, id_: str, scope: str, reaction: str) -> Flow[None]:
    """Like a post (``/post_actions.json``); liking it again is harmless.

    Raises:
        UnsupportedError: Another reaction, or no post.
    """
    if reaction.lower() not in _LIKES:
        raise UnsupportedError(f"discourse: the only reaction is 'like', got {reaction!r:.20}")
    body = {"id": _post(id_, scope), "post_action_type_id": _LIKE}
    yield from Call("POST", api.path("/post_actions.json"), json=body, repeatable=True)


def mark_read(api: Api, id_: str, scope: str) -> Flow[None]:
    """Mark a post as read, as the forum's pages do while they are shown (``/topics/timings``)."""
    row = yield from api.get(f"/posts/{_post(id_, scope)}.json")
    place, topic = number(row.get("post_number")), number(row.get("topic_id"))
    body = {"topic_id": topic, "topic_time": _READ, "timings": {str(place): _READ}}
    yield from Call("POST", api.path("/topics/timings"), json=body, repeatable=True)


def search(api: Api, query: str, cursor: Cursor) -> Flow[None]:
    """Find posts (``/search.json``), and read each one whole: the search shows but a piece of it."""
    sight = yield from api.sight()
    known: dict[tuple[int, int], int] = {}
    for page in range(max(1, number(cursor.get("page"))), _MOST_PAGES + 1):
        body = yield from api.get("/search.json", {"q": query, "page": str(page)})
        found = []
        for row in objects(required(body, "posts")):
            try:
                post = yield from api.get(f"/posts/{number(row.get('id'))}.json")
            except Gone:
                continue
            found.append(post)
        yield from api.parents(found, known)
        yield from Batch([post_raw(row, sight, known) for row in found], {"page": str(page + 1)})
        if mapping(body.get("grouped_search_result")).get("more_full_page_results") is not True:
            return


def profile(api: Api, account: str) -> Flow[Identity]:
    """Look a user up: by number (``/user-cards.json``, for members) or by ``@name`` (``/u/{username}.json``).

    Raises:
        NotFound: There is no such user.
    """
    if account.startswith("@"):
        name = account.removeprefix("@")
        if not name or not all(char.isalnum() or char in "_.-" for char in name):
            raise NotFound(f"discourse: {account!r:.60} is no user's name")
        rows = [mapping((yield from api.get(f"/u/{name}.json")).get("user"))]
    else:
        body = yield from api.get("/user-cards.json", {"user_ids": account})
        rows = [row for row in objects(required(body, "users")) if str(row.get("id")) == account]
    for row in rows:
        if word(row.get("username")):
            return _identity(row, api)
    raise NotFound(f"discourse: there is no user {account!r:.60}, or our user may not see it")


def _identity(row: Mapping[str, object], api: Api) -> Identity:
    return identity({**row, "user_id": row.get("id")}, api.settings.server, 0)


def _post(id_: str, scope: str) -> int:
    if scope not in ("", "private", "staff"):
        raise UnsupportedError("discourse: chat messages can only be read")
    if not number(id_):
        raise RefusedError(f"discourse: {id_!r:.40} is no post's id")
    return number(id_)
