"""Following a list in HyperKitty's API (``/api/list/LIST/emails/``), which pages by counting from the newest mail.

Invariant: a walk never leaves out a mail that was archived all along. The API orders by the time of archiving, newest first, so
new mail, in threads however old, comes at the front and moves everything to the right. Places are therefore counted from the
oldest mail, where nothing moves; pages overlap; and a page is only believed if it holds the last mail seen, or reaches the
oldest one. A mail that is found further from the oldest than before had older ones put beneath it (an archive was imported):
then the walk begins anew. What was deleted behind us brings it nearer, which is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from socialcrm.connectors import All, Answer, Batch, Call, Cursor, Flow, Raw
from socialcrm.errors import NotFound, PayloadError
from socialcrm_mailinglist._parse import hash_in, text_of
from socialcrm_mailinglist._place import Place

__all__ = ["describe", "find", "follow"]

SIZE = 50
"""Mails a page; each is asked for by itself, because a page holds no texts."""

OVERLAP = 10
ANCHORS = 5
"""How many of the last mails seen are remembered: an owner may delete the very last one."""

TOGETHER = 10
PATIENCE = 3
"""How many mails may vanish in one sync between being listed and being fetched."""


@frozen(kw_only=True)
class _Page:
    """Mails that come behind the last ones seen, oldest first; how many there are up to its end; whether that is the end."""

    rows: tuple[Mapping[str, Any], ...]
    seen: int
    newest: bool
    again: bool = False


def describe(place: Place) -> Flow[dict[str, Any]]:
    """Return what the archive says of the list: name, ``subject_prefix``, ``archive_policy``.

    Raises:
        NotFound: There is no such list.
        ForbiddenError: Its archive is for members, and we are none, or not logged in.
    """
    answer = yield from Call("GET", place.api())
    return answer.json(dict, "name", "archive_policy")


def follow(place: Place, cursor: Cursor) -> Flow[None]:
    """Bring what was archived since the cursor. Rows: ``seen`` (how many mails), ``last`` (hashes, the last first)."""
    told = yield from describe(place)
    context = {
        "list": place.list,
        "prefix": text_of(told.get("subject_prefix")),
        "policy": text_of(told.get("archive_policy")),
    }
    seen, last = int(cursor.get("seen") or 0), (cursor.get("last") or "").split()
    ids: dict[str, str] = {}
    vanished = 0
    while True:
        page = yield from _next_page(place, seen, last)
        if page.again:
            seen, last = 0, []
            continue
        seen = page.seen - len(page.rows)
        try:
            for group in _groups(page.rows, TOGETHER):
                raws = yield from _bodies(place, group, ids, context)
                seen += len(group)
                last = [*(text_of(row["message_id_hash"]) for row in reversed(group)), *last][:ANCHORS]
                yield from Batch(raws, {"seen": str(seen), "last": " ".join(last)})
        except NotFound:
            # A mail was deleted after it was listed; a page read anew does not list it.
            vanished += 1
            if vanished > PATIENCE:
                raise
            continue
        if page.newest:
            return


def find(place: Place, hash: str) -> Flow[dict[str, Any] | None]:  # noqa: A002 - HyperKitty's word
    """Return the mail with a hash, ``None`` if the archive does not hold it."""
    try:
        answer = yield from Call("GET", place.api(f"email/{hash}/"))
    except NotFound:
        return None
    return answer.json(dict, "message_id", "message_id_hash")


def _next_page(place: Place, seen: int, last: Sequence[str]) -> Flow[_Page]:
    rows, total = yield from _read(place, 0)
    page = _judge(rows, total, 0, seen, last)
    start = max(0, seen - OVERLAP)
    while page is None:
        offset = max(0, total - start - SIZE)
        rows, total = yield from _read(place, offset)
        page = _judge(rows, total, offset, seen, last)
        start = max(0, start - SIZE + OVERLAP)
    return page


def _judge(rows: Sequence[Mapping[str, Any]], total: int, offset: int, seen: int, last: Sequence[str]) -> _Page | None:
    """Return what a page brings; ``None`` if it lies too far from what we saw to be believed."""
    hashes = [text_of(row.get("message_id_hash")) for row in rows]
    anchor = next((one for one in last if one in hashes), None)
    known = None if anchor is None else hashes.index(anchor)
    if known is None and offset + len(rows) < total:
        return None
    fresh = tuple(reversed(rows if known is None else rows[:known]))
    return _Page(
        rows=fresh,
        seen=max(0, total - offset),
        newest=offset == 0,
        again=known is not None and anchor is not None and total - offset - known > seen - last.index(anchor),
    )


def _read(place: Place, offset: int) -> Flow[tuple[list[dict[str, Any]], int]]:
    answer = yield from Call("GET", place.api("emails/"), params={"limit": str(SIZE), "offset": str(offset)})
    told = answer.json(dict, "count", "results")
    rows, total = told["results"], told["count"]
    good = isinstance(rows, list) and all(isinstance(row, dict) and text_of(row.get("message_id_hash")) for row in rows)
    if not good or not isinstance(total, int):
        raise PayloadError("mailing list: the list of mails has another form than HyperKitty's; check the setting 'archive'")
    return rows, total


def _groups(rows: Sequence[Mapping[str, Any]], size: int) -> list[Sequence[Mapping[str, Any]]]:
    return [rows[place : place + size] for place in range(0, len(rows), size)]


def _bodies(
    place: Place, rows: Sequence[Mapping[str, Any]], ids: dict[str, str], context: Mapping[str, str]
) -> Flow[list[Raw]]:
    """Fetch whole mails. A mail names its parent by hash only, so a parent that was not seen yet is looked up."""
    answers = yield from All([_mail(place, text_of(row["message_id_hash"])) for row in rows])
    bodies = [_checked(answer) for answer in answers]
    ids.update({text_of(body["message_id_hash"]): text_of(body["message_id"]) for body in bodies})
    parents = [hash_in(body.get("parent")) for body in bodies]
    missing = sorted({parent for parent in parents if parent and parent not in ids})
    for answer in (yield from All([_mail(place, parent) for parent in missing])) if missing else ():
        parent = _checked(answer)
        ids[text_of(parent["message_id_hash"])] = text_of(parent["message_id"])
    return [
        Raw("email", body, {**context, **({"parent": ids[parent]} if parent in ids else {})})
        for body, parent in zip(bodies, parents, strict=True)
    ]


def _mail(place: Place, hash: str) -> Call:  # noqa: A002 - HyperKitty's word
    return Call("GET", place.api(f"email/{hash}/"))


def _checked(answer: Answer) -> dict[str, Any]:
    return answer.json(dict, "message_id", "message_id_hash", "date", "content")
