"""What notifications mean. Everybody in them is invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from socialcrm.connectors import Batch
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Delivery, Direction, Edit, HandleKind, Interaction, Item, Kind, Secret, Visibility
from socialcrm_whatsapp import WhatsAppConnector, WhatsAppSettings

TIME = 1772452800  # 2026-03-02 12:00 UTC
CONTACT = {"profile": {"name": "Mara", "username": "mara"}, "wa_id": "15550123", "user_id": "US.134912"}


@pytest.fixture
def connector() -> WhatsAppConnector:
    return WhatsAppConnector(WhatsAppSettings(app_secret=Secret("canary-secret-1"), verify_token=Secret("canary-verify-1")))


@pytest.fixture
def told(connector: WhatsAppConnector, world: Any) -> Any:
    """Return the items of changes."""

    def items(*changes: Any) -> list[Item]:
        hook = connector.receive(world.signed(world.notification(*changes)))
        return [item for batch in hook.batches for raw in batch.raws for item in connector.parse(raw)]

    return items


@pytest.fixture
def says(told: Any, world: Any) -> Any:
    """Return the one item of a message of Mara's."""

    def one(kind: str, contact: Any = CONTACT, **fields: Any) -> Any:
        row = {"from": "15550123", "id": "wamid.1", "timestamp": str(TIME), "type": kind, **fields}
        (item,) = told(world.change(messages=[row], contacts=[contact] if contact else []))
        return item

    return one


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", {"body": "Hi"}, "Hi"),
        ("image", {"id": "7", "caption": "Look", "mime_type": "image/jpeg"}, "Look"),
        ("button", {"payload": "STOP", "text": "Stop it"}, "Stop it"),
        ("location", {"latitude": 52.5, "longitude": 13, "name": "Shop"}, "Shop\n52.5, 13"),
        ("contacts", [{"name": {"formatted_name": "Ivo"}, "phones": [{"phone": "+1 555-0124"}]}], "Ivo: +1 555-0124"),
        ("order", {"product_items": [{"product_retailer_id": "P1", "quantity": 2, "item_price": 3}]}, "2 × P1, 3"),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "b1", "title": "Yes"}}, "Yes"),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "l1", "title": "A", "description": "B"}}, "A\nB"),
        (
            "interactive",
            {"type": "nfm_reply", "nfm_reply": {"response_json": '{"size": 4, "note": "thanks", "flow_token": "x"}'}},
            "size: 4\nnote: thanks",
        ),
    ],
)
def test_every_type_says_something(says: Any, kind: str, content: Any, text: str) -> None:
    """A message of each type that people write is a message with its words."""
    item = says(kind, **{kind: content})
    assert (item.kind, item.text, item.visibility) == (Kind.MESSAGE, text, Visibility.PRIVATE)


@pytest.mark.parametrize("kind", ["unsupported", "request_welcome", "of tomorrow", ""])
def test_what_nobody_knows_is_kept_as_other(says: Any, kind: str) -> None:
    """A type without words stays an interaction, with the errors that came along."""
    item = says(kind, errors=[{"code": 131051, "title": "Unknown"}])
    assert item.kind is Kind.OTHER
    assert item.extra["errors"][0]["code"] == 131051


def test_a_file_is_named_by_its_place_in_the_graph(says: Any) -> None:
    """An attachment's address names the file's id, which outlives the five minutes of a link."""
    (file,) = says("document", document={"id": "77", "filename": "bill.pdf", "mime_type": "application/pdf"}).attachments
    assert (file.url, file.name) == ("https://graph.facebook.com/v26.0/77", "bill.pdf")


def test_a_voice_message_says_so(says: Any) -> None:
    """A recording is told from an audio file."""
    assert says("audio", audio={"id": "7", "voice": True}).extra == {"type": "audio", "voice": True}


def test_people_are_keyed_by_their_user_id(says: Any) -> None:
    """The business-scoped id is the key; the number is a handle that WhatsApp vouches for."""
    author = says("text", text={"body": "Hi"}).author
    assert (author.id, author.name, author.handle) == ("US.134912", "Mara", "@mara")
    assert next((one.kind, one.value) for one in author.handles if one.verified) == (HandleKind.PHONE, "+15550123")


def test_without_a_user_id_the_number_is_the_key(says: Any) -> None:
    """Payloads of before 2026 name the number only."""
    item = says("text", contact={"wa_id": "15550123"}, text={"body": "Hi"})
    assert (item.author.id, item.conversation) == ("15550123", "15550123")


def test_without_a_number_there_is_no_phone_handle(told: Any, world: Any) -> None:
    """Who took a user name may hide the number."""
    row = {"from_user_id": "DE.99", "id": "wamid.1", "timestamp": str(TIME), "type": "text", "text": {"body": "Hi"}}
    (item,) = told(world.change(messages=[row], contacts=[{"profile": {"username": "eli"}, "user_id": "DE.99"}]))
    assert (item.author.id, item.author.name) == ("DE.99", "@eli")
    assert {one.kind for one in item.author.handles} == {HandleKind.ACCOUNT}


def test_nobody_told_is_nobody_else(told: Any, world: Any) -> None:
    """A message without any sender has an author of its own."""
    rows = [{"id": f"wamid.{n}", "timestamp": str(TIME), "type": "text", "text": {"body": "Hi"}} for n in range(2)]
    items = told(*(world.change(messages=[row]) for row in rows))
    assert len({item.author.id for item in items}) == 2


def test_a_changed_number_links_old_and_new(says: Any) -> None:
    """The notice is told by the new identity, which has the old handles too, so both are one person."""
    change = {"type": "user_changed_number", "wa_id": "15550199", "user_id": "US.2", "previous_user_id": "US.134912"}
    item = says("system", contact=None, system=change)
    assert (item.kind, item.author.id) == (Kind.OTHER, "US.2")
    assert {"+15550199", "+15550123", "whatsapp:US.134912"} <= {one.value for one in item.author.handles}


def test_a_changed_id_links_without_any_number(told: Any, world: Any) -> None:
    """Where no number may be told, the ids alone link."""
    change = {"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.1"}
    row = {"from_user_id": "US.2", "id": "wamid.1", "timestamp": str(TIME), "type": "system", "system": change}
    (item,) = told(world.change(messages=[row]))
    assert {one.value for one in item.author.handles} == {"whatsapp:US.2", "whatsapp:US.1"}


def test_an_answer_knows_what_it_answers(says: Any) -> None:
    """The context names the quoted message; forwarding and advertisements are told besides."""
    context = {"id": "wamid.0", "frequently_forwarded": True}
    item = says("text", text={"body": "Yes"}, context=context, referral={"source_id": "120", "source_type": "ad"})
    assert item.parent == "wamid.0"
    assert (item.extra["frequently_forwarded"], item.extra["referral"]["source_id"]) == (True, "120")


def test_reactions_come_and_go(says: Any) -> None:
    """A reaction without an emoji takes the same reaction back."""
    came = says("reaction", reaction={"message_id": "wamid.0", "emoji": "👍"})
    went = says("reaction", reaction={"message_id": "wamid.0", "emoji": ""})
    assert (came.kind, came.parent, came.text) == (Kind.REACTION, "wamid.0", "👍")
    assert isinstance(went, Deletion)
    assert went.id == came.id


def test_edits_and_revokes_name_the_original(says: Any) -> None:
    """Both are about the earlier message."""
    inner = {"type": "image", "image": {"caption": "New words", "id": "7"}}
    edit = says("edit", edit={"original_message_id": "wamid.0", "message": inner})
    assert isinstance(edit, Edit)
    assert (edit.id, edit.text) == ("wamid.0", "New words")
    gone = says("revoke", revoke={"original_message_id": "wamid.0"})
    assert isinstance(gone, Deletion)
    assert gone.id == "wamid.0"


def test_a_group_is_one_conversation_with_a_limited_audience(says: Any) -> None:
    """Members of a group read what is said there; the author stays a person."""
    item = says("text", text={"body": "Hi all"}, group_id="120-3")
    assert (item.conversation, item.visibility, item.author.id) == ("group:120-3", Visibility.LIMITED, "US.134912")


@pytest.mark.parametrize("field", ["smb_message_echoes", "standby"])
def test_echoes_are_ours(told: Any, world: Any, field: str) -> None:
    """What we wrote in the app is outbound, in the exchange with the one it went to."""
    row = {"from": world.PHONE, "to": "15550123", "to_user_id": "US.134912", "id": "wamid.9", "timestamp": str(TIME)}
    row |= {"type": "text", "text": {"body": "We call you"}}
    (item,) = told(world.change(field, message_echoes=[row]))
    assert (item.direction, item.author.id, item.conversation) == (Direction.OUTBOUND, world.NUMBER, "US.134912")


def test_a_history_tells_both_sides(told: Any, world: Any) -> None:
    """Threads of the app's history become messages of both directions, with what became of ours."""
    theirs = {"from": "15550123", "id": "wamid.1", "timestamp": str(TIME), "type": "text", "text": {"body": "Hi"}}
    ours = {**theirs, "from": world.PHONE, "to": "15550123", "id": "wamid.2", "history_context": {"status": "READ"}}
    chunk = {"metadata": {"phase": 0}, "threads": [{"id": "15550123", "messages": [theirs, ours]}]}
    first, second, status = told(world.change("history", history=[chunk]))
    assert [first.direction, second.direction] == [Direction.INBOUND, Direction.OUTBOUND]
    assert first.conversation == second.conversation == "15550123"
    assert (status.id, status.status) == ("wamid.2", "read")


def test_a_refused_history_says_nothing(told: Any, world: Any) -> None:
    """A business that does not share its history is no error."""
    assert told(world.change("history", history=[{"errors": [{"code": 2593109}]}])) == []


@pytest.mark.parametrize(("said", "status"), [("sent", "sent"), ("READ", "read"), ("played", "read"), ("failed", "failed")])
def test_statuses_are_deliveries(told: Any, world: Any, said: str, status: str) -> None:
    """Each status is told with its time and the reason."""
    row = {"id": "wamid.9", "status": said, "timestamp": str(TIME), "errors": [{"code": 131047, "title": "Re-engagement"}]}
    (item,) = told(world.change(statuses=[row]))
    assert isinstance(item, Delivery)
    assert (item.status, item.at) == (status, datetime.fromtimestamp(TIME, UTC))
    assert "24 hours" in item.reason


def test_a_missed_call_is_a_call(told: Any, world: Any) -> None:
    """A call that nobody took is told once, when it is over; how it began says nothing more."""
    row = {"id": "wacid.1", "from": "15550123", "timestamp": str(TIME), "direction": "USER_INITIATED"}
    begun, over = {**row, "event": "connect"}, {**row, "event": "terminate", "status": "FAILED"}
    (item,) = told(world.change("calls", calls=[begun, over], contacts=[CONTACT]))
    assert (item.kind, item.subject, item.author.id) == (Kind.CALL, "Missed call", "US.134912")


def test_a_call_of_ours_is_outbound(told: Any, world: Any) -> None:
    """A call that we made lasts from its start; how it rings is no delivery of a message."""
    row = {"id": "wacid.2", "from": world.PHONE, "to": "15550123", "timestamp": str(TIME + 60), "start_time": str(TIME)}
    row |= {"event": "terminate", "direction": "BUSINESS_INITIATED", "status": "COMPLETED", "duration": 61}
    ringing = {"id": "wacid.2", "type": "call", "status": "RINGING", "timestamp": str(TIME)}
    (item,) = told(world.change("calls", calls=[row]), world.change("calls", statuses=[ringing]))
    assert (item.direction, item.subject, item.at.timestamp()) == (Direction.OUTBOUND, "Call of 1:01 minutes", TIME)


def test_every_message_of_every_change_of_every_entry_counts(connector: WhatsAppConnector, world: Any) -> None:
    """One body with several entries, changes and messages of two numbers is split by number, nothing left out."""

    def row(number: int) -> dict[str, Any]:
        return {"from": "15550123", "id": f"wamid.{number}", "timestamp": str(TIME), "type": "text", "text": {"body": "x"}}

    one = world.change(messages=[row(1), row(2)], contacts=[CONTACT])
    other = world.change(messages=[row(3)], statuses=[{"id": "wamid.8", "status": "sent", "timestamp": str(TIME)}])
    other["value"]["metadata"]["phone_number_id"] = "2"
    body = json.dumps({"entry": [{"id": "1", "changes": [one, other]}, {"id": "1", "changes": [one]}]}).encode()
    hook = connector.receive(world.signed(body))
    found = {batch.account: [raw.kind for raw in batch.raws] for batch in hook.batches}
    assert found == {world.NUMBER: ["message"] * 4, "2": ["message", "status"]}


def test_one_message_that_can_t_be_read_stops_no_other(connector: WhatsAppConnector, world: Any) -> None:
    """A message without an id is refused alone."""
    good = {"from": "15550123", "id": "wamid.1", "timestamp": str(TIME), "type": "text", "text": {"body": "x"}}
    (batch,) = connector.receive(world.signed(world.notification(world.change(messages=[{"type": "text"}, good])))).batches
    assert isinstance(batch, Batch)
    with pytest.raises(PayloadError, match="'id'"):
        list(connector.parse(batch.raws[0]))
    assert isinstance(next(iter(connector.parse(batch.raws[1]))), Interaction)


def test_lists_of_another_shape_are_quarantined(connector: WhatsAppConnector, world: Any) -> None:
    """Messages that are no list are kept and refused, not taken for nothing."""
    (batch,) = connector.receive(world.signed(world.notification(world.change(messages={"id": "1"})))).batches
    with pytest.raises(PayloadError, match="messages"):
        list(connector.parse(batch.raws[0]))
