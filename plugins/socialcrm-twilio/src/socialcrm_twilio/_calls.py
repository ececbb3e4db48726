"""What a call means: one interaction for all its legs, with its recordings and what was said.

A call is its parent leg; the legs that it was put through to (``parent_call_sid``) only tell whether somebody picked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from attrs import frozen

from socialcrm.types import Attachment, Direction, Interaction, Item, Kind, Visibility
from socialcrm_twilio._address import is_device, is_phone, normal, party, person, talk, us
from socialcrm_twilio._fields import first, mapping, moment, number, required, rows, text_of
from socialcrm_twilio._settings import TwilioSettings
from socialcrm_twilio._words import span

__all__ = ["FINAL", "SCOPE", "call", "ended"]

SCOPE = "call"
"""The scope of the ids of calls: a census of messages says nothing about calls."""

FINAL = frozenset(("completed", "busy", "no-answer", "canceled", "failed"))
"""The statuses that a call ends in ("Call resource", status)."""

_INBOUND = frozenset(("inbound", "trunking-originating"))
_WHY = {"busy": "busy", "no-answer": "no answer", "canceled": "the caller hung up", "failed": "it could not be connected"}


@frozen(kw_only=True)
class _Sides:
    """Who called whom."""

    ours: str
    theirs: str
    inbound: bool


def call(body: Any, settings: TwilioSettings) -> Iterator[Item]:
    """Say what a call of the call log means, with its legs, recordings and transcriptions; nothing while it goes on.

    Raises:
        PayloadError: It lacks its SID or its times.
    """
    whole = mapping(body)
    row = mapping(whole.get("call"))
    sid = required(row, "sid")
    if text_of(row, "parent_call_sid") or text_of(row, "status") not in FINAL:
        return
    legs = rows(whole.get("legs"))
    sides = _sides(row, legs, sid, settings)
    if settings.ours and sides.ours not in settings.ours:
        return
    recordings = [one for one in rows(whole.get("recordings")) if text_of(one, "status") in ("completed", "")]
    said = [text_of(one, "transcription_text") for one in rows(whole.get("transcriptions"))]
    yield _interaction(
        row,
        sid,
        sides,
        settings,
        at=first(row, "date_created", "start_time", "date_updated"),
        text=_text(row, legs, recordings, [one for one in said if one], sides, settings),
        attachments=tuple(_sound(one, settings.server) for one in recordings),
        legs=legs,
    )


def ended(form: Any, heard: datetime, settings: TwilioSettings) -> Iterator[Item]:
    """Say what a voice status callback means: only that nobody got through is certain at once; the call log tells the rest.

    Raises:
        PayloadError: It lacks the call's SID.
    """
    sid = required(form, "CallSid")
    state = text_of(form, "CallStatus")
    row = {
        "status": state,
        "direction": text_of(form, "Direction"),
        "from": text_of(form, "From"),
        "to": text_of(form, "To", "Called"),
        "caller_name": text_of(form, "CallerName"),
        "forwarded_from": text_of(form, "ForwardedFrom"),
        "verstat": text_of(form, "StirVerstat"),
    }
    if text_of(form, "ParentCallSid") or state not in _WHY or is_device(row["from"]) or row["direction"] not in _INBOUND:
        return
    sides = _sides(row, [], sid, settings)
    if not settings.ours or sides.ours in settings.ours:
        at = moment(mapping(form).get("Timestamp")) or heard.replace(microsecond=0)
        text = _text(row, [], [], [], sides, settings)
        yield _interaction(row, sid, sides, settings, at=at - timedelta(seconds=number(form, "CallDuration")), text=text)


def _interaction(
    row: Mapping[str, Any],
    sid: str,
    sides: _Sides,
    settings: TwilioSettings,
    *,
    at: datetime,
    text: str,
    attachments: tuple[Attachment, ...] = (),
    legs: list[Mapping[str, Any]] | None = None,
) -> Interaction:
    vouched = text_of(row, "verstat") == "TN-Validation-Passed-A"
    told: dict[str, Any] = {"status": text_of(row, "status"), "duration": number(row, "duration")}
    for name in ("price", "price_unit", "answered_by", "forwarded_from"):
        told[name] = text_of(row, name)
    told["missed"] = sides.inbound and text.startswith("Missed call")
    told["legs"] = [{name: text_of(leg, name) for name in ("sid", "to", "status", "duration")} for leg in legs or ()]
    name = text_of(row, "caller_name") if sides.inbound else ""
    return Interaction(
        id=sid,
        scope=SCOPE,
        at=at,
        author=person(sides.theirs, name, vouched=vouched) if sides.inbound else us(settings.account_sid, sides.ours),
        conversation=talk(sides.ours, sides.theirs),
        kind=Kind.CALL,
        direction=Direction.INBOUND if sides.inbound else Direction.OUTBOUND,
        visibility=Visibility.PRIVATE,
        text=text,
        attachments=attachments,
        extra={key: value for key, value in told.items() if value},
    )


def _sides(row: Mapping[str, Any], legs: list[Mapping[str, Any]], sid: str, settings: TwilioSettings) -> _Sides:
    """Tell us and the customer apart. A softphone of ours that dials out comes in as a call from ``client:…``."""
    caller, called = text_of(row, "from"), text_of(row, "to")
    region = settings.region
    if text_of(row, "direction") not in _INBOUND:
        return _Sides(ours=normal(caller, region) or "unknown", theirs=party(called, sid, region), inbound=False)
    dialled = [leg for leg in legs if is_phone(text_of(leg, "to"))]
    if is_device(caller) and dialled:
        leg = dialled[0]
        ours = normal(text_of(leg, "from"), region) or "unknown"
        return _Sides(ours=ours, theirs=party(text_of(leg, "to"), sid, region), inbound=False)
    return _Sides(ours=normal(called, region) or "unknown", theirs=party(caller, sid, region), inbound=True)


def _text(
    row: Mapping[str, Any],
    legs: list[Mapping[str, Any]],
    recordings: list[Mapping[str, Any]],
    said: list[str],
    sides: _Sides,
    settings: TwilioSettings,
) -> str:
    state, seconds = text_of(row, "status"), number(row, "duration")
    long = f", {span(seconds)}" if seconds else ""
    through = any(text_of(leg, "status") == "completed" and number(leg, "duration") for leg in legs)
    left = [one for one in recordings if text_of(one, "source") == "RecordVerb"]
    if not sides.inbound:
        told = f"Call from us{long}" if state == "completed" and (through or not legs) else "Call from us, not answered"
    elif state in _WHY:
        told = f"Missed call ({_WHY[state]})"
    elif through:
        told = f"Call{long}"
    elif left:
        told = f"Voicemail, {span(sum(number(one, 'duration') for one in left))}"
    elif legs:
        told = f"Missed call (nobody picked up){long}"
    elif seconds < settings.missed_below:
        told = f"Missed call (it ended at once){long}"
    else:
        told = f"Call{long}"
    return "\n\n".join([told, *said])


def _sound(recording: Mapping[str, Any], server: str) -> Attachment:
    """Return a recording: its address without ``.json`` is the sound; mostly it wants our credentials."""
    url = text_of(recording, "media_url") or urljoin(server, text_of(recording, "uri").removesuffix(".json"))
    seconds = number(recording, "duration")
    about = f"Recording, {span(seconds)}" if seconds else "Recording"
    return Attachment(url=url, mime="audio/x-wav", name=text_of(recording, "sid"), description=about)
