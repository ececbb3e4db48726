"""What an archived message means. Pure, total over what it does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from attrs import frozen

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Edit, Hole, Interaction, Item, Kind, Visibility
from socialcrm_xmpp._content import attachments_of, text_of
from socialcrm_xmpp._jid import bare, resource
from socialcrm_xmpp._mam import archived, read_time, stamp_of
from socialcrm_xmpp._names import (
    CHAT_STATES,
    CLIENT,
    FASTEN,
    HINTS,
    MARKERS,
    MODERATE,
    MUC_USER,
    OCCUPANT,
    OMEMO,
    REACTIONS,
    RECEIPTS,
    RETRACT,
    SID,
    q,
)
from socialcrm_xmpp._people import author_of, exchange_of
from socialcrm_xmpp._refs import Reference, reference
from socialcrm_xmpp._session import OWN
from socialcrm_xmpp._settings import XmppSettings
from socialcrm_xmpp._xml import Element, read_one

__all__ = ["parse_raw"]

_MODERATE_0 = "urn:xmpp:message-moderate:0"
_SILENT = frozenset((CHAT_STATES, HINTS, SID, OCCUPANT, MUC_USER, MARKERS, RECEIPTS, FASTEN, RETRACT))
_NAMED = frozenset(q(CLIENT, name) for name in ("body", "thread", "subject", "error"))


@frozen(kw_only=True)
class Entry:
    """An archived message with what is known about it.

    Args:
        id: The archive's id.
        archive: A room's address, or `OWN`.
        at: When the archive received it.
        message: The message.
        context: What the flow told.
        settings: The channel's.
    """

    id: str
    archive: str
    at: datetime
    message: Element
    context: dict[str, str]
    settings: XmppSettings

    @property
    def own(self) -> str:
        """Our bare address."""
        return self.context.get("own", self.settings.own)

    @property
    def target(self) -> str:
        """The archive's id of what it is about; empty where that was not found."""
        return self.context.get("target", "")


def parse_raw(raw: Raw, settings: XmppSettings) -> Iterable[Item]:
    """Say what an element means.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "hole":
        return [_hole(raw.body)]
    if not isinstance(raw.body, str):
        raise PayloadError(f"expected an archived message as text, got {type(raw.body).__name__}")
    result = read_one(raw.body, 2 * settings.max_stanza + len(raw.body))
    id, at, message = result.get("id", ""), stamp_of(result), archived(result)  # noqa: A001 - the protocol's word
    archive = raw.context.get("archive", OWN)
    if not id or at is None:
        raise PayloadError("expected an archived message with its id and time (XEP-0313)")
    if message is None:
        return [Deletion(id=id, scope=archive)]
    entry = Entry(id=id, archive=archive, at=at, message=message, context=dict(raw.context), settings=settings)
    return list(_items(entry))


def _items(entry: Entry) -> Iterator[Item]:
    message = entry.message
    retracted = message.find(q(RETRACT, "retracted"))
    moderated = _moderated(entry)
    about = reference(message)
    if retracted is not None:
        yield Deletion(id=entry.id, scope=entry.archive, at=read_time(retracted.get("stamp", "")) or entry.at)
    elif moderated:
        yield Deletion(id=moderated, scope=entry.archive, at=entry.at)
    elif message.get("type") == "groupchat" and entry.archive == OWN:
        return  # a copy: the room's own archive holds it, under the room's id
    elif about is not None and about.verb != "reply":
        yield from _about(entry, about)
    elif message.find(q(CLIENT, "body")) is not None or attachments_of(message):
        yield _interaction(entry, text_of(message)[0], Kind.MESSAGE)
    elif any(not _is_silent(child) for child in message):
        yield _interaction(entry, "", Kind.OTHER)


def _about(entry: Entry, about: Reference) -> Iterator[Item]:
    scope, target, at = entry.archive, entry.target, entry.at
    if about.verb == "retract" and target:
        yield Deletion(id=target, scope=scope, at=at)
    elif about.verb == "replace":
        text = text_of(entry.message)[0]
        # Without its original, a correction is all there is of it.
        yield Edit(id=target, scope=scope, at=at, text=text) if target else _interaction(entry, text, Kind.MESSAGE)
    elif about.verb == "react":
        if entry.context.get("previous"):
            yield Deletion(id=entry.context["previous"], scope=scope, at=at)
        signs = [one.text.strip() for one in entry.message.iterfind(q(REACTIONS, "reactions", "reaction")) if one.text]
        if signs:
            yield _interaction(entry, " ".join(signs), Kind.REACTION)
    elif about.verb == "mark" and target:
        read = entry.message.find(q(MARKERS, "displayed")) is not None
        if author_of(entry.message, scope, entry.own, entry.settings.followed, entry.context).id != entry.own:
            yield Delivery(id=target, scope=scope, at=at, status="read" if read else "delivered")
    elif about.verb == "fail" and target:
        yield Delivery(id=target, scope=scope, at=at, status="failed", reason=_reason(entry.message))


def _interaction(entry: Entry, text: str, kind: Kind) -> Interaction:
    message, archive, rooms = entry.message, entry.archive, entry.settings.followed
    quoted = text_of(message)[1] if kind is Kind.MESSAGE else ""
    extra: dict[str, Any] = {}
    if message.find(q(OMEMO, "encrypted")) is not None:
        extra["encrypted"] = True
    if message.get("type") in ("headline", "normal"):
        extra["type"] = message.get("type")
    return Interaction(
        id=entry.id,
        scope=archive,
        at=entry.at,
        author=author_of(message, archive, entry.own, rooms, entry.context),
        conversation=exchange_of(message, archive, entry.own, rooms),
        parent=_parent(entry),
        kind=kind,
        visibility=_visibility(entry),
        text=text,
        subject=message.findtext(q(CLIENT, "subject")) or "",
        quoted=quoted,
        attachments=attachments_of(message),
        extra=extra,
    )


def _parent(entry: Entry) -> str | None:
    about = reference(entry.message)
    if about is None or about.verb not in ("reply", "react"):
        return None
    # In a room the name is the room's own id (XEP-0461, section 4), whether or not we looked so far back.
    return entry.target or (about.id if entry.archive != OWN else "") or None


def _visibility(entry: Entry) -> Visibility:
    if entry.archive == OWN:
        return Visibility.PRIVATE
    return Visibility.PUBLIC if entry.context.get("visibility") == Visibility.PUBLIC else Visibility.LIMITED


def _moderated(entry: Entry) -> str:
    """Return the id that the room itself says its moderators took down (XEP-0425); empty if it says no such thing."""
    sender = entry.message.get("from", "")
    if entry.archive == OWN or bare(sender) != entry.archive or resource(sender):
        return ""
    for path, inner in (
        (q(RETRACT, "retract"), q(MODERATE, "moderated")),
        (q(FASTEN, "apply-to"), q(_MODERATE_0, "moderated")),
    ):
        found = entry.message.find(path)
        if found is not None and found.find(inner) is not None:
            return found.get("id", "")
    return ""


def _is_silent(child: Element) -> bool:
    return child.tag in _NAMED or child.tag[1:].partition("}")[0] in _SILENT


def _reason(message: Element) -> str:
    error = message.find(q(CLIENT, "error"))
    return ", ".join(child.tag.rpartition("}")[2] for child in error if not child.text) if error is not None else ""


def _hole(body: Any) -> Hole:
    told = body if isinstance(body, dict) else {}
    since, at = (read_time(told[name]) if isinstance(told.get(name), str) else None for name in ("since", "at"))
    if since is None or at is None:
        raise PayloadError("expected a hole with the times from which and until which nothing could be seen")
    archive = told.get("archive") if isinstance(told.get("archive"), str) else ""
    return Hole(
        id=f"expired {since.isoformat()}", scope=str(archive), since=since, at=at,
        reason="the archive expired messages before they were fetched",
    )  # fmt: skip
