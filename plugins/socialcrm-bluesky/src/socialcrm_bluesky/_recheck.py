"""Looking again at posts, because nobody tells when one is deleted: it is just no longer there.

Invariant: a post is only taken for deleted when it was asked for by its address, is not there, and its author still is and
hides nothing from us, or is gone altogether. A block, a suspension and a server in trouble are no deletions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm.errors import ForbiddenError, NotFound
from socialcrm_bluesky._fields import mapping, required
from socialcrm_bluesky._follow import TOGETHER, Rows, apply, found_posts, stamp
from socialcrm_bluesky._ids import address, instant

__all__ = ["recheck"]

_MANY = 10


def recheck(held: Rows, window: timedelta, now: datetime) -> Flow[None]:
    """Ask for every post seen within the window. If ten or more, and most, are gone at once, that is only noted as a doubt.

    Args:
        held: The stream's cursor rows; kept in step.
        window: For how long a post is looked at.
        now: The time.
    """
    seen = {row.removeprefix("seen:"): instant(at) for row, at in held.items() if row.startswith("seen:")}
    uris = [uri for uri, at in seen.items() if at is not None and at >= now - window]
    patch: dict[str, str | None] = {f"seen:{uri}": None for uri in set(seen) - set(uris)}
    there: set[str] = set()
    for start in range(0, len(uris), TOGETHER):
        there |= set((yield from found_posts(uris[start : start + TOGETHER])))
    gone = yield from _deleted([uri for uri in uris if uri not in there])
    if len(gone) >= _MANY and len(gone) * 2 > len(uris):
        raws = [_doubt(len(gone), len(uris), stamp(now - window), stamp(now))]
    else:
        raws = [Raw(kind="deleted", body={"uri": uri}) for uri in gone]
        patch |= {f"seen:{uri}": None for uri in gone}
    patch["checked"] = stamp(now)
    yield from Batch(raws, patch)
    apply(patch, held)


def _doubt(gone: int, asked: int, since: str, at: str) -> Raw:
    reason = f"{gone} of {asked} posts seemed deleted at once; none was taken for deleted"
    return Raw(kind="doubt", body={"id": f"recheck-{at}", "since": since, "at": at, "reason": reason})


def _deleted(missing: Sequence[str]) -> Flow[list[str]]:
    """Which of the missing posts are gone for good, by asking for their authors."""
    hides: dict[str, bool] = {}
    gone = []
    for uri in missing:
        where = address(uri)
        author = where.authority if where is not None else ""
        if author not in hides:
            hides[author] = yield from _hides(author)
        if not hides[author]:
            gone.append(uri)
    return gone


def _hides(author: str) -> Flow[bool]:
    """Whether an author is suspended, deactivated, or on the other side of a block ("app.bsky.actor.getProfile")."""
    try:
        answer = yield from Call("GET", "/xrpc/app.bsky.actor.getProfile", params={"actor": author})
    except ForbiddenError:
        return True
    except NotFound:
        return False
    body: Any = answer.json(dict)
    required(body, "did")
    viewer = mapping(body.get("viewer"))
    return any(viewer.get(name) for name in ("blockedBy", "blocking", "blockingByList"))
