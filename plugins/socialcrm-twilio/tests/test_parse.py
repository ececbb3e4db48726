"""What messages and calls mean. Everybody and every number is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError, UnsupportedError
from socialcrm.types import Delivery, Direction, HandleKind, Interaction, Kind, Visibility
from socialcrm_twilio import TwilioConnector, TwilioSettings
from socialcrm_twilio._address import normal, party, person, reachable
from socialcrm_twilio._words import fold, reason, span

ACCOUNT = "AC" + "0" * 31 + "1"
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
OURS, MARA, OMAR, ANA = "+15550100100", "+15550100199", "+15550100198", "+15550100111"
AT = {"date_created": "Mon, 05 Oct 2026 12:00:00 +0000"}


def parse(kind: str, body: Any, **settings: Any) -> list[Any]:
    connector = TwilioConnector(TwilioSettings(account_sid=ACCOUNT, **settings))
    return list(connector.parse(Raw(kind, body, {"at": NOON.isoformat()})))


def message(**fields: Any) -> dict[str, Any]:
    row = {"sid": "SM1", "from": MARA, "to": OURS, "body": "Hello", "direction": "inbound", "status": "received", **AT}
    return {"message": {**row, **fields}, "media": []}


def call(*, legs: Any = (), recordings: Any = (), transcriptions: Any = (), **fields: Any) -> dict[str, Any]:
    row = {"sid": "CA1", "from": MARA, "to": OURS, "direction": "inbound", "status": "completed", **AT, **fields}
    return {"call": row, "legs": list(legs), "recordings": list(recordings), "transcriptions": list(transcriptions)}


def leg(status: str, seconds: int = 0, to: str = ANA) -> dict[str, Any]:
    return {"sid": f"CA{status}", "parent_call_sid": "CA1", "from": OURS, "to": to, "status": status, "duration": str(seconds)}


def test_a_message_is_private_and_its_number_is_told_but_not_vouched_for() -> None:
    """The conversation is our number and the customer's; the sender of an SMS can be forged."""
    (one,) = parse("message", message())
    assert (one.id, one.text, one.at, one.kind) == ("SM1", "Hello", NOON, Kind.MESSAGE)
    assert (one.direction, one.visibility) == (Direction.INBOUND, Visibility.PRIVATE)
    assert (one.author.id, one.conversation) == (MARA, f"{OURS}|{MARA}")
    assert [(handle.kind, handle.value, handle.verified) for handle in one.author.handles] == [(HandleKind.PHONE, MARA, False)]


@pytest.mark.parametrize("direction", ["outbound-api", "outbound-call", "outbound-reply"])
def test_a_message_of_ours_tells_its_delivery(direction: str) -> None:
    """The account wrote it, whichever number sent it; why it failed stands in words with the code."""
    changed = {"date_updated": "Mon, 05 Oct 2026 12:01:00 +0000"}
    row = message(**{"from": OURS}, to=MARA, direction=direction, status="undelivered", error_code=30003, **changed)
    one, told = parse("message", row)
    assert (one.direction, one.author.id, one.author.handle) == (Direction.OUTBOUND, ACCOUNT, OURS)
    assert one.conversation == f"{OURS}|{MARA}"
    assert isinstance(told, Delivery)
    assert (told.id, told.status, told.at) == ("SM1", "failed", NOON + timedelta(minutes=1))
    assert told.reason.endswith("(error 30003)")


@pytest.mark.parametrize("state", ["accepted", "scheduled"])
def test_a_message_without_a_sender_waits_for_one(state: str) -> None:
    """A Messaging Service chooses the sender late; one that failed before is told under the service's name."""
    row = {"from": None, "to": MARA, "direction": "outbound-api", "messaging_service_sid": "MG1"}
    assert parse("message", message(**row, status=state)) == []
    one, _ = parse("message", message(**row, status="failed"))
    assert one.conversation == f"MG1|{MARA}"


def test_an_emptied_message_is_a_newer_wording() -> None:
    """Redaction at Twilio takes the text away; a picture without text is not that."""
    later = {"body": "", "date_updated": "Mon, 05 Oct 2026 13:00:00 +0000"}
    (one,) = parse("message", message(**later, num_media="0"))
    assert (one.text, one.edited_at) == ("", NOON + timedelta(hours=1))
    (picture,) = parse("message", message(**later, num_media="1"))
    assert picture.edited_at is None


def test_pictures_have_their_address() -> None:
    """The address of a picture is that of its resource without .json."""
    uri = "/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1.json"
    (one,) = parse("message", {**message(num_media="1"), "media": [{"sid": "ME1", "content_type": "image/png", "uri": uri}]})
    (file,) = one.attachments
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
    assert (file.url, file.mime, file.name) == (url, "image/png", "ME1")


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("STOP", Kind.OTHER, "STOP"),
        (" stopAll ", Kind.OTHER, "STOP"),
        ("Start", Kind.OTHER, "START"),
        ("Cancel", Kind.MESSAGE, "STOP"),
        ("stop please", Kind.MESSAGE, None),
        ("HELP", Kind.MESSAGE, None),
        ("Yes", Kind.MESSAGE, None),
    ],
)
def test_opting_out_is_no_question(text: str, kind: Kind, word: str | None) -> None:
    """The whole message is the keyword; a word that may mean the order stays a message, so that a person sees it."""
    (one,) = parse("message", message(body=text))
    assert (one.kind, one.extra.get("opt_out"), one.text) == (kind, word, text)


def test_twilio_knows_other_words_for_opting_out() -> None:
    """OptOutType tells of keywords in other languages; who asks for help is heard."""
    form = {"MessageSid": "SM1", "From": MARA, "To": OURS, "NumMedia": "0"}
    (stop,) = parse("incoming", {**form, "Body": "ARRET", "OptOutType": "STOP"})
    (help_,) = parse("incoming", {**form, "Body": "Help", "OptOutType": "HELP"})
    assert (stop.kind, help_.kind) == (Kind.OTHER, Kind.MESSAGE)


def test_only_our_numbers_count_where_they_are_given() -> None:
    """A channel with numbers leaves other numbers of the account to other channels."""
    assert parse("message", message(), numbers=("+15550100177",)) == []
    assert len(parse("message", message(), numbers=("(555) 010-0100",), region="us")) == 1
    assert parse("call", call(duration="70"), numbers=("+15550100177",)) == []


def test_an_incoming_message_is_what_its_webhook_says() -> None:
    """Pictures, the profile's name and what it answers come with it; WhatsApp vouches for the number."""
    form = {
        "MessageSid": "SM1", "From": f"whatsapp:{MARA}", "To": f"whatsapp:{OURS}", "Body": "See", "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/x/ME1", "MediaContentType0": "image/jpeg", "ProfileName": "Mara",
        "OriginalRepliedMessageSid": "SM0",
    }  # fmt: skip
    (one,) = parse("incoming", form)
    assert (one.author.id, one.author.name, one.parent) == (f"whatsapp:{MARA}", "Mara", "SM0")
    assert one.author.handles[0].verified
    assert one.conversation == f"whatsapp:{OURS}|whatsapp:{MARA}"
    assert [(file.url, file.mime, file.name) for file in one.attachments] == [
        ("https://api.twilio.com/x/ME1", "image/jpeg", "ME1")
    ]


def test_states_that_overtake_each_other_keep_their_rank() -> None:
    """Of callbacks that come at the same time the further state is the newer."""
    forms = [{"MessageSid": "SM1", "MessageStatus": state, "ErrorCode": "30005"} for state in ("read", "delivered", "sent")]
    told = [one for form in forms for one in parse("status", form)]
    assert [one.status for one in sorted(told, key=lambda one: one.at)] == ["sent", "delivered", "read"]
    assert parse("status", {"MessageSid": "SM1", "MessageStatus": "queued"}) == []


@pytest.mark.parametrize("state", ["queued", "ringing", "in-progress"])
def test_a_call_that_goes_on_is_nothing_yet(state: str) -> None:
    """A call becomes an interaction when it has ended; a leg of one never does."""
    assert parse("call", call(status=state)) == []
    assert parse("call", call(parent_call_sid="CA0")) == []
    assert parse("leg", leg("completed")) == []


@pytest.mark.parametrize(
    ("given", "text", "missed"),
    [
        (call(status="no-answer"), "Missed call (no answer)", True),
        (call(status="busy"), "Missed call (busy)", True),
        (call(status="canceled"), "Missed call (the caller hung up)", True),
        (call(status="failed"), "Missed call (it could not be connected)", True),
        (call(duration="4"), "Missed call (it ended at once), 4 seconds", True),
        (call(duration="25", legs=[leg("no-answer"), leg("busy")]), "Missed call (nobody picked up), 25 seconds", True),
        (call(duration="185", legs=[leg("no-answer"), leg("completed", 170)]), "Call, 3 minutes 5 seconds", None),
        (call(duration="60"), "Call, 1 minute", None),
    ],
)
def test_who_got_through(given: dict[str, Any], text: str, missed: bool | None) -> None:
    """A call was missed if it ended without an answer, was picked up by none of its legs, or was over at once."""
    (one,) = parse("call", given)
    assert (one.kind, one.scope, one.direction) == (Kind.CALL, "call", Direction.INBOUND)
    assert (one.text, one.extra.get("missed")) == (text, missed)
    assert one.extra.get("duration", 0) == int(given["call"].get("duration") or 0)


def test_how_short_a_missed_call_is_can_be_set() -> None:
    """With 0 every completed call counts as answered."""
    assert parse("call", call(duration="4"), missed_below=0)[0].text == "Call, 4 seconds"


def test_a_voicemail_says_what_was_said() -> None:
    """What was recorded is attached, what was transcribed is the text; a recording that was deleted is gone."""
    kept = {"sid": "RE1", "call_sid": "CA1", "source": "RecordVerb", "status": "completed", "duration": "31"}
    kept["uri"] = "/2010-04-01/Accounts/AC1/Recordings/RE1.json"
    said = {"recording_sid": "RE1", "transcription_text": "Please call me."}
    (one,) = parse("call", call(duration="40", recordings=[kept], transcriptions=[said]))
    assert one.text == "Voicemail, 31 seconds\n\nPlease call me."
    assert [file.url for file in one.attachments] == ["https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1"]
    (other,) = parse("call", call(duration="40", recordings=[{**kept, "status": "deleted"}]))
    assert (other.text, other.attachments) == ("Call, 40 seconds", ())
    (stored,) = parse("call", call(duration="40", recordings=[{**kept, "media_url": "https://example.com/RE1.wav"}]))
    assert stored.attachments[0].url == "https://example.com/RE1.wav"


def test_a_softphone_of_ours_that_dials_out_is_our_call() -> None:
    """It comes in from client:ana and is put through to the customer; without that it is a customer on the web."""
    out = call(**{"from": "client:ana"}, to="", duration="60", legs=[leg("completed", 50, to=MARA)])
    (one,) = parse("call", out)
    assert (one.direction, one.text, one.conversation) == (Direction.OUTBOUND, "Call from us, 1 minute", f"{OURS}|{MARA}")
    (web,) = parse("call", call(**{"from": "client:guest"}, duration="60"))
    assert (web.direction, web.author.id) == (Direction.INBOUND, "client:guest")
    (dialled,) = parse("call", call(**{"from": OURS}, to=MARA, direction="outbound-api", status="busy"))
    assert (dialled.text, dialled.direction) == ("Call from us, not answered", Direction.OUTBOUND)


@pytest.mark.parametrize(
    "caller", ["anonymous", "Anonymous", "+266696687", "+7378742833", "+86282452253", "Restricted", "", None]
)
def test_those_who_withhold_their_number_are_strangers_to_each_other(caller: str | None) -> None:
    """Each such call is somebody else's, and can't be answered by text."""
    (one,) = parse("call", call(**{"from": caller}, status="no-answer"))
    assert (one.author.id, one.author.handles) == ("anonymous:CA1", ())
    with pytest.raises(UnsupportedError, match="withheld"):
        reachable(one.author.id)


def test_a_carrier_may_vouch_for_a_caller() -> None:
    """Only full attestation of the caller id makes the number a proof."""
    form = {"CallSid": "CA1", "CallStatus": "no-answer", "From": MARA, "To": OURS, "Direction": "inbound"}
    heard = {"Timestamp": "Mon, 05 Oct 2026 11:59:30 +0000"}
    for level, sure in (("TN-Validation-Passed-A", True), ("TN-Validation-Passed-B", False)):
        (one,) = parse("voice", {**form, **heard, "StirVerstat": level})
        assert (one.author.handles[0].verified, one.at) == (sure, NOON - timedelta(seconds=30))


@pytest.mark.parametrize("more", [{"CallStatus": "completed"}, {"ParentCallSid": "CA0"}, {"CallStatus": "ringing"}])
def test_only_what_is_certain_is_said_at_once(more: dict[str, str]) -> None:
    """Whether a completed call was answered stands in the call log."""
    form = {"CallSid": "CA1", "CallStatus": "no-answer", "From": MARA, "To": OURS, "Direction": "inbound"}
    assert parse("voice", {**form, **more}) == []
    assert len(parse("voice", form)) == 1
    assert parse("voice", form, calls=False) == []


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("(555) 010-0199", "US", MARA),
        ("+1 555 010 0199", "", MARA),
        ("whatsapp:+1 555-010-0199", "", f"whatsapp:{MARA}"),
        ("12345", "US", "12345"),
        ("ACME", "US", "ACME"),
        ("client:ana", "US", "client:ana"),
        ("sip:1555@example.com", "US", "sip:1555@example.com"),
        ("+1", "", "+1"),
        ("+44 99", "", "+44 99"),
    ],
)
def test_numbers_are_kept_in_one_form(typed: str, region: str, kept: str) -> None:
    """Phone numbers in E.164; everything else as it is."""
    assert normal(typed, region) == kept


@given(st.text(max_size=40))
def test_an_address_is_normal_once_and_for_all(text: str) -> None:
    """Normalising again changes nothing, and nobody is without an id."""
    assert normal(normal(text, "US"), "US") == normal(text, "US")
    assert person(party(text, "SM1", "US")).id


@pytest.mark.parametrize("account", ["12345", "ACME", "client:ana", "sip:ana@example.com", "", "whatsapp:"])
def test_who_takes_no_texts(account: str) -> None:
    """Short codes, names and softphones are refused before any network."""
    with pytest.raises(UnsupportedError, match="nothing was sent"):
        reachable(account)


@pytest.mark.parametrize("kind", ["message", "call", "incoming", "status", "voice", "census"])
@pytest.mark.parametrize("body", [None, [], "x", {}, {"message": 1, "call": []}])
def test_what_can_t_be_read_is_told(kind: str, body: Any) -> None:
    """Elements without their SID are quarantined."""
    with pytest.raises(PayloadError):
        parse(kind, body)


def test_words_for_people() -> None:
    """Durations and reasons are readable, and what smart encoding changes is the same text."""
    assert (span(1), span(61), span(7200), span(0)) == ("1 second", "1 minute 1 second", "2 hours", "0 seconds")
    assert reason(99999, "Odd") == "Odd (error 99999)"
    assert reason(0) == "Twilio does not say why"
    assert fold(" It\N{RIGHT SINGLE QUOTATION MARK}s  here\N{HORIZONTAL ELLIPSIS} ") == "It's here..."


def test_a_place_on_the_map_is_said_in_words() -> None:
    """A WhatsApp message without a text tells its place or its button."""
    form = {"MessageSid": "SM1", "From": f"whatsapp:{MARA}", "To": OURS, "Body": "", "Label": "Shop", "Latitude": "1.5"}
    (one,) = parse("incoming", {**form, "Longitude": "2.5"})
    assert isinstance(one, Interaction)
    assert one.text == "Shop (1.5, 2.5)"
