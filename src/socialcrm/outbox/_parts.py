"""Which parts of a reply stand on the platform, and which it could not deliver after all.

Invariant: the cursor holds a row ``part:N`` for each part that has left, from that moment until a person orders it once more;
a part with a row is never sent. ``ids`` has a place for each part, empty where the platform could not deliver it. What it
could not deliver is written down in the stored message: under ``lost`` until the next order, under ``gone`` for ever after.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from socialcrm.store import Tx, tables

__all__ = ["bounced", "delivered", "gap", "left", "names_gone", "order", "receipts", "rows", "until"]

_TABLE = tables.outbox
_PART = "part:"
_OVER = ("sent", "reconciled", "failed")


def rows(ids: Sequence[str], parts: int) -> dict[str, str]:
    """Return a cursor's rows for the first so many parts. Where there are fewer ids, the last one stands for the rest."""
    return {f"{_PART}{place}": ids[min(place, len(ids) - 1)] if ids else "" for place in range(parts)}


def left(cursor: Iterable[str]) -> int:
    """Return how many parts have left, as a cursor's rows tell."""
    return sum(key.startswith(_PART) for key in cursor)


def gap(cursor: Mapping[str, str], parts: int) -> tuple[int, int]:
    """Return where the first parts that are to leave begin and end; twice the number of parts where all have left."""
    there = [f"{_PART}{place}" in cursor for place in range(parts)]
    first = there.index(False) if False in there else parts
    return first, there.index(True, first) if True in there[first:] else parts


def until(cursor: Mapping[str, str], first: int) -> dict[str, str]:
    """Return a cursor without what it says of parts from a place on."""
    return {key: value for key, value in cursor.items() if not key.startswith(_PART) or _place(key) < first}


def names_gone(message: Mapping[str, Any], patch: Mapping[str, str | None]) -> bool:
    """Tell whether rows of parts name a message that could not be delivered under an earlier order."""
    told = {value for key, value in patch.items() if key.startswith(_PART)}
    return not told.isdisjoint(message.get("gone", ()))


def delivered(tx: Tx, key: int, state: str, ids: Sequence[str], *, sent: int, failed: Mapping[str, str]) -> str:
    """Store the platform's ids of a reply that has left, all of it.

    Args:
        tx: A writing transaction.
        key: The reply.
        state: ``sent`` or ``reconciled``.
        ids: One for each part.
        sent: When, in microseconds UTC.
        failed: What is known already of ids that could not be delivered, with the reasons.

    Returns:
        Why it has failed all the same; empty where it has not.
    """
    row = _row(tx, key)
    if row is None:
        return ""
    message = json.loads(row.message)
    count = len(message["parts"])
    reasons = {**{one: loss["reason"] for one, loss in message.get("lost", {}).items()}, **failed}
    message["lost"] = {one: _loss(ids, one, count, reasons[one]) for one in ids if one in reasons}
    cursor = {**rows(ids, count), **json.loads(row.cursor or "{}")}
    error = _told(message["lost"], count)
    told = json.dumps(["" if one in reasons else one for one in ids])
    values = ("failed" if error else state, told, json.dumps(message), json.dumps(cursor), sent, error, None, "", "")
    tx.update(_TABLE, ("state", "ids", "message", "cursor", "sent", "error", "next", "lease", "intent"), [(*values, key)])
    return error


def receipts(ids: Sequence[str], lost: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ids as the platform told them, those included that it could not deliver."""
    told = list(ids)
    for one, loss in lost.items():
        told[loss["parts"][0]] = one
    return tuple(told)


def bounced(tx: Tx, key: int, one: str, reason: str | None) -> None:
    """Store that the platform could not deliver a part that it had taken, or that it could after all.

    While the reply is on its way, that counts at its end. What says nothing new, or is about an earlier try, changes nothing.

    Args:
        tx: A writing transaction.
        key: The reply.
        one: The platform's id of the part.
        reason: Why; ``None`` if it was delivered after all.
    """
    row = _row(tx, key)
    if row is None:
        return
    message, ids = json.loads(row.message), json.loads(row.ids or "[]")
    lost, count = message.get("lost", {}), len(message.get("parts", ()))
    if reason is None and one in lost:
        ids[lost.pop(one)["parts"][0]] = one
    elif reason is not None and one in ids:
        lost[one] = _loss(ids, one, count, reason)
        ids[ids.index(one)] = ""
    else:
        return
    state, error = row.state, row.error
    if state in _OVER:
        state, error = ("failed", _told(lost, count)) if lost else ("sent", "") if all(ids) else (state, error)
    told = (state, error, json.dumps(ids), json.dumps({**message, "lost": lost}))
    tx.update(_TABLE, ("state", "error", "ids", "message"), [(*told, key)])


def order(row: Row[Any], uid: str, now: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a failed reply's message and cursor for the next try: what could not be delivered has not left.

    It goes under a name and a time of its own, so that nobody takes it for what is gone.
    """
    message, cursor = json.loads(row.message), json.loads(row.cursor or "{}")
    lost = message.pop("lost", {})
    if lost:
        message |= {"id": uid, "at": now, "gone": [*message.get("gone", ()), *lost]}
        again = {f"{_PART}{place}" for entry in lost.values() for place in entry["parts"]}
        cursor = {name: value for name, value in cursor.items() if name not in again}
    # where nothing stands, files and all are sent from the beginning
    return message, cursor if left(cursor) or not lost else {}


def _row(tx: Tx, key: int) -> Row[Any] | None:
    return tx.row(select(_TABLE).where(_TABLE.c.ws == tx.ws, _TABLE.c.id == key))


def _place(key: str) -> int:
    number = key.removeprefix(_PART)
    return int(number) if number.isdecimal() else 0


def _loss(ids: Sequence[str], one: str, count: int, reason: str) -> dict[str, Any]:
    first = ids.index(one)
    return {"parts": list(range(first, count if first == len(ids) - 1 else first + 1)), "reason": reason}


def _told(lost: Mapping[str, Mapping[str, Any]], count: int) -> str:
    if not lost:
        return ""
    places = sorted({place + 1 for entry in lost.values() for place in entry["parts"]})
    reasons = dict.fromkeys(entry["reason"] or "it does not say why" for entry in lost.values())
    many = len(places) > 1
    which = " and ".join(filter(None, (", ".join(map(str, places[:-1])), str(places[-1]))))
    what = "it" if len(places) == count else f"part{'s' if many else ''} {which} of {count}"
    them = "them" if many and what != "it" else "it"
    return f"the platform took {what}, and could not deliver {them}: {'; '.join(reasons)}"
