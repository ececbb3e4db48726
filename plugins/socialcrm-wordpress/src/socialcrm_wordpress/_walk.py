"""Paging that neither insertions nor deletions can trick.

Invariant: a walk never leaves out an element that was there all along. The REST API pages by counting, so a comment that is
deleted between two pages moves all later ones to the left. Comments are walked in the order of their ids, pages overlap, and
a page is only believed when it still shows something at or before the last id seen; else the walk looks further left. What
is inserted or becomes visible moves the rest to the right, which only repeats elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from socialcrm.connectors import Call, Cursor, Flow
from socialcrm.errors import PayloadError
from socialcrm_wordpress._parse import number

__all__ = ["Page", "Place", "next_page"]

SIZE = 100
"""Elements a page: the most that the REST API gives (REST API handbook: Pagination)."""

OVERLAP = 10
"""Elements that two pages share: some of them may be hidden from us, so one would not do."""


@frozen(kw_only=True)
class Place:
    """Where a walk stands.

    Args:
        after: The largest id seen.
        offset: About how many elements lie before the next one; only a hint.
    """

    after: int = 0
    offset: int = 0

    @classmethod
    def of(cls, cursor: Cursor) -> Place:
        """Read the rows that `rows` wrote; the beginning where there are none."""
        return cls(after=number(cursor.get("after")), offset=number(cursor.get("offset")))

    def rows(self) -> dict[str, str]:
        """Return the place as cursor rows."""
        return {"after": str(self.after), "offset": str(self.offset)}


@frozen(kw_only=True)
class Page:
    """Elements that were not seen before, in the order of their ids.

    Args:
        rows: The elements as they came; one without an id is passed on too.
        place: Where the walk stands behind them.
        last: There is nothing behind them.
    """

    rows: tuple[Any, ...]
    place: Place
    last: bool

    @property
    def ids(self) -> list[int]:
        """The ids of the elements that have one."""
        return [found for row in self.rows if (found := _id(row))]


def next_page(path: str, query: Mapping[str, str], place: Place) -> Flow[Page]:
    """Read on behind a place.

    Args:
        path: The collection's path.
        query: What to read; order, offset and size are added.
        place: Where to go on; the same query as before.

    Returns:
        A page with at least one element, or the last page.
    """
    offset = max(0, place.offset - OVERLAP)
    rows, total = yield from _read(path, query, offset)
    while offset and not any(0 < _id(row) <= place.after for row in rows):
        offset = max(0, min(offset, total) - SIZE)
        rows, total = yield from _read(path, query, offset)
    while True:
        fresh = tuple(row for row in rows if not 0 < _id(row) <= place.after)
        last = offset + SIZE >= total
        if fresh or last:
            after = max(map(_id, fresh), default=0)
            return Page(
                rows=fresh,
                place=Place(after=max(place.after, after), offset=min(offset + SIZE, total)),
                last=last,
            )
        offset += SIZE - OVERLAP
        rows, total = yield from _read(path, query, offset)


def _read(path: str, query: Mapping[str, str], offset: int) -> Flow[tuple[list[Any], int]]:
    order = {"orderby": "id", "order": "asc", "per_page": str(SIZE), "offset": str(offset)}
    answer = yield from Call("GET", path, params={**query, **order})
    rows = answer.json()
    if not isinstance(rows, list):
        raise PayloadError(f"WordPress should answer a list of comments, got {type(rows).__name__}; check server and rest_root")
    counted = answer.headers.get("x-wp-total", "").strip()
    # Proxies may drop the header; then a full page means that there may be more.
    total = int(counted) if counted.isascii() and counted.isdigit() else offset + len(rows) + (len(rows) >= SIZE)
    return rows, total


def _id(row: Any) -> int:
    return number(row.get("id")) if isinstance(row, Mapping) else 0
