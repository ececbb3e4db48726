"""The two streams: the message log with its media, the call log with legs, recordings and transcriptions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from socialcrm.connectors import Batch, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound
from socialcrm_twilio._api import Asked, ask, listed, several
from socialcrm_twilio._calls import FINAL
from socialcrm_twilio._fields import moment, number, text_of
from socialcrm_twilio._settings import TwilioSettings
from socialcrm_twilio._walk import Listing, Rows, follow

__all__ = ["OPEN", "follow_calls", "follow_messages"]

OPEN = "call:"
"""Rows of the cursor of calls that have to be looked at again: they go on, or a webhook told of them."""

_ZOMBIE = timedelta(days=2)
"""Twilio ends a call after a day at most ("Dial", timeLimit); one that is told to go on for longer has got lost."""

_Known = dict[date, list[Mapping[str, Any]]]
_Read = tuple[list[Raw], dict[str, str | None]]


def follow_messages(settings: TwilioSettings, cursor: Cursor) -> Flow[None]:
    """Follow the message log."""

    def read(rows: Rows) -> Flow[_Read]:
        wanted = [text_of(row, "sid") for row in rows if number(row, "num_media")]
        asked: Asked = {sid: (f"Messages/{sid}/Media", "media_list", {}) for sid in wanted if sid}
        media = yield from several(settings.account_sid, asked)
        return [Raw("message", {"message": row, "media": media.get(text_of(row, "sid"), [])}) for row in rows], {}

    yield from follow(settings, Listing(resource="Messages", since="DateSent>", read=read), cursor)


def follow_calls(settings: TwilioSettings, cursor: Cursor) -> Flow[None]:
    """Follow the call log; first what went on when it was seen last, and what webhooks told of."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    days: _Known = {}
    resumed = "place" in cursor  # legs may stand on pages that another process has read

    def read(rows: Rows) -> Flow[_Read]:
        for row in rows:
            if parent := text_of(row, "parent_call_sid"):
                _join(seen.setdefault(parent, []), row)
        heads = [row for row in rows if not text_of(row, "parent_call_sid")]
        yield from _legs(settings, heads, {} if resumed else seen, seen)
        recorded: dict[str, list[Mapping[str, Any]]] = {}
        for day in sorted(_days(heads)) if settings.recordings else ():
            if day not in days:
                days[day] = yield from listed(settings.account_sid, "Recordings", "recordings", DateCreated=day.isoformat())
            for one in days[day]:
                _join(recorded.setdefault(text_of(one, "call_sid"), []), one)
        raws = yield from _whole(settings, heads, seen, recorded)
        legs = [Raw("leg", row) for row in rows if text_of(row, "parent_call_sid")]
        going = {f"{OPEN}{text_of(row, 'sid')}": text_of(row, "status") for row in heads if _goes_on(row)}
        return [*raws, *legs], dict(going)

    yield from _open(settings, cursor)
    yield from follow(settings, Listing(resource="Calls", since="StartTime>", read=read), cursor)


def _open(settings: TwilioSettings, cursor: Cursor) -> Flow[None]:
    now = yield from Now()
    account = settings.account_sid
    for key in [one for one in cursor if one.startswith(OPEN)]:
        sid = key.removeprefix(OPEN)
        try:
            row = yield from ask(account, f"Calls/{sid}")
            if parent := text_of(row, "parent_call_sid"):
                row = yield from ask(account, f"Calls/{parent}")
                sid = parent
        except NotFound:
            yield from Batch([], {key: None})
            continue
        if _goes_on(row) and now - (_begin(row) or now) < _ZOMBIE:
            continue
        legs = yield from listed(account, "Calls", "calls", ParentCallSid=sid)
        recorded: list[Mapping[str, Any]] = []
        if settings.recordings:
            recorded = yield from listed(account, f"Calls/{sid}/Recordings", "recordings")
        raws = yield from _whole(settings, [row], {sid: legs}, {sid: recorded})
        yield from Batch(raws, {key: None})


def _legs(
    settings: TwilioSettings, heads: Rows, shown: Collection[str], seen: dict[str, list[Mapping[str, Any]]]
) -> Flow[None]:
    """Ask for the legs of completed calls of which the list has shown none."""
    wanted = [
        text_of(row, "sid") for row in heads if text_of(row, "status") == "completed" and text_of(row, "sid") not in shown
    ]
    asked: Asked = {sid: ("Calls", "calls", {"ParentCallSid": sid}) for sid in wanted if sid}
    seen.update((yield from several(settings.account_sid, asked)))


def _whole(
    settings: TwilioSettings,
    heads: Rows,
    legs: Mapping[str, list[Mapping[str, Any]]],
    recorded: Mapping[str, list[Mapping[str, Any]]],
) -> Flow[list[Raw]]:
    """Put each call together. Only ``<Record>`` transcribes ("TwiML Voice: Record", transcribe)."""
    asked: Asked = {
        text_of(one, "sid"): (f"Recordings/{text_of(one, 'sid')}/Transcriptions", "transcriptions", {})
        for row in heads
        for one in recorded.get(text_of(row, "sid"), ())
        if text_of(one, "source") == "RecordVerb" and text_of(one, "status") == "completed"
    }
    said = yield from several(settings.account_sid, asked)
    raws = []
    for row in heads:
        sid = text_of(row, "sid")
        mine = sorted(recorded.get(sid, ()), key=lambda one: text_of(one, "sid"))
        body = {
            "call": row,
            "legs": sorted(_of(sid, legs.get(sid, ())), key=lambda one: text_of(one, "sid")),
            "recordings": mine,
            "transcriptions": [text for one in mine for text in said.get(text_of(one, "sid"), ())],
        }
        raws.append(Raw("call", body))
    return raws


def _of(sid: str, legs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [leg for leg in legs if text_of(leg, "parent_call_sid") == sid]


def _goes_on(row: Mapping[str, Any]) -> bool:
    return bool(text_of(row, "sid")) and text_of(row, "status") not in FINAL


def _begin(row: Mapping[str, Any]) -> datetime | None:
    return moment(row.get("start_time")) or moment(row.get("date_created"))


def _days(heads: Rows) -> set[date]:
    """Return the days on which recordings of completed calls were made."""
    found: set[date] = set()
    for row in heads:
        begin = _begin(row)
        if begin is not None and text_of(row, "status") == "completed":
            end = moment(row.get("end_time")) or begin
            found |= {at.astimezone(UTC).date() for at in (begin, end)}
    return found


def _join(held: list[Mapping[str, Any]], one: Mapping[str, Any]) -> None:
    if all(text_of(other, "sid") != text_of(one, "sid") for other in held):
        held.append(one)
