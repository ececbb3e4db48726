"""What events mean. Pure.

Ids: an event is known by its event id, within its room as scope: whoever reacts to it or takes it back has to name both. The
room is the conversation; replies and threads within it are parents. An edit is an event of its own, and anybody in a room may
send one that names somebody else's message ("Event replacements", validity): only the flow that fetched it knows who wrote
the original, so the context says so, and an edit by anybody else is no edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from socialcrm.connectors import Raw
from socialcrm.types import Account, Attachment, Deletion, Edit, Hole, Identity, Interaction, Item, Kind, Visibility
from socialcrm_matrix._fields import link, mapping, moment, number, part, required, rows, text_of
from socialcrm_matrix._text import unquote

__all__ = ["parse"]

_SIGNALS = ("m.key.verification.", "m.call.", "org.matrix.call.", "io.element.call.", "m.rtc.", "org.matrix.msc4075.rtc.")
"""Machines among themselves: the steps of a verification or of a call, except the call itself ("m.call.invite")."""

_TEXTS = frozenset(("m.text", "m.notice", "m.emote", "m.location", "m.server_notice"))
_FILES = frozenset(("m.image", "m.file", "m.audio", "m.video"))


def parse(raw: Raw, server: str) -> Iterable[Item]:
    """Say what an element means.

    Args:
        raw: An element, as the flows and ``load`` of this plugin make them.
        server: The homeserver's address: files are fetched from there.

    Raises:
        PayloadError: The element can't be read.
    """
    if raw.kind == "event":
        return _event(raw.body, raw.context, server)
    if raw.kind == "account":
        key = required(raw.body, "user_id")
        return [Account(id=key, name=text_of(raw.body, "name"), handle=key, url=link(key), key=key)]
    if raw.kind == "hole":
        since, at = moment(raw.body, "since"), moment(raw.body, "at")
        return [Hole(id=required(raw.body, "id"), since=since, at=at, reason=text_of(raw.body, "reason"))]
    return []


@frozen
class _Relation:
    """What a message refers to ("m.relates_to")."""

    kind: str
    target: str
    answers: str
    thread: str

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> _Relation:
        told = mapping(content.get("m.relates_to"))
        kind, target = text_of(told, "rel_type"), text_of(told, "event_id")
        answers = text_of(told.get("m.in_reply_to"), "event_id")
        thread = target if kind == "m.thread" else ""
        if thread and (told.get("is_falling_back") is True or not answers):
            answers = thread  # what clients without threads are shown is the thread's last message, not what is answered
        return cls(kind, target, answers, thread)


def _event(body: Any, context: Mapping[str, str], server: str) -> Iterable[Item]:
    if "type" in mapping(body) and "event_id" not in body and "origin_server_ts" not in body:
        return []  # typing, receipts, account data, an invitation's stripped state: no events of a room
    key, kind, room = required(body, "event_id"), required(body, "type"), context.get("room") or required(body, "room_id")
    if "state_key" in body:
        return []
    at, content = moment(body), mapping(body.get("content"))
    because = mapping(mapping(body.get("unsigned")).get("redacted_because"))
    if because:
        return [Deletion(id=key, scope=room, at=moment(because) if number(because, "origin_server_ts") is not None else None)]
    if kind == "m.room.redaction":
        target = text_of(body, "redacts") or text_of(content, "redacts")
        return [Deletion(id=target, scope=room, at=at)] if target else []
    sender, relation = required(body, "sender"), _Relation.of(content)
    new = content.get("m.new_content")
    edit = relation.kind == "m.replace" and isinstance(new, Mapping) and bool(relation.target)
    if edit and context.get("wrote") == sender:
        return [Edit(id=relation.target, scope=room, at=at, text=_wording(mapping(new), _file(mapping(new), server))[0])]
    if kind.startswith(_SIGNALS) and kind != "m.call.invite":
        return []
    told = _kind(kind, content, relation, edit)
    newer = mapping(mapping(mapping(body.get("unsigned")).get("m.relations")).get("m.replace")) if "archive" in context else {}
    if text_of(newer, "sender") == sender and isinstance(mapping(newer.get("content")).get("m.new_content"), Mapping):
        content = {**content, **newer["content"]["m.new_content"]}
    file = _file(content, server) if told is Kind.MESSAGE else None
    text, quoted = (
        (text_of(mapping(content.get("m.relates_to")), "key"), "") if told is Kind.REACTION else _wording(content, file)
    )
    return [
        Interaction(
            id=key,
            scope=room,
            at=at,
            author=_identity(sender, context),
            conversation=room,
            parent=(relation.target if told is Kind.REACTION else relation.answers) or None,
            references=(relation.thread,) if relation.thread else (),
            kind=told,
            visibility=Visibility(context.get("visibility", "limited")),
            text=text,
            quoted=quoted,
            url=link(room, key),
            attachments=(file,) if file is not None else (),
            edited_at=moment(newer) if number(newer, "origin_server_ts") is not None else None,
            extra=_extra(kind, content, told),
        )
    ]


def _kind(kind: str, content: Mapping[str, Any], relation: _Relation, edit: bool) -> Kind:
    if kind == "m.reaction" and relation.kind == "m.annotation" and relation.target:
        return Kind.REACTION
    if kind == "m.call.invite":
        return Kind.CALL
    known = kind == "m.sticker" or (kind == "m.room.message" and text_of(content, "msgtype") in _TEXTS | _FILES)
    return Kind.MESSAGE if known and not edit else Kind.OTHER


def _wording(content: Mapping[str, Any], file: Attachment | None) -> tuple[str, str]:
    """Return the text and what it quotes; a file's body is only its name unless a name stands beside ("Media captions")."""
    body = text_of(content, "body")
    if not body:
        said = [text_of(one, "body") for one in rows(content.get("m.text"))]
        body = next((one for one in said if one), "")
    if file is not None and text_of(content, "filename") in ("", body):
        return "", ""
    return unquote(body)


def _file(content: Mapping[str, Any], server: str) -> Attachment | None:
    """Return the file of a message ("Content repository": ``mxc://server/id``), under the address that serves it to us."""
    address = text_of(content, "url") or text_of(content.get("file"), "url")
    if not address.startswith("mxc://"):
        return None
    host, _, media = address.removeprefix("mxc://").partition("/")
    info = mapping(content.get("info"))
    body, name = text_of(content, "body"), text_of(content, "filename")
    path = f"/_matrix/client/v1/media/download/{part(host)}/{part(media)}"
    size = number(info, "size")
    return Attachment(
        url=f"{server}{path}" if server else address,
        mime=text_of(info, "mimetype") or "application/octet-stream",
        name=name or body,
        size=size if size is not None and size >= 0 else None,
    )


def _identity(sender: str, context: Mapping[str, str]) -> Identity:
    return Identity(id=sender, name=context.get("name", ""), handle=sender, url=link(sender), avatar=context.get("avatar", ""))


def _extra(kind: str, content: Mapping[str, Any], told: Kind) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    form = text_of(content, "msgtype")
    if told is Kind.OTHER or kind == "m.sticker":
        extra["type"] = kind
    if form not in ("", "m.text"):
        extra["msgtype"] = form
    if text_of(content, "geo_uri"):
        extra["geo_uri"] = text_of(content, "geo_uri")
    return extra
