"""Answering, reacting, reading: everything that goes to ``/messages``.

Sources: WhatsApp Business Platform: Messages API reference, Contextual replies, Media, Typing indicators, Templates, Group
messages. Nothing there takes an idempotency key. ``biz_opaque_callback_data`` comes back in every status of the message, which
tells a person what became of an unclear reply; there is no list in which to look for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from socialcrm.connectors import Batch, Blob, Call, Cursor, Flow, Now, Outgoing, Receipt, TextLimit, Unit
from socialcrm.errors import PayloadError, UnclearError, UnsupportedError
from socialcrm.types import Attachment, Visibility
from socialcrm_meta import WindowClosed, ident, mapping, node, rows, text
from socialcrm_whatsapp._people import GROUP, digits, is_user_id, undated
from socialcrm_whatsapp._settings import Template

__all__ = ["FILES", "TEXT", "Sender"]

TEXT = TextLimit(4096, Unit.UTF16)
"""A text message holds 4,096 characters (Text messages); counted in UTF-16, it is within them in any count."""

FILES = 10
"""Each file is a message of its own: this is our bound, WhatsApp has none."""

_VARIABLE = 1024
_WIDE = re.compile(r"[\n\r\t]| {5,}")
_MEGABYTE = 1024 * 1024
# Supported Media Types: what may be shown as such, and up to which size; anything else goes as a document.
_SHOWN: Mapping[str, tuple[int, frozenset[str]]] = {
    "image": (5 * _MEGABYTE, frozenset({"image/jpeg", "image/png"})),
    "video": (16 * _MEGABYTE, frozenset({"video/mp4", "video/3gpp"})),
    "audio": (
        16 * _MEGABYTE,
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    ),
}


@frozen(kw_only=True)
class Sender:
    """What one business number sends.

    Cursor rows of a reply: ``part:N`` and ``file:N`` (ids of messages that left), ``media:N`` (uploaded files). The last part
    has no row, its receipt is its row: so a reply that WhatsApp took and failed to deliver afterwards can be sent again.

    Args:
        version: Of the Graph API.
        number: The business phone number's id.
        template: For answers outside the 24 hours.
    """

    version: str
    number: str
    template: Template | None = None

    def send(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
        """Send the files, then every part that the cursor does not know.

        Raises:
            UnsupportedError: Nobody is told to whom it could go, or it can't be a template's variable.
            UnclearError: An answer can't be read.
        """
        aim = _aim(message)
        if self.template is not None and (yield from _is_late(message)):
            return Receipt(ids=((yield from self._as_template(message, aim)),), conversation=_moved(message))
        yield from self._files(message, cursor, aim)
        ids: list[str] = []
        for number, words in enumerate(message.parts):
            row = f"part:{number}"
            if row in cursor:
                ids.append(cursor[row])
                continue
            body = {**aim, "type": "text", "text": {"body": words, "preview_url": False}, **_mark(message, row)}
            if not number:
                body |= _context(message)
            key = yield from self._plain(message, body, aim)
            ids.append(key)
            if number + 1 < len(message.parts):
                yield from Batch([], {row: key})
        return Receipt(ids=tuple(ids), conversation=_moved(message))

    def settle(self, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
        """Say that it can't be known.

        Raises:
            UnclearError: Always: the Cloud API has no list of sent messages.
        """
        raise UnclearError(
            "whatsapp: whether it arrived can't be looked up; a status webhook of it carries "
            f"biz_opaque_callback_data {message.id}, or see the chat in the WhatsApp Business app"
        )
        yield

    def react(self, message: str, chat: str, emoji: str) -> Flow[None]:
        """React to a message; an empty emoji takes the reaction back. Twice is once."""
        aim = _address(chat)
        body = {**aim, "type": "reaction", "reaction": {"message_id": message, "emoji": emoji}}
        yield from self._call(body, repeatable=True)

    def mark_read(self, message: str, *, typing: bool) -> Flow[None]:
        """Mark a message, and those before it, as read; perhaps show for 25 seconds that we are typing. Twice is once."""
        body: dict[str, Any] = {"status": "read", "message_id": message}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        yield from self._call(body, repeatable=True)

    def media(self, key: str) -> Flow[Attachment]:
        """Ask where a file can be fetched for the next five minutes, with the token in the header (Media)."""
        path = node(self.version, key)
        answer = yield from Call("GET", path, params={"phone_number_id": self.number}, bucket="media")
        told = answer.json(dict, "url")
        size = ident(told.get("file_size"))
        return Attachment(
            url=text(told["url"]),
            mime=text(told.get("mime_type")) or "application/octet-stream",
            size=int(size) if size.isdecimal() else None,
        )

    def _plain(self, message: Outgoing, body: Mapping[str, Any], aim: Mapping[str, str]) -> Flow[str]:
        """Send a text; where Meta says at once that the window is closed, and there is a template, send that."""
        try:
            return (yield from self._post(body))
        except WindowClosed:
            if self.template is None:
                raise
        return (yield from self._as_template(message, aim))

    def _as_template(self, message: Outgoing, aim: Mapping[str, str]) -> Flow[str]:
        words = message.parts[0]
        if self.template is None or message.media or len(message.parts) > 1 or len(words) > _VARIABLE or _WIDE.search(words):
            raise UnsupportedError(
                f"whatsapp: outside the 24 hours a reply is the variable of a template: one line of at most {_VARIABLE} "
                "characters, without tabs, wide gaps and files; write a shorter reply"
            )
        parameters = [{"type": "text", "text": words}]
        template = {
            "name": self.template.name,
            "language": {"policy": "deterministic", "code": self.template.language},
            "components": [{"type": "body", "parameters": parameters}],
        }
        return (yield from self._post({**aim, "type": "template", "template": template, **_mark(message, "part:0")}))

    def _files(self, message: Outgoing, cursor: Cursor, aim: Mapping[str, str]) -> Flow[None]:
        for place, blob in enumerate(message.media):
            if f"file:{place}" in cursor:
                continue
            key = cursor.get(f"media:{place}", "")
            if not key:
                key = yield from self._upload(blob)
                yield from Batch([], {f"media:{place}": key})
            kind = _kind(blob)
            told = {"id": key, "filename": blob.name} if kind == "document" else {"id": key}
            sent = yield from self._post({**aim, "type": kind, kind: told, **_mark(message, f"file:{place}")})
            yield from Batch([], {f"file:{place}": sent})

    def _upload(self, blob: Blob) -> Flow[str]:
        # A file that no message uses is gone after 30 days, so uploading it twice does no harm.
        answer = yield from Call(
            "POST",
            node(self.version, self.number, "media"),
            form={"messaging_product": "whatsapp", "type": blob.mime},
            files={"file": blob},
            bucket="media",
            timeout=300,
            repeatable=True,
        )
        key = ident(answer.json(dict, "id")["id"])
        if not key:
            raise PayloadError("whatsapp: the answer to an upload holds no id; try again")
        return key

    def _post(self, body: Mapping[str, Any]) -> Flow[str]:
        answer = yield from self._call(body)
        try:
            told = mapping(answer.json(dict))
        except PayloadError as error:
            raise UnclearError(f"whatsapp: the answer to a message can't be read ({error}); look into the app") from error
        key = next((ident(row.get("id")) for row in rows(told.get("messages"))), "") if _listed(told) else ""
        if not key:
            raise UnclearError("whatsapp: the answer to a message holds no id; look into the app whether it is there")
        return key

    def _call(self, body: Mapping[str, Any], *, repeatable: bool = False) -> Flow[Any]:
        path = node(self.version, self.number, "messages")
        full = {"messaging_product": "whatsapp", **body}
        return (yield from Call("POST", path, json=full, bucket="messages", repeatable=repeatable))


def _listed(told: Mapping[str, Any]) -> bool:
    return isinstance(told.get("messages"), list)


def _kind(blob: Blob) -> str:
    mime = blob.mime.partition(";")[0].strip().lower()
    return next((kind for kind, (size, mimes) in _SHOWN.items() if mime in mimes and blob.size <= size), "document")


def _is_group(message: Outgoing) -> bool:
    return message.conversation.startswith(GROUP)


def _aim(message: Outgoing) -> dict[str, str]:
    if _is_group(message) and message.visibility is not Visibility.PRIVATE:
        return _address(message.conversation)
    return _address(undated(message.to)[0] or message.conversation)


def _is_late(message: Outgoing) -> Flow[bool]:
    """Whether the window is over, as far as the message tells; Meta often only says so when the text was accepted."""
    until = undated(message.to)[1]
    now = yield from Now()
    return until is not None and now > until


def _address(key: str) -> dict[str, str]:
    """Return the recipient's fields: a group, a user id, or a phone number."""
    if key.startswith(GROUP):
        return {"recipient_type": "group", "to": key.removeprefix(GROUP)}
    if is_user_id(key):
        return {"recipient_type": "individual", "recipient": key}
    number = digits(key)
    if not number:
        raise UnsupportedError(
            "whatsapp: it is not told who wrote, so nobody can be written to; name the person by the conversation's key"
        )
    return {"recipient_type": "individual", "to": number}


def _moved(message: Outgoing) -> str | None:
    """A private answer to a group lands in the exchange with the person."""
    return undated(message.to)[0] if _is_group(message) and message.visibility is Visibility.PRIVATE else None


def _context(message: Outgoing) -> dict[str, Any]:
    # Only messages can be quoted (a call can't), and only in the chat where they stand.
    quotable = (message.reply_to or "").startswith("wamid.") and _moved(message) is None
    return {"context": {"message_id": message.reply_to}} if quotable else {}


def _mark(message: Outgoing, row: str) -> dict[str, str]:
    return {"biz_opaque_callback_data": f"{message.id} {row}"}
