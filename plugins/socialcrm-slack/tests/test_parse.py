"""What Slack's elements mean. Everybody in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Direction, Interaction, Kind, Visibility
from socialcrm_slack import SlackConnector, SlackSettings
from socialcrm_slack._fields import moment, stamp
from socialcrm_slack._text import escape, mentioned, plain, said

CONTEXT = {"channel": "C1", "type": "channel", "team": "T0HOME", "url": "https://acme.slack.com/"}
SAID = {"type": "message", "user": "U1", "team": "T0HOME", "text": "Hello", "ts": "1700000000.000100"}


def one(message: dict[str, Any], context: dict[str, str] | None = None, **settings: Any) -> Any:
    """Read a message of a channel."""
    (item,) = SlackConnector(SlackSettings(**settings)).parse(Raw("message", {**SAID, **message}, context or CONTEXT))
    return item


def event(**inner: Any) -> list[Any]:
    """Read an event."""
    outer = {"type": "event_callback", "team_id": "T0HOME", "event_id": "Ev1", "event_time": 1700000009}
    return list(SlackConnector(SlackSettings()).parse(Raw("event", {**outer, "event": {"channel": "C1", **inner}})))


def test_a_message_of_a_channel() -> None:
    """It is a post for the channel's members, and begins a conversation of its own."""
    item = one({})
    assert (item.id, item.scope, item.conversation) == ("1700000000.000100", "C1", "C1:1700000000.000100")
    assert (item.kind, item.visibility, item.author.id) == (Kind.POST, Visibility.LIMITED, "U1")
    assert item.at == datetime(2023, 11, 14, 22, 13, 20, 100, UTC)
    assert item.url == "https://acme.slack.com/archives/C1/p1700000000000100"


def test_a_reply_of_a_thread() -> None:
    """It stands in the thread's scope and in the conversation of the message that began it."""
    item = one({"ts": "1700000005.000100", "thread_ts": SAID["ts"]})
    assert (item.kind, item.scope, item.conversation) == (Kind.REPLY, "C1:1700000000.000100", "C1:1700000000.000100")
    assert one({"ts": "1700000005.000100", "thread_ts": SAID["ts"], "subtype": "thread_broadcast"}).scope == item.scope


@pytest.mark.parametrize("kind", ["im", "mpim"])
def test_direct_and_group_messages_are_private(kind: str) -> None:
    """Their conversation is the exchange, threads included."""
    for thread in ({}, {"thread_ts": "1600000000.000100"}):
        item = one(thread, {"channel": "G1", "type": kind})
        assert (item.visibility, item.conversation, item.kind) == (Visibility.PRIVATE, "G1", Kind.MESSAGE)


def test_a_private_channel_is_for_its_members() -> None:
    """It is neither public nor private."""
    assert one({}, {"channel": "C2", "type": "group"}).visibility is Visibility.LIMITED


def test_somebody_of_another_workspace_is_known_by_both_ids() -> None:
    """Slack Connect: the user's id with that of the workspace, however it is told."""
    for team in ({"user_team": "T0AWAY"}, {"team": "T0AWAY"}, {"user_profile": {"team": "T0AWAY", "real_name": "Zoe"}}):
        assert one({**team}).author.id == "T0AWAY:U1"
    assert one({"team": "E0ORG"}).author.id == "U1"


def test_who_is_us() -> None:
    """Colleagues, and where the settings say so everybody of our workspace, write as us."""
    assert one({}).direction is None
    assert one({}, colleagues=("U1",)).direction is Direction.OUTBOUND
    assert one({}, workspace_is_us=True).direction is Direction.OUTBOUND
    assert one({"user_team": "T0AWAY"}, workspace_is_us=True).direction is None


def test_an_app_without_a_user() -> None:
    """It is known by its bot id, and named as it calls itself."""
    message = {"user": None, "bot_id": "B7", "subtype": "bot_message", "username": "Monitor"}
    item = one(message)
    assert (item.author.id, item.author.name, item.kind) == ("B7", "Monitor", Kind.POST)


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "pinned_item", "never_heard_of"])
def test_what_happens_in_a_channel_is_no_talk(subtype: str) -> None:
    """Joins, topics and whatever else is kept as other."""
    item = one({"subtype": subtype})
    assert (item.kind, item.extra["subtype"]) == (Kind.OTHER, subtype)


def test_a_tombstone_is_a_deletion() -> None:
    """A deleted message whose thread stands on leaves a stone."""
    assert one({"subtype": "tombstone", "thread_ts": SAID["ts"]}) == Deletion(id="1700000000.000100", scope="C1")


def test_edits_and_deletions_by_events() -> None:
    """A change brings the new words and their time, a deletion its place in the thread."""
    edited = {**SAID, "text": "Hallo", "edited": {"user": "U1", "ts": "1700000100.000000"}}
    (item,) = event(type="message", subtype="message_changed", message=edited, ts="1700000100.000200")
    assert (item.id, item.text, item.edited_at) == (SAID["ts"], "Hallo", moment("1700000100.000000"))
    before = {**SAID, "thread_ts": "1600000000.000100"}
    gone = {"subtype": "message_deleted", "deleted_ts": SAID["ts"], "ts": "1700000200.000100"}
    (item,) = event(type="message", previous_message=before, **gone)
    assert (item.id, item.scope, item.at) == (SAID["ts"], "C1:1600000000.000100", moment("1700000200.000100"))
    (item,) = event(type="message", **gone)
    assert item.scope == "C1"


def test_reactions() -> None:
    """A reaction hangs on its message; taking it back takes back the same."""
    item = {"type": "message", "channel": "C1", "ts": SAID["ts"]}
    (added,) = event(type="reaction_added", user="U2", reaction="eyes", item=item, event_ts="1700000300.000100")
    (removed,) = event(type="reaction_removed", user="U2", reaction="eyes", item=item, event_ts="1700000400.000100")
    assert (added.kind, added.parent, added.text) == (Kind.REACTION, SAID["ts"], ":eyes:")
    assert (removed.id, removed.scope) == (added.id, added.scope)


def test_events_that_are_no_interaction() -> None:
    """They give nothing; an unheard-of one by a user is kept as other."""
    for kind in ("channel_created", "team_join", "user_change", "tokens_revoked", "file_shared", "link_shared"):
        assert event(type=kind, user="U1") == []
    (item,) = event(type="never_heard_of", user="U1")
    assert (item.id, item.kind) == ("Ev1", Kind.OTHER)


def test_files() -> None:
    """A file is named, described and typed; one without an address was deleted or is held back."""
    file = {"id": "F1", "url_private": "https://files.slack.com/F1", "mimetype": "image/png", "name": "a.png", "size": 3}
    item = one({"subtype": "file_share", "files": [{**file, "alt_txt": "A cat"}, {"id": "F2", "mode": "tombstone"}]})
    (kept,) = item.attachments
    assert (kept.url, kept.mime, kept.size, kept.description) == (file["url_private"], "image/png", 3, "A cat")


@pytest.mark.parametrize("broken", [{"ts": None}, {"ts": "soon"}, {"ts": "1" * 40}, {"edited": {"ts": "x"}}])
def test_a_message_that_can_t_be_read(broken: dict[str, Any]) -> None:
    """It is told as such."""
    with pytest.raises(PayloadError):
        one(broken)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a &lt;b&gt; &amp; c &amp;lt;", "a <b> & c &lt;"),
        ("<@U1> and <@U2|omar>", "@U1 and @omar"),
        ("<#C1|help> <#C2>", "#help #C2"),
        ("<!here> <!channel|channel> <!subteam^S1|@staff> <!subteam^S1>", "@here @channel @staff @S1"),
        ("<!date^1392734382^{date}|on Monday>", "on Monday"),
        ("<https://example.com/a?b=1&amp;c=2>", "https://example.com/a?b=1&c=2"),
        ("<https://example.com/a|our page>", "our page (https://example.com/a)"),
        ("<http://example.com|example.com> <mailto:a@example.com|a@example.com>", "example.com a@example.com"),
    ],
)
def test_mrkdwn(typed: str, shown: str) -> None:
    """What stands between angle brackets is shown by its name, and entities are decoded."""
    assert plain(typed) == shown


@given(st.text().filter(lambda text: "\n" not in text))
def test_what_we_write_is_shown_as_it_is(text: str) -> None:
    """Escaping leaves nothing that Slack reads as a mention or a link, and reading gives the text back."""
    assert "<" not in escape(text)
    assert mentioned(escape(text)) == []
    assert plain(escape(text)) == text.strip()


def test_a_message_without_text_is_read_from_its_blocks() -> None:
    """Blocks come first, then attachments; emoji stand as characters."""
    emoji = {"type": "emoji", "name": "wave", "unicode": "1f44b"}
    parts = [{"type": "text", "text": "Hi "}, emoji, {"type": "user", "user_id": "U2"}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    assert said({"text": "", "blocks": [rich]}) == "Hi \N{WAVING HAND SIGN}@U2"
    assert said({"text": "Hi :wave:", "blocks": [rich]}) == "Hi \N{WAVING HAND SIGN}"
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Down* &amp; out"}}
    assert said({"blocks": [section], "attachments": [{"fallback": "red"}]}) == "*Down* & out\nred"
    assert said({"attachments": [{"title": "Alarm", "text": "Disk <https://example.com|1>", "fallback": "x"}]}).startswith(
        "Alarm"
    )


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_times_are_exact(naive: datetime) -> None:
    """A time is a ts and back to the microsecond."""
    at = naive.replace(tzinfo=UTC)
    assert moment(stamp(at)) == at


def test_interactions_are_interactions() -> None:
    """What is said is an interaction whatever else the message carries."""
    assert isinstance(one({"metadata": {"event_type": "x"}, "reactions": [{"name": "eyes", "count": 99}]}), Interaction)
