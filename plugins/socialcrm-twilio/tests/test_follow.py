"""Following the logs: walks that go on, calls with their legs and recordings, looking again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, RateLimited, RefusedError, SocialCRMError
from socialcrm.types import Census, Interaction

OURS, MARA, ANA = "+15550100100", "+15550100199", "+15550100111"
HOUR = timedelta(hours=1)


def texts(desk: Any) -> list[str]:
    return sorted({one.text for one in desk.items if isinstance(one, Interaction)})


def asked(twilio: Any, name: str) -> list[dict[str, str]]:
    return [params for _, path, params in twilio.log if path.endswith(f"/{name}.json")]


def test_a_walk_that_dies_is_taken_up(twilio: Any, desk: Callable[..., Any], killed: type[Exception]) -> None:
    """The cursor holds page number and token of the next page, no link and no credential."""
    twilio.size = 2
    for number in range(7):
        twilio.text(MARA, OURS, f"Text {number}", age=HOUR * (number + 1))
    one = desk()
    one.host.lives = 4
    with pytest.raises(killed):
        one.sync()
    assert set(one.host.cursor) == {"top", "place"}
    page, _, token = one.host.cursor["place"].partition(" ")
    assert page.isdigit()
    assert token.startswith("PASM")
    first = len(asked(twilio, "Messages"))
    one.sync()
    assert asked(twilio, "Messages")[first]["PageToken"] == token
    assert texts(one) == [f"Text {number}" for number in range(7)]
    assert set(one.host.cursor) == {"known", "checked"}


def test_a_place_that_is_gone_begins_anew(twilio: Any, desk: Callable[..., Any], killed: type[Exception]) -> None:
    """A page token whose message was deleted is refused; the walk starts over."""
    twilio.size = 2
    sids = [twilio.text(MARA, OURS, f"Text {number}", age=HOUR * (number + 1)) for number in range(5)]
    one = desk()
    one.host.lives = 2
    with pytest.raises(killed):
        one.sync()
    del twilio.tables["messages"][one.host.cursor["place"].partition(" ")[2][2:]]
    one.sync()
    assert len(texts(one)) == len(sids) - 1


def test_what_is_known_is_not_read_again(twilio: Any, desk: Callable[..., Any]) -> None:
    """A later walk asks for the day of the newest message, and stops where it is older than known."""
    twilio.size = 2
    for number in range(8):
        twilio.text(MARA, OURS, f"Text {number}", age=HOUR * (number + 1))
    one = desk(recheck_days=0)
    one.sync()
    before = len(twilio.log)
    twilio.text(MARA, OURS, "New")
    one.sync()
    assert [call[2].get("DateSent>") for call in twilio.log[before:]] == ["2026-10-05"] * 2
    assert "New" in texts(one)


def test_looking_again_ends_in_a_census(twilio: Any, desk: Callable[..., Any]) -> None:
    """Once an hour what is recent is read again; the census names what is there, and calls have one of their own."""
    sid = twilio.text(MARA, OURS, "Hello", age=HOUR)
    one = desk()
    one.sync()
    assert not [item for item in one.items if isinstance(item, Census)]
    one.host.time += HOUR
    one.sync()
    (census,) = [item for item in one.items if isinstance(item, Census)]
    assert (census.ids, census.scope, census.id) == ({sid}, "", "messages")
    assert census.until == one.host.time - timedelta(minutes=10)


def test_deletions_need_not_be_followed(twilio: Any, desk: Callable[..., Any]) -> None:
    """Who clears Twilio's log as a routine keeps what is here."""
    twilio.text(MARA, OURS, "Hello", age=HOUR)
    one = desk(follow_deletions=False)
    one.sync()
    one.host.time += HOUR
    one.sync()
    assert not [item for item in one.items if isinstance(item, Census)]


def test_prices_and_states_come_late(twilio: Any, desk: Callable[..., Any]) -> None:
    """What changed in the last days is seen when they are looked at again."""
    sid = twilio.text(MARA, OURS, "Hello", age=HOUR * 30)
    one = desk()
    one.sync()
    twilio.tables["messages"][sid]["price"] = "-0.0075"
    one.host.time += HOUR
    one.sync()
    assert one.items[-2].extra["price"] == "-0.0075"


def test_a_call_is_one_with_its_legs(twilio: Any, desk: Callable[..., Any]) -> None:
    """Legs on another page, and legs that the log shows in no order, are found; a leg alone is no call."""
    twilio.size = 1
    head = twilio.ring(MARA, OURS, "completed", 50, age=HOUR * 2)
    twilio.ring(OURS, ANA, "no-answer", age=HOUR * 3, parent_call_sid=head)
    alone = twilio.ring(MARA, OURS, "completed", 20, age=HOUR)
    one = desk()
    one.sync("calls")
    assert texts(one) == ["Call, 20 seconds", "Missed call (nobody picked up), 50 seconds"]
    assert {params.get("ParentCallSid") for params in asked(twilio, "Calls")} >= {head, alone}


def test_legs_that_another_process_has_read_are_found(twilio: Any, desk: Callable[..., Any], killed: type[Exception]) -> None:
    """A walk that is taken up between two legs of a call still knows that the first of them was answered."""
    twilio.size = 1
    head = twilio.ring(MARA, OURS, "completed", 50, age=HOUR * 3)
    twilio.ring(OURS, ANA, "no-answer", age=HOUR * 2, parent_call_sid=head)
    twilio.ring(OURS, ANA, "completed", 30, age=HOUR, parent_call_sid=head)
    one = desk(recordings=False)
    one.host.lives = 3
    with pytest.raises(killed):
        one.sync("calls")
    assert "place" in one.host.cursor
    one.sync("calls")
    assert texts(one) == ["Call, 50 seconds"]


def test_recordings_are_read_by_the_day(twilio: Any, desk: Callable[..., Any]) -> None:
    """One request for each day with completed calls, whatever their number; none where they are switched off."""
    for number in range(5):
        sid = twilio.ring(MARA, OURS, "completed", 50, age=timedelta(minutes=number + 1))
        twilio.record(sid, 40, "DialVerb")
    one = desk()
    one.sync("calls")
    assert [params["DateCreated"] for params in asked(twilio, "Recordings")] == ["2026-10-05"]
    assert all(len(item.attachments) == 1 for item in one.items)
    twilio.log.clear()
    other = desk(recordings=False)
    other.sync("calls")
    assert asked(twilio, "Recordings") == []


def test_a_call_that_goes_on_is_looked_at_until_it_ends(twilio: Any, desk: Callable[..., Any]) -> None:
    """Its row in the cursor stays until it has ended, and is dropped if it is gone."""
    sid = twilio.ring(MARA, OURS, "in-progress", age=timedelta(minutes=30))
    gone = twilio.ring(MARA, OURS, "ringing", age=timedelta(minutes=30))
    one = desk()
    one.sync("calls")
    assert {f"call:{sid}", f"call:{gone}"} <= set(one.host.cursor)
    del twilio.tables["calls"][gone]
    twilio.tables["calls"][sid] |= {"status": "completed", "duration": "70"}
    twilio.record(sid, 60, "DialVerb")
    one.host.time += timedelta(minutes=20)
    one.sync("calls")
    assert texts(one) == ["Call, 1 minute 10 seconds"]
    assert not [row for row in one.host.cursor if row.startswith("call:")]


def test_a_recording_that_comes_late_is_read_with_its_call(twilio: Any, desk: Callable[..., Any]) -> None:
    """A webhook of a recording or of a leg has the whole call read again."""
    sid = twilio.ring(MARA, OURS, "completed", 40, age=HOUR * 2)
    leg = twilio.ring(OURS, ANA, "busy", age=HOUR * 2, parent_call_sid=sid)
    one = desk()
    one.sync("calls")
    twilio.write_down(twilio.record(sid, 31), "Call me")
    for poked in (sid, leg):
        one.host.cursor[f"call:{poked}"] = "RE1"
        one.sync("calls")
        assert one.items[0 - 1].text
        assert "Voicemail, 31 seconds\n\nCall me" in texts(one)
        assert f"call:{poked}" not in one.host.cursor


def test_calls_may_be_left_out(twilio: Any, desk: Callable[..., Any]) -> None:
    """Without calls nothing is asked."""
    desk(calls=False).sync("calls")
    assert twilio.log == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, 20003, CredentialsError),
        (403, 20003, ForbiddenError),
        (403, 20006, ForbiddenError),
        (404, 20404, NotFound),
        (429, 20429, RateLimited),
        (400, 20001, RefusedError),
    ],
)
def test_refusals_have_their_kind(
    twilio: Any, desk: Callable[..., Any], refusal: Any, status: int, code: int, error: type[SocialCRMError]
) -> None:
    """Each of Twilio's codes leads to the error that says what to do; nothing is lost."""
    twilio.refused["GET Messages"] = refusal(status, code)
    one = desk()
    with pytest.raises(error, match="twilio"):
        one.sync()
    assert one.host.cursor == {}
