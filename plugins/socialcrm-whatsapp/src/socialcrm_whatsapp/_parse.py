"""What elements mean: messages, echoes, histories, statuses, calls, and lines of exported chats. Pure.

Sources: WhatsApp Business Platform, messages webhook reference and the pages below it (edit, revoke, group, status, system …),
smb_message_echoes, history, standby; Calling API, webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import frozen

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Direction, Edit, Identity, Interaction, Item, Kind, Visibility
from socialcrm_meta import ident, mapping, moment, text
from socialcrm_whatsapp._chat import parse_export
from socialcrm_whatsapp._content import content_of, errors_of
from socialcrm_whatsapp._judge import advice
from socialcrm_whatsapp._people import Person, dated, digits, group_key

__all__ = ["parse"]

_CONTENT = ("messages", "message_echoes", "statuses", "calls", "history")
_STATUS: Mapping[str, str] = {"played": "read", "error": "failed"}
_SAID = frozenset({"sent", "delivered", "read", "failed", "deleted"})


def parse(raw: Raw, version: str, *, windows: bool = False) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: The element.
        version: Of the Graph API, for the addresses of files.
        windows: Tell with what customers write until when they may be answered freely.

    Raises:
        PayloadError: It lacks what nothing can be said without.
    """
    if raw.kind in ("export_account", "export_line"):
        yield from parse_export(raw)
    elif raw.kind == "change":
        _check(raw)  # templates, quality, the account: nothing that anybody said
    elif raw.kind in ("message", "status", "call"):
        body = mapping(raw.body)
        element = body.get("element")
        if not isinstance(element, Mapping):
            raise PayloadError(f"a {raw.kind} of WhatsApp should be an object, got {type(element).__name__}")
        if raw.kind == "status":
            found = _status(element, body)
        elif raw.kind == "call":
            found = _call(element, body, raw.context)
        else:
            found = _message(element, body, raw.context, version)
        yield from (_windowed(item) if windows else item for item in found)


def _windowed(item: Item) -> Item:
    """An answer is given the address in ``reply_to`` and nothing else of what it answers."""
    if not isinstance(item, Interaction) or item.direction is not Direction.INBOUND:
        return item
    return attrs.evolve(item, extra={**item.extra, "reply_to": dated(item.author.id, item.at)})


def _check(raw: Raw) -> None:
    body = mapping(raw.body)
    value = body.get("value")
    odd = [name for name in _CONTENT if name in mapping(value)]
    if "history" in odd and any(mapping(one).get("errors") for one in _list(mapping(value).get("history"))):
        odd.remove("history")  # the business did not share it, which is no mistake of the payload
    if odd or not isinstance(value, Mapping):
        raise PayloadError(
            f"a change of WhatsApp should hold lists of objects, got another shape of {', '.join(odd) or 'value'}"
        )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


@frozen(kw_only=True)
class _Frame:
    """What every message has around its content."""

    key: str
    at: datetime
    ours: bool
    customer: Person
    group: str
    context: Mapping[str, str]

    @property
    def author(self) -> Identity:
        """Who wrote: we, under our number's id, or the customer."""
        if self.ours:
            return Identity(id=self.context.get("number_id") or digits(self.context.get("number")) or "business")
        return self.customer.identity(self.key)

    def interaction(self, key: str, **told: Any) -> Interaction:
        """Return an interaction with what is common to all."""
        alone = self.customer.key or self.customer.identity(self.key).id
        return Interaction(
            id=key,
            at=self.at,
            author=self.author,
            conversation=group_key(self.group) if self.group else alone,
            direction=Direction.OUTBOUND if self.ours else Direction.INBOUND,
            visibility=Visibility.LIMITED if self.group else Visibility.PRIVATE,
            **told,
        )


def _frame(message: Mapping[str, Any], body: Mapping[str, Any], context: Mapping[str, str]) -> _Frame:
    key, at = ident(message.get("id")), moment(message.get("timestamp")) or moment(context.get("time"))
    if not key or at is None:
        raise PayloadError("a message of WhatsApp should have an 'id' and a 'timestamp'")
    sender, number = digits(message.get("from")), digits(context.get("number"))
    ours = context.get("list") == "message_echoes" or bool(sender and sender == number)
    contact = mapping(body.get("contact"))
    if not ours:
        customer = Person.read(contact, message.get("from"), message.get("from_user_id"))
    else:
        customer = Person.read(contact, message.get("to"), message.get("to_user_id"))
    return _Frame(key=key, at=at, ours=ours, customer=customer, group=ident(message.get("group_id")), context=context)


def _message(message: Mapping[str, Any], body: Mapping[str, Any], context: Mapping[str, str], version: str) -> Iterator[Item]:
    frame = _frame(message, body, context)
    kind = text(message.get("type"))
    if kind == "revoke":
        yield Deletion(id=_original(message, kind), at=frame.at)
    elif kind == "edit":
        inner = mapping(mapping(message.get("edit")).get("message"))
        yield Edit(id=_original(message, kind), at=frame.at, text=content_of(inner, version).text)
    elif kind == "reaction":
        yield from _reaction(frame, mapping(message.get("reaction")))
    elif kind == "system":
        yield _system(frame, message)
    else:
        yield _said(frame, message, body, version)
        yield from _status_of_history(frame, message)


def _said(frame: _Frame, message: Mapping[str, Any], body: Mapping[str, Any], version: str) -> Interaction:
    content = content_of(message, version)
    context = mapping(message.get("context"))
    parent = ident(context.get("id"))
    extra = dict(content.extra)
    extra |= {name: True for name in ("forwarded", "frequently_forwarded") if context.get(name) is True}
    for name, told in (("referral", message.get("referral")), ("product", context.get("referred_product"))):
        if mapping(told):
            extra[name] = dict(mapping(told))
    errors = errors_of(message.get("errors"), body.get("errors"))
    if errors:
        extra["errors"] = errors
    return frame.interaction(
        frame.key,
        parent=parent if parent and parent != frame.key else None,
        kind=Kind.MESSAGE if content.known else Kind.OTHER,
        text=content.text,
        attachments=content.files,
        extra=extra,
    )


def _original(message: Mapping[str, Any], kind: str) -> str:
    found = ident(mapping(message.get(kind)).get("original_message_id"))
    if not found:
        raise PayloadError(f"a message of type {kind!r} should name its 'original_message_id'")
    return found


def _reaction(frame: _Frame, told: Mapping[str, Any]) -> Iterator[Item]:
    # One person has one reaction to a message: a new emoji takes the place of the old one, none takes it back.
    target = ident(told.get("message_id"))
    if not target:
        raise PayloadError("a reaction of WhatsApp should have the 'message_id' of what it is about")
    key = f"{target}:reaction:{frame.author.id}"
    emoji = text(told.get("emoji"))
    if emoji:
        yield frame.interaction(key, parent=target, kind=Kind.REACTION, text=emoji)
    else:
        yield Deletion(id=key, at=frame.at)


def _system(frame: _Frame, message: Mapping[str, Any]) -> Interaction:
    """A customer's number or id has changed: the new one is told together with the old one, so both stay one person."""
    told = mapping(message.get("system"))
    content = content_of(message, "")
    old = [told.get("previous_user_id"), told.get("customer"), message.get("from_user_id"), message.get("from")]
    phone = ident(told.get("wa_id")) or ident(told.get("new_wa_id"))
    user_id = ident(told.get("user_id"))
    if not (phone or user_id):
        return frame.interaction(frame.key, kind=Kind.OTHER, text=content.text, extra=content.extra)
    was = dict.fromkeys(one for one in map(ident, old) if one not in ("", phone, user_id))
    person = Person(user_id=user_id, phone=phone, was=tuple(was))
    return _Frame(
        key=frame.key, at=frame.at, ours=False, customer=person, group=frame.group, context=frame.context
    ).interaction(frame.key, kind=Kind.OTHER, text=content.text, extra=content.extra)


def _status_of_history(frame: _Frame, message: Mapping[str, Any]) -> Iterator[Item]:
    told = text(mapping(message.get("history_context")).get("status")).lower()
    status = _STATUS.get(told, told)
    if frame.ours and status in _SAID:
        yield Delivery(id=frame.key, at=frame.at, status=status)


def _status(status: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[Item]:
    if text(status.get("type")) == "call" or ident(status.get("id")).startswith("wacid."):
        return  # how a call of ours rings; its end is told as a call
    key, at = ident(status.get("id")), moment(status.get("timestamp"))
    told = text(status.get("status")).lower()
    if not key or at is None or not told:
        raise PayloadError("a status of WhatsApp should have an 'id', a 'status' and a 'timestamp'")
    found = errors_of(status.get("errors"), body.get("errors") if told == "failed" else None)
    yield Delivery(id=key, at=at, status=_STATUS.get(told, told), reason="; ".join(map(_reason, found)))


def _reason(error: Mapping[str, Any]) -> str:
    said = " ".join(
        part for part in (error["message"], error["details"] if error["details"] != error["message"] else "") if part
    )
    code = error["code"]
    return f"{said} ({code}); {advice(code) if isinstance(code, int) else 'see the error codes of the Cloud API'}"


def _call(call: Mapping[str, Any], body: Mapping[str, Any], context: Mapping[str, str]) -> Iterator[Item]:
    """A call that is over; that it begins is told before, with the same id and without its outcome."""
    if text(call.get("event")) == "connect":
        return
    key = ident(call.get("id"))
    at = moment(call.get("start_time")) or moment(call.get("timestamp"))
    if not key or at is None:
        raise PayloadError("a call of WhatsApp should have an 'id' and a 'timestamp'")
    number = digits(context.get("number"))
    told = text(call.get("direction")).upper()
    ours = told == "BUSINESS_INITIATED" or (not told and bool(number) and digits(call.get("from")) == number)
    there = ("to", "to_user_id") if ours else ("from", "from_user_id")
    customer = Person.read(body.get("contact"), *(call.get(name) for name in there))
    frame = _Frame(key=key, at=at, ours=ours, customer=customer, group="", context=context)
    length = call.get("duration")
    seconds = int(length) if isinstance(length, int | str) and str(length).isdecimal() else 0
    extra: dict[str, Any] = {"status": text(call.get("status")), "seconds": seconds}
    errors = errors_of(call.get("errors"), body.get("errors"))
    missed = not ours and not seconds
    subject = (
        "Missed call" if missed else f"Call of {seconds // 60}:{seconds % 60:02} minutes" if seconds else "Call not answered"
    )
    yield frame.interaction(key, kind=Kind.CALL, subject=subject, extra={**extra, "missed": missed, "errors": errors})
