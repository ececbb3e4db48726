"""Following a list that the server shows newest first, and looking again at what it showed.

Invariant: the row ``since`` only moves when a walk from the newest element down to ``since`` is complete, so a walk that is
killed goes on where it stood (``older``) and nothing between is skipped, whatever arrives or disappears meanwhile. ``since``
lags one completed walk behind (``newest``): what was committed out of order is delivered in the next walk, once.
Ids are opaque: no id is compared with another, the server does that (``since_id``, ``max_id``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import field, frozen

from socialcrm.connectors import Answer, Batch, Call, Fields, Flow, Raw
from socialcrm.errors import NotFound, PayloadError, RefusedError
from socialcrm_mastodon._fields import mapping, moment, part, rows, text_of

__all__ = ["Listing", "due", "follow", "late", "recheck"]

Patch = dict[str, str | None]
Rows = MutableMapping[str, str]


@frozen(kw_only=True)
class Listing:
    """A list of statuses or notifications.

    Args:
        path: Where it is.
        params: Its query fields besides the paging ones.
        kind: The raws' kind, ``status`` or ``notification``.
        key: Prefix of its cursor rows, where one stream follows several lists.
        lower: The field that bounds it from below: ``since_id``; for the search, which knows no other, ``min_id``.
        pick: How to get the elements out of the body.
    """

    path: str
    params: Fields = field(factory=dict)
    kind: str = "status"
    key: str = ""
    lower: str = "since_id"
    pick: Callable[[Any], Any] = lambda body: body


def follow(listing: Listing, held: Rows, *, until: datetime | None, remember: datetime | None) -> Flow[None]:
    """Walk from the newest element down to what earlier walks brought.

    Args:
        listing: What to walk.
        held: The stream's cursor rows; kept in step with every batch.
        until: How far back the first walk goes; ``None`` for everything.
        remember: Statuses since then get a row, so that `recheck` finds them; ``None`` for none.
    """
    if listing.key + "older" in held:
        yield from _walk(listing, held, until, remember)
    yield from _walk(listing, held, until, remember)


def _walk(listing: Listing, held: Rows, until: datetime | None, remember: datetime | None) -> Flow[None]:
    """One walk, begun or resumed."""
    names = {name: listing.key + name for name in ("since", "newest", "top", "older")}
    since, older = held.get(names["since"], ""), held.get(names["older"], "")
    while True:
        params = {**listing.params, listing.lower: since, "max_id": older}
        answer = yield from Call("GET", listing.path, params={name: value for name, value in params.items() if value})
        elements = _elements(listing, answer)
        below = _below(answer, elements) if elements else ""
        patch = _remembered(listing, elements, remember)
        if not older and elements:
            patch[names["top"]] = next((_id(element) for element in elements if _id(element)), None)
        top = patch.get(names["top"]) or held.get(names["top"], "")
        done = below in ("", older) or (not since and until is not None and _all_before(elements, until))
        if done:
            patch |= {names["top"]: None, names["older"]: None}
            if top:
                patch |= {names["since"]: held.get(names["newest"]) or top, names["newest"]: top}
        else:
            older = patch[names["older"]] = below
        yield from _commit(listing, elements, patch, held)
        if done:
            return


def _commit(listing: Listing, elements: Sequence[Any], patch: Patch, held: Rows) -> Flow[None]:
    changed: Patch = {row: value for row, value in patch.items() if held.get(row) != value}
    if elements or changed:
        yield from Batch([Raw(kind=listing.kind, body=element) for element in elements], changed)
    _apply(changed, held)


def _apply(patch: Patch, held: Rows) -> None:
    for row, value in patch.items():
        if value is None:
            held.pop(row, None)
        else:
            held[row] = value


def late(listing: Listing, until: datetime) -> Flow[None]:
    """Walk the last hours once more, for statuses that arrived late and were filed under the time they were written at."""
    below = ""
    while True:
        answer = yield from Call("GET", listing.path, params={**listing.params, **({"max_id": below} if below else {})})
        elements, above = _elements(listing, answer), below
        below = _below(answer, elements) if elements else ""
        if elements:
            yield from Batch([Raw(kind=listing.kind, body=element) for element in elements], {})
        if below in ("", above) or _all_before(elements, until):
            return


def _elements(listing: Listing, answer: Answer) -> list[Any]:
    elements = listing.pick(answer.json())
    if not isinstance(elements, list):
        raise PayloadError(f"{listing.path} should answer a list, got {type(elements).__name__}; is it a Mastodon API?")
    return elements


def _id(element: Any) -> str:
    return text_of(element, "id")


def _below(answer: Answer, elements: Sequence[Any]) -> str:
    """The ``max_id`` of the next page: from the Link header, else the last element's id.

    A missing "next" link ends nothing: a page that the server filtered after reading is short, and has none.
    """
    for link in re.finditer(r"<([^>]*)>\s*;([^<]*)", answer.headers.get("link", "")):
        if re.search(r'rel="?next"?', link[2]):
            found = parse_qs(urlsplit(link[1]).query).get("max_id")
            if found:
                return found[0]
    return next((_id(element) for element in reversed(elements) if _id(element)), "")


def _all_before(elements: Sequence[Any], until: datetime) -> bool:
    for element in elements:
        try:
            if moment(element, "created_at") >= until:
                return False
        except PayloadError:
            continue
    return True


def _remembered(listing: Listing, elements: Sequence[Any], remember: datetime | None) -> Patch:
    """A row for each recent status: its time, its author's id, when it was last edited."""
    patch: Patch = {}
    for element in elements if remember is not None else ():
        status = element if listing.kind == "status" else mapping(element).get("status")
        try:
            recent = remember is not None and moment(status, "created_at") >= remember
        except PayloadError:
            continue
        if recent and _id(status):
            patch[f"seen:{_id(status)}"] = _seen(status)
    return patch


def _seen(status: Any) -> str:
    at, author = text_of(status, "created_at"), _id(mapping(status).get("account"))
    return f"{at} {author or '-'} {text_of(status, 'edited_at') or '-'}"


_TOGETHER = 20
"""How many statuses are asked for at once ("View multiple statuses", since 4.3)."""

_EVERY = timedelta(hours=1)


def due(held: Mapping[str, str], now: datetime) -> bool:
    """Whether an hour has gone by since the last `recheck`."""
    return held.get("checked", "") <= (now - _EVERY).isoformat(timespec="seconds")


def recheck(held: Rows, window: timedelta, now: datetime, *, token: bool) -> Flow[None]:
    """Look again at the statuses seen within the window: what was edited is delivered, what is gone is deleted.

    A status is only taken for deleted when it is asked for by itself, is not there, and its author is: neither a server
    in trouble, nor a suspended author, nor one who blocked us looks like a deletion. If most are gone at once that is
    recorded as a doubt and nothing is deleted; if the server finds nothing any more, that is an error and nothing is deleted.

    Args:
        held: The stream's cursor rows; kept in step.
        window: How long a status is looked at.
        now: The time.
        token: Whether we are somebody who can be blocked.
    """
    seen = {row.removeprefix("seen:"): value.split(" ") for row, value in held.items() if row.startswith("seen:")}
    expired = [key for key, value in seen.items() if not _within(value[0], now - window)]
    patch: Patch = {f"seen:{key}": None for key in expired} | {"checked": now.isoformat(timespec="seconds")}
    ids = [key for key in seen if key not in set(expired)]
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(ids), _TOGETHER):
        found |= yield from _look(ids[start : start + _TOGETHER])
    edited = [status for key, status in found.items() if _seen(status) != " ".join(seen[key])]
    patch |= {f"seen:{_id(status)}": _seen(status) for status in edited}
    gone = yield from _gone([key for key in ids if key not in found], seen, token=token)
    raws = [Raw(kind="status", body=status) for status in edited]
    if len(gone) >= 10 and len(gone) * 2 > len(ids):
        reason = f"{len(gone)} of {len(ids)} statuses seemed deleted at once; none was taken for deleted"
        since = min(seen[key][0] for key in gone)
        raws.append(Raw(kind="doubt", body={"id": f"recheck-{since}", "since": since, "at": now.isoformat(), "reason": reason}))
    else:
        raws += [Raw(kind="deleted", body={"id": key}) for key in gone]
        patch |= {f"seen:{key}": None for key in gone}
    yield from Batch(raws, patch)
    _apply(patch, held)


def _within(at: str, since: datetime) -> bool:
    try:
        return moment({"at": at}, "at") >= since
    except PayloadError:
        return False


def _look(ids: Sequence[str]) -> Flow[dict[str, Mapping[str, Any]]]:
    """Fetch statuses together; one by one where the server is older than 4.3 or of another make."""
    found: dict[str, Mapping[str, Any]] = {}
    try:
        answer = yield from Call("GET", "/api/v1/statuses", params={"id[]": list(ids)})
        found = {_id(status): status for status in rows(answer.json()) if _id(status) in ids}
    except (NotFound, RefusedError):
        pass
    for key in ids:
        if key not in found:
            try:
                answer = yield from Call("GET", f"/api/v1/statuses/{part(key)}")
            except NotFound:
                continue
            found[key] = mapping(answer.json())
            if _id(found[key]) != key:
                raise PayloadError(f"status {key} was asked for, and something else came; is it a Mastodon API?")
    return found


def _gone(missing: Sequence[str], seen: Mapping[str, Sequence[str]], *, token: bool) -> Flow[list[str]]:
    """Which of the missing statuses their authors (still there, and not hiding from us) must have deleted."""
    hidden: dict[str, bool] = {}
    gone = []
    for key in missing:
        author = seen[key][1]
        if author not in hidden:
            hidden[author] = author != "-" and (yield from _hides(author, token=token))
        if not hidden[author]:
            gone.append(key)
    return gone


def _hides(author: str, *, token: bool) -> Flow[bool]:
    """Whether the author is suspended or blocked us (entities "Account", suspended; "Relationship", blocked_by)."""
    try:
        answer = yield from Call("GET", f"/api/v1/accounts/{part(author)}")
    except NotFound:
        # Where nothing at all is found, a proxy or a wrong address answers, and nobody has deleted anything.
        yield from Call("GET", "/api/v1/accounts/verify_credentials" if token else "/api/v2/instance")
        return False
    if mapping(answer.json()).get("suspended"):
        return True
    if not token:
        return False
    answer = yield from Call("GET", "/api/v1/accounts/relationships", params={"id[]": [author]})
    return any(mapping(row).get("blocked_by") or mapping(row).get("domain_blocking") for row in rows(answer.json()))
