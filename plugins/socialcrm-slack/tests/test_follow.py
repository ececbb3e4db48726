"""Following channels and threads: nothing is missed, nothing is taken for deleted that is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from socialcrm.errors import ForbiddenError, RefusedError
from socialcrm.types import Census, Interaction


def texts(items: list[Any]) -> set[str]:
    return {item.text for item in items if isinstance(item, Interaction)}


def test_a_late_reply_to_an_old_thread_is_found(slack: Any, desk: Any) -> None:
    """Its message has long been read; the hourly look finds it by latest_reply."""
    root = slack.say("C0HELP", "U0MARA", "Dead", age=timedelta(days=10))
    channel = desk()
    channel.sync()
    channel.pass_time(timedelta(hours=2))
    slack.say("C0HELP", "U0MARA", "Still dead", thread=root)
    channel.sync()
    assert "Still dead" in texts(channel.items)


def test_a_late_reply_to_an_active_thread_is_found_however_old_the_thread_is(slack: Any, desk: Any) -> None:
    """The thread began before the days that are looked at again; its last reply did not."""
    root = slack.say("C0HELP", "U0MARA", "Dead", age=timedelta(days=25))
    slack.say("C0HELP", "U0MARA", "Hello?", age=timedelta(days=3), thread=root)
    channel = desk()
    channel.sync()
    channel.pass_time(timedelta(hours=2))
    slack.say("C0HELP", "U0MARA", "Anybody?", thread=root)
    channel.sync()
    assert "Anybody?" in texts(channel.items)


def test_between_two_looks_only_what_is_new_is_asked_for(slack: Any, desk: Any) -> None:
    """A sync soon after the last one asks each conversation once."""
    slack.say("C0HELP", "U0MARA", "Dead", age=timedelta(hours=3))
    channel = desk()
    channel.sync()
    slack.log.clear()
    channel.pass_time(timedelta(minutes=5))
    channel.sync()
    methods = [method for method, _ in slack.log]
    assert methods == ["auth.test", "conversations.list", "conversations.history"]


def test_a_census_is_of_the_channel_or_of_the_thread(slack: Any, desk: Any) -> None:
    """That of the channel lists no replies, that of a thread only its own."""
    root = slack.say("C0HELP", "U0MARA", "Dead", age=timedelta(days=2))
    reply = slack.say("C0HELP", "U0MARA", "Hello?", age=timedelta(days=1), thread=root)
    channel = desk()
    channel.sync()
    counted = {item.scope: item.ids for item in channel.items if isinstance(item, Census)}
    assert counted == {"C0HELP": {root}, f"C0HELP:{root}": {reply}}


def test_a_channel_that_is_lost_loses_nothing(slack: Any, desk: Any) -> None:
    """It is told, the others are read, and there is no census of it."""
    slack.say("C0HELP", "U0MARA", "Dead")
    slack.channel("C0NEXT")
    slack.say("C0NEXT", "U0MARA", "Elsewhere")
    channel = desk(channels=("C0HELP", "C0NEXT"))
    slack.channels["C0HELP"]["is_member"] = None
    slack.messages["C0HELP"] = {}
    del slack.messages["C0HELP"]
    with pytest.raises(Exception, match="channel_not_found"):
        channel.sync()
    assert "Elsewhere" in texts(channel.items)
    assert {item.scope for item in channel.items if isinstance(item, Census)} == {"C0NEXT"}


def test_a_missing_scope_is_named(slack: Any, desk: Any, refusal: Any) -> None:
    """The message says which scope is needed and what to do."""
    slack.refused["conversations.list"] = refusal("missing_scope", needed="im:read", provided="channels:read")
    with pytest.raises(ForbiddenError, match=r"im:read.*install the app again"):
        desk().sync()


def test_without_the_right_to_see_users_messages_come_all_the_same(slack: Any, desk: Any, refusal: Any) -> None:
    """Authors keep their ids."""
    slack.refused["users.info"] = refusal("missing_scope", needed="users:read")
    slack.say("C0HELP", "U0MARA", "Dead")
    channel = desk()
    channel.sync()
    assert [item.author.name for item in channel.items if isinstance(item, Interaction)] == [""]


def test_a_walk_goes_on_where_it_was_killed(slack: Any, desk: Any, killed: type[Exception]) -> None:
    """At every step, and nothing is missed; a place that has expired begins the walk anew."""
    slack.size = 2
    for number in range(7):
        slack.say("C0HELP", "U0MARA", f"Message {number}", age=timedelta(hours=9 - number))
    for lives in range(1, 12):
        channel = desk()
        channel.host.lives = lives
        with pytest.raises(killed):
            channel.sync()
        walk = channel.host.cursor.get("walk C0HELP")
        if walk and lives % 2:
            channel.host.cursor["walk C0HELP"] = walk.rpartition("|")[0] + "|Ym9ndXM6MQ=="
        channel.host.lives = None
        channel.sync()
        assert texts(channel.items) == {f"Message {number}" for number in range(7)}


def test_a_place_that_is_always_refused_is_told(slack: Any, desk: Any, refusal: Any) -> None:
    """The walk is not begun anew for ever."""
    slack.refused["conversations.history"] = refusal("invalid_cursor")
    with pytest.raises(RefusedError):
        desk().sync()
