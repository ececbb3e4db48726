"""Answering: in the thread, in private, with files; and what became of an unclear answer."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from socialcrm.connectors import Answer, Blob, Call, Outgoing, Receipt
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, RateLimited, ServerFault, UnclearError
from socialcrm.types import Secret, Visibility
from socialcrm_slack import SlackConnector, SlackSettings

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture
def question(slack: Any) -> Outgoing:
    """An answer to what Mara asked in the channel."""
    root = slack.say("C0HELP", "U0MARA", "Dead", age=timedelta(hours=1))
    return Outgoing(
        id="o1",
        conversation=f"C0HELP:{root}",
        parts=("Sorry <!channel> & <@U0MARA>",),
        reply_to=root,
        scope="C0HELP",
        to="U0MARA",
        visibility=Visibility.LIMITED,
        at=NOON,
    )


def test_an_answer_stands_in_the_thread_and_mentions_nobody(slack: Any, desk: Any, question: Outgoing) -> None:
    """Its receipt names the scope in which history gives it back."""
    channel = desk()
    receipt = channel.run(channel.connector.send(question, {}))
    (sent,) = slack.replies("C0HELP", question.reply_to)
    assert sent["text"] == "Sorry &lt;!channel&gt; &amp; &lt;@U0MARA&gt;"
    assert receipt.ids == (sent["ts"],)
    assert receipt.scope == question.conversation
    channel.sync()
    found = [item for item in channel.items if item.id == sent["ts"]]
    assert [(one.scope, one.text, one.author.id) for one in found] == [(receipt.scope, question.parts[0], "U0ME")]


def test_an_answer_in_private_opens_a_direct_message(slack: Any, desk: Any, question: Outgoing) -> None:
    """The receipt says where answers will come; both ways to ask for it do the same."""
    channel = desk()
    message = attrs.evolve(question, visibility=Visibility.PRIVATE, to="T0AWAY:U0MARA")
    receipt = channel.run(channel.connector.send(message, {}))
    assert (receipt.scope, receipt.conversation) == ("D0MARA", "D0MARA")
    channel.run(channel.connector.move_to_private(question, {}))
    assert len(slack.messages["D0MARA"]) == 2
    assert all("thread_ts" not in one for one in slack.messages["D0MARA"].values())


@pytest.mark.parametrize("metadata", [True, False])
def test_an_unclear_answer_is_found(slack: Any, desk: Any, question: Outgoing, metadata: bool) -> None:
    """By its metadata, or by author and text where Slack gives none; one that is not there certainly is not."""
    slack.metadata = metadata
    channel = desk()
    assert channel.run(channel.connector.settle(question, {})) is None
    sent = channel.run(channel.connector.send(question, {}))
    found = channel.run(channel.connector.settle(question, {}))
    assert found.ids == sent.ids
    other = attrs.evolve(question, id="o2", parts=question.parts if metadata else ("Else",))
    assert channel.run(channel.connector.settle(other, {})) is None


def test_files_go_out_before_the_text(slack: Any, desk: Any, question: Outgoing, tmp_path: Path) -> None:
    """They are uploaded without our token, stand in the same thread, and are not sent again."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    blob = Blob(sha256=hashlib.sha256(b"hello").hexdigest(), path=path, size=5, mime="text/plain", name="a.txt")
    channel = desk()
    message = attrs.evolve(question, media=(blob,))
    channel.run(channel.connector.send(message, {}))
    shared, said = slack.replies("C0HELP", question.reply_to)
    assert (shared["subtype"], said["text"]) == ("file_share", slack.sent[0])
    assert slack.uploads == {"F0": b"hello"}
    channel.run(channel.connector.settle(message, {"file:0": "F0"}))
    assert channel.host.cursor["shared"] == "yes"


def test_what_is_done_to_messages(slack: Any, desk: Any, question: Outgoing) -> None:
    """Taking back, reacting, marking as read and looking up; doing it twice is harmless."""
    channel = desk()
    receipt = channel.run(channel.connector.send(question, {}))
    for _ in range(2):
        channel.run(channel.connector.react(question.reply_to, "C0HELP", "👍"))
        channel.run(channel.connector.mark_read(question.reply_to, question.conversation))
        channel.run(channel.connector.retract(receipt))
    assert slack.reactions == [("C0HELP", question.reply_to, "+1")]
    assert slack.marks == {"C0HELP": question.reply_to}
    assert slack.replies("C0HELP", question.reply_to) == []
    mara = channel.run(channel.connector.profile("U0MARA"))
    assert (mara.name, mara.handle, mara.handles[0].verified) == ("Mara", "@mara", False)
    slack.users["U0MARA"] |= {"is_email_confirmed": True, "team_id": "T0AWAY"}
    mara = channel.run(channel.connector.profile("T0AWAY:U0MARA"))
    assert (mara.id, mara.handles[0].verified) == ("T0AWAY:U0MARA", True)
    assert channel.run(channel.connector.profile("B7")).name == "Ticket machine"


def test_an_expired_token_is_renewed(slack: Any, desk: Any) -> None:
    """The new pair replaces the old one, and the call is made again."""
    channel = desk(client_id="1.2", client_secret=Secret("hush-canary-3"), refresh_token=Secret("xoxe-1-old"))
    channel.host.grant = {"token": "old", "client_secret": "hush-canary-3", "refresh_token": "xoxe-1-old"}
    fresh = channel.run(
        channel.connector.renew({"token": "old", "client_secret": "hush-canary-3", "refresh_token": "xoxe-1-old"})
    )
    assert (fresh["token"], fresh["refresh_token"], slack.token) == ("xoxe.xoxb-new", "xoxe-1-new", "xoxe.xoxb-new")
    with pytest.raises(CredentialsError):
        channel.run(channel.connector.renew({"client_secret": "hush-canary-3", "refresh_token": "void"}))
    with pytest.raises(CredentialsError):
        channel.run(desk().connector.renew({}))


def test_a_receipt_without_a_place_is_refused(desk: Any) -> None:
    """A ts alone names no message."""
    channel = desk()
    with pytest.raises(Exception, match="names no conversation"):
        channel.run(channel.connector.retract(Receipt(ids=("1700000000.000100",))))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_auth", CredentialsError),
        ("token_expired", CredentialsError),
        ("not_in_channel", ForbiddenError),
        ("restricted_action_thread_only_channel", ForbiddenError),
        ("channel_not_found", NotFound),
        ("internal_error", ServerFault),
        ("ratelimited", RateLimited),
    ],
)
def test_refusals_in_the_body_are_judged(refusal: Any, error: str, kind: type[Exception]) -> None:
    """Slack answers 200 and says no in the body."""
    connector = SlackConnector(SlackSettings())
    call = Call("POST", "/api/chat.postMessage", bucket="chat.postMessage")
    verdict = connector.judge(call, refusal(error, headers={"retry-after": "7"}))
    assert isinstance(verdict.error, kind)
    assert verdict.rest == ({"chat.postMessage": 7.0} if kind is RateLimited else {})


def test_an_answer_that_is_none_is_unclear() -> None:
    """After a write nobody knows; a read is tried again."""
    connector = SlackConnector(SlackSettings())
    page = Answer(status=200, content=b"<html>log in")
    assert isinstance(connector.judge(Call("POST", "/api/x"), page).error, UnclearError)
    assert isinstance(connector.judge(Call("POST", "/api/x", repeatable=True), page).error, ServerFault)
