"""What the invented platform's elements mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import (
    Account,
    Census,
    Deletion,
    Edit,
    Handle,
    HandleKind,
    Identity,
    Interaction,
    Item,
    Kind,
    Visibility,
    utc,
)

__all__ = ["entry", "identity_of", "moment", "parse", "word"]


def word(body: Any, name: str) -> str:
    """Return a text field; empty where there is none."""
    value = body.get(name) if isinstance(body, Mapping) else None
    return value if isinstance(value, str) else ""


def moment(value: Any) -> datetime | None:
    """Return a time as UTC; ``None`` where it can't be read or has no zone."""
    try:
        return utc(datetime.fromisoformat(value))
    except (TypeError, ValueError, OverflowError):
        return None


def entry(event: Any) -> Raw:
    """Return the element that a webhook's event brings; an unknown one is kept as it is."""
    kind = word(event, "type")
    return Raw("post", event.get("post")) if kind == "post" else Raw(kind, event)


def parse(raw: Raw) -> Iterator[Item]:
    """Say what an element means."""
    body = raw.body
    if not isinstance(body, Mapping):
        raise PayloadError(f"a {raw.kind or 'nameless'} element should be an object, got {type(body).__name__}; it is kept")
    if raw.kind == "post":
        yield _post(body)
    elif raw.kind == "edit":
        yield Edit(id=_need(body, "id"), scope=_need(body, "thread"), at=_when(body, "at"), text=word(body, "text"))
    elif raw.kind == "deletion":
        yield Deletion(id=_need(body, "id"), scope=_need(body, "thread"), at=moment(body.get("at")))
    elif raw.kind == "account":
        yield Account(id=_need(body, "id"), name=word(body, "name"), handle=word(body, "handle"))
    elif raw.kind == "census":
        yield from _census(body)


def identity_of(body: Any) -> Identity:
    """Return how somebody appears on the platform.

    Raises:
        PayloadError: There is no id.
    """
    email = word(body, "email")
    handles = (Handle(kind=HandleKind.EMAIL, value=email, verified=True),) if email else ()
    return Identity(id=_need(body, "id"), name=word(body, "name"), handle=word(body, "handle"), handles=handles)


def _post(body: Mapping[str, Any]) -> Interaction:
    known = body.get("kind") in (None, "post")
    parent, visibility = word(body, "parent") or None, word(body, "visibility")
    return Interaction(
        id=_need(body, "id"),
        scope=_need(body, "thread"),
        at=_when(body, "created_at"),
        author=identity_of(body.get("author")),
        conversation=_need(body, "thread"),
        parent=parent,
        kind=(Kind.REPLY if parent else Kind.POST) if known else Kind.OTHER,
        visibility=Visibility(visibility) if visibility in tuple(Visibility) else Visibility.PRIVATE,
        text=word(body, "text"),
        edited_at=moment(body.get("edited_at")),
    )


def _census(body: Mapping[str, Any]) -> Iterator[Census]:
    since, until, threads = _when(body, "since"), moment(body.get("until")), body.get("threads")
    if not isinstance(threads, Mapping):
        raise PayloadError("a census without its threads says nothing; the next one brings them")
    for thread, ids in threads.items():
        if isinstance(ids, list):
            yield Census(id="rescan", scope=str(thread), ids=frozenset(map(str, ids)), since=since, until=until)


def _need(body: Any, name: str) -> str:
    value = word(body, name)
    if not value:
        raise PayloadError(f"an element without {name!r} can't be placed; it is kept")
    return value


def _when(body: Mapping[str, Any], name: str) -> datetime:
    value = moment(body.get(name))
    if value is None:
        raise PayloadError(f"an element without a time in {name!r} can't be placed; it is kept")
    return value
