"""What a message means: of the Message resource, of the webhook of an incoming message, of a status callback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from socialcrm.types import Attachment, Delivery, Direction, Interaction, Item, Kind, Visibility
from socialcrm_twilio._address import normal, party, person, talk, us
from socialcrm_twilio._fields import first, mapping, moment, number, required, rows, text_of
from socialcrm_twilio._settings import TwilioSettings
from socialcrm_twilio._words import reason

__all__ = ["incoming", "message", "status"]

_STATES = {
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}
_RANK = {"sent": timedelta(minutes=-1), "delivered": timedelta(), "read": timedelta(minutes=1), "failed": timedelta(minutes=1)}

# "Twilio support for opt-out keywords": the whole message, in any case. Words of the second row opt out as well, but a customer
# may mean the order by them, so a person has to see it.
_STOP = frozenset(("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "REVOKE", "OPTOUT", "OPT OUT"))
_MAYBE = frozenset(("CANCEL", "END", "QUIT"))
_START = frozenset(("START", "UNSTOP"))


def message(body: Any, settings: TwilioSettings) -> Iterator[Item]:
    """Say what an element of the messages list means (the "Message resource").

    Its time is ``date_created``, which stays; ``date_sent`` comes later. An emptied body (redaction) is a newer wording.

    Raises:
        PayloadError: It lacks its SID, its times or its parties.
    """
    whole = mapping(body)
    row = mapping(whole.get("message"))
    sid, at = required(row, "sid"), first(row, "date_created", "date_sent", "date_updated")
    inbound = text_of(row, "direction") == "inbound"
    text, service = text_of(row, "body"), text_of(row, "messaging_service_sid")
    state = text_of(row, "status")
    if not inbound and not text_of(row, "from") and state in ("accepted", "scheduled", "queued"):
        return  # a Messaging Service has not chosen its sender yet, so nobody knows the conversation
    ours = normal(required(row, "to") if inbound else text_of(row, "from") or service or "unknown", settings.region)
    theirs = party(text_of(row, "from") if inbound else required(row, "to"), sid, settings.region)
    if settings.ours and ours not in settings.ours and not (service and service == settings.messaging_service):
        return
    media = tuple(_attachments(rows(whole.get("media")), settings.server))
    redacted = not text and not number(row, "num_media")
    word = _opted(text, "") if inbound else ""
    yield Interaction(
        id=sid,
        at=at,
        author=person(theirs) if inbound else us(settings.account_sid, ours),
        conversation=talk(ours, theirs),
        kind=_kind(text, word),
        direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
        visibility=Visibility.PRIVATE,
        text=text,
        attachments=media,
        edited_at=_later(row, at) if redacted else None,
        extra=_extra(row, word),
    )
    if not inbound and state in _STATES:
        yield _delivery(sid, _STATES[state], moment(row.get("date_updated")) or at, number(row, "error_code"), row)


def incoming(form: Any, heard: datetime, settings: TwilioSettings) -> Iterator[Item]:
    """Say what the webhook of an incoming message means ("Twilio's request to your incoming message Webhook URL").

    It tells no time: it is made when the message comes, so ours is the message's, to the second.

    Raises:
        PayloadError: It lacks its SID or its receiver.
    """
    sid = required(form, "MessageSid", "SmsSid", "SmsMessageSid")
    ours = normal(required(form, "To"), settings.region)
    theirs = party(text_of(form, "From"), sid, settings.region)
    text = text_of(form, "Body") or _other_text(form)
    word = _opted(text, text_of(form, "OptOutType"))
    yield Interaction(
        id=sid,
        at=heard.replace(microsecond=0),
        author=person(theirs, text_of(form, "ProfileName")),
        conversation=talk(ours, theirs),
        parent=text_of(form, "OriginalRepliedMessageSid") or None,
        kind=_kind(text, word),
        direction=Direction.INBOUND,
        visibility=Visibility.PRIVATE,
        text=text,
        attachments=tuple(_pushed(form)),
        extra={
            name: value
            for name, value in {
                "num_segments": number(form, "NumSegments"),
                "messaging_service_sid": text_of(form, "MessagingServiceSid"),
                "opt_out": word,
                "latitude": text_of(form, "Latitude"),
                "longitude": text_of(form, "Longitude"),
            }.items()
            if value
        },
    )


def status(form: Any, heard: datetime) -> Iterator[Item]:
    """Say what a status callback means ("Outbound Message Status in Status Callbacks").

    Callbacks tell no time and overtake each other, so ours is shifted by a minute for each rank: ``sent`` that comes after
    ``delivered`` is older, ``read`` and failure are newer.

    Raises:
        PayloadError: It lacks the message's SID.
    """
    sid = required(form, "MessageSid", "SmsSid")
    state = _STATES.get(text_of(form, "MessageStatus", "SmsStatus"))
    if state is not None:
        told = {"error_message": text_of(form, "ErrorMessage", "ChannelStatusMessage")}
        yield _delivery(sid, state, heard + _RANK[state], number(form, "ErrorCode"), told)


def _delivery(sid: str, state: str, at: datetime, code: int, told: Mapping[str, Any]) -> Delivery:
    why = reason(code, text_of(told, "error_message") or text_of(told, "status")) if state == "failed" else ""
    return Delivery(id=sid, at=at, status=state, reason=why)


def _later(row: Mapping[str, Any], at: datetime) -> datetime | None:
    changed = moment(row.get("date_updated"))
    return changed if changed is not None and changed > at else None


def _opted(text: str, told: str) -> str:
    """Return ``STOP``, ``START`` or ``HELP`` where the message is such a keyword."""
    word = " ".join(text.upper().split())
    if told.upper() in ("STOP", "START", "HELP"):
        return told.upper()
    if word in _STOP or word in _MAYBE:
        return "STOP"
    return "START" if word in _START else ""


def _kind(text: str, word: str) -> Kind:
    asks = word == "HELP" or " ".join(text.upper().split()) in _MAYBE
    return Kind.OTHER if word and not asks else Kind.MESSAGE


def _attachments(media: list[Mapping[str, Any]], server: str) -> Iterator[Attachment]:
    for one in media:
        uri = text_of(one, "uri")
        if uri:
            mime = text_of(one, "content_type") or "application/octet-stream"
            yield Attachment(url=urljoin(server, uri.removesuffix(".json")), mime=mime, name=text_of(one, "sid"))


def _pushed(form: Any) -> Iterator[Attachment]:
    for place in range(min(number(form, "NumMedia"), 100)):
        url = text_of(form, f"MediaUrl{place}")
        if url:
            mime = text_of(form, f"MediaContentType{place}") or "application/octet-stream"
            yield Attachment(url=url, mime=mime, name=url.rpartition("/")[2])


def _other_text(form: Any) -> str:
    """Return what a message without a text says: a button, or a place on the map."""
    place = ", ".join(filter(None, (text_of(form, "Label"), text_of(form, "Address"))))
    where = ", ".join(filter(None, (text_of(form, "Latitude"), text_of(form, "Longitude"))))
    return text_of(form, "ButtonText") or " ".join(filter(None, (place, f"({where})" if where else "")))


def _extra(row: Mapping[str, Any], word: str) -> dict[str, Any]:
    told: dict[str, Any] = {"status": text_of(row, "status"), "num_segments": number(row, "num_segments")}
    for name in ("messaging_service_sid", "price", "price_unit"):
        told[name] = text_of(row, name)
    told |= {"error_code": number(row, "error_code"), "opt_out": word}
    return {name: value for name, value in told.items() if value}
