"""Votes, read marks, searching, looking people up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from socialcrm.connectors import Batch, Call, Cursor, Flow, Raw
from socialcrm.errors import NotFound, PayloadError, UnsupportedError
from socialcrm.types import Identity
from socialcrm_nodebb._api import Api
from socialcrm_nodebb._fields import key, mapping, number, rows
from socialcrm_nodebb._parse import CHAT, identity

__all__ = ["mark_read", "profile", "search", "vote"]

_VOTES = {"like": 1, "upvote": 1, "+1": 1, "👍": 1, "❤": 1}
_MOST_PAGES = 10


def vote(api: Api, id_: str, scope: str, reaction: str) -> Flow[None]:
    """Vote a post up.

    Raises:
        UnsupportedError: Another reaction, or a chat message.
    """
    if scope == CHAT or reaction.lower() not in _VOTES:
        raise UnsupportedError(f"nodebb: posts can be upvoted ('like'), nothing else; got {reaction!r:.20}")
    yield from Call("PUT", api.path(f"/api/v3/posts/{quote(id_, safe='')}/vote"), json={"delta": 1})


def mark_read(api: Api, id_: str, scope: str) -> Flow[None]:
    """Mark the topic of a post as read.

    Raises:
        UnsupportedError: A chat message: NodeBB marks whole rooms, and does not tell whose a message is.
    """
    if scope == CHAT:
        raise UnsupportedError("nodebb: only topics can be marked as read by one of their posts")
    body = yield from api.get(f"/api/v3/posts/{quote(id_, safe='')}")
    tid = key(mapping(body.get("response")).get("tid"))
    if not tid:
        raise PayloadError("nodebb: the post came without a topic; check the forum's version (3 or later)")
    yield from Call("PUT", api.path(f"/api/v3/topics/{quote(tid, safe='')}/read"))


def search(api: Api, query: str, cursor: Cursor) -> Flow[None]:
    """Find posts by title and text (``/api/search``)."""
    public: dict[str, bool] = {}
    for page in range(max(1, number(cursor.get("page"))), _MOST_PAGES + 1):
        body = yield from api.get("/api/search", {"term": query, "in": "titlesposts", "page": str(page)})
        raws = []
        for row in rows(body, "posts"):
            limited = yield from api.limited(key(mapping(mapping(row).get("topic")).get("cid")), public)
            raws.append(Raw("post", row, {"limited": "1"} if limited else {}))
        yield from Batch(raws, {"page": str(page + 1)})
        if page >= number(body.get("pageCount")):
            return


def profile(api: Api, account: str) -> Flow[Identity]:
    """Look a user up by number (``/api/user/uid/{uid}``).

    Raises:
        NotFound: There is no such user here.
    """
    if not number(account):
        raise NotFound(f"nodebb: {account!r:.60} is no number of a user of this forum")
    row: Mapping[str, Any] = yield from api.get(f"/api/user/uid/{number(account)}")
    if number(row.get("uid")) != number(account):
        raise PayloadError(f"nodebb: asked for user {account}, and another answer came")
    return identity(row, row.get("uid"), "", api.settings.server)
