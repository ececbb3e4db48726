"""What an element means: one parser for the lists, for webhooks and for reprocessing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Census, Item
from socialcrm_twilio._calls import SCOPE, call, ended
from socialcrm_twilio._fields import mapping, moment, required, text_of
from socialcrm_twilio._messages import incoming, message, status
from socialcrm_twilio._settings import TwilioSettings

__all__ = ["parse"]


def parse(raw: Raw, settings: TwilioSettings) -> Iterator[Item]:
    """Say what an element means.

    Args:
        raw: Of the kinds ``message`` and ``call`` (lists), ``census``, ``incoming``, ``status`` and ``voice`` (webhooks). Other
            kinds are kept and mean nothing: recordings and transcriptions are read with their call.
        settings: Whose numbers are ours.

    Raises:
        PayloadError: The element can't be read.
    """
    if raw.kind == "message":
        yield from message(raw.body, settings)
    elif raw.kind == "call":
        yield from call(raw.body, settings)
    elif raw.kind == "incoming":
        yield from incoming(raw.body, _heard(raw), settings)
    elif raw.kind == "status":
        yield from status(raw.body, _heard(raw))
    elif raw.kind == "voice" and settings.calls:
        yield from ended(raw.body, _heard(raw), settings)
    elif raw.kind == "census":
        yield _census(raw)


def _heard(raw: Raw) -> datetime:
    at = moment(raw.context.get("at"))
    if at is None:
        raise PayloadError("a webhook without the time at which it came; it can't be put in order")
    return at


def _census(raw: Raw) -> Census:
    since, until = moment(text_of(raw.body, "since")), moment(text_of(raw.body, "until"))
    ids = mapping(raw.body).get("ids")
    if since is None or not isinstance(ids, list):
        raise PayloadError("a census without its ids or its time; nothing is counted off")
    name = required(raw.body, "of")
    scope = SCOPE if name == "calls" else ""
    return Census(id=name, scope=scope, ids=frozenset(str(one) for one in ids), since=since, until=until)
