"""Following direct messages (lexicons ``chat.bsky.convo.*``, asked for through our own server by ``atproto-proxy``).

The first time, the log's place is kept, then every conversation is read back; from then on the log tells of everything: new
messages, deletions, reactions. What is read in both is the same by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from socialcrm.connectors import Batch, Call, Flow, Raw
from socialcrm_bluesky._fields import mapping, required, rows, text_of
from socialcrm_bluesky._follow import Rows, apply
from socialcrm_bluesky._ids import instant

__all__ = ["ask", "follow_chats", "recent"]


def ask(service: str, method: str, needed: str, **params: str | list[str]) -> Flow[Mapping[str, Any]]:
    """Ask the chat service something, and return the body.

    Args:
        service: Its DID and the name of its service, for the header ``atproto-proxy``.
        method: Such as ``getLog``.
        needed: What the body has to hold: an empty one is no empty chat.
        params: Query fields; empty ones are left out.
    """
    given = {name: value for name, value in params.items() if value}
    path = f"/xrpc/chat.bsky.convo.{method}"
    answer = yield from Call("GET", path, params=given, headers={"atproto-proxy": service}, bucket="chat")
    return answer.json(dict, needed)


def follow_chats(service: str, held: Rows, until: datetime) -> Flow[None]:
    """Read the log from where it stood; the first time, read every conversation back.

    Args:
        service: The chat service.
        held: The stream's cursor rows; kept in step with every batch.
        until: How far back the first time goes.
    """
    if "rev" not in held:
        if "begun" not in held:
            place = _place((yield from ask(service, "getLog", "logs")), "")
            yield from _commit([], {"begun": place}, held)
        yield from _backfill(service, held, until)
        finished: dict[str, str | None] = {row: None for row in held if row.startswith("convo:")}
        yield from _commit([], {**finished, "rev": held["begun"], "begun": None}, held)
    while True:
        body = yield from ask(service, "getLog", "logs", cursor=held["rev"])
        events, place = rows(body.get("logs")), _place(body, held["rev"])
        if events or place != held["rev"]:
            before = held["rev"]
            yield from _commit([Raw(kind="log", body=event) for event in events], {"rev": place}, held)
            if place != before:
                continue
        return


def _place(body: Mapping[str, Any], held: str) -> str:
    """Where the log goes on: the server's cursor, else the newest revision (``rev`` grows as text, spec "TID")."""
    return text_of(body, "cursor") or max([held, *(text_of(event, "rev") for event in rows(body.get("logs")))])


def _commit(raws: list[Raw], patch: dict[str, str | None], held: Rows) -> Flow[None]:
    yield from Batch(raws, patch)
    apply(patch, held)


def _backfill(service: str, held: Rows, until: datetime) -> Flow[None]:
    below = ""
    while True:
        body = yield from ask(service, "listConvos", "convos", limit="100", cursor=below)
        for convo in rows(body.get("convos")):
            if f"convo:{required(convo, 'id')}" not in held:
                yield from _read_back(service, convo, held, until)
        onward = text_of(body, "cursor")
        if onward in ("", below):
            return
        below = onward


def _read_back(service: str, convo: Any, held: Rows, until: datetime) -> Flow[None]:
    key, below = required(convo, "id"), ""
    while True:
        body = yield from ask(service, "getMessages", "messages", convoId=key, limit="100", cursor=below)
        messages, onward = rows(body.get("messages")), text_of(body, "cursor")
        people = [*rows(body.get("relatedProfiles")), *rows(mapping(convo).get("members"))]
        times = [at for at in (instant(text_of(message, "sentAt")) for message in messages) if at is not None]
        done = onward in ("", below) or (bool(times) and max(times) < until)
        patch: dict[str, str | None] = {f"convo:{key}": "done"} if done else {}
        yield from _commit([_raw(message, key, people) for message in messages], patch, held)
        if done:
            return
        below = onward


def _raw(message: Any, convo: str, people: list[Any]) -> Raw:
    """A message with who its sender is: it holds only the DID."""
    sender = text_of(mapping(message).get("sender"), "did")
    who: Any = next((person for person in people if text_of(person, "did") == sender), {})
    context = {"convo": convo, "name": text_of(who, "displayName"), "handle": text_of(who, "handle")}
    return Raw(kind="message", body=message, context=context)


def recent(service: str, convo: str, since: datetime) -> Flow[list[Any]]:
    """Return a conversation's messages since a time, newest first."""
    found: list[Any] = []
    below = ""
    while True:
        body = yield from ask(service, "getMessages", "messages", convoId=convo, limit="100", cursor=below)
        page = rows(body.get("messages"))
        times = [(instant(text_of(message, "sentAt")), message) for message in page]
        found += [message for at, message in times if at is not None and at >= since]
        onward = text_of(body, "cursor")
        if onward in ("", below) or all(at is not None and at < since for at, _message in times):
            return found
        below = onward
