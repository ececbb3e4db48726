"""The server's own search ("Server side search")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from socialcrm.connectors import Batch, Call, Flow
from socialcrm_matrix._fields import mapping, rows, text_of
from socialcrm_matrix._follow import elements
from socialcrm_matrix._rooms import Room, look

__all__ = ["search"]


def search(query: str) -> Flow[None]:
    """Yield what a query finds, page by page."""
    known: dict[str, Room] = {}
    context = {"before_limit": 0, "after_limit": 0, "include_profile": True}
    wanted = {"search_term": query, "keys": ["content.body"], "order_by": "recent", "event_context": context}
    params: dict[str, str] = {}
    while True:
        body = {"search_categories": {"room_events": wanted}}
        answer = yield from Call(
            "POST", "/_matrix/client/v3/search", params=params, json=body, repeatable=True, bucket="search"
        )
        found = mapping(mapping(answer.json(dict, "search_categories")["search_categories"]).get("room_events"))
        for result in rows(found.get("results")):
            yield from _one(mapping(result), known)
        after = text_of(found, "next_batch")
        if not after or after == params.get("next_batch") or not rows(found.get("results")):
            return
        params = {"next_batch": after}


def _one(result: Mapping[str, Any], known: dict[str, Room]) -> Flow[None]:
    event = result.get("result")
    room = text_of(event, "room_id")
    if room and room not in known:
        known[room] = yield from look(room)
    told = mapping(mapping(result.get("context")).get("profile_info"))
    names = {user: (text_of(one, "displayname"), text_of(one, "avatar_url")) for user, one in told.items()}
    visibility = known[room].visibility if room else Room().visibility
    yield from Batch((yield from elements(room, visibility, [event], names)))
