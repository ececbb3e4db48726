"""What is new in each group, by article numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound, SettingsError
from socialcrm_nntp._overview import Entry, overview
from socialcrm_nntp._place import Place, digest
from socialcrm_nntp._rescan import look_back
from socialcrm_nntp._session import Group, Nntp
from socialcrm_nntp._settings import NntpSettings
from socialcrm_nntp._wildmat import matches, plain_names

__all__ = ["follow_groups", "resolve_groups"]

SPAN, WIDEST = 500, 16_000
BATCH, BUDGET = 50, 8 * 2**20
_ROWS = ("group:", "known:", "marks:")


def resolve_groups(nntp: Nntp, patterns: Sequence[str]) -> Flow[dict[str, str]]:
    """Return the groups that are meant, with their status (``y``, ``n``, ``m``), empty where the server lists no such group.

    Raises:
        SettingsError: No group is set.
        NotFound: The patterns fit none.
    """
    if not patterns:
        raise SettingsError(f"{nntp.where}: no groups are set; name some in the channel's settings, such as groups='acme.*'")
    names = plain_names(patterns)
    listed: dict[str, str] = {}
    for wildmat in _joined(names or [pattern for pattern in patterns if not pattern.startswith("!")]):
        listed |= yield from nntp.active(wildmat)
    if names:
        return {name: listed.get(name, "") for name in names}
    found = {name: status for name, status in sorted(listed.items()) if matches(patterns, name)}
    if not found:
        raise NotFound(
            f"{nntp.where}: no group fits {', '.join(patterns)}; check the channel's groups, and what we may read there"
        )
    return found


def _joined(patterns: Sequence[str]) -> Iterator[str]:
    """Join patterns with commas, within what one command may hold (512 octets, RFC 3977, section 3.1)."""
    kept = ""
    for pattern in patterns:
        if kept and len(f"{kept},{pattern}".encode()) > 400:
            yield kept
            kept = ""
        kept = f"{kept},{pattern}" if kept else pattern
    if kept:
        yield kept


def follow_groups(nntp: Nntp, cursor: Cursor, settings: NntpSettings) -> Flow[None]:
    """Fetch what is new in each group, then look back for what is gone.

    Raises:
        NotFound: A group is not there; all others were followed.
    """
    status = yield from resolve_groups(nntp, settings.groups)
    cursor = yield from _leave(cursor, status)
    places: list[Place] = []
    missing: NotFound | None = None
    for name in status:
        try:
            group = yield from nntp.group(name)
        except NotFound as error:
            missing = error
            continue
        places.append((yield from _follow(nntp, group, Place.of(name, cursor), settings)))
    if missing is not None:
        raise missing
    yield from look_back(nntp, places, cursor.get("rescanned", ""), settings, moderated="m" in status.values())


def _leave(cursor: Cursor, status: dict[str, str]) -> Flow[Cursor]:
    """Drop the rows of groups that are no longer followed; what they held is not counted off with the rest."""
    left = {name for key in cursor if (name := key.removeprefix("group:")) != key and name not in status}
    if not left:
        return cursor
    time = int((yield from Now()).timestamp())
    patch: dict[str, str | None] = {prefix + name: None for name in left for prefix in _ROWS if prefix + name in cursor}
    for name in status:
        if f"group:{name}" in cursor:
            patch |= Place.of(name, cursor).forget(time).rows
    yield from Batch((), patch)
    kept = {**cursor, **patch}
    return {key: value for key, value in kept.items() if value is not None}


def _follow(nntp: Nntp, group: Group, known: Place, settings: NntpSettings) -> Flow[Place]:
    place = yield from _recognised(nntp, group, known, settings)
    stored = known.rows if known.marks else {}
    start, span = max(place.last + 1, group.low, 1), SPAN
    while start <= group.high:
        end = min(start + span - 1, group.high)
        entries = yield from overview(nntp, start, end)
        for piece in _pieces(entries, settings.max_size):
            raws = yield from _raws(nntp, group.name, piece, settings.max_size)
            place = place.read(piece[-1].number, ((entry.number, entry.id) for entry in piece))
            stored = place.rows
            yield from Batch(raws, stored)
        # A group whose numbers have wide gaps is crossed in wider steps.
        start, span = end + 1, SPAN if entries else min(span * 4, WIDEST)
    marked = place.marked((yield from Now()), settings.rescan_days)
    if marked.rows != stored:
        yield from Batch((), marked.rows)
    return marked


def _recognised(nntp: Nntp, group: Group, place: Place, settings: NntpSettings) -> Flow[Place]:
    """Return where to go on: where we stand, or at the beginning of a group that we do not know (any more)."""
    start = max(group.low, group.high - settings.history + 1 if settings.history else 1, 1)
    if not place.marks:
        return Place.first(group.name, start)
    other = group.high < place.last and bool(group.count or group.high)
    for number, seen in place.known:
        if group.low <= number <= group.high and (found := (yield from nntp.stat(str(number)))):
            # The highest number may lag behind for a while where several servers share the work.
            other = digest(found) != seen
            break
    return Place.first(group.name, start, int((yield from Now()).timestamp())) if other else place


def _pieces(entries: Sequence[Entry], limit: int) -> Iterator[list[Entry]]:
    """Cut overviews into batches that fit in memory."""
    piece: list[Entry] = []
    weight = 0
    for entry in entries:
        size = entry.size if entry.size <= limit else 0
        if piece and (len(piece) >= BATCH or weight + size > BUDGET):
            yield piece
            piece, weight = [], 0
        piece.append(entry)
        weight += size
    if piece:
        yield piece


def _raws(nntp: Nntp, group: str, piece: Sequence[Entry], limit: int) -> Flow[list[Raw]]:
    long = {entry.number: entry.size for entry in piece if entry.size > limit}
    found = yield from nntp.articles([entry.number for entry in piece if entry.number not in long])
    if long:
        found |= yield from nntp.articles(list(long), "HEAD")
    raws = []
    for number in sorted(found):
        body = found[number]
        context = {"group": group, "number": str(number)}
        if isinstance(body, str):
            raws.append(Raw(kind="unreadable", body={"why": body}, context=context))
            continue
        if number in long:
            context["size"] = str(long[number])
        raws.append(Raw(kind="article", body=body, context=context))
    return raws
