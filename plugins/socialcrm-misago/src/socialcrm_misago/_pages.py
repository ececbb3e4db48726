"""A thread's posts, from its end back to what is known.

Invariant: a reading never leaves out what was there all along. Misago pages by number, oldest first, and the last post of a
page is also the first of the next one (``PostsPaginator``). Pages are read backwards: a deletion only repeats posts, and what
is put in between (a moved or an approved post) breaks the overlap, so that the reading begins again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from socialcrm.connectors import Flow
from socialcrm.errors import PayloadError
from socialcrm_misago._api import Api, thread_route
from socialcrm_misago._fields import mapping, moment, number, rows
from socialcrm_misago._judge import Gone

__all__ = ["Held", "Reading", "read_thread"]

_TRIES = 5


@frozen(kw_only=True)
class Held:
    """What an earlier reading left.

    Args:
        state: How the list of threads showed it.
        count: How many posts there were.
        top: The largest number of a post.
    """

    state: str = ""
    count: int = 0
    top: int = 0


@frozen(kw_only=True)
class Reading:
    """What a thread holds, as far back as it was read.

    Args:
        thread: The thread itself.
        posts: Its posts and what the forum noted between them, oldest first.
        count: How many posts there are.
        complete: ``posts`` are all of them.
    """

    thread: Mapping[str, Any]
    posts: tuple[Any, ...]
    count: int
    complete: bool

    @property
    def ids(self) -> list[int]:
        """The numbers of the posts, ascending."""
        return sorted({number(row.get("id")) for row in self.posts if _is_post(row)})


def read_thread(
    api: Api,
    thread: str,
    scope: str,
    *,
    held: Held | None = None,
    since: datetime | None = None,
    pages: int = 1,
    counted: bool = True,
) -> Flow[Reading]:
    """Read a thread's posts.

    Args:
        api: The forum's.
        thread: Its number.
        scope: Of which tree it is.
        held: Down to what is known; the whole thread where nothing is.
        since: Down to this time at least, even where the posts are known.
        pages: About how many there are.
        counted: Read on where the number of known posts is another one than before.

    Raises:
        Gone: The thread is not there.
        PayloadError: It changes faster than it can be read.
    """
    for _ in range(_TRIES):
        found = yield from _attempt(api, f"{thread_route(thread, scope)}posts/", held, since, pages, counted)
        if found is not None:
            return found
        pages = 1
    raise PayloadError(f"misago: thread {thread} changed while it was read, {_TRIES} times; it is read again later")


def _attempt(
    api: Api, route: str, held: Held | None, since: datetime | None, pages: int, counted: bool
) -> Flow[Reading | None]:
    page = max(1, pages)
    while True:
        try:
            body = yield from _page(api, route, page)
        except Gone:
            if page == 1:
                raise
            page = 1
            continue
        last = number(mapping(body.get("post_set")).get("pages"))
        if last <= page:
            break
        page = last
    thread, count, posts = body, number(mapping(body["post_set"]).get("count")), list[Any]()
    lowest = 0
    while True:
        page_rows = rows(body, "post_set", "results")
        ids = [number(row.get("id")) for row in page_rows if _is_post(row)]
        if lowest and ids and max(ids) < lowest:
            return None
        posts[:0] = [row for row in page_rows if not lowest or not _is_post(row) or number(row.get("id")) < lowest]
        lowest = min([lowest, *ids]) if lowest else min(ids, default=0)
        known = held.count if held is not None and counted else None
        if page == 1 or _enough(posts, lowest, (count, known), held, since):
            return Reading(thread=thread, posts=tuple(posts), count=count, complete=page == 1)
        page -= 1
        try:
            body = yield from _page(api, route, page)
        except Gone:
            return None


def _enough(posts: list[Any], lowest: int, counts: tuple[int, int | None], held: Held | None, since: datetime | None) -> bool:
    if held is None or lowest > held.top:
        return False
    own = [row for row in posts if _is_post(row)]
    count, known = counts
    if known is not None and count - sum(number(row.get("id")) > held.top for row in own) != known:
        return False  # something was put in between, or taken out: only the whole thread shows what
    oldest = moment(own[0].get("posted_on")) if own else None
    return since is None or (oldest is not None and oldest < since)


def _page(api: Api, route: str, page: int) -> Flow[dict[str, Any]]:
    body = yield from api.get(route, {"page": str(page)} if page > 1 else {})
    rows(body, "post_set", "results")
    return body


def _is_post(row: Any) -> bool:
    return isinstance(row, Mapping) and row.get("is_event") is not True
