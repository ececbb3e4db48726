"""Answers: one message for each part, from the number that the customer wrote to or called.

Twilio has no idempotency key for messages. A send of unclear outcome is looked for among our own messages to that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from socialcrm.connectors import Batch, Call, Cursor, Flow, Outgoing, Receipt
from socialcrm.errors import NotFound, PayloadError, SettingsError, UnclearError, UnsupportedError
from socialcrm_twilio._address import is_device, normal, reachable
from socialcrm_twilio._api import page, path
from socialcrm_twilio._fields import moment, text_of
from socialcrm_twilio._settings import TwilioSettings
from socialcrm_twilio._words import fold

__all__ = ["retract", "send", "settle"]

_CLOCKS = timedelta(minutes=5)
"""How far our clock and Twilio's may differ."""


def send(settings: TwilioSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt]:
    """Send each part that the cursor does not know yet ("Message resource", create).

    Raises:
        UnsupportedError: The customer can't be texted.
        SettingsError: Nobody knows from which number.
        UnclearError: The answer can't be read.
    """
    base = {"To": reachable(message.to), **_sender(settings, message)}
    if settings.status_callback:
        base["StatusCallback"] = settings.status_callback
    if message.media:
        raise UnsupportedError(
            "twilio: pictures have to lie at a public address, so none can be sent from here; nothing was sent"
        )
    ids, at = [], None
    for place, text in enumerate(message.parts):
        found = cursor.get(f"part:{place}")
        if found is None:
            call = Call("POST", path(settings.account_sid, "Messages"), form={**base, "Body": text}, bucket="send")
            answer = yield from call
            try:
                row = answer.json(dict, "sid")
            except PayloadError as error:
                raise UnclearError(f"twilio: the message may have been sent, but the answer can't be read: {error}") from None
            found, at = text_of(row, "sid"), moment(row.get("date_created"))
            yield from Batch([], {f"part:{place}": found})
        ids.append(found)
    return Receipt(ids=tuple(ids), scope="", at=at)


def settle(settings: TwilioSettings, message: Outgoing, cursor: Cursor) -> Flow[Receipt | None]:
    """Look for the first part that the cursor does not know among our recent messages to that number.

    Raises:
        UnclearError: There is one that may be another reply with the same words.
    """
    done = [cursor[f"part:{place}"] for place in range(len(message.parts)) if f"part:{place}" in cursor]
    if len(done) < len(message.parts):
        found = yield from _find(settings, message, message.parts[len(done)], done)
        if found is None:
            return None
        yield from Batch([], {f"part:{len(done)}": found})
        done.append(found)
    return Receipt(ids=tuple(done), scope="") if len(done) == len(message.parts) else None


def retract(settings: TwilioSettings, receipt: Receipt) -> Flow[None]:
    """Delete our messages from Twilio's log ("Message resource", delete); what a phone has received stays there."""
    for sid in reversed(receipt.ids):
        try:
            yield from Call("DELETE", path(settings.account_sid, f"Messages/{sid}"), bucket="send")
        except NotFound:
            continue


def _find(settings: TwilioSettings, message: Outgoing, text: str, done: list[str]) -> Flow[str | None]:
    to, wanted = reachable(message.to), fold(text)
    ours = _sender(settings, message).get("From", "")
    doubt, found, place = False, "", ""
    while True:
        one = yield from page(settings.account_sid, "Messages", "messages", {"To": to, "PageSize": "100"}, place)
        times = []
        for row in one.rows:
            at = moment(row.get("date_created"))
            times.append(at)
            if text_of(row, "sid") in done or not _is(row, wanted, ours):
                continue
            if at is None or message.at is None:
                doubt = True
            elif at >= message.at.replace(microsecond=0):
                found = text_of(row, "sid")
            elif at >= message.at - _CLOCKS:
                doubt = True
        place = one.next
        old = message.at is not None and bool(times) and all(at is not None and at < message.at - _CLOCKS for at in times)
        if old or not place:
            break
    if found or not doubt:
        return found or None
    raise UnclearError(
        "twilio: the same words went to this number minutes before the reply was written, and clocks may differ; "
        "look into Twilio's log, then decide"
    )


def _is(row: Mapping[str, Any], wanted: str, ours: str) -> bool:
    if text_of(row, "direction") == "inbound" or fold(text_of(row, "body")) != wanted:
        return False
    sender = text_of(row, "from")
    return not ours or not sender or sender == ours


def _sender(settings: TwilioSettings, message: Outgoing) -> dict[str, str]:
    """Return who sends: the number of the conversation, within the Messaging Service where there is one."""
    ours, service = message.conversation.partition("|")[0], settings.messaging_service
    prefix = message.to.rpartition(":")[0]
    if not ours or ours == "unknown" or is_device(ours) or ours.startswith("MG"):
        fits = [one for one in settings.numbers if one.rpartition(":")[0] == prefix]
        service = service or (ours if ours.startswith("MG") else "")
        ours = normal(fits[0], settings.region) if fits and not service else ""
    if not ours and not service:
        raise SettingsError(
            "twilio: nobody knows from which number to answer; give numbers or messaging_service to the channel"
        )
    return {**({"From": ours} if ours else {}), **({"MessagingServiceSid": service} if service else {})}
