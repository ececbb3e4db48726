"""Walking a listing, newest first, down to what earlier walks brought.

Invariant: ``mark`` (the time of the newest element of the last complete walk) only moves when a walk from the newest element
down to ``mark`` is complete. A walk that is killed goes on from ``older``.

The place in a listing is never trusted to one element: ``before=`` and ``after=`` answer an *empty* listing, without an error,
once their element was removed from the listing (the listing's source: an unknown anchor leaves nothing). So ``before`` is not
used at all, the boundary is a time, and ``after`` has several anchors: if the last one is gone, the ones above it are tried,
and if all are, the walk begins again. A listing ends after about 1000 elements (API wiki): what lies below is a `Hole`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import Factory, field, frozen

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm.errors import NotFound, PayloadError, ServerFault
from socialcrm_reddit._fields import mapping, seconds, text_of
from socialcrm_reddit._parse import is_gone, moderation_of

__all__ = ["Listing", "Patch", "Rows", "apply", "children_of", "digest", "seen_rows", "walk"]

Patch = dict[str, str | None]
Rows = MutableMapping[str, str]

PAGE = "100"
_ANCHORS = 5
_CAP = 800
"""From how many elements on an early end is taken for the cap of 1000: elements that are hidden from us are left out of it."""

OVERLAP = timedelta(minutes=10)
"""How far a walk goes back beyond the last one: elements of one second may become visible one after another."""


@frozen(kw_only=True)
class Listing:
    """A listing (API documentation, "listings").

    Args:
        path: Where it is.
        params: Its query fields besides the paging ones.
        key: Prefix of its cursor rows.
        context: What parsing its elements needs to know.
        complete: It shows everything since a time; a list that people empty (a queue), or that we take a few of, does not.
    """

    path: str
    params: Mapping[str, str] = field(factory=dict)
    key: str = ""
    context: Mapping[str, str] = Factory(dict)
    complete: bool = True


@frozen(kw_only=True)
class _Page:
    children: Sequence[Any]
    after: str
    at: str = ""


def apply(patch: Mapping[str, str | None], held: Rows) -> None:
    """Bring the rows that a flow works with in step with a batch."""
    for row, value in patch.items():
        if value is None:
            held.pop(row, None)
        else:
            held[row] = value


def children_of(body: Any) -> list[Any]:
    """Return the elements of a listing.

    Raises:
        PayloadError: It is none.
    """
    found = mapping(mapping(body).get("data")).get("children")
    if not isinstance(found, list):
        raise PayloadError("expected a listing with data.children; check that this is Reddit's API")
    return found


def digest(data: Mapping[str, Any]) -> str:
    """Return what changes when a thing is edited, removed, approved or deleted: the same in every shape it comes in."""
    words = [text_of(data, key) for key in ("author", "title", "body", "selftext")]
    told = "\0".join([*words, moderation_of(data).value, str(is_gone(data))])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def seen_rows(children: Iterable[Any], since: float | None) -> Patch:
    """Return a row for each recent thing: its time, and its `digest`; ``since`` is ``None`` where nothing is remembered."""
    patch: Patch = {}
    for child in children:
        data = mapping(mapping(child).get("data"))
        name, at = text_of(data, "name"), seconds(data.get("created_utc"))
        if since is not None and name and at is not None and at >= since:
            patch[f"seen:{name}"] = f"{int(at)} {digest(data)}"
    return patch


def walk(listing: Listing, held: Rows, now: datetime, *, floor: float, remember: float | None, late: timedelta) -> Flow[None]:
    """Walk a listing once, resumed or from its top.

    Args:
        listing: What to walk.
        held: The stream's cursor rows; kept in step with every batch.
        now: The time.
        floor: How far back the first walk goes, in Unix seconds; 0 for everything.
        remember: Things since then get a row, so that they are looked up again; ``None`` for none.
        late: How far beyond the last walk this one goes: what moderators approve late is filed under the time it was written.

    Raises:
        NotFound: The subreddit does not exist: Reddit leads to a search for subreddits.
        ServerFault: The listing breaks off again and again.
    """
    mark = held.get(listing.key + "mark")
    boundary = floor if mark is None else max(floor, float(mark) - late.total_seconds())
    anchors = held.get(listing.key + "older", "").split()
    again = False
    while True:
        page = yield from _page(listing, anchors)
        if page is None:
            if again:
                raise ServerFault(f"reddit: {listing.path} breaks off at every place; it is walked again later", retry_after=60)
            anchors, again = [], True
            continue
        if any(text_of(child, "kind") == "t5" for child in page.children):
            raise NotFound(f"reddit: {listing.path} leads to a list of subreddits; check the subreddit's name in the settings")
        below = _below(page)
        done = not below or (bool(page.children) and _all_before(page.children, boundary))
        patch, raws = _step(listing, held, page, boundary=boundary, remember=remember)
        if done:
            # The look back for what was approved late may end early: only what no walk ever reached is a hole.
            reached = float(mark) if mark is not None else floor
            if not below and listing.complete and reached and _capped(held, listing, page, reached):
                raws.append(_hole(listing, page, reached, now))
            patch |= _closed(listing, {**held, **{row: value for row, value in patch.items() if value is not None}})
        else:
            anchors = below
            patch[listing.key + "older"] = " ".join(below)
        changed = {row: value for row, value in patch.items() if held.get(row) != value}
        if raws or changed:
            yield from Batch(raws, changed)
            apply(changed, held)
        if done:
            return


def _page(listing: Listing, anchors: Sequence[str]) -> Flow[_Page | None]:
    """Fetch the page below the lowest anchor that Reddit still knows; ``None`` where it knows none of them."""
    for anchor in [*reversed(anchors)] or [""]:
        params = {**listing.params, "limit": PAGE, "raw_json": "1", **({"after": anchor} if anchor else {})}
        answer = yield from Call("GET", listing.path, params=params)
        body = answer.json(dict, "data")
        children, after = children_of(body), text_of(body.get("data"), "after")
        if children or after or not anchor:
            return _Page(children=children, after=after, at=anchor)
    return None


def _below(page: _Page) -> list[str]:
    """The anchors of the next page, the last one best; none at the end of the listing."""
    if not page.after or page.after == page.at:
        return []
    names = [text_of(mapping(child).get("data"), "name") for child in page.children[-_ANCHORS:]]
    return [*dict.fromkeys(name for name in names if name and name != page.after and " " not in name), page.after]


def _times(children: Sequence[Any]) -> list[float]:
    found = (seconds(mapping(mapping(child).get("data")).get("created_utc")) for child in children)
    return [at for at in found if at is not None]


def _all_before(children: Sequence[Any], boundary: float) -> bool:
    times = _times(children)
    return bool(times) and max(times) < boundary


def _step(listing: Listing, held: Rows, page: _Page, *, boundary: float, remember: float | None) -> tuple[Patch, list[Raw]]:
    """What a page changes: what is known and unchanged, or older than what we remember, is not kept once more."""
    rows = seen_rows(page.children, remember)
    passed = max(boundary, float(held.get(listing.key + "mark", 0)))
    raws = []
    for child in page.children:
        data = mapping(mapping(child).get("data"))
        name, at = text_of(data, "name"), seconds(data.get("created_utc"))
        told = rows.get(f"seen:{name}")
        known = held.get(f"seen:{name}") == told if told is not None else at is not None and at <= passed
        if not known:
            raws.append(Raw("thing", child, listing.context))
    times, key = _times(page.children), listing.key
    newest = max([*times, float(held.get(key + "top", 0))])
    rows[key + "top"] = str(int(newest)) if newest else None
    rows[key + "count"] = str(int(held.get(key + "count", 0)) + len(page.children))
    return rows, raws


def _closed(listing: Listing, held: Mapping[str, str]) -> Patch:
    """The rows of a walk that is complete."""
    key = listing.key
    top, mark = float(held.get(key + "top", 0)), float(held.get(key + "mark", 0))
    patch: Patch = {key + "top": None, key + "count": None, key + "older": None}
    if top or mark:
        patch[key + "mark"] = str(int(max(top, mark)))
    return patch


def _capped(held: Rows, listing: Listing, page: _Page, boundary: float) -> bool:
    """Whether the listing ended for its length, before the boundary was reached."""
    times = _times(page.children)
    count = int(held.get(listing.key + "count", 0)) + len(page.children)
    return count >= _CAP and bool(times) and min(times) > boundary


def _hole(listing: Listing, page: _Page, boundary: float, now: datetime) -> Raw:
    since, until = datetime.fromtimestamp(boundary, UTC), datetime.fromtimestamp(min(_times(page.children)), UTC)
    reason = f"{listing.path} shows its newest 1000 elements only, and there were more since the last look"
    body = {
        "id": f"{listing.key}{int(boundary)}",
        "since": since.isoformat(),
        "at": min(until, now).isoformat(),
        "reason": reason,
    }
    return Raw("hole", body)
