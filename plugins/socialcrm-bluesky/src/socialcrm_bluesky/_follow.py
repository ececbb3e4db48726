"""Following a list that the server shows newest first.

Invariant: the row ``mark`` (a time) only moves when a walk from the newest element down to it is complete, so a walk that is
killed skips nothing, whatever arrives or disappears meanwhile. Lists are ordered by the time that a post claims, so late
ones are filed below: each walk goes a little beyond the mark, and once an hour a walk goes back a day.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import field, frozen

from socialcrm.connectors import Answer, Batch, Call, Fields, Flow, Raw
from socialcrm.errors import PayloadError
from socialcrm_bluesky._fields import mapping, required, rows, sorted_at, text_of
from socialcrm_bluesky._ids import address, instant

__all__ = ["EPOCH", "Listing", "Rows", "apply", "due", "follow", "found_posts", "stamp"]

Patch = dict[str, str | None]
Rows = MutableMapping[str, str]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(minutes=10)
_LATE = timedelta(days=1)
_EVERY = timedelta(hours=1)
_PAGE = 100
"""The most elements that lists give at once."""

_OTHER_PAGE = 90
"""For the hourly walk: where a server pages by time alone, what shares its time with a page's last element is left out, and
other pages have other last elements."""

TOGETHER = 25
"""How many posts are asked for at once (lexicon ``app.bsky.feed.getPosts``)."""


@frozen(kw_only=True)
class Listing:
    """A list of posts, of a feed's entries or of notifications.

    Args:
        path: Where it is.
        rows: The key of the list in the body.
        kind: The raws' kind, ``post``, ``feed`` or ``notification``.
        params: Its query fields besides the paging ones.
        key: Prefix of its cursor rows, where one stream follows several lists.
        steady: Its page cursors name a place in time, so that a walk that was killed can go on from one; where they count
            elements, it begins again.
    """

    path: str
    rows: str
    kind: str
    params: Fields = field(factory=dict)
    key: str = ""
    steady: bool = True


def stamp(at: datetime) -> str:
    """Return a time as a cursor row."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def due(held: Rows, now: datetime) -> bool:
    """Whether an hour has gone by since the last look back."""
    return held.get("checked", "") <= stamp(now - _EVERY)


def follow(
    listing: Listing, held: Rows, now: datetime, *, until: datetime, remember: datetime | None, back: bool
) -> Flow[None]:
    """Walk from the newest element down to what earlier walks brought.

    Args:
        listing: What to walk.
        held: The stream's cursor rows; kept in step with every batch.
        now: The time.
        until: How far back the first walk goes.
        remember: Posts since then get a row, so that it is seen when they are deleted; ``None`` for none.
        back: Walk back a day, for what came late.
    """
    mark, below = instant(held.get(listing.key + "mark", "")), held.get(listing.key + "below", "")
    if below:
        yield from _walk(listing, held, mark or until, below, remember, _PAGE)
    begun = instant(held.get(listing.key + "mark", ""))
    if begun is None:
        yield from _walk(listing, held, until, "", remember, _PAGE)
        return
    floor = min(begun - _OVERLAP, now - _LATE) if back else begun - _OVERLAP
    yield from _walk(listing, held, max(floor, until), "", remember, _OTHER_PAGE if back else _PAGE)


def _walk(listing: Listing, held: Rows, floor: datetime, below: str, remember: datetime | None, size: int) -> Flow[None]:
    """One walk, begun or resumed, down to the floor."""
    mark, top, place = (listing.key + name for name in ("mark", "top", "below"))
    while True:
        params = {**listing.params, "limit": str(size), **({"cursor": below} if below else {})}
        answer = yield from Call("GET", listing.path, params=params)
        elements, onward = _page(listing, answer)
        times = [at for at in map(_time, elements) if at is not None]
        patch = _remembered(elements, remember)
        if not below or top not in held:
            patch[top] = stamp(max([*times, floor]))
        done = onward in ("", below) or (bool(times) and max(times) < floor)
        if done:
            patch |= {mark: max(patch.get(top) or held[top], held.get(mark, "")), top: None, place: None}
        elif listing.steady:
            patch[place] = onward
        yield from _commit((yield from _raws(listing, elements)), patch, held)
        if done:
            return
        below = onward


def _page(listing: Listing, answer: Answer) -> tuple[list[Any], str]:
    body = answer.json(dict)
    elements = body.get(listing.rows)
    if not isinstance(elements, list):
        raise PayloadError(f"{listing.path} should answer a list of {listing.rows}; check that the server speaks app.bsky")
    return elements, text_of(body, "cursor")


def _commit(raws: Sequence[Raw], patch: Patch, held: Rows) -> Flow[None]:
    changed: Patch = {row: value for row, value in patch.items() if held.get(row) != value}
    if raws or changed:
        yield from Batch(raws, changed)
    apply(changed, held)


def apply(patch: Patch, held: Rows) -> None:
    """Bring the rows to where a patch brings the stored ones."""
    for row, value in patch.items():
        if value is None:
            held.pop(row, None)
        else:
            held[row] = value


def _time(element: Any) -> datetime | None:
    """The time by which an element is filed: a repost's own, else the post's."""
    body = mapping(element)
    reason, post = mapping(body.get("reason")), body.get("post", body)
    try:
        return sorted_at({}, reason) if reason.get("indexedAt") else sorted_at(mapping(post).get("record"), post)
    except PayloadError:
        return None


def _remembered(elements: Sequence[Any], remember: datetime | None) -> Patch:
    """A row with its time for each recent post."""
    patch: Patch = {}
    for element in elements if remember is not None else ():
        body = mapping(element)
        post = mapping(body.get("post", body))
        uri = text_of(post, "uri")
        try:
            at = sorted_at(post.get("record"), post)
        except PayloadError:
            continue
        if remember is not None and at >= remember and _is_post(uri):
            patch[f"seen:{uri}"] = stamp(at)
    return patch


def _is_post(uri: str) -> bool:
    where = address(uri)
    return where is not None and where.collection == "app.bsky.feed.post"


def _raws(listing: Listing, elements: Sequence[Any]) -> Flow[list[Raw]]:
    """The elements; notifications of posts together with the post's view, which alone shows its pictures."""
    if listing.kind != "notification":
        return [Raw(kind=listing.kind, body=element) for element in elements]
    uris = list(dict.fromkeys(uri for uri in (text_of(element, "uri") for element in elements) if _is_post(uri)))
    views: dict[str, Any] = {}
    for start in range(0, len(uris), TOGETHER):
        views |= yield from found_posts(uris[start : start + TOGETHER])
    return [_notified(element, views.get(text_of(element, "uri"))) for element in elements]


def _notified(element: Any, view: Any) -> Raw:
    if view is None:
        return Raw(kind="notification", body=element)
    return Raw(kind="notified", body={"notification": element, "post": view})


def found_posts(uris: Sequence[str]) -> Flow[dict[str, Any]]:
    """Fetch posts by their addresses, at most 25; those that can't be seen are missing.

    Raises:
        PayloadError: Something else came.
    """
    answer = yield from Call("GET", "/xrpc/app.bsky.feed.getPosts", params={"uris": list(uris)})
    body = answer.json(dict, "posts")
    return {required(post, "uri"): post for post in rows(body["posts"]) if text_of(post, "uri") in uris}
