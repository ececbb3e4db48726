"""Answering: where a reply goes, sending its files and parts, and what can be found out afterwards.

A bot can't read what it sent ("getUpdates" brings what others write only), and no method takes a key of ours that would make a
repeated send harmless. So the id of each message is kept as soon as it is told, and a send whose answer was lost stays unclear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from socialcrm.connectors import Batch, Blob, Cursor, Flow, Outgoing, Receipt, Unit, measure
from socialcrm.errors import PayloadError, RefusedError, UnclearError
from socialcrm.types import Visibility
from socialcrm_telegram._api import photo, tell, upload
from socialcrm_telegram._fields import Place, mapping, moment, place_of, required, text_of
from socialcrm_telegram._judge import Migrated
from socialcrm_telegram._people import SITE

__all__ = ["send", "settle", "target"]

_CAPTION = 1024
"""The longest caption, in UTF-16 code units ("sendPhoto", "sendDocument")."""


def target(message: Outgoing) -> tuple[Place, bool]:
    """Return where a reply goes, and whether that is the customer's private chat with the bot although they wrote elsewhere.

    Raises:
        RefusedError: No chat is named, or it was written in the name of a chat, which has no private one.
    """
    place = place_of(message.scope, message.conversation)
    if message.visibility is not Visibility.PRIVATE or place.chat > 0 or place.direct is not None:
        return place, False
    if not (message.to.isascii() and message.to.isdigit()):
        raise RefusedError("telegram: this was written in the name of a group or channel, which can't be answered in private")
    return Place(chat=int(message.to)), True


def send(message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Send the files, then the parts; a short text goes out as the caption of the last file.

    Raises:
        RefusedError: No chat is named.
        ForbiddenError: The bot was blocked or removed, or the customer never pressed Start.
        UnclearError: Telegram took a message, and its answer can't be read.
    """
    place, moved = target(message)
    if "chat" in cursor:
        place = evolve(place, chat=int(cursor["chat"]))
    ids: list[str] = []
    fields = {} if moved or "chat" in cursor else _answering(message)
    captioned = len(message.parts) == 1 and measure(message.parts[0], Unit.UTF16) <= _CAPTION
    for number, blob in enumerate(message.media):
        last = number == len(message.media) - 1
        row = "part:0" if last and captioned else f"file:{number}"
        if row not in cursor:
            caption = message.parts[0] if last and captioned else ""
            place, sent = yield from _carry(place, blob, caption, fields)
            yield from _keep(row, sent)
            cursor = {**cursor, row: required(sent, "message_id"), "at": text_of(sent, "date"), "link": _link(sent)}
    for number, text in enumerate(message.parts):
        row = f"part:{number}"
        if row not in cursor:
            place, sent = yield from _say(place, text, fields if number == 0 and not message.media else {})
            yield from _keep(row, sent)
            cursor = {**cursor, row: text_of(sent, "message_id"), "at": text_of(sent, "date"), "link": _link(sent)}
        ids.append(cursor[row])
    return _receipt(ids, place, cursor, moved)


def _answering(message: Outgoing) -> dict[str, Any]:
    """Name what is answered ("ReplyParameters"); the reply goes out even if that was deleted meanwhile."""
    if message.reply_to is None or not message.reply_to.isdigit():
        return {}
    return {"reply_parameters": {"message_id": int(message.reply_to), "allow_sending_without_reply": True}}


def _say(place: Place, text: str, fields: Mapping[str, Any]) -> Flow[tuple[Place, Any]]:
    """Send a text without link preview; where the group became a supergroup meanwhile, send it there."""
    told = {"text": text, "link_preview_options": {"is_disabled": True}}
    try:
        sent = yield from tell("sendMessage", place.chat, {**place.fields, **told, **fields})
    except Migrated as gone:
        place = evolve(place, chat=gone.chat)
        yield from Batch([], {"chat": str(gone.chat)})
        sent = yield from tell("sendMessage", place.chat, {**place.fields, **told})
    return place, _checked(sent)


def _carry(place: Place, blob: Blob, caption: str, fields: Mapping[str, Any]) -> Flow[tuple[Place, Any]]:
    """Send a file as a picture or a document, where the group became a supergroup meanwhile, there."""
    method, name = ("sendPhoto", "photo") if photo(blob) else ("sendDocument", "document")
    told = {"caption": caption} if caption else {}
    try:
        sent = yield from upload(method, place.chat, _form({**place.fields, **told, **fields}), {name: blob})
    except Migrated as gone:
        place = evolve(place, chat=gone.chat)
        yield from Batch([], {"chat": str(gone.chat)})
        sent = yield from upload(method, place.chat, _form({**place.fields, **told}), {name: blob})
    return place, _checked(sent)


def _form(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def _checked(sent: Any) -> Any:
    try:
        required(sent, "message_id")
    except PayloadError as error:
        raise UnclearError("telegram: the message was accepted and its id is not told; look at the chat") from error
    return sent


def _keep(row: str, sent: Any) -> Flow[None]:
    yield from Batch([], {row: text_of(sent, "message_id"), "at": text_of(sent, "date"), "link": _link(sent)})


def _link(sent: Any) -> str:
    username = text_of(mapping(sent).get("chat"), "username")
    shared = text_of(mapping(sent).get("chat"), "type") in ("supergroup", "channel")
    return f"{SITE}{username}/{text_of(sent, 'message_id')}" if username and shared else ""


def _receipt(ids: list[str], place: Place, cursor: Cursor, moved: bool) -> Receipt:
    try:
        at = moment(cursor.get("at"))
    except PayloadError:
        at = None
    where = str(place.chat) if moved else None
    return Receipt(ids=tuple(ids), scope=place.scope, conversation=where, at=at, url=cursor.get("link", ""))


def settle(message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Say what is known of a send that was interrupted: everything, if each part's id was kept; else nothing.

    Raises:
        UnclearError: The answer to one of its messages was lost, and a bot can't look.
    """
    yield from ()
    ids = [cursor[f"part:{number}"] for number in range(len(message.parts)) if f"part:{number}" in cursor]
    if len(ids) == len(message.parts):
        place, moved = target(message)
        return _receipt(ids, evolve(place, chat=int(cursor.get("chat", place.chat))), cursor, moved)
    raise UnclearError(
        "telegram: the answer to a message was lost, and a bot can't read what it sent; look at the chat, then decide whether "
        "it is sent again"
    )
