"""Searching, and looking people up."""

from __future__ import annotations

from socialcrm.connectors import Batch, Cursor, Flow, Raw
from socialcrm.errors import NotFound, PayloadError
from socialcrm.types import Identity
from socialcrm_misago._api import Api
from socialcrm_misago._fields import mapping, number, objects, rows
from socialcrm_misago._parse import identity

__all__ = ["profile", "search"]

_MOST_PAGES = 10


def search(api: Api, query: str, cursor: Cursor) -> Flow[None]:
    """Find posts by title and text (``/api/search/threads/``); private threads are not searched.

    Misago does not tell whether guests can read what a user found, so it counts as limited.
    """
    yield from api.sight()
    context = {"limited": "1"} if api.settings.signed else {}
    for page in range(max(1, number(cursor.get("page"))), _MOST_PAGES + 1):
        answer = yield from api.get_list("/api/search/threads/", {"q": query, "page": str(page)})
        found = [one for one in objects(answer) if one.get("id") == "threads"]
        results = mapping(found[0].get("results")) if found else {}
        raws = [Raw("post", row, context) for row in rows(results, "results")]
        yield from Batch(raws, {"page": str(page + 1)})
        if page >= number(results.get("pages")):
            return


def profile(api: Api, account: str) -> Flow[Identity]:
    """Look a user up by number (``/api/users/{id}/``).

    Raises:
        NotFound: There is no such user here.
    """
    if not number(account):
        raise NotFound(f"misago: {account!r:.60} is no number of a user of this forum")
    yield from api.sight()
    row = yield from api.get(f"/api/users/{number(account)}/")
    if number(row.get("id")) != number(account):
        raise PayloadError(f"misago: asked for user {account}, and another answer came")
    return identity(row, "", "", api.settings)
