"""Listings: vanished anchors, the cap, closed subreddits, looking again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fake_reddit import FakeReddit

from socialcrm.connectors import Answer, Incoming
from socialcrm.errors import ForbiddenError, NotFound, ServerFault, UnsupportedError
from socialcrm.types import Deletion, Hole, Interaction, Moderation

MINUTE = timedelta(minutes=1)
Make = Callable[..., Any]


def written(reddit: FakeReddit, count: int) -> list[str]:
    """A post, and comments below it, the oldest first."""
    mara = reddit.account("mara")
    post = reddit.post(mara, "Broken", "It is broken", age=timedelta(hours=40))
    return [reddit.comment(mara, post, f"number {n}", age=MINUTE * (count - n)) for n in range(count)]


def ids(items: list[Any]) -> set[str]:
    return {one.id for one in items if isinstance(one, Interaction)}


def test_a_vanished_anchor_ends_no_walk(reddit: FakeReddit, desk: Make) -> None:
    """If the element that 'after' names is deleted between two pages, the elements above it are asked for instead."""
    names = written(reddit, 10)

    def early(request: Incoming) -> Answer | None:
        if f"after={names[7]}" in request.url:
            reddit.hidden.add(names[7])
        return None

    reddit.before = early
    assert ids(desk(subreddits=("acme",)).sync("subreddits")) >= set(names)
    tops = [request.url for request in reddit.log if "/comments?" in request.url and "after=" not in request.url]
    assert len(tops) == 1


def test_if_all_anchors_vanish_the_walk_begins_again(reddit: FakeReddit, desk: Make) -> None:
    """A whole page that a moderator removed does not hide what lies below it."""
    names = written(reddit, 10)

    def early(request: Incoming) -> Answer | None:
        if f"after={names[7]}" in request.url:
            reddit.hidden |= set(names[7:])
        return None

    reddit.before = early
    assert ids(desk(subreddits=("acme",)).sync("subreddits")) >= set(names)


def test_a_listing_that_always_breaks_off_moves_no_mark(reddit: FakeReddit, desk: Make) -> None:
    """What breaks off at every place is an error, and the place in the cursor stays."""
    written(reddit, 10)
    empty = b'{"kind": "Listing", "data": {"children": [], "after": null}}'
    reddit.before = lambda request: Answer(status=200, content=empty) if "after=" in request.url else None
    one = desk(subreddits=("acme",))
    with pytest.raises(ServerFault, match="breaks off"):
        one.sync("subreddits")
    assert "acme/comments mark" not in one.host.cursor


def test_an_empty_page_with_a_next_one_ends_nothing(reddit: FakeReddit, desk: Make) -> None:
    """Reddit filters pages after reading them: an empty one may have a next."""
    names = written(reddit, 4)
    told = f'{{"kind": "Listing", "data": {{"children": [], "after": "{names[3]}"}}}}'.encode()
    plain = "/r/acme/comments?"
    reddit.before = lambda request: (
        Answer(status=200, content=told) if plain in request.url and "after=" not in request.url else None
    )
    assert ids(desk(subreddits=("acme",)).sync("subreddits")) >= set(names[:3])


def test_the_cap_leaves_a_hole(reddit: FakeReddit, desk: Make) -> None:
    """More than a listing holds since the last look is recorded as a time in which nobody could see."""
    reddit.size = 100
    names = written(reddit, 3)
    one = desk(subreddits=("acme",), recheck_days=0)
    assert not [item for item in one.sync("subreddits") if isinstance(item, Hole)]
    one.host.time = reddit.now = reddit.now + timedelta(hours=30)
    post = reddit.things[names[0]]["data"]["link_id"]
    for number in range(1100):
        reddit.comment("mara", post, f"flood {number}", age=timedelta(seconds=2000 - number))
    items = one.sync("subreddits")
    (hole,) = [item for item in items if isinstance(item, Hole)]
    assert hole.since < hole.at < one.host.time
    assert len(ids(items)) == 1000
    one.host.time += timedelta(hours=2)
    assert not one.sync("subreddits")


def test_what_is_known_is_not_kept_again(reddit: FakeReddit, desk: Make) -> None:
    """A second look at an unchanged listing brings nothing."""
    written(reddit, 5)
    one = desk(subreddits=("acme",))
    assert one.sync("subreddits")
    assert not one.sync("subreddits")


def test_a_walk_that_dies_goes_on(reddit: FakeReddit, desk: Make, killed: type[Exception]) -> None:
    """Killed after any number of steps, everything arrives in the end."""
    names = written(reddit, 9)
    for lives in range(1, 12):
        one = desk(subreddits=("acme",))
        one.host.lives = lives
        try:
            one.sync("subreddits")
        except killed:
            one.sync("subreddits")
        assert ids(one.items) >= set(names), lives


def test_a_closed_subreddit_keeps_no_other_waiting(reddit: FakeReddit, desk: Make) -> None:
    """The error of one subreddit comes after the elements of the others."""
    names = written(reddit, 2)
    reddit.closed["secret"] = "private"
    one = desk(subreddits=("secret", "acme"))
    with pytest.raises(ForbiddenError, match="private"):
        one.sync("subreddits")
    assert ids(one.items) >= set(names)


def test_a_subreddit_that_does_not_exist_is_told(reddit: FakeReddit, desk: Make) -> None:
    """Reddit leads a wrong name to a list of subreddits, which is no listing of posts."""
    found = b'{"kind": "Listing", "data": {"children": [{"kind": "t5", "data": {"name": "t5_1"}}], "after": null}}'
    reddit.before = lambda request: Answer(status=200, content=found) if "/r/acmee" in request.url else None
    with pytest.raises(NotFound, match="name"):
        desk(subreddits=("acmee",)).sync("subreddits")


def test_what_was_approved_late_arrives(reddit: FakeReddit, desk: Make) -> None:
    """A comment that a moderator approves hours later is filed under the time it was written at, and is found."""
    names = written(reddit, 8)
    late = reddit.comment("mara", names[0], "I was held", age=timedelta(hours=5))
    reddit.hidden.add(late)
    one = desk(subreddits=("acme",))
    one.sync("subreddits")
    reddit.hidden.clear()
    one.host.time = reddit.now = reddit.now + timedelta(hours=2)
    assert late in ids(one.sync("subreddits"))


def test_deletions_come_from_tombstones_only(reddit: FakeReddit, desk: Make) -> None:
    """A tombstone deletes; what Reddit does not answer, or whose author only is gone, stays."""
    names = written(reddit, 4)
    one = desk(subreddits=("acme",))
    one.sync("subreddits")
    one.host.time = reddit.now = reddit.now + timedelta(hours=2)
    reddit.delete(names[0])
    del reddit.things[names[1]]
    reddit.things[names[2]]["data"]["author"] = "[deleted]"
    items = one.sync("subreddits")
    assert [item.id for item in items if isinstance(item, Deletion)] == [names[0]]
    assert ids(items) == {names[2]}
    assert f"seen:{names[1]}" in one.host.cursor


def test_removals_are_seen(reddit: FakeReddit, desk: Make) -> None:
    """What a moderator took down is removed, not deleted."""
    names = written(reddit, 2)
    one = desk(subreddits=("acme",))
    one.sync("subreddits")
    one.host.time = reddit.now = reddit.now + timedelta(hours=2)
    reddit.things[names[0]]["data"] |= {"banned_by": "ola"}
    reddit.hidden.add(names[0])
    (item,) = one.sync("subreddits")
    assert (item.id, item.moderation) == (names[0], Moderation.REMOVED)


def test_old_things_are_looked_up_daily(reddit: FakeReddit, desk: Make) -> None:
    """What is older than two days is looked up once a day, and after the window never again."""
    names = written(reddit, 2)
    one = desk(subreddits=("acme",), recheck_days=5)
    one.sync("subreddits")

    def asked(hours: int) -> bool:
        one.host.time = reddit.now = reddit.now + timedelta(hours=hours)
        reddit.log.clear()
        one.sync("subreddits")
        return any(names[0] in request.url for request in reddit.log if "/api/info" in request.url)

    assert [asked(2), asked(70), asked(2), asked(24)] == [True, True, False, True]
    assert not asked(48)
    assert not any(row.startswith("seen:") for row in one.host.cursor)


def test_modmail_is_fetched_when_it_changes(reddit: FakeReddit, desk: Make) -> None:
    """A conversation is fetched whole when somebody wrote, and then only; notes among moderators are no messages."""
    talk = reddit.talk(reddit.account("mara"), "Why?", age=timedelta(hours=3))
    reddit.say(talk, "acme", "between us", internal=True, age=timedelta(hours=2))
    one = desk(modmail=True)
    assert [item.text for item in one.sync("modmail")] == ["Why?"]
    assert not one.sync("modmail")
    reddit.say(talk, "mara", "Hello?", age=MINUTE)
    assert [item.text for item in one.sync("modmail")] == ["Why?", "Hello?"]


def test_an_unknown_stream_is_refused(desk: Make) -> None:
    """There are five streams."""
    with pytest.raises(UnsupportedError, match="no stream"):
        desk().sync("chat")
