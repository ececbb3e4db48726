"""What was taken back.

What a server holds is the only proof that an article was cancelled: anybody can write a cancel message or a Supersedes line in
anybody's name, and servers decide which they obey (RFC 5537, section 5.3). So articles are counted off by a `Census` of what is
there. An article that merely expired is no cancelled one: see `socialcrm_nntp._place.Place.window`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Flow, Now, Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Census, utc
from socialcrm_nntp._overview import overview
from socialcrm_nntp._place import Place
from socialcrm_nntp._session import Nntp
from socialcrm_nntp._settings import NntpSettings

__all__ = ["look_back", "read_census"]

_SPAN = 2000
SETTLED = timedelta(minutes=10)
"""A server may show a new article some minutes after it took it; what was just written is not counted off."""
MODERATED = timedelta(days=3)
"""A moderator may take days; until then what we posted is neither there nor gone."""


def look_back(nntp: Nntp, places: Sequence[Place], rescanned: str, settings: NntpSettings, *, moderated: bool) -> Flow[None]:
    """Count what is there in all groups, if that is due.

    Args:
        nntp: The connection.
        places: Where we stand in each followed group.
        rescanned: When it was done last, as the cursor holds it; empty for never.
        settings: How often, and how far back.
        moderated: A moderator stands before one of the groups.
    """
    now: datetime = yield from Now()
    last = datetime.fromtimestamp(int(rescanned), UTC) if rescanned.isdecimal() and len(rescanned) < 12 else None
    if not settings.rescan_days or (last is not None and now - last < timedelta(minutes=settings.rescan_minutes)):
        return
    until = now - (MODERATED if moderated else SETTLED)
    since, ids = datetime.fromtimestamp(0, UTC), set[str]()
    for place in places:
        group = yield from nntp.group(place.name)
        window = place.window(group.low, now, settings.rescan_days)
        if window is None or window[0] >= until:
            return
        since = max(since, window[0])
        for start in range(window[1] + 1, group.high + 1, _SPAN):
            for entry in (yield from overview(nntp, max(start, 1), min(start + _SPAN - 1, group.high))):
                ids.add(entry.id or (yield from nntp.stat(str(entry.number))))
    body = {"since": since.isoformat(), "until": until.isoformat(), "ids": sorted(ids - {""})}
    yield from Batch([Raw(kind="census", body=body)], {"rescanned": str(int(now.timestamp()))})


def read_census(body: Any) -> Census:
    """Return what a raw census says.

    Raises:
        PayloadError: It can't be read.
    """
    try:
        if not isinstance(body, Mapping) or not isinstance(body["ids"], list):
            raise TypeError("no ids")
        since, until = (utc(datetime.fromisoformat(body[name])) for name in ("since", "until"))
        return Census(id="rescan", ids=frozenset(map(str, body["ids"])), since=since, until=until)
    except (KeyError, TypeError, ValueError) as error:
        raise PayloadError(f"nntp: a census that can't be read ({error}); the next look back brings another one") from None
