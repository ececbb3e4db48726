"""Answering, taking back, reacting; and what Telegram's refusals mean."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Answer, Blob, Call, Outgoing, Receipt
from socialcrm.errors import (
    CredentialsError,
    ForbiddenError,
    NotFound,
    RateLimited,
    RefusedError,
    ServerFault,
    UnclearError,
    UnsupportedError,
)
from socialcrm.types import Visibility
from socialcrm_telegram._judge import Migrated, judge

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


def reply(*parts: str, chat: str = "5001", **more: Any) -> Outgoing:
    """A reply to message 7 of a chat."""
    told = {"conversation": chat, "scope": chat, "reply_to": "7", "visibility": Visibility.PRIVATE, "to": "5001", "at": NOON}
    return Outgoing(id="o1", parts=parts or ("Hello",), **{**told, **more})


def calls(telegram: Any, method: str = "sendMessage") -> list[dict[str, Any]]:
    """Return what was asked of a method."""
    return [fields for name, fields in telegram.log if name == method]


def blob(folder: Path, name: str, mime: str) -> Blob:
    path = folder / name
    path.write_bytes(b"content")
    return Blob(sha256=hashlib.sha256(b"content").hexdigest(), path=path, size=7, mime=mime, name=name)


def test_a_reply_names_its_question(telegram: Any, desk: Any) -> None:
    """It goes into the chat, answers the message, survives its deletion, and shows no preview of links."""
    one = desk()
    receipt = one.run(one.connector.send(reply(), {}))
    assert calls(telegram) == [
        {
            "chat_id": 5001,
            "text": "Hello",
            "link_preview_options": {"is_disabled": True},
            "reply_parameters": {"message_id": 7, "allow_sending_without_reply": True},
        }
    ]
    assert (receipt.ids, receipt.scope, receipt.conversation, receipt.at) == (("1",), "5001", None, NOON)


@pytest.mark.parametrize(
    ("conversation", "scope", "fields"),
    [
        ("-1001000000001:7", "-1001000000001", {"message_thread_id": 7}),
        ("-1001000000001:d9", "-1001000000001", {"direct_messages_topic_id": 9}),
        ("5001@bc", "5001@bc", {"business_connection_id": "bc"}),
        ("-4711", "-1001000000001", {}),
    ],
)
def test_a_reply_goes_where_the_question_stands(
    telegram: Any, desk: Any, conversation: str, scope: str, fields: dict[str, Any]
) -> None:
    """Topics, direct messages of channels, business chats; the scope names the chat, whatever it was called before."""
    one, shown = desk(), Visibility.LIMITED if scope.startswith("-") else Visibility.PRIVATE
    one.run(one.connector.send(reply(conversation=conversation, scope=scope, visibility=shown), {}))
    (sent,) = calls(telegram)
    assert sent["chat_id"] == int(scope.partition("@")[0])
    names = ("message_thread_id", "direct_messages_topic_id", "business_connection_id")
    assert {key: value for key, value in sent.items() if key in names} == fields


def test_parts_go_on_where_they_stopped(telegram: Any, desk: Any) -> None:
    """What an earlier attempt sent is not sent again; only the first part answers."""
    one = desk()
    receipt = one.run(one.connector.send(reply("one", "two", "three"), {"part:0": "90", "at": "1791190000"}))
    assert [sent["text"] for sent in calls(telegram)] == ["two", "three"]
    assert "reply_parameters" not in calls(telegram)[0]
    assert receipt.ids[0] == "90"
    assert one.host.cursor["part:2"] == receipt.ids[2]


def test_the_pace_of_a_chat_is_kept(telegram: Any, desk: Any) -> None:
    """A second between two messages into a private chat, three into a group."""
    one = desk()
    one.run(one.connector.send(reply("one", "two"), {}))
    assert sum(one.waits) == pytest.approx(1)
    other = desk()
    other.run(other.connector.send(reply("one", "two", chat="-4711", visibility=Visibility.LIMITED), {}))
    assert sum(other.waits) == pytest.approx(3)


def test_a_group_that_moved_meanwhile(telegram: Any, desk: Any, refusal: Any) -> None:
    """Telegram names the new chat: the reply goes there, once, and the receipt says so."""
    telegram.once["sendMessage"] = refusal(
        400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001000000001
    )
    one = desk()
    receipt = one.run(one.connector.send(reply("one", "two", chat="-4711", visibility=Visibility.LIMITED), {}))
    assert [(sent["chat_id"], sent["text"]) for sent in calls(telegram)[1:]] == [
        (-1001000000001, "one"),
        (-1001000000001, "two"),
    ]
    assert (receipt.scope, one.host.cursor["chat"], len(telegram.sent)) == ("-1001000000001", "-1001000000001", 2)


def test_a_group_s_question_is_answered_in_private(telegram: Any, desk: Any) -> None:
    """The customer's private chat with the bot has their own id; the answer names no message of the group."""
    one = desk()
    asked = reply(chat="-1001000000001", visibility=Visibility.LIMITED)
    receipt = one.run(one.connector.move_to_private(asked, {}))
    (sent,) = calls(telegram)
    assert (sent["chat_id"], "reply_parameters" in sent) == (5001, False)
    assert (receipt.scope, receipt.conversation) == ("5001", "5001")
    with pytest.raises(RefusedError, match="in the name of"):
        one.run(one.connector.move_to_private(reply(chat="-1001000000001", to="-1001000000003"), {}))


@pytest.mark.parametrize(("scope", "conversation"), [("", ""), ("5001#export", "5001#export"), ("", "@username")])
def test_a_reply_without_a_chat_is_refused(telegram: Any, desk: Any, scope: str, conversation: str) -> None:
    """Exports and typed queries name no chat that a bot can write to."""
    one = desk()
    with pytest.raises(RefusedError, match="no chat"):
        one.run(one.connector.send(reply(scope=scope, conversation=conversation), {}))
    assert telegram.log == []


def test_files_go_out_before_the_text(telegram: Any, desk: Any, tmp_path: Path) -> None:
    """A picture is shown, a document attached; a short text is the caption of the last, a long one stands for itself."""
    media = (blob(tmp_path, "a.png", "image/png"), blob(tmp_path, "b.pdf", "application/pdf"))
    one = desk()
    receipt = one.run(one.connector.send(reply("Here you are", media=media), {}))
    assert [method for method, _ in telegram.log] == ["sendPhoto", "sendDocument"]
    photo, document = (fields for _, fields in telegram.log)
    assert (photo["files"], document["caption"]) == ({"photo": b"content"}, "Here you are")
    assert json.loads(photo["reply_parameters"]) == {"message_id": 7, "allow_sending_without_reply": True}
    assert (len(receipt.ids), receipt.ids) == (1, ("2",))
    telegram.log.clear()
    other = desk()
    other.run(other.connector.send(reply("x" * 1025, media=media[:1]), {}))
    assert [method for method, _ in telegram.log] == ["sendPhoto", "sendMessage"]
    telegram.log.clear()
    again = desk()
    again.run(again.connector.send(reply("Here you are", media=media), {"file:0": "1", "part:0": "2"}))
    assert telegram.log == []


def test_a_lost_answer_stays_unclear(telegram: Any, desk: Any) -> None:
    """A bot can't read what it sent: only ids that were kept are known."""
    one = desk()
    with pytest.raises(UnclearError, match="can't read what it sent"):
        one.run(one.connector.settle(reply("one", "two"), {"part:0": "1"}))
    receipt = one.run(one.connector.settle(reply("one", "two"), {"part:0": "1", "part:1": "2", "at": "1791190000"}))
    assert (receipt.ids, receipt.scope) == (("1", "2"), "5001")
    telegram.once["sendMessage"] = Answer(status=200, content=b'{"ok": true, "result": {}}')
    with pytest.raises(UnclearError, match="id is not told"):
        one.run(one.connector.send(reply(), {}))


def test_messages_are_taken_back(telegram: Any, desk: Any) -> None:
    """The last first; gone already is fine; a business's chat has its own method."""
    one = desk()
    receipt = one.run(one.connector.send(reply("one", "two"), {}))
    one.run(one.connector.retract(receipt))
    one.run(one.connector.retract(receipt))
    assert [fields["message_id"] for fields in calls(telegram, "deleteMessage")] == [2, 1, 2, 1]
    one.run(one.connector.retract(Receipt(ids=("4",), scope="5001@bc")))
    assert calls(telegram, "deleteBusinessMessages") == [{"business_connection_id": "bc", "message_ids": [4]}]


def test_reactions_and_read_marks(telegram: Any, desk: Any) -> None:
    """One emoji a message; read marks exist in business chats only."""
    one = desk()
    one.run(one.connector.react("7", "-4711", "👍"))
    one.run(one.connector.react("7", "-4711", ""))
    assert telegram.reactions == [(-4711, 7, [{"type": "emoji", "emoji": "👍"}]), (-4711, 7, [])]
    one.run(one.connector.mark_read("7", "5001@bc"))
    assert calls(telegram, "readBusinessMessage") == [{"chat_id": 5001, "business_connection_id": "bc", "message_id": 7}]
    with pytest.raises(UnsupportedError):
        one.run(one.connector.mark_read("7", "5001"))
    with pytest.raises(RefusedError, match="no message"):
        one.run(one.connector.react("callback_query:1", "5001", "👍"))


def test_people_are_looked_up_by_their_ids(telegram: Any, desk: Any) -> None:
    """Users and chats that the bot has met; a username is no id."""
    one = desk()
    assert one.run(one.connector.profile("5001")).name == "Mara"
    assert one.run(one.connector.profile("-1001000000002")).url == "https://t.me/acme_open_help"
    for account in ("404", "mara_example"):
        with pytest.raises(NotFound):
            one.run(one.connector.profile(account))


@pytest.mark.parametrize(
    ("code", "words", "error", "advice"),
    [
        (400, "Bad Request: chat not found", NotFound, "gone"),
        (400, "Bad Request: message to be replied not found", NotFound, "gone"),
        (400, "Bad Request: message thread not found", NotFound, "gone"),
        (400, "Bad Request: message is too long", RefusedError, "shorten"),
        (400, "Bad Request: message can't be deleted", ForbiddenError, "right"),
        (400, "Bad Request: not enough rights to send text messages to the chat", ForbiddenError, "right"),
        (400, "Bad Request: text must be non-empty", RefusedError, "as it stands"),
        (401, "Unauthorized", CredentialsError, "BotFather"),
        (403, "Forbidden: bot was blocked by the user", ForbiddenError, "blocked"),
        (403, "Forbidden: bot was kicked from the supergroup chat", ForbiddenError, "removed"),
        (403, "Forbidden: bot can't initiate conversation with a user", ForbiddenError, "press Start"),
        (404, "Not Found", CredentialsError, "BotFather"),
        (413, "Request Entity Too Large", RefusedError, "larger"),
        (500, "Internal Server Error", ServerFault, "tried again"),
    ],
)
def test_refusals_say_what_to_do(refusal: Any, code: int, words: str, error: type[Exception], advice: str) -> None:
    """Each refusal is a typed error that names the way out."""
    verdict = judge(Call("POST", "/sendMessage", bucket="chat 1"), refusal(code, words))
    assert type(verdict.error) is error
    assert advice in str(verdict.error)


def test_a_limit_in_the_body_rests_the_chat(refusal: Any) -> None:
    """retry_after stands in the body; without one half a minute."""
    call = Call("POST", "/sendMessage", bucket="chat -1")
    verdict = judge(call, refusal(429, "Too Many Requests: retry after 9", retry_after=9))
    assert isinstance(verdict.error, RateLimited)
    assert (verdict.error.retry_after, verdict.rest) == (9, {"chat -1": 9})
    assert judge(call, refusal(429, "Too Many Requests")).rest == {"chat -1": 30}
    moved = judge(call, refusal(400, "Bad Request: x", migrate_to_chat_id=-1001)).error
    assert isinstance(moved, Migrated)
    assert moved.chat == -1001


def test_what_is_no_answer_of_the_bot_api() -> None:
    """A proxy's page is a passing fault of what may be repeated, and leaves a send unclear."""
    page = Answer(status=200, content=b"<html>")
    assert isinstance(judge(Call("POST", "/getMe", repeatable=True), page).error, ServerFault)
    assert isinstance(judge(Call("POST", "/sendMessage"), page).error, UnclearError)
