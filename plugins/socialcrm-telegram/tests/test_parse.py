"""What updates mean. Everybody in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Direction, Hole, Interaction, Kind, Visibility
from socialcrm_telegram import TelegramConnector, TelegramSettings
from socialcrm_telegram._text import readable

MARA = {"id": 5001, "is_bot": False, "first_name": "Mara", "last_name": "Example", "username": "mara_example"}
DIRECT = {"id": 5001, "type": "private", "first_name": "Mara"}
GROUP = {"id": -1001000000001, "type": "supergroup", "title": "Help"}
OPEN = {"id": -1001000000002, "type": "supergroup", "title": "Open help", "username": "open_help"}
NEWS = {"id": -1001000000003, "type": "channel", "title": "News", "username": "news_example"}
AT = 1791190000


def parse(kind: str, body: Any, context: dict[str, str] | None = None, **settings: Any) -> list[Any]:
    """Parse one update."""
    connector = TelegramConnector(TelegramSettings(**settings))
    return list(connector.parse(Raw("update", {"update_id": 7, kind: body}, context or {})))


def said(chat: dict[str, Any] = GROUP, **more: Any) -> dict[str, Any]:
    """A message of Mara's; ``sender`` replaces her."""
    sender = more.pop("sender", MARA)
    return {"message_id": 40, "chat": chat, "date": AT, **({"from": sender} if sender else {}), **more}


def only(items: list[Any]) -> Interaction:
    """Return the one interaction."""
    (item,) = items
    assert isinstance(item, Interaction)
    return item


def test_a_private_message() -> None:
    """A private message is private, known by chat and number, and written by an id, not by a username."""
    item = only(parse("message", said(DIRECT, text="Hello")))
    assert (item.id, item.scope, item.conversation) == ("40", "5001", "5001")
    assert (item.author.id, item.author.name, item.author.handle) == ("5001", "Mara Example", "@mara_example")
    assert (item.visibility, item.kind, item.direction) == (Visibility.PRIVATE, Kind.MESSAGE, None)
    assert item.at == datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize(
    ("chat", "visibility", "url"),
    [
        (GROUP, Visibility.LIMITED, "https://t.me/c/1000000001/40"),
        (OPEN, Visibility.PUBLIC, "https://t.me/open_help/40"),
        ({"id": -4711, "type": "group", "title": "Small"}, Visibility.LIMITED, ""),
        ({**GROUP, "is_direct_messages": True}, Visibility.PRIVATE, ""),
    ],
)
def test_who_can_read_a_group(chat: dict[str, Any], visibility: Visibility, url: str) -> None:
    """A group with a public username is public, every other one is for its members."""
    item = only(parse("message", said(chat, text="Hello")))
    assert (item.visibility, item.url) == (visibility, url)


def test_a_channel_post_is_the_channel_s() -> None:
    """A post has no user: the channel wrote it, and it is ours."""
    item = only(parse("channel_post", said(NEWS, sender=None, sender_chat=NEWS, text="News", author_signature="Ana")))
    assert (item.author.id, item.author.name, item.kind) == ("-1001000000003", "News", Kind.POST)
    assert (item.direction, item.visibility, item.extra["signature"]) == (Direction.OUTBOUND, Visibility.PUBLIC, "Ana")


def test_an_anonymous_administrator_is_the_group() -> None:
    """What is said in a chat's name is the chat's, whatever user stands beside it; the settings make it ours."""
    fake = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    body = said(GROUP, sender=fake, sender_chat=GROUP, text="We look into it")
    assert only(parse("message", body)).author.id == str(GROUP["id"])
    assert only(parse("message", body, colleagues=(str(GROUP["id"]),))).direction is Direction.OUTBOUND


def test_a_comment_on_a_public_channel_is_public() -> None:
    """A group without a username shows its comments to everybody if the channel is public."""
    post = said(GROUP, sender=None, sender_chat=NEWS, is_automatic_forward=True, text="News")
    answer = only(parse("message", {**said(GROUP, text="Finally"), "message_id": 41, "reply_to_message": post}))
    assert (answer.visibility, answer.parent) == (Visibility.PUBLIC, "40")
    assert only(parse("message", post)).direction is Direction.OUTBOUND


def test_topics_are_conversations() -> None:
    """A topic is a conversation of its own; answering the message that began it is no answer."""
    began = {"message_id": 7, "chat": GROUP, "date": AT, "forum_topic_created": {"name": "Refunds"}}
    plain = said(text="Hello", message_thread_id=7, is_topic_message=True, reply_to_message=began)
    item = only(parse("message", plain))
    assert (item.conversation, item.parent, item.url) == ("-1001000000001:7", None, "https://t.me/c/1000000001/7/40")
    answer = only(parse("message", {**plain, "reply_to_message": said(text="x")}))
    assert answer.parent == "40"
    assert only(parse("message", said(text="Hello", reply_to_message=began))).parent is None
    assert only(parse("message", said(text="Hello", message_thread_id=7))).conversation == "-1001000000001"


def test_direct_messages_of_a_channel_are_told_apart_by_their_topic() -> None:
    """All who write to a channel write into one chat; each has a topic."""
    item = only(parse("message", said({**GROUP, "is_direct_messages": True}, text="Hi", direct_messages_topic={"topic_id": 9})))
    assert item.conversation == "-1001000000001:d9"


def test_a_group_that_moved_keeps_its_conversation() -> None:
    """A supergroup's messages stay in the conversation that the group began; ids are the supergroup's own."""
    for item in (
        only(parse("message", said(text="Hello"), {"home": "-4711"})),
        only(parse("message", said(text="Hello"), moved=("-4711=-1001000000001",))),
    ):
        assert (item.conversation, item.scope) == ("-4711", "-1001000000001")


def test_edits_keep_the_id() -> None:
    """An edit is the same message with a newer wording."""
    item = only(parse("edited_message", said(text="Better", edit_date=AT + 60)))
    assert (item.id, item.edited_at) == ("40", datetime.fromtimestamp(AT, UTC) + timedelta(minutes=1))


def test_quotes_and_answers_elsewhere() -> None:
    """A quote is kept apart; an answer to another chat's message is no answer here."""
    reply = {"origin": {"type": "channel", "chat": NEWS, "date": AT, "message_id": 3}, "chat": NEWS, "message_id": 3}
    item = only(parse("message", said(text="Is that so?", quote={"text": "We move", "position": 0}, external_reply=reply)))
    assert (item.parent, item.quoted, item.extra["answers_elsewhere"]) == (None, "We move", "https://t.me/news_example/3")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"forward_origin": {"type": "user", "sender_user": {"id": 9, "first_name": "Omar"}, "date": AT}}, "Omar"),
        ({"forward_origin": {"type": "hidden_user", "sender_user_name": "Somebody", "date": AT}}, "Somebody"),
        ({"forward_origin": {"type": "channel", "chat": NEWS, "message_id": 3, "date": AT}}, "News"),
        ({"forward_from": {"id": 9, "first_name": "Omar"}, "forward_date": AT}, "Omar"),
    ],
)
def test_a_forward_is_who_forwarded_it(fields: dict[str, Any], name: str) -> None:
    """The author is who sent it here; whose words they were is told beside."""
    item = only(parse("message", said(text="Look", **fields)))
    assert (item.author.id, item.extra["forwarded_from"]) == ("5001", name)


def test_links_behind_words_stay_readable() -> None:
    """Offsets count UTF-16 units; an address follows the words that hide it, and is not repeated."""
    text = "👍 see here or example.com"
    links = [
        {"type": "text_link", "offset": 7, "length": 4, "url": "https://example.org/a"},
        {"type": "text_link", "offset": 15, "length": 11, "url": "https://example.com/"},
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "text_link", "offset": 900, "length": 5, "url": "https://example.org/b"},
    ]
    assert readable(text, links) == "👍 see here (https://example.org/a) or example.com"


@given(
    st.text(max_size=30),
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.just("text_link"),
                "offset": st.integers(-2, 40),
                "length": st.integers(-2, 40),
                "url": st.just("tg://x"),
            }
        ),
        max_size=4,
    ),
)
def test_no_word_of_a_text_is_lost(text: str, links: list[dict[str, Any]]) -> None:
    """Whatever the entities say, the words stay; only addresses are added."""
    assert readable(text, links).replace(" (tg://x)", "").encode("utf-16-le", "surrogatepass") == text.encode(
        "utf-16-le", "surrogatepass"
    )


def test_files_are_kept_by_their_ids() -> None:
    """Of a photo the largest size; a caption is the text; no address holds a token."""
    sizes = [{"file_id": "small", "width": 9, "height": 9}, {"file_id": "large", "width": 90, "height": 90, "file_size": 7}]
    item = only(parse("message", said(photo=sizes, caption="My bill", media_group_id="m1")))
    (photo,) = item.attachments
    assert (photo.url, photo.mime, photo.size, item.text) == ("telegram:file/large", "image/jpeg", 7, "My bill")
    pair = {"file_id": "moving", "mime_type": "video/mp4"}
    assert [one.url for one in only(parse("message", said(animation=pair, document=pair))).attachments] == [
        "telegram:file/moving"
    ]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"sticker": {"file_id": "s", "emoji": "🎉"}}, "🎉"),
        ({"contact": {"first_name": "Omar", "phone_number": "+15550101"}}, "Omar, +15550101"),
        ({"location": {"latitude": 1.5, "longitude": 2}}, "geo:1.5,2"),
        (
            {"venue": {"title": "Shop", "address": "1 Road", "location": {}}, "location": {"latitude": 1, "longitude": 2}},
            "Shop, 1 Road",
        ),
        ({"poll": {"question": "Open?", "options": [{"text": "Yes"}, {"text": "No"}]}}, "Open?\n- Yes\n- No"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        ({"checklist": {"title": "To do", "tasks": [{"id": 1, "text": "Call"}]}}, "To do\n- Call"),
        (
            {"rich_message": {"blocks": [{"type": "paragraph", "text": ["Hi ", {"type": "bold", "text": "you"}]}]}},
            "Hi you",
        ),
        (
            {
                "rich_message": {
                    "blocks": [{"type": "list", "items": [{"label": "1.", "blocks": [{"type": "p", "text": "One"}]}]}]
                }
            },
            "1. One",
        ),
    ],
)
def test_what_is_said_without_text(fields: dict[str, Any], text: str) -> None:
    """Everything that somebody shares says something."""
    item = only(parse("message", said(**fields)))
    assert (item.text, item.kind) == (text, Kind.MESSAGE)


def test_a_shared_number_is_not_vouched_for() -> None:
    """The sender's own telephone number is known; Telegram does not say that it was checked."""
    own = said(contact={"first_name": "Mara", "phone_number": "1 555 0101", "user_id": 5001})
    (handle,) = only(parse("message", own)).author.handles
    assert (handle.value, handle.verified) == ("+15550101", False)
    assert only(parse("message", said(contact={"first_name": "Omar", "phone_number": "15550102"}))).author.handles == ()


def test_service_messages_are_other() -> None:
    """What happened to a chat is kept, and is nobody's question; so is what no manual knows yet."""
    joined = only(parse("message", said(new_chat_members=[{"id": 9, "first_name": "Omar"}])))
    assert (joined.kind, joined.text, joined.extra["event"]) == (Kind.OTHER, "Omar", "new_chat_members")
    unknown = only(parse("message", said(hologram_sent={"x": 1})))
    assert (unknown.kind, unknown.text) == (Kind.OTHER, "hologram sent")


def test_reactions_come_and_go() -> None:
    """A changed reaction is an added one and a removed one, attached to its message."""
    body = {"chat": GROUP, "message_id": 40, "user": MARA, "date": AT}
    new, old = [{"type": "emoji", "emoji": "👍"}], [{"type": "emoji", "emoji": "👎"}]
    gone, came = parse("message_reaction", {**body, "old_reaction": old, "new_reaction": new})
    assert (gone.id, isinstance(gone, Deletion)) == ("40:5001:👎", True)
    assert (came.id, came.parent, came.kind, came.text) == ("40:5001:👍", "40", Kind.REACTION, "👍")
    (nameless,) = parse("message_reaction", {"chat": GROUP, "message_id": 40, "date": AT, "new_reaction": new})
    assert nameless.author.id == str(GROUP["id"])
    assert parse("message_reaction_count", {"chat": GROUP, "message_id": 40, "date": AT, "reactions": []}) == []


def test_business_chats() -> None:
    """A business's chats have message numbers of their own; what the customer did not write is ours; deletions are told."""
    chat = {"id": 5001, "type": "private", "first_name": "Mara"}
    asked = only(parse("business_message", said(chat, text="Hi", business_connection_id="bc")))
    assert (asked.scope, asked.conversation, asked.direction) == ("5001@bc", "5001@bc", Direction.INBOUND)
    told = said(chat, sender={"id": 77, "first_name": "Owner"}, text="Hello", business_connection_id="bc")
    assert only(parse("business_message", told)).direction is Direction.OUTBOUND
    gone = parse("deleted_business_messages", {"business_connection_id": "bc", "chat": chat, "message_ids": [40, 41]})
    assert [(one.id, one.scope) for one in gone] == [("40", "5001@bc"), ("41", "5001@bc")]


def test_a_pressed_button_says_its_words() -> None:
    """A button is told by what stands on it; it has no time of its own."""
    keys = {"inline_keyboard": [[{"text": "Call me", "callback_data": "c1"}]]}
    body = {"id": "991", "from": MARA, "data": "c1", "message": said(DIRECT, text="How?", reply_markup=keys)}
    item = only(parse("callback_query", body, {"at": str(AT)}))
    assert (item.id, item.text, item.parent, item.kind) == ("callback_query:991", "Call me", "40", Kind.OTHER)
    assert (item.scope, item.conversation) == ("5001", "5001")


def test_unknown_kinds_are_kept() -> None:
    """A kind of update that nobody has heard of is somebody's, if it tells whose."""
    item = only(parse("telepathy", {"user": MARA, "chat": GROUP}, {"at": str(AT)}))
    assert (item.id, item.kind, item.author.id, item.text) == ("update:7", Kind.OTHER, "5001", "telepathy")
    blocked = {"chat": DIRECT, "from": MARA, "date": AT, "old_chat_member": {"status": "member"}}
    assert only(parse("my_chat_member", {**blocked, "new_chat_member": {"status": "kicked"}})).text == "member → kicked"


@pytest.mark.parametrize(
    "body",
    [
        {"message": {"chat": GROUP, "from": MARA, "date": AT}},
        {"message": {"message_id": 1, "from": MARA, "date": AT}},
        {"message": {"message_id": 1, "chat": GROUP, "from": MARA, "date": 10**30}},
        {"message": []},
        {},
        {"inline_query": {"id": "1", "from": MARA, "query": "x"}},
    ],
)
def test_what_can_t_be_read_is_told(body: dict[str, Any]) -> None:
    """An update without id, chat, sender or time is quarantined."""
    with pytest.raises(PayloadError):
        list(TelegramConnector(TelegramSettings()).parse(Raw("update", {"update_id": 1, **body})))


def test_a_hole_is_told() -> None:
    """The time in which updates were lost."""
    (hole,) = TelegramConnector(TelegramSettings()).parse(Raw("hole", {"since": AT, "until": AT + 3600}))
    assert isinstance(hole, Hole)
    assert hole.at - hole.since == timedelta(hours=1)
