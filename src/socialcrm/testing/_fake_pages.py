"""Reading lists in each of the four ways of paging, so that nothing is left out whatever happens between two pages.

Invariant: an element that is there all along is read. Marks (``since``, ``link``, ``cursor``) can't be moved by what happens
to others; page numbers can: a deletion moves later elements to the left. So a numbered page is only believed while the
platform's total stays the same, or when it still shows something that was read before; else the walk looks further left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from socialcrm.connectors import Answer, Call, Cursor, Flow
from socialcrm.errors import PayloadError

if TYPE_CHECKING:
    from socialcrm.testing._fake_connector import FakeSettings

__all__ = ["Place", "next_page"]


@frozen(kw_only=True)
class Place:
    """Where a walk stands.

    Args:
        after: The mark behind which it goes on: a number, or the platform's own mark.
        page: The page that showed it, for numbered pages.
        total: What the platform counted then; -1 where it is not known.
        last: There is nothing behind it.
    """

    after: str = ""
    page: int = 1
    total: int = -1
    last: bool = False

    @classmethod
    def of(cls, cursor: Cursor) -> Place:
        """Read what `rows` wrote."""
        return cls(after=cursor.get("after", ""), page=int(cursor.get("page", "1")))

    def rows(self) -> dict[str, str]:
        """Return the place as cursor rows."""
        found = {"after": self.after} if self.after else {}
        return {**found, "page": str(self.page)} if self.page > 1 else found


def next_page(settings: FakeSettings, place: Place, query: Mapping[str, str]) -> Flow[tuple[list[Any], Place]]:
    """Read on behind a place; returns elements and where the walk stands behind them."""
    if settings.paging == "page":
        return (yield from _numbered(settings, place, query))
    name = "cursor" if settings.paging == "cursor" else "after"
    params = {**query, "limit": str(settings.page_size), **({name: place.after} if place.after else {})}
    answer = yield from Call("GET", "/api/posts", params=params)
    body = answer.json()
    rows = _rows(body if settings.paging != "cursor" else body.get("items") if isinstance(body, Mapping) else None)
    if settings.paging == "cursor":
        return rows, evolve(place, after=str(body.get("next") or place.after), last=not body.get("more"))
    if settings.paging == "link":
        mark = _link(answer)
        return rows, evolve(place, after=mark or place.after, last=not mark)
    highest = max([_seq(row) for row in rows], default=0)
    done = highest <= int(place.after or 0)
    return rows, evolve(place, after=place.after if done else str(highest), last=done)


def _numbered(settings: FakeSettings, place: Place, query: Mapping[str, str]) -> Flow[tuple[list[Any], Place]]:
    after, page, known = int(place.after or 0), place.page, place.total
    while True:
        answer = yield from Call("GET", "/api/posts", params={**query, "page": str(page), "limit": str(settings.page_size)})
        body = answer.json()
        if not isinstance(body, Mapping) or not {"total", "pages"} <= body.keys():
            raise PayloadError("fake: a page should hold items and how many there are; check the server's address")
        rows, total = _rows(body.get("items")), int(body["total"])
        moved = total != known
        if moved and page > 1 and (not rows or min(map(_seq, rows)) > after):
            page -= 1
            continue
        fresh = [row for row in rows if _seq(row) > after]
        last = page >= int(body["pages"])
        if fresh or last:
            highest = max([after, *map(_seq, fresh)])
            return fresh, Place(after=str(highest) if highest else "", page=page if last else page + 1, total=total, last=last)
        page, known = page + 1, total


def _rows(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PayloadError(f"fake: expected a list of posts, got {type(value).__name__}; check the server's address")
    return value


def _seq(row: Any) -> int:
    seq = row.get("seq") if isinstance(row, Mapping) else None
    return seq if isinstance(seq, int) else 0


def _link(answer: Answer) -> str:
    """Return the mark in the link to the next page; the link itself carries the token, so it is not kept."""
    found = re.search(r'<([^>]*)>;\s*rel="next"', answer.headers.get("link", ""))
    return parse_qs(urlsplit(found[1]).query).get("after", [""])[0] if found else ""
