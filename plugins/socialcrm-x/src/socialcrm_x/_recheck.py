"""Looking posts up again: X announces neither edits nor, without a webhook, deletions.

A post is taken for deleted when the look-up says so of it by name ("Partial errors": ``resource-not-found``), and its author is
neither suspended nor protected: of those, posts are hidden and not gone. What the answer does not mention is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Call, Flow, Raw
from socialcrm.errors import PayloadError
from socialcrm_x._ask import split
from socialcrm_x._fields import mapping, rows, text_of
from socialcrm_x._follow import Rows, commit, seen
from socialcrm_x._ids import time_of
from socialcrm_x._people import is_protected
from socialcrm_x._posts import first_of, history

__all__ = ["due", "recheck"]

_TOGETHER = 100
"""How many posts or users are looked up at once (reference: ``GET /2/tweets``, ``GET /2/users``)."""

_EVERY = timedelta(hours=1)


def due(held: Mapping[str, str], now: datetime) -> bool:
    """Whether an hour has gone by since the last look, or a webhook asked for one."""
    return "poke" in held or held.get("checked", "") <= (now - _EVERY).isoformat(timespec="seconds")


def recheck(held: Rows, window: timedelta, now: datetime, fields: Mapping[str, str]) -> Flow[None]:
    """Look up what was seen within the window: edits are delivered, what is gone is deleted.

    If ten or more and most of all seem deleted at once, nothing is, and the doubt is recorded as a hole.

    Args:
        held: The stream's cursor rows; kept in step.
        window: How long a post is looked at.
        now: The time.
        fields: The query fields for posts.
    """
    known = {row.removeprefix("seen:"): value for row, value in held.items() if row.startswith("seen:")}
    old = [key for key in known if (at := time_of(key)) is None or at < now - window]
    patch: dict[str, str | None] = {f"seen:{key}": None for key in old}
    latest = {known[key].partition(" ")[0]: key for key in known if key not in set(old)}
    raws, newer, missing = yield from _look(list(latest), fields, latest)
    if newer:
        more, _, _ = yield from _look(sorted(newer), fields, {})
        raws += more
    for raw in raws:
        post = mapping(raw.body).get("data") if raw.kind == "post" else None
        if post is not None:
            patch[f"seen:{first_of(post)}"] = seen(post)
    gone = yield from _gone({latest[key]: known[latest[key]].partition(" ")[2] for key in missing})
    if len(gone) >= 10 and len(gone) * 2 > len(latest):
        reason = f"{len(gone)} of {len(latest)} posts seemed deleted at once; none was taken for deleted"
        doubt = {"id": f"recheck-{_iso(now)}", "since": _iso(now - window), "at": _iso(now), "reason": reason}
        raws.append(Raw(kind="hole", body=doubt))
    else:
        raws += [Raw(kind="deleted", body={"id": key}) for key in gone]
        patch |= {f"seen:{key}": None for key in gone}
    yield from commit(raws, {**patch, "checked": _iso(now), "poke": None}, held)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _look(
    ids: Sequence[str], fields: Mapping[str, str], latest: Mapping[str, str]
) -> Flow[tuple[list[Raw], set[str], list[str]]]:
    """Fetch posts. Returns the new versions among them, ids of still newer ones, and ids that X says are not there."""
    fresh: list[Raw] = []
    newer: set[str] = set()
    missing: list[str] = []
    for start in range(0, len(ids), _TOGETHER):
        chunk = ids[start : start + _TOGETHER]
        answer = yield from Call("GET", "/2/tweets", params={"ids": ",".join(chunk), **fields}, bucket="lookup")
        body = _looked_up(answer.json(dict), "GET /2/tweets")
        for raw in split(body, "post"):
            post = mapping(raw.body).get("data") if raw.kind == "post" else None
            if post is not None and history(post)[-1] != text_of(post, "id"):
                newer.add(history(post)[-1])
            elif post is not None and not latest:
                fresh.append(raw)
        missing += [key for key in _absent(body, "tweet", "post") if key in chunk]
    return fresh, newer, missing


def _looked_up(body: dict[str, Any], what: str) -> dict[str, Any]:
    if not isinstance(body.get("data"), list) and not isinstance(body.get("errors"), list):
        raise PayloadError(f"{what} answered neither data nor errors; check that the address is X's API")
    return body


def _absent(body: Mapping[str, Any], *kinds: str) -> list[str]:
    """The ids that X names as not found; suspended, protected and withheld ones have other problem types or words."""
    return [
        text_of(error, "resource_id") or text_of(error, "value")
        for error in rows(body.get("errors"))
        if text_of(error, "type").endswith("/resource-not-found")
        and text_of(error, "resource_type") in kinds
        and "suspend" not in text_of(error, "detail").lower()
    ]


def _gone(missing: Mapping[str, str]) -> Flow[list[str]]:
    """Which of the missing posts their authors must have deleted.

    Args:
        missing: Author's id by post's id; ``-`` where it is not known.
    """
    authors = sorted({author for author in missing.values() if author != "-"})
    hidden: set[str] = set()
    for start in range(0, len(authors), _TOGETHER):
        chunk = authors[start : start + _TOGETHER]
        answer = yield from Call("GET", "/2/users", params={"ids": ",".join(chunk), "user.fields": "protected"}, bucket="users")
        body = _looked_up(answer.json(dict), "GET /2/users")
        there = {text_of(user, "id") for user in rows(body.get("data")) if not is_protected(user)}
        hidden |= set(chunk) - there - set(_absent(body, "user"))
    return [key for key, author in missing.items() if author not in hidden]
