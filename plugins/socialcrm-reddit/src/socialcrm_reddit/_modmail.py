"""Following modmail: conversations by their last change, each fetched whole, because the list shows the last message only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm.errors import PayloadError
from socialcrm_reddit._fields import mapping, moment, part, rows, text_of
from socialcrm_reddit._mail import conversation_of
from socialcrm_reddit._walk import PAGE, Patch, Rows, apply

__all__ = ["CONVERSATIONS", "follow_mail"]

CONVERSATIONS = "/api/mod/conversations"

_STATES = ("all", "archived", "appeals", "join_requests", "filtered")
"""``all`` leaves out what is archived and what moderators discuss among themselves; the latter is nobody's business here."""

_KEPT = timedelta(days=2)
_OVERLAP = timedelta(minutes=10)


def follow_mail(held: Rows, now: datetime, history: timedelta) -> Flow[None]:
    """Fetch every conversation that changed since the last look.

    Args:
        held: The stream's cursor rows; kept in step.
        now: The time.
        history: How far back the first look goes; zero for everything.
    """
    for state in _STATES:
        yield from _state(state, held, now, history)
    edge = (now - _KEPT).isoformat()
    talks = {row: changed for row, changed in held.items() if row.startswith("talk:")}
    old: Patch = {row: None for row, changed in talks.items() if changed < edge and _settled(changed, held)}
    if old:
        yield from Batch([], old)
        apply(old, held)


def _settled(changed: str, held: Mapping[str, str]) -> bool:
    """Whether every state's walk stops above a conversation that changed then."""
    edge = (datetime.fromisoformat(changed) + _OVERLAP).isoformat()
    return all(held.get(f"{state} mark", "9") > edge for state in _STATES if f"{state} mark" in held)


def _state(state: str, held: Rows, now: datetime, history: timedelta) -> Flow[None]:
    mark = held.get(f"{state} mark")
    since = datetime.fromisoformat(mark) - _OVERLAP if mark else now - history if history else None
    after, top = "", mark or ""
    while True:
        params = {"state": state, "sort": "recent", "limit": PAGE, "raw_json": "1", **({"after": after} if after else {})}
        body = (yield from Call("GET", CONVERSATIONS, params=params)).json(dict, "conversations", "conversationIds")
        order = [key for key in rows(body["conversationIds"]) if isinstance(key, str) and key]
        talks = mapping(body["conversations"])
        old = 0
        for key in order:
            changed = moment(talks.get(key), "lastUpdated")
            top = max(top, changed.isoformat())
            if since is not None and changed < since:
                old += 1
            elif held.get(f"talk:{key}") != changed.isoformat():
                yield from _talk(key, held)
        if not order or old == len(order) or order[-1] == after:
            break
        after = order[-1]
    if top and top != mark:
        yield from Batch([], {f"{state} mark": top})
        held[f"{state} mark"] = top


def _talk(key: str, held: Rows) -> Flow[None]:
    body: Any = (yield from Call("GET", f"{CONVERSATIONS}/{part(key)}", params={"raw_json": "1"})).json(dict, "messages")
    talk = conversation_of(body)
    if text_of(talk, "id") != key:
        raise PayloadError(f"modmail conversation {key} was asked for, and something else came; is it Reddit's API?")
    patch = {f"talk:{key}": moment(talk, "lastUpdated").isoformat()}
    yield from Batch([Raw("modmail", body)], patch)
    apply(patch, held)
