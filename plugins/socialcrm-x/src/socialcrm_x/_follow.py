"""Following a list that X shows newest first.

Invariant: the row ``since`` only moves when a walk from the newest element down to it is complete; a walk that is killed goes
on where it stood (``page``, a place in the list and no credential), and nothing between is skipped. Every walk begins a
little below ``since``: what X files late under an earlier id is seen by the next walk. Nothing is doubled by that, and X
counts a post that is read twice on one day once ("Usage and Billing", deduplication).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm.errors import RefusedError
from socialcrm_x._ask import split
from socialcrm_x._fields import mapping, text_of
from socialcrm_x._ids import id_at, number, time_of
from socialcrm_x._posts import first_of, history

__all__ = ["Listing", "Rows", "commit", "follow", "seen"]

Patch = dict[str, str | None]
Rows = MutableMapping[str, str]

_OVERLAP = timedelta(minutes=15)
"""How far below the newest known element a walk begins."""

_MARGIN = timedelta(hours=1)
"""Kept from the edge of what X still searches, for clocks that differ and walks that take long."""


@frozen(kw_only=True)
class Listing:
    """A list of posts or messages.

    Args:
        path: Where it is.
        params: Its query fields besides the paging ones.
        bucket: Which of X's rate limits it draws on: each endpoint has its own.
        kind: The raws' kind, ``post`` or ``message``.
        key: Prefix of its cursor rows, where one stream follows several lists.
        bounded: It takes ``since_id``; where it does not, the walk itself stops.
        reach: How far back X shows it; ``None`` for everything.
    """

    path: str
    params: Mapping[str, str] = field(factory=dict)
    bucket: str
    kind: str = "post"
    key: str = ""
    bounded: bool = True
    reach: timedelta | None = None


def follow(listing: Listing, held: Rows, now: datetime, *, days: int, remember: datetime | None) -> Flow[None]:
    """Finish the walk that was broken off, if there is one, then walk from the newest element down to what is known.

    Args:
        listing: What to walk.
        held: The stream's cursor rows; kept in step with every batch.
        now: The time.
        days: How many days back the first walk goes; 0 for everything.
        remember: Posts since then get a row, so that they are looked up again; ``None`` for none.
    """
    if listing.key + "page" in held:
        try:
            yield from _walk(listing, held, remember)
        except RefusedError:
            # The place is no longer taken: begin at the top, which costs calls and loses nothing.
            yield from commit([], {listing.key + "page": None, listing.key + "from": None}, held)
    start, hole = _start(listing, held, now, days)
    yield from commit(hole, {listing.key + "from": start or None}, held)
    yield from _walk(listing, held, remember)


def _start(listing: Listing, held: Rows, now: datetime, days: int) -> tuple[str, list[Raw]]:
    """The id at which a walk stops, and the hole if what is known lies beyond what X still shows."""
    since = held.get(listing.key + "since", "")
    edge = now - listing.reach + _MARGIN if listing.reach else None
    wanted = time_of(since) if since else now - timedelta(days=days) if days else None
    if since and wanted is None:
        return since, []
    if wanted is not None and since:
        wanted -= _OVERLAP
    if edge is not None and (wanted is None or wanted < edge):
        missed = {"id": f"late-{since}", "since": _iso(wanted), "at": _iso(edge), "reason": "X shows no more of it"} if (
            since and wanted
        ) else None  # fmt: skip
        return id_at(edge), [Raw(kind="hole", body=missed)] if missed else []
    return (id_at(wanted) if wanted else ""), []


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _walk(listing: Listing, held: Rows, remember: datetime | None) -> Flow[None]:
    names = {name: listing.key + name for name in ("since", "top", "page", "from")}
    start = held.get(names["from"], "")
    while True:
        params = dict(listing.params)
        if start and listing.bounded:
            params["since_id"] = start
        if names["page"] in held:
            params["pagination_token"] = held[names["page"]]
        answer = yield from Call("GET", listing.path, params=params, bucket=listing.bucket)
        body = answer.json(dict, "meta")
        ids = [number(text_of(element, "id")) for element in _data(body)]
        top = max([number(held.get(names["top"], "")), *ids])
        token = text_of(body["meta"], "next_token")
        over = not listing.bounded and bool(ids) and max(ids) < number(start)
        done = not token or over or token == held.get(names["page"])
        patch = _remembered(listing, body, remember)
        if done:
            newest = max(top, number(held.get(names["since"], "")))
            patch |= {names["since"]: str(newest) if newest else None, names["top"]: None}
            patch |= {names["page"]: None, names["from"]: None}
        else:
            patch |= {names["page"]: token, names["top"]: str(top) if top else None}
        yield from commit(split(body, listing.kind), patch, held)
        if done:
            return


def _data(body: Mapping[str, Any]) -> list[Any]:
    data = body.get("data")
    return data if isinstance(data, list) else []


def commit(raws: list[Raw], patch: Patch, held: Rows) -> Flow[None]:
    changed: Patch = {row: value for row, value in patch.items() if held.get(row) != value}
    if raws or changed:
        yield from Batch(raws, changed)
    for row, value in changed.items():
        if value is None:
            held.pop(row, None)
        else:
            held[row] = value


def _remembered(listing: Listing, body: Mapping[str, Any], remember: datetime | None) -> Patch:
    """A row for each recent post, under its first version's id: its latest version's id, and its author's."""
    patch: Patch = {}
    for post in _data(body) if remember is not None and listing.kind == "post" else ():
        key = first_of(post)
        at = time_of(key)
        if key and at is not None and remember is not None and at >= remember:
            patch[f"seen:{key}"] = seen(post)
    return patch


def seen(post: Any) -> str:
    """What is remembered of a post."""
    return f"{history(post)[-1]} {text_of(mapping(post), 'author_id') or '-'}"
