"""Mail that no person wrote: delivery reports, read receipts, automatic replies, mailing lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from socialcrm_email._addresses import message_ids, read_mailboxes
from socialcrm_email._body import decoded_text
from socialcrm_email._headers import header, headers, words

__all__ = ["Report", "is_automatic", "list_id", "read_report"]

Report = tuple[str, str, str]
"""The message id that is reported on, a status of `socialcrm.types.Delivery` (empty for what settles nothing), the reason."""

_ACTIONS = {"failed": "failed", "delivered": "delivered", "relayed": "delivered", "expanded": "delivered"}
_RETURNED = re.compile(r"^\s*message-id:\s*(<[^<>]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_BULK = ("bulk", "junk", "auto_reply")


def is_automatic(message: Message) -> bool:
    """Say whether a program answered: RFC 3834's ``Auto-Submitted``, and what programs wrote before it."""
    submitted = header(message, "Auto-Submitted").lower().partition(";")[0].strip()
    return (
        submitted not in ("", "no")
        or header(message, "Precedence").lower() in _BULK
        or any(message.get(name) is not None for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
        or header(message, "Return-Path") == "<>"
        or message.get_content_type() == "multipart/report"
    )


def list_id(message: Message) -> str:
    """Return the mailing list it came through (RFC 2919), or an empty text."""
    value = header(message, "List-Id")
    return value[value.find("<") + 1 : value.rfind(">")] if "<" in value and value.endswith(">") else value


def read_report(message: Message) -> Report | None:
    """Read a delivery status notification (RFC 3464), a read receipt (RFC 8098), or a bounce in Exim's or qmail's plain form.

    Returns:
        ``None`` if it is none, or names no message.
    """
    kind = message.get_content_type()
    parts = {part.get_content_type(): part for part in _parts(message)}
    if kind == "multipart/report" or "message/delivery-status" in parts:
        receipt = parts.get("message/disposition-notification")
        if receipt is not None:
            return _read_receipt(_fields(receipt))
        status = parts.get("message/delivery-status")
        return _delivery(_fields(status), _original(message)) if status is not None else None
    return _plain_bounce(message)


def _parts(message: Message) -> Iterator[Message]:
    """Walk the report's own parts, not those of the message that came back with it."""
    for part in message.get_payload() if message.is_multipart() else []:
        if isinstance(part, Message):
            yield part
            if part.get_content_maintype() == "multipart":
                yield from _parts(part)


def _fields(part: Message) -> list[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        return [group for group in payload if isinstance(group, Message)]
    from email.parser import Parser

    return [Parser(policy=part.policy).parsestr(group) for group in decoded_text(part).split("\n\n") if group.strip()]


def _read_receipt(groups: list[Message]) -> Report | None:
    for group in groups:
        ids = message_ids(header(group, "Original-Message-ID"))
        if ids and "displayed" in header(group, "Disposition").lower():
            return ids[0], "read", ""
    return None


def _delivery(groups: list[Message], original: str) -> Report | None:
    if not original:
        return None
    actions = [_ACTIONS.get(header(group, "Action").lower(), "") for group in groups if group.get("Action")]
    status = "failed" if "failed" in actions else next(filter(None, actions), "")
    failed = next((group for group in groups if header(group, "Action").lower() == "failed"), groups[-1] if groups else None)
    reason = "" if failed is None else header(failed, "Diagnostic-Code") or header(failed, "Status")
    return original, status, words(reason)[:500] if status == "failed" else ""


def _original(message: Message) -> str:
    """Return the id of the message that came back, whole or only its header; any other id in the report's prose is not it."""
    for part in _parts(message):
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            payload = part.get_payload()
            returned = payload[0] if isinstance(payload, list) and payload else None
            ids = message_ids(header(returned, "Message-ID")) if isinstance(returned, Message) else ()
            found = _RETURNED.search(decoded_text(part)) if not ids else None
            if found:
                ids = message_ids(found.group(1))
            if ids:
                return ids[0]
    return ""


def _plain_bounce(message: Message) -> Report | None:
    senders = [address for _, address in read_mailboxes(headers(message, "From"))]
    daemon = any(sender.startswith(("mailer-daemon@", "postmaster@")) for sender in senders)
    failed = header(message, "X-Failed-Recipients")
    if not failed and not (daemon and header(message, "Return-Path") in ("", "<>")):
        return None
    reason = f"undeliverable {words(failed)}".strip()[:500]
    for part in (message, *_parts(message)):
        found = _RETURNED.search(decoded_text(part)) if part.get_content_maintype() == "text" else None
        if found:
            return message_ids(found.group(1))[0], "failed", reason
    original = _original(message)
    return (original, "failed", reason) if original else None
