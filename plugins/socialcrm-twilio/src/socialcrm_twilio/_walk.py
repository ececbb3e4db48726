"""Following a list that is newest first: what is new, then what is recent once more.

Rows of the cursor: ``known``, the time of the newest element that was read whole; ``top`` and ``place``, the newest element and
the next page of a walk that is under way; ``checked``, when what is recent was looked at last. ``known`` moves only with the
last page of a walk, so a walk that dies is taken up at its place and leaves no gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound, RefusedError
from socialcrm_twilio._api import Page, page
from socialcrm_twilio._fields import moment, text_of
from socialcrm_twilio._settings import TwilioSettings

__all__ = ["Listing", "Rows", "follow"]

Rows = Sequence[Mapping[str, Any]]

_OVERLAP = timedelta(minutes=10)
_HOURLY = timedelta(hours=1)
_FRESH = timedelta(minutes=10)
"""What is younger may not be in the list yet: no census counts it."""

_TIMES = ("date_created", "date_sent", "start_time")


@frozen(kw_only=True)
class Listing:
    """One list of the account.

    Args:
        resource: Its path below the account, and its key in the answer: ``Messages``, ``messages``.
        since: The name of its filter "not before this day".
        read: Makes elements of a page's rows, with whatever else has to be read for them, and rows of the cursor.
    """

    resource: str
    since: str
    read: Callable[[Rows], Flow[tuple[list[Raw], dict[str, str | None]]]]


def follow(settings: TwilioSettings, listing: Listing, cursor: Cursor) -> Flow[None]:
    """Read what is new; once an hour, what is recent again, for states and prices that come late and what was deleted."""
    now = yield from Now()
    known = moment(cursor.get("known"))
    yield from _news(settings, listing, cursor, known, now)
    checked = moment(cursor.get("checked"))
    if settings.recheck_days and known is not None and (checked is None or now - checked >= _HOURLY):
        yield from _again(settings, listing, now)


def _news(settings: TwilioSettings, listing: Listing, cursor: Cursor, known: datetime | None, now: datetime) -> Flow[None]:
    floor = known - _OVERLAP if known is not None else _past(now, settings.history_days)
    top, place = moment(cursor.get("top")) or known, cursor.get("place", "")
    while True:
        one = yield from _page(settings, listing, floor, place)
        if one is None:
            place = ""
            continue
        raws, patch = yield from listing.read(one.rows)
        times = [_newest(row) for row in one.rows]
        top = max([at for at in (*times, top) if at is not None], default=None)
        place = one.next
        if not place or _older(times, floor):
            # An account without anything yet is caught up, too: what comes is newer than the day on which we looked.
            end = {"known": _text(top or floor or now - timedelta(days=1)), "top": None, "place": None}
            begun = {} if known is not None else {"checked": _text(now)}
            yield from Batch(raws, {**patch, **end, **begun})
            return
        yield from Batch(raws, {**patch, "top": _text(top) if top else None, "place": place})


def _again(settings: TwilioSettings, listing: Listing, now: datetime) -> Flow[None]:
    """Look at what is recent again. A census ends it only if no element can have slipped from one page to another."""
    since = now - timedelta(days=settings.recheck_days)
    ids: list[str] = []
    place, whole = "", True
    while True:
        one = yield from page(settings.account_sid, listing.resource, listing.resource.lower(), _size(settings), place)
        raws, patch = yield from listing.read(one.rows)
        ids += [text_of(row, "sid") for row in one.rows]
        whole = whole and one.anchored
        place = one.next
        yield from Batch(raws, patch)
        if not place or _older([_newest(row) for row in one.rows], since - timedelta(days=1)):
            break
    told = {"of": listing.resource.lower(), "ids": ids, "since": _text(since), "until": _text(now - _FRESH)}
    census = [Raw("census", told)] if whole and settings.follow_deletions else []
    yield from Batch(census, {"checked": _text(now)})


def _page(settings: TwilioSettings, listing: Listing, floor: datetime | None, place: str) -> Flow[Page | None]:
    """Read a page of a walk; ``None`` where the place is not known any more, so that the walk begins anew."""
    params = {**_size(settings), **({listing.since: floor.date().isoformat()} if floor is not None else {})}
    try:
        return (yield from page(settings.account_sid, listing.resource, listing.resource.lower(), params, place))
    except (RefusedError, NotFound):
        if not place:
            raise
        return None


def _size(settings: TwilioSettings) -> dict[str, str]:
    return {"PageSize": str(settings.page_size)}


def _older(times: Sequence[datetime | None], floor: datetime | None) -> bool:
    """Return whether a page holds nothing but what is older: the list is newest first."""
    return floor is not None and bool(times) and all(at is not None and at < floor for at in times)


def _newest(row: Mapping[str, Any]) -> datetime | None:
    return max([at for at in (moment(row.get(name)) for name in _TIMES) if at is not None], default=None)


def _past(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
