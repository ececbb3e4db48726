"""What messaging webhooks of Messenger and Instagram mean (Messenger Platform: Webhook Events Reference)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Direction, Edit, Identity, Interaction, Item, Kind, Visibility
from socialcrm_meta._attached import attached
from socialcrm_meta._people import party
from socialcrm_meta._values import ident, mapping, moment, text

__all__ = ["is_event", "parse_event"]

_NO_WORDS = ("delivery", "read", "typing", "pass_thread_control", "take_thread_control", "request_thread_control", "app_roles")
_KNOWN = ("message", "postback", "reaction", "message_edit", *_NO_WORDS)


@frozen(kw_only=True)
class _Event:
    """What all messaging events tell."""

    sender: str
    customer: str
    at: datetime | None
    ours: bool
    context: Mapping[str, str]

    def when(self, what: str) -> datetime:
        if self.at is None:
            raise PayloadError(f"{what} has no time that can be read")
        return self.at

    def interaction(self, key: str, **told: Any) -> Interaction:
        """Make an interaction of this exchange."""
        return Interaction(
            id=key,
            at=self.when(key),
            author=Identity(id=self.sender or f"unknown:{key}"),
            conversation=party(self.customer) if self.customer else "",
            direction=Direction.OUTBOUND if self.ours else None,
            visibility=Visibility.PRIVATE,
            **told,
        )


def is_event(value: object) -> bool:
    """Say whether the value of a change is a messaging event: newer subscriptions and test notifications wrap them so."""
    told = mapping(value)
    return isinstance(told.get("sender"), Mapping) and any(name in told for name in (*_KNOWN, "recipient"))


def parse_event(value: object, context: Mapping[str, str]) -> Iterator[Item]:
    """Say what an element of ``messaging`` or ``standby`` means.

    Args:
        value: The element.
        context: What `socialcrm_meta.receive` put beside it.

    Raises:
        PayloadError: It is no object, or lacks what nothing can be said without.
    """
    if not isinstance(value, Mapping):
        raise PayloadError(f"a messaging event should be an object, got {type(value).__name__}")
    event = _event(value, context)
    for name, read in _READERS.items():
        told = value.get(name)
        if isinstance(told, Mapping):
            yield from read(event, told)
            return
    if any(name in value for name in _NO_WORDS):
        return
    key = "event:" + hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:24]
    yield event.interaction(key, kind=Kind.OTHER, extra={"event": sorted(map(str, value))})


def _event(value: Mapping[str, Any], context: Mapping[str, str]) -> _Event:
    sender, recipient = ident(mapping(value.get("sender")).get("id")), ident(mapping(value.get("recipient")).get("id"))
    ours = mapping(value.get("message")).get("is_echo") is True or (bool(sender) and sender == context.get("account"))
    at = moment(value.get("timestamp")) or moment(context.get("time"))
    return _Event(sender=sender, customer=recipient if ours else sender, at=at, ours=ours, context=context)


def _message(event: _Event, message: Mapping[str, Any]) -> Iterator[Item]:
    key = ident(message.get("mid"))
    if not key:
        raise PayloadError("a message should have a 'mid'")
    if message.get("is_deleted") is True:
        yield Deletion(id=key, at=event.at)
        return
    files, extra, words = attached(message.get("attachments"))
    answered = mapping(message.get("reply_to"))
    story = mapping(answered.get("story"))
    if story:
        extra = {**extra, "story_reply": ident(story.get("id")), "story_url": text(story.get("url"))}
    if message.get("is_unsupported") is True:
        extra = {**extra, "unsupported": True}
    said = text(message.get("text")) or words
    yield event.interaction(
        key,
        parent=ident(answered.get("mid")) or None,
        kind=Kind.MESSAGE if said or files or extra.keys() - {"unsupported"} else Kind.OTHER,
        text=said,
        attachments=files,
        extra=_with_referral(extra, message.get("referral")),
    )


def _postback(event: _Event, told: Mapping[str, Any]) -> Iterator[Item]:
    key = ident(told.get("mid")) or f"postback:{event.sender}:{int(event.when('a postback').timestamp())}"
    extra: dict[str, Any] = {"postback": text(told.get("payload"))}
    yield event.interaction(
        key, text=text(told.get("title")) or text(told.get("payload")), extra=_with_referral(extra, told.get("referral"))
    )


def _reaction(event: _Event, told: Mapping[str, Any]) -> Iterator[Item]:
    target = ident(told.get("mid"))
    if not target:
        raise PayloadError("a reaction should have the 'mid' of what it is about")
    key = f"{target}:reaction:{event.sender}"
    if told.get("action") == "unreact":
        yield Deletion(id=key, at=event.at)
        return
    said = text(told.get("emoji")) or text(told.get("reaction"))
    yield event.interaction(key, parent=target, kind=Kind.REACTION, text=said, extra={"reaction": text(told.get("reaction"))})


def _edit(event: _Event, told: Mapping[str, Any]) -> Iterator[Item]:
    key = ident(told.get("mid"))
    if not key or not isinstance(told.get("text"), str):
        raise PayloadError("an edit should have the 'mid' of the message and its 'text'")
    yield Edit(id=key, at=event.when("an edit"), text=told["text"])


def _delivery(event: _Event, told: Mapping[str, Any]) -> Iterator[Item]:
    at = moment(told.get("watermark")) or event.at
    mids = told.get("mids")
    for mid in mids if isinstance(mids, list) and at is not None else ():
        if ident(mid) and at is not None:
            yield Delivery(id=ident(mid), at=at, status="delivered")


def _read(event: _Event, told: Mapping[str, Any]) -> Iterator[Item]:
    # Messenger only tells a watermark ("everything until then"), Instagram the message.
    key = ident(told.get("mid"))
    if key and event.at is not None:
        yield Delivery(id=key, at=event.at, status="read")


def _with_referral(extra: Mapping[str, Any], referral: object) -> Mapping[str, Any]:
    return {**extra, "referral": dict(mapping(referral))} if mapping(referral) else extra


_READERS = {
    "message": _message,
    "message_edit": _edit,
    "postback": _postback,
    "reaction": _reaction,
    "delivery": _delivery,
    "read": _read,
}
