"""The official export: ActivityPub activities of one's own account. Pure.

The database id that the API uses is the last part of a local object's URI (``…/users/NAME/statuses/ID``, since 4.5 also
``…/ap/users/NUMBER/statuses/ID``), so a post loaded from the archive and the same post fetched later are one interaction.
What lives elsewhere is named by its whole URI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from socialcrm.errors import PayloadError
from socialcrm.types import Account, Attachment, Direction, Identity, Interaction, Item, Kind, Visibility
from socialcrm_mastodon._fields import moment, text_of
from socialcrm_mastodon._settings import host_of
from socialcrm_mastodon._text import plain

__all__ = ["parse_activity", "parse_actor"]

_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_LOCAL = re.compile(r"^https?://[^/]+/(?:ap/)?users/[^/]+/statuses/([^/?#]+)")


def parse_actor(actor: Any) -> Account:
    """Read ``actor.json``: who the archive belongs to.

    Raises:
        PayloadError: It names nobody.
    """
    if not isinstance(actor, Mapping) or not text_of(actor, "id"):
        raise PayloadError("actor.json has no id; it is not a Mastodon archive's actor")
    uri, username = text_of(actor, "id"), text_of(actor, "preferredUsername")
    return Account(
        id=uri,
        name=text_of(actor, "name") or username,
        handle=f"@{username}@{host_of(uri)}" if username else "",
        url=text_of(actor, "url"),
    )


def parse_activity(activity: Any, context: Mapping[str, str]) -> Iterable[Item]:
    """Read one activity of ``outbox.json`` (documentation: spec, "ActivityPub"): a Create, or an Announce (a boost).

    Args:
        activity: The activity.
        context: ``actor``, ``name``, ``handle``, ``url`` of the archive's owner.

    Raises:
        PayloadError: It has no id or time.
    """
    if not isinstance(activity, Mapping):
        raise PayloadError(f"expected an activity, got {type(activity).__name__}")
    kind, thing = text_of(activity, "type"), activity.get("object")
    actor = context.get("actor") or text_of(activity, "actor")
    if not actor:
        raise PayloadError("the activity has no actor; it can't be attributed to anybody")
    author = Identity(
        id=actor, name=context.get("name", ""), handle=context.get("handle", ""), url=context.get("url", "")
    )  # fmt: skip
    if kind == "Create" and isinstance(thing, Mapping):
        return [_note(thing, activity, author)]
    if kind in ("Delete", "Undo", "Update", "Like", "Follow", "Accept", "Add", "Remove"):
        return []
    target = thing if isinstance(thing, str) else text_of(thing, "id")
    return [
        Interaction(
            id=_key(text_of(activity, "id").removesuffix("/activity"), author.id),
            at=moment(activity, "published"),
            author=author,
            direction=Direction.OUTBOUND,
            parent=_key(target, author.id) if target else None,
            kind=Kind.REACTION if kind == "Announce" else Kind.OTHER,
            visibility=_audience(activity),
            extra={"type": kind},
        )
    ]


def _note(note: Mapping[str, Any], activity: Mapping[str, Any], author: Identity) -> Interaction:
    parent = text_of(note, "inReplyTo")
    visibility = _audience(note if note.get("to") is not None else activity)
    together = text_of(note, "conversation") or text_of(note, "context")
    languages = note.get("contentMap")
    return Interaction(
        id=_key(text_of(note, "id"), author.id),
        at=moment(note if note.get("published") else activity, "published"),
        author=author,
        direction=Direction.OUTBOUND,
        parent=_key(parent, author.id) if parent else None,
        references=(together,) if together else (),
        kind=Kind.MESSAGE if visibility is Visibility.PRIVATE else Kind.REPLY if parent else Kind.POST,
        visibility=visibility,
        text=plain(text_of(note, "content")),
        subject=text_of(note, "summary"),
        url=text_of(note, "url") or text_of(note, "id"),
        language=next((str(tag) for tag in languages), "") if isinstance(languages, Mapping) else "",
        attachments=tuple(_files(note.get("attachment"))),
        edited_at=moment(note, "updated") if note.get("updated") else None,
    )


def _key(uri: str, owner: str) -> str:
    """The database id of an object on the owner's server; the whole URI of one elsewhere."""
    if not uri:
        raise PayloadError("the activity's object has no id; it can't be told from others")
    local = _LOCAL.match(uri)
    return local[1] if local and host_of(uri) == host_of(owner) else uri


def _audience(thing: Mapping[str, Any]) -> Visibility:
    """``to`` and ``cc`` as visibility ("ActivityPub": public, unlisted, private, direct)."""
    everybody = [value for key in ("to", "cc") for value in _texts(thing.get(key))]
    if any(value in _PUBLIC for value in everybody):
        return Visibility.PUBLIC
    return Visibility.LIMITED if any(value.endswith("/followers") for value in everybody) else Visibility.PRIVATE


def _files(values: Any) -> Iterable[Attachment]:
    for value in values if isinstance(values, list) else [values]:
        url = text_of(value, "url")
        if url:
            yield Attachment(
                url=url,
                mime=text_of(value, "mediaType") or "application/octet-stream",
                name=url.rpartition("/")[2],
                description=text_of(value, "name"),
            )


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
