"""Posts and what is said under them: found again and again, because the Graph API tells of no edit and no deletion.

Invariant: a `Census` of a post is made only after every page of its comments came, counts nothing that was written after the
first page was asked for, and is left out where Meta counts comments that it does not show (a lost permission looks like that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from socialcrm.connectors import Batch, Call, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound
from socialcrm.types import Census, Deletion, Item
from socialcrm_meta._graph import node, read_page
from socialcrm_meta._values import ident, mapping, moment, rows, text, unsettled

__all__ = ["Wall", "parse_census", "parse_gone"]

_BEGINNING = datetime(2004, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class Wall:
    """The posts of one account.

    Cursor rows: ``post:ID`` (when it was written, and its mark when it was read), ``todo:ID`` (the same, still to be read),
    ``told:ID`` (when a webhook told a newer wording of a comment), ``rescanned``.

    Args:
        version: Of the Graph API.
        listing: The edge of posts and its parameters, from a time on.
        comments: The edge of a post's comments and its parameters.
        mark: What of a post changes when something is said under it.
        born: When a post was written.
        counted: How many comments a post says that it has; ``None`` where it does not say.
        nested: The lists of replies within a comment: the comment's id, and the edge as it came along.
        replies: The edge of a comment's replies and its parameters.
        days: How long a post is looked at.
        minutes: How often everything is looked at again; otherwise only what has a new mark.
    """

    version: str
    listing: Callable[[datetime], tuple[str, dict[str, str]]]
    comments: Callable[[str], tuple[str, dict[str, str]]]
    mark: Callable[[Mapping[str, Any]], str]
    born: Callable[[Mapping[str, Any]], datetime | None]
    counted: Callable[[Mapping[str, Any]], int | None] = lambda _row: None
    nested: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _row: {}
    replies: Callable[[str], tuple[str, dict[str, str]]] | None = None
    days: int = 30
    minutes: int = 60

    def follow(self, cursor: Cursor) -> Flow[None]:
        """Bring new posts and comments; from time to time, edits and deletions."""
        now = yield from Now()
        since = now - timedelta(days=self.days)
        last = moment(cursor.get("rescanned"))
        due = last is None or now - last >= timedelta(minutes=self.minutes)
        todo = {key[5:]: value for key, value in cursor.items() if key.startswith("todo:")}
        seen = yield from self._list(since, due, cursor, todo)
        for post, mark in todo.items():
            yield from self._read(post, mark, cursor)
        if due:
            yield from self._rest(since, seen, cursor)
            yield from Batch([], {"rescanned": now.isoformat(), **self._forgotten(since, cursor)})

    def _list(self, since: datetime, due: bool, cursor: Cursor, todo: dict[str, str]) -> Flow[set[str]]:
        seen: set[str] = set()
        more: Mapping[str, str] = {}
        while True:
            page = yield from read_page(*self.listing(since), more)
            raws, patch, old = [], dict[str, str | None](), 0
            for row in page.rows:
                post, mark, born = self._marked(row)
                fresh = post not in seen and (due or not post or cursor.get(f"post:{post}") != mark)
                seen.add(post)
                lively = moment(self.mark(mapping(row)))  # something said lately under an old post counts
                if born is not None and max(born, lively or born) < since:
                    old += 1
                    continue
                if fresh:
                    raws.append(Raw("post", row))
                if fresh and post:
                    todo[post] = patch[f"todo:{post}"] = mark
            if raws or patch:
                yield from Batch(raws, patch)
            more = page.more
            if not more or (old and old == len(page.rows)):
                return seen

    def _marked(self, row: Any) -> tuple[str, str, datetime | None]:
        told = mapping(row)
        born = self.born(told)
        return ident(told.get("id")), f"{born.isoformat() if born else '-'} {self.mark(told)} {self.counted(told) or 0}", born

    def _read(self, post: str, mark: str, cursor: Cursor) -> Flow[None]:
        until = yield from Now()
        ids: set[str] = {post}
        counted = int(mark.rpartition(" ")[2] or 0)
        try:
            total = yield from self._walk(self.comments(post), post, "", ids, cursor)
        except NotFound:
            yield from Batch([], {f"post:{post}": mark, f"todo:{post}": None})
            return
        whole = len(ids) > 1 or not (total or counted)
        mark += unsettled(mark.split(" ")[1], until)
        census = Raw("census", {"post": post, "ids": sorted(ids), "until": until.isoformat()})
        yield from Batch([census] if whole else [], {f"post:{post}": mark, f"todo:{post}": None})

    def _walk(self, edge: tuple[str, dict[str, str]], post: str, parent: str, ids: set[str], cursor: Cursor) -> Flow[int]:
        more: Mapping[str, str] = {}
        total = 0
        while True:
            page = yield from read_page(*edge, more)
            total = max(total, page.total or 0)
            yield from self._keep(page.rows, post, parent, ids, cursor)
            for row in rows(list(page.rows)):
                inner = self.nested(row)
                comment = ident(row.get("id"))
                yield from self._keep(tuple(rows(inner)), post, comment, ids, cursor)
                if self.replies is not None and comment and text(mapping(inner.get("paging")).get("next")):
                    yield from self._walk(self.replies(comment), post, comment, ids, cursor)
            more = page.more
            if not more:
                return total

    def _keep(self, found: tuple[Any, ...], post: str, parent: str, ids: set[str], cursor: Cursor) -> Flow[None]:
        raws = []
        for row in found:
            comment = ident(mapping(row).get("id"))
            told = cursor.get(f"told:{comment}", "")
            context = {"post": post, "parent": parent, "told": told}
            raws.append(Raw("comment", row, {name: value for name, value in context.items() if value}))
            ids.update({comment} - {""})
        if raws:
            yield from Batch(raws)

    def _rest(self, since: datetime, seen: set[str], cursor: Cursor) -> Flow[None]:
        """Look after posts that were there: those too old are let go, those that are gone are taken back."""
        for key, mark in cursor.items():
            post = key[5:]
            if not key.startswith("post:") or post in seen:
                continue
            born = moment(mark.partition(" ")[0])
            if born is None or born < since:
                yield from Batch([], {key: None})
                continue
            try:
                answer = yield from Call("GET", node(self.version, post), params={"fields": "id"})
                answer.json(dict, "id")
            except NotFound:
                now = yield from Now()
                gone = {"post": post, "until": now.isoformat(), "ids": list[str]()}
                yield from Batch([Raw("gone", gone), Raw("census", gone)], {key: None})

    def _forgotten(self, since: datetime, cursor: Cursor) -> dict[str, None]:
        told = {key: moment(value) for key, value in cursor.items() if key.startswith("told:")}
        return {key: None for key, at in told.items() if at is None or at < since}


def parse_census(body: object) -> Iterator[Item]:
    """Say what a whole reading of a post counted."""
    told = mapping(body)
    post, ids = ident(told.get("post")), told.get("ids")
    if post and isinstance(ids, list):
        yield Census(
            id=f"census:{post}",
            ids=frozenset(ident(one) for one in ids),
            since=_BEGINNING,
            until=moment(told.get("until")),
            conversation=post,
        )


def parse_gone(body: object) -> Iterator[Item]:
    """Say that a post was taken down."""
    post = ident(mapping(body).get("post"))
    if post:
        yield Deletion(id=post)
